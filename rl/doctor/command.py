"""`mathpipe doctor MODEL`: is this model fit for training? A table, JSON, and on request a repaired copy.

In: a folder in transformers' format, or a hub name in the local cache. Out: exit status 0, or 1 if a fault remains
(on the copy, where one was asked for) or the input is bad. Loads torch and transformers only when it runs.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from mathpipe.core.errors import InputError

_PIPED_WIDTH = 160
_FAULT_STATUS = 1


class _StatusOneOnBadInput(click.Command):
    """A mistyped option exits with 1, as any bad input does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise InputError("doctor", error.format_message().rstrip("."), "see mathpipe doctor --help") from None


@click.command(
    name="doctor", cls=_StatusOneOnBadInput, epilog="Example: mathpipe doctor models/policy --repair models/mended"
)
@click.argument("model")
@click.option("--repair", "out", type=click.Path(path_type=Path), help="Write a repaired copy to this new folder.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every finding to this file.")
@click.option("--quick", is_flag=True, help="Do not read every weight: NaN and infinities are not looked for.")
def doctor(model: str, out: Path | None, json_file: Path | None, quick: bool) -> None:
    """Examine a model: tokens, template, tokenizers, context, weights; say what is wrong and how to mend it.

    MODEL is a folder that transformers loads, or a hub name in the local cache. It is never changed: repairs go into
    a copy, which is examined again.

    Exit status: 0, or 1 if a fault remains.
    """
    _require()
    from rl.doctor.examination import examine, faults
    from rl.doctor.mended_copy import refuse_folder, repair
    from rl.doctor.patient import load_patient
    from rl.doctor.terminal import as_json, table, tally

    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    if out is not None:
        refuse_folder(load_patient(model).folder, out)  # before minutes of reading
    findings = examine(model, quick=quick)
    console.print(table(findings, model))
    console.print(tally(findings), highlight=False)
    report = as_json(model, findings)
    if out is not None:
        mended = repair(model, out, quick=quick)
        for change in mended.changes:
            console.print(f"changed: {change}", markup=False, highlight=False)
        console.print(table(mended.findings, str(out)))
        console.print(tally(mended.findings), highlight=False)
        findings = mended.findings
        report["copy"] = {"changes": list(mended.changes), **as_json(str(out), findings)}
        click.echo(f"copy:    {out}")
    if json_file is not None:
        _write(report, json_file)
    if faults(findings):
        sys.exit(_FAULT_STATUS)


def _require() -> None:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise InputError("doctor", f"PyTorch and transformers ({error})", "pip install 'mathpipe[cpu]'") from None
    quiet: Any = import_module("transformers.utils.logging")
    quiet.set_verbosity_error()  # what transformers warns of on loading is what is examined here


def _write(report: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo(f"report:  {path}")
