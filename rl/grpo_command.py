"""`mathpipe grpo CONFIG`: a run from its configuration, or the rest of one that was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from mathpipe.core.config import load_config
from mathpipe.core.errors import MathpipeError
from mathpipe.core.jobs import run_as_job
from mathpipe.core.run_settings import keep_settings

if TYPE_CHECKING:
    from rl.grpo_config import GrpoConfig

# What may change when a run goes on: how long it is, how it is watched, where it computes.
_FREE = {"steps", "checkpoint", "workers", "pool", "guards", "output", "watchdog_seconds"}


@click.command(name="grpo", epilog="Example: mathpipe grpo configs/tiny-grpo.yaml --set steps=40")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
@click.option("--submit", "address", help="Run it as a Ray job on this head's dashboard, http://127.0.0.1:8265.")
def grpo_command(config: Path, overrides: tuple[str, ...], address: str | None) -> None:
    """Train a policy with GRPO on problems that verifiers judge; run again and it goes on where it was stopped."""
    from rl.grpo_config import GrpoConfig

    settings = load_config(config, GrpoConfig, overrides)
    if address is not None:
        run_as_job("grpo", config, overrides, address=address, say=click.echo)
        return
    if os.environ.get("RANK", "0") != "0":  # of torchrun: the first process shows and writes, this one only works
        learning_run(settings)
        return
    keep_settings(settings.folder / "config.json", json.loads(settings.model_dump_json()), free=_FREE)
    watched_run(settings)
    click.echo(f"policy:   {settings.folder / 'policy'}")
    click.echo(f"journal:  {settings.folder / 'journal.jsonl'}")
    click.echo(f"samples:  {settings.folder / 'samples'}")
    click.echo(f"report:   {settings.folder / 'report.html'}")


def learning_run(settings: GrpoConfig) -> None:
    """The run as a process sees it that does not lead: nothing is shown."""
    from rl.trainer import Trainer

    with Trainer(settings) as trainer:
        trainer.run()


def watched_run(settings: GrpoConfig) -> None:
    """The run with its view, its watchdog, TensorBoard, and a report after step 1, each evaluation and the end."""
    from rl.journal import Journal, JournalLine
    from rl.trainer import Trainer
    from rl.watch.tensorboard import TensorBoard
    from rl.watch.terminal import RunView
    from rl.watch.watchdog import Watchdog

    console = Console()
    past = Journal(settings.folder / "journal.jsonl").read()
    view = RunView(settings.name, settings.steps, console, past)
    dog = Watchdog(settings.watchdog_seconds, view.say)
    with ExitStack() as stack:
        stack.enter_context(view)
        stack.enter_context(dog)
        boards: list[TensorBoard] = []

        def phase(name: str) -> None:
            view.phase(name)
            dog.phase(name)

        def watch(line: JournalLine) -> None:
            view.step(line)
            for board in boards:
                board.step(line)
            if line.record.held_out is not None or line.record.step == 1:
                renew_report(settings.folder, view.say)

        trainer = stack.enter_context(Trainer(settings, say=view.say, watch=watch, phase=phase))
        view.forget_after(trainer.steps_done)
        boards.append(TensorBoard(settings.folder, trainer.steps_done + 1, view.say))
        stack.callback(boards[0].close)
        stack.callback(renew_report, settings.folder, view.say)  # a run that a guard stops has one, too
        trainer.run()


def renew_report(folder: Path, say: Callable[[str], object]) -> None:
    """Write the run's report; where that fails the run goes on, and `say` tells why there is none."""
    from rl.watch.report import write_run_report

    try:
        write_run_report(folder)
    except MathpipeError as error:
        say(f"no report was written: {error}")
