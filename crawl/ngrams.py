"""Word n-grams that tell plain-text mathematics from the rest, mined from a labelled seed.

In: `SeedPage`s. Out: an `NgramTable` (n-grams of one to three words, a weight each, a threshold), saved as JSON.
The prefilter scores pages that show no formula markup by it.

Method. A feature is the presence of an n-gram in a page's first words, formulas and code taken out, or the table
would learn LaTeX. Positives are pages of mathematics that hold formulas (a page of a manual without any may be a list
of contents), negatives all pages labelled other. The weight is the log-odds of presence in mathematics, averaged over
hosts, against presence on the *one other host where it is most common*: against the average, words of manuals
("returns", "class") or just of English pass for mathematics when most negatives are news or in other languages.
N-grams must stand in `min_count` pages and on `min_hosts` hosts; the best by weight times the root of presence are
kept. A page's score is the sum of its n-grams' weights over the root of its length, since distinct n-grams grow with
length.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ahocorasick_rs import BytesAhoCorasick, Implementation, MatchKind
from pydantic import Field

from crawl.raw_text import first_words
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError, StageError
from mathpipe.core.records import Drop, SeedLabel, SeedPage
from mathpipe.core.stage import Stage, StageContext

NGRAMS_FILE = "ngrams.json"
_VERSION = 1
_MAX_WORDS = 3  # the recipe's n-grams (DeepSeekMath, arXiv 2402.03300) reach to three words
_LENGTH_OFFSET = 50  # words added to a page's length, so that three words of mathematics do not make a page of it
_OWN_HOST_PAGES = 20  # a host with fewer pages is counted together with its like: its rates would be noise
_CODE_AND_FORMULAS = (
    re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE),
    re.compile(r"\$\$.*?\$\$", re.DOTALL),
    re.compile(r"(?<!\\)\$[^$\n]{1,2000}\$"),
    re.compile(r"`[^`\n]{0,2000}`"),
    re.compile(r"\]\([^)\s]{0,2000}\)|https?://\S{1,2000}"),
)
_WORD = re.compile(r"[^\W\d_]+")


class NgramConfig(Config):
    """How the table is mined."""

    min_count: int = Field(default=3, ge=1, description="Pages of mathematics an n-gram must stand in")
    min_hosts: int = Field(
        default=2, ge=1, description="Hosts of mathematics it must stand on, where there are as many"
    )
    max_ngrams: int = Field(default=3000, gt=0, description="Kept in the table")
    min_formulas: int = Field(default=1, ge=0, description="Formulas a positive must hold, where enough pages do")
    min_positives: int = Field(default=20, gt=0, description="With fewer such pages every page of mathematics counts")
    words_per_page: int = Field(default=3000, gt=0, description="Words read of a seed page")
    words_scored: int = Field(default=300, gt=0, description="Words of a page that its score is taken from")
    keep_share: float = Field(
        default=0.84, gt=0, le=1, description="Share of positives the threshold keeps (of text without its formulas)"
    )


@dataclass(frozen=True, slots=True)
class NgramTable:
    """Weights by n-gram, the score from which a page is parsed, how many of its words are scored, and anchors.

    Anchors are words of which nearly every positive holds some: a page with fewer than two is not scored at all.
    """

    weights: dict[str, float]
    threshold: float
    words_scored: int = 300
    anchors: tuple[str, ...] = ()

    def score(self, words: Sequence[str]) -> float:
        """The score of a text given as lower-case words."""
        words = words[: self.words_scored]
        total = sum(self.weights.get(ngram, 0.0) for ngram in ngrams_of(words))
        return total / math.sqrt(len(words) + _LENGTH_OFFSET)

    def save(self, path: Path) -> None:
        """Write as JSON, the same table as the same bytes."""
        row = {
            "version": _VERSION,
            "threshold": self.threshold,
            "words_scored": self.words_scored,
            "anchors": list(self.anchors),
            "weights": dict(sorted(self.weights.items())),
        }
        path.write_text(json.dumps(row, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> NgramTable:
        """Read what `save` wrote."""
        try:
            row: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if row["version"] != _VERSION:
                raise InputError(str(path), f"expected n-grams of version {_VERSION}", "mine them again")
            return cls(row["weights"], row["threshold"], row["words_scored"], tuple(row["anchors"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(str(path), f"expected a table of n-grams ({error})", "mine it again") from error


class NgramScorer:
    """Scores pages by a table, straight from their bytes; build it once a worker."""

    def __init__(self, table: NgramTable) -> None:
        self._words_scored = table.words_scored
        self._weights = list(table.weights.values())
        patterns = [f" {ngram} ".encode() for ngram in table.weights]
        # Space around every n-gram, and matches may overlap: so only whole words match, and nested n-grams all do.
        self._ngrams = BytesAhoCorasick(patterns, implementation=Implementation.DFA) if patterns else None
        # The first letter may be a capital: it is left off. Few, distinct openings let the search run by SIMD.
        tails = sorted({anchor[1:].encode() for anchor in table.anchors})
        self._anchors = BytesAhoCorasick(tails, matchkind=MatchKind.LeftmostFirst) if tails else None

    def score(self, body: bytes) -> float:
        """The score of the body's first words; 0 for a page without anchors."""
        if self._ngrams is None or not self._anchored(body):
            return 0.0
        words, count = first_words(body, self._words_scored)
        seen = {index for index, _, _ in self._ngrams.find_matches_as_indexes(words, overlapping=True)}
        return sum(self._weights[index] for index in sorted(seen)) / math.sqrt(count + _LENGTH_OFFSET)

    def _anchored(self, body: bytes) -> bool:
        if self._anchors is None:
            return True
        start = max(body.find(b"<body", 0, _HEAD_BYTES), 0)
        window = memoryview(body)[start : start + _ANCHOR_BYTES]
        found = [index for index, _, _ in self._anchors.find_matches_as_indexes(window)]
        return len(set(found)) >= MIN_ANCHORS


