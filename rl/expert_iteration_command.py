"""`mathpipe iterate CONFIG`: expert iteration as one command, or the rest of a run that was stopped."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

_PIPED_WIDTH = 160


@click.command(name="iterate", epilog="Example: mathpipe iterate configs/tiny-iterate.yaml --set rounds=4")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
def iterate_command(config: Path, overrides: tuple[str, ...]) -> None:
    """Sample, verify, train on what is right, and again with the policy that came out; run again to go on."""
    from mathpipe.core.config import load_config
    from rl.expert_iteration import run_expert_iteration
    from rl.expert_iteration_config import ExpertIterationConfig

    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    run_expert_iteration(load_config(config, ExpertIterationConfig, overrides), console)
