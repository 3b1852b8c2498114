"""What a round's seed is worth: the classifier on pages, hosts and formats that it did not learn from.

In: all seed pages, gathered. Out: a `ReportRow` for every fold and, per split, one over its folds:

- `in`: a fifth of the pages is held out, whatever their hosts (in distribution);
- `host`: whole hosts are held out, in `folds` parts (out of distribution). A label that has pages of one host only
  gives a part of its pages instead, or there would be nothing to learn from;
- `format`: pages of one format are held out, those of the others learnt from.

A split that leaves too little to learn from or to test has no row. MegaMath measured why all this: F1 98.8 in
distribution was 81.8 out of it (arXiv 2504.02807).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import ClassVar

from pydantic import Field

from filters.classifier import MathClassifier
from filters.training import TrainClassifierConfig, TrainClassifierStage
from filters.training_lines import ClassifierConfig
from mathpipe.core.config import Config
from mathpipe.core.errors import StageError
from mathpipe.core.records import Drop, SeedLabel, SeedPage
from mathpipe.core.stage import Stage, StageContext

_IN_FOLDS = 5  # one of them is tested
ALL = "all"


class Split(StrEnum):
    """What is held out together."""

    IN = "in"
    HOST = "host"
    FORMAT = "format"


class PageFormat(StrEnum):
    """How a page is written, as far as its text shows it."""

    PROSE = "prose"
    FORMULAS = "formulas"
    CODE = "code"
    BOTH = "code and formulas"


class ReportConfig(Config):
    """How the seed is cut, and from which score a page counts as mathematics."""

    classifier: TrainClassifierConfig = TrainClassifierConfig()
    folds: int = Field(default=3, ge=0, description="Parts that the hosts are dealt into; 0: no report")
    threshold: float = Field(default=0.5, ge=0, le=1)
    max_pages: int = Field(
        default=1_000, ge=1, description="Of the seed, chosen by hash: it is trained on many times"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """Counts and scores of what was held out together; `held_out` is `all` for the sum over a split's folds."""

    record_id: str
    split: Split
    held_out: str
    pages: int
    math_pages: int
    found: int
    right: int
    precision: float
    recall: float
    f1: float


_Fold = tuple[str, Callable[[SeedPage], bool]]


class ClassifierReportStage(Stage[SeedPage, ReportRow]):
    """Trains once a fold."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: ReportConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: ReportConfig, input_rows: int) -> int | None:
        """One training at a time, of at most so many pages."""
        return TrainClassifierStage.memory_bytes(config.classifier, min(input_rows, config.max_pages))

    def run(self, shard: Iterable[SeedPage]) -> Iterator[ReportRow | Drop]:
        """Rows of the folds, then of each split as a whole."""
        pages = sorted(shard, key=lambda page: _position(page.record_id))[: self._config.max_pages]
        if not self._config.folds:
            return
        for split, folds in (
            (Split.IN, [("a fifth of the pages", lambda page: _position(page.record_id) % _IN_FOLDS == 0)]),
            (Split.HOST, host_folds(pages, self._config.folds)),
            (Split.FORMAT, [(kind.value, _has_format(kind)) for kind in PageFormat]),
        ):
            counts = [(name, found) for name, held in folds if (found := self._test(pages, held)) is not None]
            for name, count in counts:
                yield _row(split, name, [count])
            if counts:
                yield _row(split, ALL, [count for _, count in counts])

    def _test(self, pages: Sequence[SeedPage], held_out: Callable[[SeedPage], bool]) -> _Counts | None:
        settings = ClassifierConfig.model_validate(self._config.classifier.model_dump(exclude={"quantise"}))
        test = [page for page in pages if held_out(page)]
        if not test:
            return None
        try:
            model = MathClassifier.train((page for page in pages if not held_out(page)), settings)
        except StageError:  # a label has too few pages left to learn from
            return None
        found = [score >= self._config.threshold for score in model.score([page.text for page in test])]
        truth = [page.label is SeedLabel.MATH for page in test]
        right = sum(a and b for a, b in zip(found, truth, strict=True))
        return _Counts(len(test), sum(truth), sum(found), right)


@dataclass(frozen=True, slots=True)
class _Counts:
    pages: int
    math: int
    found: int
    right: int


def host_folds(pages: Sequence[SeedPage], parts: int) -> list[_Fold]:
    """Hosts dealt out by size, per label: each part holds out whole hosts of both labels where there are several."""
    part_of: dict[str, int] = {}
    alone: set[tuple[SeedLabel, str]] = set()  # a label's only host
    for label in SeedLabel:
        sizes = Counter(page.host for page in pages if page.label is label)
        ordered = sorted(sizes, key=lambda host: (-sizes[host], host))
        if len(ordered) == 1:
            alone.add((label, ordered[0]))
            continue
        for number, host in enumerate(ordered):
            part_of.setdefault(host, number % parts)

    def part(page: SeedPage) -> int:
        spread = (page.label, page.host) in alone
        return _position(page.record_id) % parts if spread else part_of[page.host]

    names = defaultdict(list)
    for host, number in sorted(part_of.items()):
        names[number].append(host)
    return [
        (", ".join(names[number]), lambda page, number=number: part(page) == number)  # type: ignore[misc]
        for number in range(parts)
        if names[number]
    ]


def format_of(page: SeedPage) -> PageFormat:
    """The page's format."""
    if "```" in page.text:
        return PageFormat.BOTH if page.formula_count else PageFormat.CODE
    return PageFormat.FORMULAS if page.formula_count else PageFormat.PROSE


def _has_format(kind: PageFormat) -> Callable[[SeedPage], bool]:
    return lambda page: format_of(page) is kind


def _position(record_id: str) -> int:
    return int.from_bytes(blake2b(record_id.encode(), digest_size=6).digest(), "big")


def _row(split: Split, held_out: str, counts: Sequence[_Counts]) -> ReportRow:
    math, found, right = (sum(getattr(one, name) for one in counts) for name in ("math", "found", "right"))
    return ReportRow(
        record_id=f"{split.value} {held_out}",
        split=split,
        held_out=held_out,
        pages=sum(one.pages for one in counts),
        math_pages=math,
        found=found,
        right=right,
        precision=right / found if found else 0.0,
        recall=right / math if math else 0.0,
        f1=2 * right / (math + found) if math + found else 0.0,
    )
