"""`mathpipe recall CONFIG`: run the loop, print a row a round, and say where things are.

In: a configuration. Out: the loop's folder; exit status 0 also where it waits for a person.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mathpipe.core.config import load_config
from mathpipe.core.jobs import run_as_job
from mathpipe.core.prefix_decisions import FILE_NAME

if TYPE_CHECKING:
    from mathpipe.recall.proposals import Proposal
    from mathpipe.recall.round_report import RoundReport
    from mathpipe.recall.rounds import Outcome

_PIPED_WIDTH = 180
_PROPOSALS_SHOWN = 30


@click.command(name="recall", epilog="Example: mathpipe recall configs/recall.yaml --set decide.by=ask")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
@click.option("--submit", "address", help="Run it as a Ray job on this head's dashboard.")
def recall_command(config: Path, overrides: tuple[str, ...], address: str | None) -> None:
    """Find more mathematics where some was found, round by round; what is finished is not done again.

    With `decide.by: ask` it stops after each round's proposals until you have decided on some of them.
    """
    from mathpipe.recall.config import RecallConfig
    from mathpipe.recall.round_report import core_seconds, round_table
    from mathpipe.recall.rounds import RecallLoop, round_name
    from mathpipe.recall.steps import PAGES_FOLDER

    chosen = load_config(config, RecallConfig, overrides)  # a mistake shows here, before anything is submitted
    if address is not None:
        run_as_job("recall", config, overrides, address=address, say=click.echo)
        return
    console, errors = _console(), Console(stderr=True)

    def finished(report: RoundReport) -> None:
        console.print(f"{round_name(report.round)}: {report.collected:,} of {report.scored:,} pages collected, "
                      f"{report.new:,} of them new", highlight=False)  # fmt: skip

    loop = RecallLoop(chosen, lambda text: errors.print(text, markup=False), finished)
    outcome = loop.run()
    console.print(round_table(outcome.rounds))
    click.echo(f"pages:  {core_seconds(loop.folder / PAGES_FOLDER):,.0f} core-seconds, once for all rounds")
    _say_end(outcome, loop.folder, console)


def _say_end(outcome: Outcome, folder: Path, console: Console) -> None:
    from mathpipe.recall.rounds import End
    from mathpipe.recall.steps import PAGES_FOLDER

    last = outcome.rounds[-1]
    click.echo(f"rounds:  {folder} (domains.parquet, round.json and steps/ in each round's folder)")
    if outcome.waiting:
        console.print(_proposal_table(outcome.waiting))
    file = folder / FILE_NAME
    if outcome.end is End.WAITING:
        click.echo(
            f'waiting:  decide on some of these in {file}, a line {{"prefix": "https://…/", "decision": "accept"}} '
            f'or "refuse" each (or: mathpipe inspect --serve {folder / PAGES_FOLDER} --decisions {file}), '
            "then run again"
        )
    elif outcome.end is End.STOP_RULE:
        click.echo(f"ended:  {last.overlap:.1%} of what round {last.round} collected was collected the round before")
    else:
        click.echo(f"ended:  after {last.round} rounds, as many as `rounds` asks for")


def _proposal_table(proposals: tuple[Proposal, ...]) -> Table:
    title = f"{len(proposals)} prefixes that nobody decided on"
    table = Table("share", "hits", "pages", "mean score", "prefix", title=title)
    for item in proposals[:_PROPOSALS_SHOWN]:
        cells = (f"{item.share:.2f}", f"{item.hits:,}", f"{item.pages:,}", f"{item.mean_score:.2f}", item.record_id)
        table.add_row(*map(escape, cells))
    return table


def _console() -> Console:
    """The terminal, or a wide page where output is piped."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPED_WIDTH)
