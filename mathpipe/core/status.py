"""A run at a glance in the terminal: steps, rows, drops, failures, memory; and a check of every byte.

In: a run folder. Out: tables on a console.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mathpipe.core.errors import InputError
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.manifest import Manifest
from mathpipe.core.metrics import read_json_lines
from mathpipe.core.runner import StepSummary, summary_of
from mathpipe.core.store import digest_file

_LEDGER_ROWS = 20


def print_status(run: Path, console: Console) -> None:
    """Every step in the order it ran, then the last failures."""
    if not (run / "run.json").is_file():
        raise InputError(
            str(run), "a run's folder (it holds run.json)", "pass the folder that `mathpipe run` printed"
        )
    names = dict.fromkeys(
        str(row["step"])
        for row in read_json_lines(run / "metrics.jsonl")
        if row.get("event") in ("step_started", "step_finished")
    )
    summaries = [summary_of(name, list(Manifest(run / "steps" / name).entries.values()), 0) for name in names]
    console.print(_table(summaries))
    failures = read_json_lines(run / "ledger.jsonl")
    if not failures:
        console.print("no failures")
        return
    table = Table("step", "shard", "reason", "record", "message", title=f"last of {len(failures)} failures")
    for row in failures[-_LEDGER_ROWS:]:
        cells = (row["step"], row["shard"], row["reason"], row["url"] or row["record_id"], row["message"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    console.print(table)


def print_summary(summaries: Sequence[StepSummary], config: RunnerConfig, console: Console) -> None:
    """What each step came to, and the memory its workers took beside what they may take."""
    console.print(_table(summaries))
    peak = max((summary.peak_rss_bytes for summary in summaries), default=0)
    limit = config.worker_memory_gb
    console.print(
        f"memory:  largest worker {peak / 2**30:.2f} GiB; a worker may take {limit:.1f} GiB on top of its start"
    )


def _table(summaries: Sequence[StepSummary]) -> Table:
    table = Table("step", title=None)
    for name in ("shards", "in", "out", "failed", "seconds", "peak MiB"):
        table.add_column(name, justify="right")
    table.add_column("dropped, most first", overflow="fold")
    for summary in summaries:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in list(summary.dropped.items())[:4])
        table.add_row(
            summary.name,
            f"{summary.shards:,}",
            f"{summary.rows_in:,}",
            f"{summary.rows_out:,}",
            f"{summary.quarantined:,}",
            f"{summary.seconds:,.1f}",
            f"{summary.peak_rss_bytes / 2**20:,.0f}",
            escape(reasons),
        )
    return table


def verify_digests(run: Path) -> list[Path]:
    """Every published file whose bytes are not what its manifest says."""
    rotten = []
    for path in sorted((run / "steps").glob("*/manifest.jsonl")):
        manifest = Manifest(path.parent)
        for _, entry in sorted(manifest.entries.items()):
            for output in entry.outputs:
                file = manifest.folder / output.path
                if not file.is_file() or digest_file(file) != output.digest:
                    rotten.append(file)
    return rotten