# Different anchors asked for, and where.
MIN_ANCHORS = 2
_ANCHOR_BYTES = 16_384
_HEAD_BYTES = 65_536


def prose_words(text: str) -> list[str]:
    """Lower-case words of an extracted text without its formulas, its code and its addresses."""
    for pattern in _CODE_AND_FORMULAS:
        text = pattern.sub(" ", text)
    return _WORD.findall(text.lower())


def ngrams_of(words: Sequence[str]) -> set[str]:
    """The distinct n-grams of one to three words."""
    found = set(words)
    found.update(map(" ".join, pairwise(words)))
    found.update(map(" ".join, zip(words, words[1:], words[2:], strict=False)))
    return found


def mine_ngrams(pages: Iterable[SeedPage], config: NgramConfig | None = None) -> NgramTable:
    """The table that tells the seed's mathematics from its other pages."""
    config = config or NgramConfig()
    mathematics, other = _labelled_words(pages, config)
    if not mathematics or not other:
        raise StageError(
            "n-gram mining", "expected pages of mathematics and others in the seed", "label some of each kind"
        )
    positive = _Presence(mathematics, config.min_count)
    negative = _Presence(other, 1, candidates=positive.ngrams(_least_hosts(mathematics, config.min_hosts)))
    ranked = sorted(
        ((positive.mean_rate(ngram), negative.highest_rate(ngram), ngram) for ngram in negative.candidates),
        key=lambda row: (-_log_odds(row[0], row[1]) * math.sqrt(row[0]), row[2]),
    )[: config.max_ngrams]
    weights = {
        ngram: round(_log_odds(rate, against), 3)
        for rate, against, ngram in ranked
        if against <= _MAX_OTHER_RATE and _log_odds(rate, against) > _LEAST_WEIGHT
    }
    table = NgramTable(weights, 0.0, config.words_scored)
    scores = [table.score(words) for _, words in mathematics]
    threshold = round(sorted(scores)[int((1 - config.keep_share) * len(scores))], 3)
    kept = [words for (_, words), score in zip(mathematics, scores, strict=True) if score >= threshold]
    return NgramTable(weights, threshold, config.words_scored, _anchors(kept, [words for _, words in other], weights))


