"""`mathpipe eval CONFIG`: the click command; `run` does the work, and is loaded when the command is called.

In: arguments. Out: tables, and the places of what was written.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

_PIPED_WIDTH = 160


@click.command(name="eval", epilog="Example: mathpipe eval configs/eval.yaml --set outputs=outputs.jsonl")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
@click.option("--against", type=click.Path(path_type=Path), help="Compare with an earlier evaluation's folder.")
def eval_command(config: Path, overrides: tuple[str, ...], against: Path | None) -> None:
    """Score samples, or published outputs, against a benchmark: pass@k, maj@k, intervals, subjects, contamination."""
    from mathpipe.core.config import load_config
    from mathpipe.evaluation.run import EvalConfig, run_evaluation

    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    run_evaluation(load_config(config, EvalConfig, overrides), console, against=against)
