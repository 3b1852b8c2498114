"""The certificate: what decontamination finds, what it cannot find, and what it may have removed wrongly.

In: a sample of the corpus before decontamination, the benchmark items, the index, and the list of removed pages.
Out: a `Certificate`: per benchmark how its items can be recognised, how many of those planted in real pages were
found (verbatim and rewritten by `filters.planting`, which shares nothing with the search), and how many pages the run
removed; the items that cannot be matched and why; the plantings missed; the removed pages for a person to judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import nsmallest
from random import Random

from pydantic import Field

from filters.benchmark_index import BenchmarkIndex, Matchable
from filters.benchmark_items import BenchmarkItem
from filters.decontaminate import DecontaminateConfig, searched_text
from filters.planting import Rewrite, planted, rewritten, rewritten_statement
from mathpipe.core.errors import InputError
from mathpipe.core.records import Page

_SHOWN_CHARACTERS = 160


class CertificateConfig(DecontaminateConfig):
    """How much is planted and how much is shown."""

    seed: int = Field(default=1, ge=0)
    items_per_benchmark: int | None = Field(default=200, ge=1)  # None: all
    host_pages: int = Field(default=200, ge=1)  # real pages that items are planted in
    host_characters: int = Field(default=4_000, ge=100)  # longer pages are not hosts: time goes with length
    shown: int = Field(default=50, ge=0)  # missed plantings, unmatchable items and removed pages listed at most


@dataclass(frozen=True, slots=True)
class PlantedCount:
    """Items planted in one way of writing, and how many of those pages decontamination removed."""

    rewrite: Rewrite
    matchable: Matchable
    planted: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkCertificate:
    """One benchmark: how its items are recognised, what was planted and found, and what the run removed."""

    benchmark: str
    items: int
    by_ngram: int
    by_whole: int
    not_matchable: int
    planted: list[PlantedCount] = field(default_factory=list)
    removed_pages: int = 0


@dataclass(frozen=True, slots=True)
class ItemNote:
    """An item that needs a remark: it cannot be matched, or a rewriting of it was missed."""

    benchmark: str
    item_id: str
    why: str
    text: str


@dataclass(frozen=True, slots=True)
class RemovedPage:
    """A real page that was removed; a person decides whether rightly."""

    record_id: str
    url: str
    benchmark: str
    item_id: str
    form: str
    matched: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What can be said of a decontaminated corpus."""

    seed: int
    rule: dict[str, object]
    pages: int
    removed: int
    benchmarks: list[BenchmarkCertificate]
    unmatchable: list[ItemNote]
    missed: list[ItemNote]
    removed_sample: list[RemovedPage]

    def found_share(self, rewrite: Rewrite) -> float:
        """Share of the planted items of that writing that were found; 1.0 where none was planted."""
        counts = [count for row in self.benchmarks for count in row.planted if count.rewrite is rewrite]
        total = sum(count.planted for count in counts)
        return sum(count.found for count in counts) / total if total else 1.0


def build_certificate(
    hosts: Sequence[Page],
    items: Sequence[BenchmarkItem],
    index: BenchmarkIndex,
    config: CertificateConfig | None = None,
    *,
    pages: int = 0,
    removed: Sequence[RemovedPage] = (),
) -> Certificate:
    """Plant the items in the clean pages among `hosts`, look for them, and set it beside what the run removed.

    Without a clean page nothing is planted, and the certificate says so.
    """
    chosen = config or CertificateConfig()
    if len(items) != len(index):
        raise InputError(
            f"{len(items)} benchmark items", f"the {len(index)} that the index was built from",
            "pass the items of the index",
        )  # fmt: skip
    clean = [page for page in hosts if index.hit(searched_text(page, chosen)) is None]
    numbers: dict[str, list[int]] = {}
    for number, item in enumerate(items):
        numbers.setdefault(item.benchmark, []).append(number)
    removals = Counter(page.benchmark for page in removed)
    trials = _Trials(clean, items, index, chosen)
    rows = [trials.benchmark(name, members, removals[name]) for name, members in sorted(numbers.items())]
    unmatchable = [
        ItemNote(item.benchmark, item.item_id, _why_not(index), _shown(item.question))
        for number, item in enumerate(items)
        if index.matchable(number) is Matchable.NOT
    ]
    return Certificate(
        seed=chosen.seed, rule=index.config.model_dump(), pages=pages, removed=len(removed), benchmarks=rows,
        unmatchable=unmatchable[: chosen.shown], missed=trials.missed[: chosen.shown],
        removed_sample=sampled(removed, chosen.shown, chosen.seed),
    )  # fmt: skip


