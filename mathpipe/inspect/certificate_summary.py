"""What the decontamination certificate of a run says, for the report.

In: `certificate.json` among the files of any step. Out: a `CertificateSummary`. It is read by shape, not by class:
the filters own the certificate, and nothing here may import them. What is not there is left empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.inspect.run_folder import RunFolder

REMOVED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PlantedShare:
    """Items planted in one way of writing, and how many of those pages were removed."""

    planted: int
    found: int


@dataclass(frozen=True, slots=True)
class BenchmarkRow:
    """One benchmark: how its items are recognised, what was planted and found, what the run removed."""

    benchmark: str
    items: int
    by_ngram: int
    by_whole: int
    not_matchable: int
    planted: tuple[PlantedShare, ...]  # in the order of `CertificateSummary.rewrites`
    removed_pages: int


@dataclass(frozen=True, slots=True)
class RemovedPage:
    """A page that was removed, and what it held; a person judges whether rightly."""

    url: str
    benchmark: str
    item_id: str
    matched: str


@dataclass(frozen=True, slots=True)
class CertificateSummary:
    """The certificate's figures; `path` is where all of it stands."""

    path: Path
    pages: int
    removed: int
    rewrites: tuple[str, ...]
    benchmarks: tuple[BenchmarkRow, ...]
    total: tuple[PlantedShare, ...]
    removed_sample: tuple[RemovedPage, ...]
    removed_listed: int


def read_certificate(folder: RunFolder) -> CertificateSummary | None:
    """The first certificate found among the steps' files; None where the run has none."""
    for step in folder.steps():
        if path := folder.file(step, "certificate.json"):
            return _summary(path)
    return None


def _summary(path: Path) -> CertificateSummary:
    try:
        top = _mapping(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), "not valid JSON", f"run the certificate step again ({error})") from error
    rows = _mappings(top.get("benchmarks"))
    rewrites = tuple(
        dict.fromkeys(str(count.get("rewrite")) for row in rows for count in _mappings(row.get("planted")))
    )
    benchmarks = tuple(_benchmark(row, rewrites) for row in rows)
    removed = _mappings(top.get("removed_sample"))
    return CertificateSummary(
        path=path,
        pages=_whole(top.get("pages")),
        removed=_whole(top.get("removed")),
        rewrites=rewrites,
        benchmarks=benchmarks,
        total=tuple(_sum([row.planted[place] for row in benchmarks]) for place in range(len(rewrites))),
        removed_sample=tuple(_removed(row) for row in removed[:REMOVED_SHOWN]),
        removed_listed=len(removed),
    )


def _benchmark(row: Mapping[str, Any], rewrites: Sequence[str]) -> BenchmarkRow:
    counts = _mappings(row.get("planted"))
    return BenchmarkRow(
        benchmark=str(row.get("benchmark", "")),
        items=_whole(row.get("items")),
        by_ngram=_whole(row.get("by_ngram")),
        by_whole=_whole(row.get("by_whole")),
        not_matchable=_whole(row.get("not_matchable")),
        planted=tuple(
            _sum(
                [
                    PlantedShare(_whole(count.get("planted")), _whole(count.get("found")))
                    for count in counts
                    if count.get("rewrite") == rewrite
                ]
            )
            for rewrite in rewrites
        ),
        removed_pages=_whole(row.get("removed_pages")),
    )


def _removed(row: Mapping[str, Any]) -> RemovedPage:
    return RemovedPage(*(str(row.get(name, "")) for name in ("url", "benchmark", "item_id", "matched")))


def _sum(shares: Sequence[PlantedShare]) -> PlantedShare:
    return PlantedShare(sum(share.planted for share in shares), sum(share.found for share in shares))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _whole(value: Any) -> int:
    return int(value) if isinstance(value, int | float) else 0