_LEAST_WEIGHT = 0.3  # log-odds below that tell nothing
_MAX_OTHER_RATE = 0.3  # what more pages of another host hold is plain English, however common in mathematics

_Pages = list[tuple[str, list[str]]]  # host and words


def _labelled_words(pages: Iterable[SeedPage], config: NgramConfig) -> tuple[_Pages, _Pages]:
    formulas: list[int] = []
    mathematics: _Pages = []
    other: _Pages = []
    for page in pages:
        words = prose_words(page.text)[: config.words_per_page]
        if page.label is SeedLabel.MATH:
            mathematics.append((page.host, words))
            formulas.append(page.formula_count)
        else:
            other.append((page.host, words))
    holding = [page for page, count in zip(mathematics, formulas, strict=True) if count >= config.min_formulas]
    return (holding if len(holding) >= config.min_positives else mathematics), other


def _least_hosts(pages: _Pages, wanted: int) -> int:
    return min(wanted, len({host for host, _ in pages}))


def _log_odds(rate: float, against: float) -> float:
    return math.log(rate / (1 - rate)) - math.log(against / (1 - against))


class _Presence:
    """In how many pages of every host an n-gram stands; hosts with few pages are counted as one."""

    def __init__(self, pages: _Pages, min_count: int, candidates: set[str] | None = None) -> None:
        sizes = Counter(host for host, _ in pages)
        self.pages: Counter[str] = Counter()
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._hosts: dict[str, set[str]] = defaultdict(set)
        self.candidates = candidates if candidates is not None else self._frequent(pages, min_count)
        for host, words in pages:
            group = host if sizes[host] >= _OWN_HOST_PAGES else ""
            self.pages[group] += 1
            for ngram in ngrams_of(words) & self.candidates:
                self._counts[group][ngram] += 1
                self._hosts[ngram].add(host)

    @staticmethod
    def _frequent(pages: _Pages, min_count: int) -> set[str]:
        """N-grams in `min_count` pages; longer ones are counted only where their words are frequent."""
        words = Counter(word for _, page in pages for word in set(page))
        known = {word for word, count in words.items() if count >= min_count}
        counts: Counter[str] = Counter()
        for _, page in pages:
            counts.update(ngram for ngram in ngrams_of(page) if known.issuperset(ngram.split(" ")))
        return {ngram for ngram, count in counts.items() if count >= min_count and len(ngram) > 2}

    def ngrams(self, min_hosts: int) -> set[str]:
        """Candidates that stand on enough hosts."""
        return {ngram for ngram in self.candidates if len(self._hosts[ngram]) >= min_hosts}

    def mean_rate(self, ngram: str) -> float:
        """Share of pages with the n-gram, every group of hosts alike, drawn in from 0 and 1."""
        rate = sum(self._counts[group][ngram] / size for group, size in self.pages.items()) / len(self.pages)
        return (rate * 50 + 0.25) / 50.5

    def highest_rate(self, ngram: str) -> float:
        """Share of pages with the n-gram in the group of hosts where it is highest (add one half, Krichevsky)."""
        return max((self._counts[group][ngram] + 0.5) / (size + 1) for group, size in self.pages.items())


# 64 is the most that is searched by SIMD. `benchmarks.prefilter` prints how many pages the anchors spare the scoring.
_MAX_ANCHORS = 60
_MIN_ANCHOR_CHARS = 6  # five are searched for; shorter ones stand in too many other words
_ANCHOR_WEIGHTS = (2.5, 1.5, 0.75)
_MAX_OTHER_SHARE = 0.05  # of other pages whose words hold an anchor's tail
_ANCHORS_A_PAGE = 4  # chosen until every positive holds so many, twice what is asked for
_ANCHOR_WORDS = 600  # of a positive's first words, about what the window of bytes holds
_MIN_COVERED = 0.7  # of positives with enough anchors; else (a small seed) every page is scored


