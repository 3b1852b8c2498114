"""The command line: `mathpipe COMMAND --help`. Each command says where its output went; bad input is one line.

In: arguments. Out: exit status 0, or 1 with `mathpipe: <who>: <what was expected>; <how to mend it>` on stderr.
What a command works with is imported when it runs: Ray, PyArrow and SciPy together take a second to load.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

import mathpipe
from mathpipe.core.config import load_config
from mathpipe.core.errors import InputError, MathpipeError

_PIPED_WIDTH = 160
# Commands that have a file of their own.
_ELSEWHERE = {
    "doctor": "rl.doctor.command:doctor",
    "eval": "mathpipe.evaluation.command:eval_command",
    "export": "rl.export.command:export",
    "grpo": "rl.grpo_command:grpo_command",
    "iterate": "rl.expert_iteration_command:iterate_command",
    "parity": "rl.parity.command:parity",
    "plan": "rl.planning.command:plan_command",
    "recall": "mathpipe.recall.command:recall_command",
}
# The values of `Look`, named here because help must not load what reads shards.
_LOOKS = (
    "correct", "wrong", "no-answer", "timeout", "crash", "unavailable", "agrees", "differs", "not-judged"
)  # fmt: skip

CONFIG = click.argument("config", type=click.Path(path_type=Path))
SET = click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")


class _Commands(click.Group):
    """The commands of this file, and those elsewhere, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, _, name = _ELSEWHERE[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(mathpipe.version(), prog_name="mathpipe")
def cli() -> None:
    """From web crawl to curated mathematics."""


@cli.command(epilog="Example: mathpipe run configs/demo.yaml --set runner.workers=2")
@CONFIG
@SET
def run(config: Path, overrides: tuple[str, ...]) -> None:
    """Run every step of the pipeline; what is finished is not done again."""
    _run(config, overrides, None)


@cli.command(epilog="Example: mathpipe stage quality configs/demo.yaml --set quality.min_words=80")
@click.argument("name")
@CONFIG
@SET
def stage(name: str, config: Path, overrides: tuple[str, ...]) -> None:
    """Run one step alone; its inputs must be there from an earlier run."""
    _run(config, overrides, name)


def _run(path: Path, overrides: tuple[str, ...], only: str | None) -> None:
    from mathpipe.core.metrics import read_json_lines
    from mathpipe.core.runner import Runner
    from mathpipe.core.status import print_summary
    from mathpipe.inspect import write_datasheet, write_report
    from mathpipe.pipeline import PipelineConfig, steps_of

    console = Console(stderr=True)
    config = load_config(path, PipelineConfig, overrides)
    folder = config.output / config.name
    runner = Runner(folder, steps_of(config), config.runner, lambda text: console.print(text, markup=False))
    summaries = runner.run(config, only)
    print_summary(summaries, config.runner, _console())
    report = write_report(folder)
    failures = read_json_lines(folder / "ledger.jsonl")
    click.echo(f"shards:  {folder / 'steps' / (only or 'curate')}")
    click.echo(f"report:  {report}")
    if only is None:
        click.echo(f"sheet:   {write_datasheet(folder).html}")
    if failures:
        click.echo(
            f"ledger:  {folder / 'ledger.jsonl'} ({len(failures)} rows; `mathpipe status {folder}` shows them)"
        )


@cli.command(epilog="Example: mathpipe submit configs/demo.yaml --address http://127.0.0.1:8265")
@CONFIG
@SET
@click.option("--address", default="http://127.0.0.1:8265", show_default=True, help="The Ray head's dashboard.")
@click.option("--wait/--no-wait", default=True, help="Follow the job's log until it ends.")
def submit(config: Path, overrides: tuple[str, ...], address: str, wait: bool) -> None:
    """Run the pipeline as a Ray job on a cluster whose nodes see this folder and have mathpipe installed."""
    from mathpipe.core.jobs import run_as_job
    from mathpipe.pipeline import PipelineConfig

    load_config(config, PipelineConfig, overrides)  # a mistake shows here, not minutes later on the cluster
    run_as_job("run", config, overrides, address=address, wait=wait, say=click.echo)


@cli.command(epilog="Example: mathpipe status data/runs/demo --verify")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Read every shard again and compare it with its manifest's digest.")
def status(run_folder: Path, verify: bool) -> None:
    """What is finished, what was dropped and why, what failed."""
    from mathpipe.core.status import print_status, verify_digests

    print_status(run_folder, _console())
    if verify:
        rotten = verify_digests(run_folder)
        for path in rotten:
            click.echo(f"rotten: {path}")
        if rotten:
            raise InputError(
                str(run_folder), f"shards as they were written ({len(rotten)} are not)", "delete them and run again"
            )
        click.echo("every shard is as it was written")


@cli.command(
    name="inspect",
    epilog='Example: mathpipe inspect data/runs/demo --search "prime number" --sort math_score, '
    "or mathpipe inspect data/generated/tiny --verdict wrong --html solutions.html, "
    "or mathpipe inspect --serve data/runs/demo",
)
@click.argument("shards", nargs=-1, required=True)
@click.option("--record", help="Show one in full: its id (or a prefix), a sample's id, its URL, or a row number.")
@click.option("--search", help="Only records whose title, text or URL holds this; /regex/ for a pattern.")
@click.option("--sort", help="Column to sort by.")
@click.option("--descending/--ascending", default=True, show_default=True)
@click.option("--columns", help="Columns to show, separated by commas.")
@click.option("--where", help="Only records for which this SQL condition over the columns holds.")
@click.option("--limit", type=click.IntRange(min=1), help="Default: 20 rows, or 200 problems of an HTML page.")
@click.option("--verdict", type=click.Choice(_LOOKS), help="Only problems with such a sample.")
@click.option("--html", type=click.Path(path_type=Path), help="Write problems and solutions as a page to this file.")
@click.option("--serve", is_flag=True, help="Open pages to a web browser on this machine, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), help="For --serve; default 8377, 0 takes a free one.")
@click.option(
    "--decisions",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For --serve: where accepted and refused path prefixes go; default: prefixes.jsonl in the run's folder.",
)
def inspect_command(
    shards: tuple[str, ...],
    record: str | None,
    search: str | None,
    sort: str | None,
    descending: bool,
    columns: str | None,
    where: str | None,
    limit: int | None,
    verdict: str | None,
    html: Path | None,
    serve: bool,
    port: int | None,
    decisions: Path | None,
) -> None:
    """Look into shards, or at solutions: a table, or one record in full.

    SHARDS is a file, a folder, a glob, or a run's folder. A generation run's folder, an evaluation's, and shards of
    samples or of a training set show problems and what models answered.
    """
    from mathpipe.inspect import Look, inspect_paths

    shown = {"--record": record, "--search": search, "--sort": sort, "--columns": columns, "--where": where,
             "--limit": limit, "--verdict": verdict, "--html": html}  # fmt: skip
    if serve:
        _serve(shards, port, decisions, [name for name, value in shown.items() if value is not None])
        return
    if port is not None or decisions is not None:
        raise InputError("--port" if port is not None else "--decisions", "--serve beside it", "add --serve")
    inspect_paths(
        list(shards),
        record=record,
        search=search,
        sort=sort,
        descending=descending,
        columns=None if columns is None else [name.strip() for name in columns.split(",")],
        where=where,
        limit=limit,
        verdict=None if verdict is None else Look(verdict),
        html=html,
        console=_console(),
    )


def _serve(shards: tuple[str, ...], port: int | None, decisions: Path | None, others: list[str]) -> None:
    from mathpipe.inspect.browser import DEFAULT_PORT, serve

    if others:
        raise InputError(others[0], "no --serve beside it", "search and filter in the browser")
    serve(shards, console=_console(), port=DEFAULT_PORT if port is None else port, decisions=decisions)


@cli.command(name="explain", epilog="Example: mathpipe explain https://algebra.example/groups --run data/runs/demo")
@click.argument("url")
@click.option(
    "--run", "run_folder", type=click.Path(path_type=Path), help="The run's folder; default: the newest one."
)
def explain_command(url: str, run_folder: Path | None) -> None:
    """Why a page is in the corpus, or which step dropped it and why."""
    from mathpipe.inspect import explain, print_explanation

    folder = run_folder or _newest_run(Path("data/runs"))
    print_explanation(explain(folder, url), _console())


def _console() -> Console:
    """The terminal, or a wide page where output is piped: a table folded at 80 columns cannot be read."""
    return Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)


def _newest_run(folder: Path) -> Path:
    runs = sorted(folder.glob("*/run.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise InputError(str(folder), "a run to look into", "name one with --run, or run `mathpipe run CONFIG` first")
    return runs[-1].parent


@cli.command(epilog="Example: mathpipe extract page.html --url https://algebra.example/groups --json")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--url", default="", help="The page's address, for its host and relative links.")
@click.option("--json", "as_json", is_flag=True, help="The whole page record as JSON instead of its text.")
def extract(file: Path, url: str, as_json: bool) -> None:
    """Extract one HTML file: its text with every formula kept."""
    from crawl import extract_page
    from crawl.charset import decode_html
    from crawl.limits import ExtractionError

    if not file.is_file():
        raise InputError(str(file), "an HTML file that exists", "check the path")
    text, charset = decode_html(file.read_bytes())
    try:
        page = extract_page(text, url)
    except ExtractionError as error:
        raise InputError(str(file), f"a page that can be extracted ({error})", "open it in a browser") from None
    if as_json:
        formulas = [{"latex": item.latex, "display": item.display, "source": item.source} for item in page.formulas]
        counts = [
            {"source": item.source, "found": item.found, "emitted": item.emitted} for item in page.formula_counts
        ]
        row = {"url": page.url, "title": page.title, "charset": charset, "license": page.license, "text": page.text}
        click.echo(json.dumps({**row, "formulas": formulas, "formula_counts": counts}, ensure_ascii=False, indent=1))
        return
    click.echo(f"# {page.title}\n\n{page.text}" if page.title else page.text)


@cli.command(
    name="verify", epilog="Example: mathpipe verify generations.jsonl --reference gold --candidate pred --audit"
)
@click.argument("file", type=click.Path(path_type=Path))
@SET
@click.option("--reference", default="", help="Column with the right answer; looked for where left out.")
@click.option("--candidate", default="", help="Column with the solution; looked for where left out.")
@click.option("--output", type=click.Path(path_type=Path), help="Where the verdicts go; default: beside the file.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; default: one a CPU.")
@click.option("--limit", type=click.IntRange(min=1), help="Only so many rows.")
@click.option("--audit", is_flag=True, help="Grade by several rules and list the rows that make their scores differ.")
@click.option("--rules", default="ours,math-verify,qwen,tora,minerva,prm800k", show_default=True, help="For --audit.")
@click.option("--submit", "address", help="With a configuration: run it as a Ray job on this head's dashboard.")
def verify_command(
    file: Path,
    overrides: tuple[str, ...],
    reference: str,
    candidate: str,
    output: Path | None,
    workers: int | None,
    limit: int | None,
    audit: bool,
    rules: str,
    address: str | None,
) -> None:
    """Judge the rows of FILE (.jsonl, .jsonl.gz, .parquet), or the shards that a configuration (.yaml) names.

    Answers against a reference, proofs against a statement, programs against tests: by the columns the file has.
    `--set pool.seconds=5` bounds a row's time, `--set pool.memory_mb=2048` its memory.
    """
    from mathpipe.verification import audit_rows, verify_rows, verify_shards

    if file.suffix in (".yaml", ".yml") or not (file.suffix or file.exists()):
        verify_shards(file, overrides, address, _console())
    elif audit:
        audit_rows(file, overrides, (reference, candidate), output, workers, limit, rules.split(","), _console())
    else:
        verify_rows(file, overrides, (reference, candidate), output, workers, limit, _console())


@cli.command(
    name="report",
    epilog="Example: mathpipe report data/runs/demo; to compare: mathpipe report data/grpo/tiny data/grpo/other",
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Path(path_type=Path), help="For several: default comparison.html beside the first."
)
def report_command(runs: tuple[Path, ...], output: Path | None) -> None:
    """Write a run's HTML report again: of the pipeline or of GRPO; several GRPO runs are compared on one page."""
    from mathpipe.inspect import write_report
    from rl.watch.comparison import write_comparison
    from rl.watch.report import is_grpo_run, write_run_report

    if len(runs) > 1:
        target = output or runs[0].absolute().parent / "comparison.html"
        click.echo(f"comparison:  {write_comparison(runs, target)}")
    elif output is not None:
        raise InputError("--output", "several runs to compare", "leave it out: a run's report lies in its folder")
    elif is_grpo_run(runs[0]):
        click.echo(f"report:  {write_run_report(runs[0])}")
    else:
        click.echo(f"report:  {write_report(runs[0])}")


@cli.command(name="datasheet", epilog="Example: mathpipe datasheet data/runs/demo")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
def datasheet_command(run_folder: Path) -> None:
    """Write a finished run's datasheet again: what went in, what was dropped and why, hosts, licences, digests."""
    from mathpipe.inspect import write_datasheet

    written = write_datasheet(run_folder)
    click.echo(f"sheet:  {written.html}\njson:   {written.json}")


@cli.command(name="export-corpus", epilog="Example: mathpipe export-corpus data/runs/demo published/demo")
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--overwrite", is_flag=True, help="Replace an earlier export in OUT.")
def export_corpus_command(run_folder: Path, output: Path, overwrite: bool) -> None:
    """Write a finished run as a folder to publish: Parquet, card, datasheet, licences seen, checksums.

    `datasets.load_dataset(OUT)` opens it; the problems mined from the pages are its second configuration.
    """
    from mathpipe.inspect import export_corpus

    exported = export_corpus(run_folder, output, overwrite=overwrite)
    click.echo(
        f"corpus:  {exported.folder} ({exported.pages:,} pages, {exported.problems:,} problems, "
        f"{exported.size_bytes / 1e6:,.1f} MB)"
    )


@cli.command(name="generate", epilog="Example: mathpipe generate configs/generate.yaml --set generation.samples=8")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
@click.option("--submit", "address", help="Run it as a Ray job on this head's dashboard, shards on its workers.")
def generate_command(config: Path, overrides: tuple[str, ...], address: str | None) -> None:
    """Write solutions to problems with a language model; run again and only what is missing is generated.

    `--set runner.mode=ray --set runner.workers=4 --set shards=16` spreads the problems over four workers with a model
    each, `--set runner.num_gpus=1` gives each a GPU.
    """
    from mathpipe.generation import GenerateRunConfig, run_generation, submit_generation

    if address is not None:
        submit_generation(config, overrides, address, _console())
    else:
        run_generation(load_config(config, GenerateRunConfig, overrides), _console())


@cli.command(name="select", epilog="Example: mathpipe select configs/generate.yaml")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
def select_command(config: Path, overrides: tuple[str, ...]) -> None:
    """Judge a run's samples, and write training sets of what is right."""
    from mathpipe.generation import GenerateRunConfig, run_selection

    run_selection(load_config(config, GenerateRunConfig, overrides), _console())


def main() -> None:
    """Entry point of the console script."""
    try:
        cli.main(standalone_mode=False)
    except MathpipeError as error:
        click.echo(f"mathpipe: {' '.join(str(error).split())}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader has seen enough: `mathpipe inspect … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (click.Abort, KeyboardInterrupt):
        click.echo("mathpipe: stopped; run the same command again to go on where it was", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
