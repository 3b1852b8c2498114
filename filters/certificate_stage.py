"""The certificate of a run, as a stage: two files and a table.

In: what `filters.certificate_sample` took of every shard, gathered; sides `certificate_sample` (the same, for its
pages), `benchmark_index` (items and index) and `decontaminate` (the lists of removed pages). Out: one
`BenchmarkCertificate` row a benchmark, and `certificate.json` and `certificate.md` beside them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from filters.benchmark_index import BenchmarkIndex
from filters.benchmark_items import BenchmarkItem
from filters.build_benchmark_index import INDEX_FILE
from filters.certificate import (
    BenchmarkCertificate,
    Certificate,
    CertificateConfig,
    ItemNote,
    RemovedPage,
    build_certificate,
)
from filters.certificate_sample import ShardRanks, merged
from filters.decontaminate import REMOVED_FILE
from filters.planting import Rewrite
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext, StepOutput
from mathpipe.core.store import read_records


class CertificateStage(Stage[ShardRanks, BenchmarkCertificate]):
    """Samples of the pages before decontamination to a certificate; holds one of them, the items and the index."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: CertificateConfig, context: StageContext) -> None:
        self._config = config
        self._context = context

    @classmethod
    def memory_bytes(cls, config: CertificateConfig, input_rows: int) -> int:
        """The sample of pages, and room for 100,000 items with their index: independent of the input."""
        return 256 * 2**20 + config.host_pages * config.host_characters * 16

    def run(self, shard: Iterable[ShardRanks]) -> Iterator[BenchmarkCertificate | Drop]:
        """Yield one row a benchmark, once both files are written."""
        hosts, pages = merged(shard, self._context.sides["certificate_sample"].shards, self._config)
        side = self._context.sides["benchmark_index"]
        items = [item for path in side.shards for item in read_records(path, BenchmarkItem)]
        index = BenchmarkIndex.load(side.file(INDEX_FILE))
        removed = removed_pages(self._context.sides["decontaminate"])
        certificate = build_certificate(hosts, items, index, self._config, pages=pages, removed=removed)
        write_certificate(certificate, self._context.files)
        yield from certificate.benchmarks


def removed_pages(side: StepOutput) -> list[RemovedPage]:
    """What the decontamination step listed as removed, shard after shard."""
    rows: list[RemovedPage] = []
    for folder in side.files:
        path = folder / REMOVED_FILE
        if path.is_file():
            with path.open(encoding="utf-8") as lines:
                rows += [RemovedPage(**json.loads(line)) for line in lines]
    return rows


def write_certificate(certificate: Certificate, folder: Path) -> None:
    """`certificate.json` for programs, `certificate.md` for people."""
    data = json.dumps(asdict(certificate), ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "certificate.json").write_text(data + "\n", encoding="utf-8")
    (folder / "certificate.md").write_text(as_markdown(certificate), encoding="utf-8")


def as_markdown(certificate: Certificate) -> str:
    """The certificate as a page to read."""
    lines = [
        "# Decontamination certificate",
        "",
        f"{certificate.pages:,} pages were searched and {certificate.removed:,} removed. Items were planted in real",
        "pages as they stand and rewritten; a planting counts as found when its page was removed.",
        "",
        *_benchmark_table(certificate),
        "",
        *_without_plantings(certificate),
        *_notes("Items that cannot be matched", certificate.unmatchable),
        *_notes("Plantings that were not found (a sample)", certificate.missed),
        *_removed_table(certificate.removed_sample),
        "## Rule",
        "",
        *(f"- {name}: {value}" for name, value in sorted(certificate.rule.items())),
        f"- seed of plantings and samples: {certificate.seed}",
    ]
    return "\n".join(lines) + "\n"


def _benchmark_table(certificate: Certificate) -> list[str]:
    heads = ["benchmark", "items", "by n-gram", "as a whole", "not", *Rewrite, "pages removed"]
    rows = [
        [row.benchmark, str(row.items), str(row.by_ngram), str(row.by_whole), str(row.not_matchable),
         *(_found(row, rewrite) for rewrite in Rewrite), str(row.removed_pages)]
        for row in certificate.benchmarks
    ]  # fmt: skip
    return _table(heads, rows)


def _without_plantings(certificate: Certificate) -> list[str]:
    if any(row.planted for row in certificate.benchmarks):
        return []
    return ["Nothing was planted: no page was both short enough (`certificate.host_characters`) and clean.", ""]


def _found(row: BenchmarkCertificate, rewrite: Rewrite) -> str:
    counts = [count for count in row.planted if count.rewrite is rewrite]
    return f"{sum(count.found for count in counts)}/{sum(count.planted for count in counts)}"


def _notes(title: str, notes: list[ItemNote]) -> list[str]:
    if not notes:
        return []
    rows = [[note.benchmark, note.item_id, note.why, note.text] for note in notes]
    return [f"## {title}", "", *_table(["benchmark", "item", "why", "text"], rows), ""]


def _removed_table(removed: list[RemovedPage]) -> list[str]:
    if not removed:
        return ["## Pages removed", "", "None.", ""]
    rows = [[page.url, page.benchmark, page.item_id, page.form, page.matched] for page in removed]
    heads = ["page", "benchmark", "item", "form", "matched"]
    return ["## Pages removed (a sample: is it the item, or chance?)", "", *_table(heads, rows), ""]


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(_cell(text) for text in row) + " |" for row in [heads, ["---"] * len(heads), *rows]]


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