class _Trials:
    """Plants items in clean pages and counts what is found."""

    def __init__(
        self, hosts: Sequence[Page], items: Sequence[BenchmarkItem], index: BenchmarkIndex, config: CertificateConfig
    ) -> None:
        self._hosts = hosts
        self._items = items
        self._index = index
        self._config = config
        self.missed: list[ItemNote] = []

    def benchmark(self, name: str, numbers: list[int], removed: int) -> BenchmarkCertificate:
        """One benchmark's row."""
        kinds = Counter(self._index.matchable(number) for number in numbers)
        chosen = numbers
        if self._config.items_per_benchmark is not None and len(numbers) > self._config.items_per_benchmark:
            random = Random(f"{self._config.seed}/{name}")
            chosen = sorted(random.sample(numbers, self._config.items_per_benchmark))
        counts: Counter[tuple[Rewrite, Matchable]] = Counter()
        found: Counter[tuple[Rewrite, Matchable]] = Counter()
        for number in chosen:
            kind = self._index.matchable(number)
            for rewrite in Rewrite if self._hosts and kind is not Matchable.NOT else ():
                text = self._rewritten(number, rewrite)
                if text is not None:
                    counts[rewrite, kind] += 1
                    found[rewrite, kind] += self._is_found(number, rewrite, text)
        return BenchmarkCertificate(
            benchmark=name, items=len(numbers), by_ngram=kinds[Matchable.NGRAM], by_whole=kinds[Matchable.WHOLE],
            not_matchable=kinds[Matchable.NOT], removed_pages=removed,
            planted=[
                PlantedCount(rewrite, kind, counts[rewrite, kind], found[rewrite, kind])
                for rewrite in Rewrite for kind in Matchable if counts[rewrite, kind]
            ],
        )  # fmt: skip

    def _random(self, number: int, what: str) -> Random:
        item = self._items[number]
        return Random(f"{self._config.seed}/{item.benchmark}/{item.item_id}/{number}/{what}")

    def _rewritten(self, number: int, rewrite: Rewrite) -> str | None:
        item, random = self._items[number], self._random(number, rewrite)
        change = rewritten_statement if item.formal else rewritten
        return change(item.question, rewrite, random)

    def _is_found(self, number: int, rewrite: Rewrite, text: str) -> bool:
        item, random = self._items[number], self._random(number, f"{rewrite}/host")
        page = planted(random.choice(self._hosts), text, random)
        if self._index.hit(searched_text(page, self._config)) is not None:
            return True
        self.missed.append(ItemNote(item.benchmark, item.item_id, f"planted {rewrite}, not found", _shown(text)))
        return False


def sampled(removed: Sequence[RemovedPage], size: int, seed: int) -> list[RemovedPage]:
    """At most `size` of them, chosen by their ids, so that the order they come in does not matter."""
    ranked = sorted(removed, key=lambda page: (sampling_rank(page.record_id, seed), page.record_id))
    return sorted(ranked[:size], key=lambda page: (page.benchmark, page.item_id, page.url))


def sampling_rank(record_id: str, seed: int) -> bytes:
    """A number drawn for a record: the lowest are sampled, on any machine in any order."""
    return blake2b(record_id.encode(), digest_size=8, salt=seed.to_bytes(8, "big")).digest()


def host_sample(pages: Iterable[Page], config: CertificateConfig) -> tuple[list[Page], int]:
    """A sample of pages to plant in, held in bounded memory, and how many pages there were."""
    count = 0

    def fit() -> Iterator[Page]:
        nonlocal count
        for page in pages:
            count += 1
            if 0 < len(page.text) <= config.host_characters:
                yield page

    def rank(page: Page) -> tuple[bytes, str]:
        return sampling_rank(page.record_id, config.seed), page.record_id

    return nsmallest(config.host_pages, fit(), key=rank), count


def _why_not(index: BenchmarkIndex) -> str:
    return f"no n-gram of its own, and fewer than {index.config.min_whole_words} words and numbers in all"


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN_CHARACTERS else flat[: _SHOWN_CHARACTERS - 1] + "…"