def _anchors(pages: list[list[str]], other: list[list[str]], weights: dict[str, float]) -> tuple[str, ...]:
    """Anchors for the pages the threshold keeps; a small seed has small weights, so the bar is lowered for it."""
    rare = _rare_tails((ngram for ngram in weights if _can_anchor(ngram)), other)
    for least in _ANCHOR_WEIGHTS:
        chosen, covered = _cover(pages, {word: weights[word] for word in rare if weights[word] >= least})
        if covered >= _MIN_COVERED * len(pages):
            return tuple(sorted(chosen))
    return ()


def _cover(pages: list[list[str]], weights: dict[str, float]) -> tuple[list[str], int]:
    """Words chosen one by one, each the one that most pages still short of anchors hold (greedy set cover).

    Returns them, and how many pages hold as many as are asked for.
    """
    stem_of: dict[str, str] = {}
    last = ""
    for word in sorted(weights):
        # An anchor is found in longer words as well: `vector` stands for `vectors`, which sorts behind it.
        last = last if last and word.startswith(last) else word
        stem_of[word] = last
    held = [{stem_of[word] for word in words[:_ANCHOR_WORDS] if word in stem_of} for words in pages]
    wanting = [_ANCHORS_A_PAGE] * len(held)
    chosen: list[str] = []
    while len(chosen) < _MAX_ANCHORS:
        counts = Counter(word for words, want in zip(held, wanting, strict=True) if want for word in words)
        if not counts:
            break
        best = min(counts, key=lambda word: (-counts[word] * weights[word], word))
        chosen.append(best)
        for index, words in enumerate(held):
            if best in words:
                words.discard(best)
                wanting[index] = max(0, wanting[index] - 1)
    return chosen, sum(_ANCHORS_A_PAGE - want >= MIN_ANCHORS for want in wanting)


# Words of mathematics that style sheets and scripts use for themselves, or that are part of such a word.
_WEB_WORDS = frozenset(("gradient", "inverse", "linear", "mathjax", "vector", "weighted", "weights"))


def _can_anchor(ngram: str) -> bool:
    return len(ngram) >= _MIN_ANCHOR_CHARS and ngram.isascii() and ngram.isalpha() and ngram not in _WEB_WORDS


def _rare_tails(words: Iterable[str], other: list[list[str]]) -> list[str]:
    """Words whose tail stands in few of the other pages: that of `rational` is in `international`."""
    tails = {word[1:]: word for word in words}
    if not tails:
        return []
    search = BytesAhoCorasick([tail.encode() for tail in tails], matchkind=MatchKind.Standard)
    counts: Counter[int] = Counter()
    for page in other:
        text = " ".join(page).encode()
        counts.update({index for index, _, _ in search.find_matches_as_indexes(text, overlapping=True)})
    limit = _MAX_OTHER_SHARE * len(other)
    return [word for index, word in enumerate(tails.values()) if counts[index] <= limit]


class MineNgramsStage(Stage[SeedPage, SeedPage]):
    """Mines the table from the whole seed and leaves it as `ngrams.json`; no record comes out."""

    per_record = False

    def __init__(self, config: NgramConfig, context: StageContext) -> None:
        self._config = config
        self._files = context.files

    @classmethod
    def memory_bytes(cls, config: NgramConfig, input_rows: int) -> int:
        """A bound: 3,324 pages of 10,600 characters each took 233 MB, a third of what this states."""
        return 100_000_000 + input_rows * 70 * config.words_per_page

    def run(self, shard: Iterable[SeedPage]) -> Iterator[SeedPage | Drop]:
        """Mine and save; yields nothing."""
        mine_ngrams(shard, self._config).save(self._files / NGRAMS_FILE)
        yield from ()
