"""What `mathpipe verify` does: a file judged here, a file audited, shards verified by a run or a Ray job.

In: the command's arguments. Out: files, whose places are printed, and tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mathpipe.core.config import load_config, override
from mathpipe.core.jobs import run_as_job
from mathpipe.core.runner import Runner
from mathpipe.core.status import print_summary as print_steps
from verify.audit import audit_file
from verify.grade_file import VerifyConfig, grade_file
from verify.graders import find_rules
from verify.report import print_audit, print_summary
from verify.stage import VerifyRunConfig, verification_steps


def verify_rows(
    file: Path,
    overrides: Sequence[str],
    columns: tuple[str, str],
    output: Path | None,
    workers: int | None,
    limit: int | None,
    console: Console,
) -> None:
    """Judge a file and say what it came to."""
    summary = grade_file(file, _config(overrides, columns, workers, limit), output)
    print_summary(summary, console)
    console.print(f"verdicts: {summary.output}", markup=False, highlight=False, soft_wrap=True)


def audit_rows(
    file: Path,
    overrides: Sequence[str],
    columns: tuple[str, str],
    output: Path | None,
    workers: int | None,
    limit: int | None,
    rules: Sequence[str],
    console: Console,
) -> None:
    """Grade a file by several rules and say where they differ."""
    graders = find_rules([name.strip() for name in rules if name.strip()])
    audit = audit_file(file, graders, _config(overrides, columns, workers, limit), output)
    print_audit(audit, console)
    console.print(f"rows that differ: {audit.output}", markup=False, highlight=False, soft_wrap=True)


def _config(
    overrides: Sequence[str], columns: tuple[str, str], workers: int | None, limit: int | None
) -> VerifyConfig:
    config = VerifyConfig(reference=columns[0], candidate=columns[1], workers=workers, limit=limit)
    return override(config, overrides)


def verify_shards(path: Path, overrides: Sequence[str], address: str | None, console: Console) -> None:
    """Run the configuration's shards through the runner, here or as a Ray job."""
    config = load_config(path, VerifyRunConfig, overrides)
    if address is not None:
        run_as_job("verify", path, overrides, address=address, say=lambda text: console.print(text, markup=False))
        return
    folder = config.output / config.name
    runner = Runner(
        folder, verification_steps(config), config.runner, lambda text: Console(stderr=True).print(text, markup=False)
    )
    print_steps(runner.run(config), config.runner, console)
    console.print(f"shards:  {folder / 'steps' / 'verify'}", markup=False, highlight=False, soft_wrap=True)
