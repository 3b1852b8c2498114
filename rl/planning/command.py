"""`mathpipe plan CONFIG`: what a GRPO run will take, before anything starts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from mathpipe.core.config import load_config

if TYPE_CHECKING:
    from rl.planning.memory import Part
    from rl.planning.plan import Plan


@click.command(name="plan", epilog="Example: mathpipe plan configs/qwen-7b-eight-gpus.yaml --ranks 4 --device-gib 80")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
@click.option(
    "--ranks", default=1, show_default=True, type=click.IntRange(min=1), help="Devices that learn together."
)
@click.option("--device-gib", type=float, help="Memory of one device; more than it has is an error.")
@click.option("--prompt-tokens", default=128, show_default=True, type=click.IntRange(min=1))
@click.option("--completion-tokens", type=click.IntRange(min=1), help="Expected length; default: half the limit.")
@click.option(
    "--solution-steps", default=5, show_default=True, type=click.IntRange(min=1),
    help="Steps of reasoning in a completion; they count where rollouts judge them.",
)  # fmt: skip
@click.option("--learner-tflops", type=float, help="What one learning device reaches; default: measured.")
@click.option("--sampler-tokens-per-second", type=float, help="Of one sampling device; default: measured.")
@click.option("--json", "as_json", is_flag=True)
def plan_command(
    config: Path,
    overrides: tuple[str, ...],
    ranks: int,
    device_gib: float | None,
    prompt_tokens: int,
    completion_tokens: int | None,
    solution_steps: int,
    learner_tflops: float | None,
    sampler_tokens_per_second: float | None,
    as_json: bool,
) -> None:
    """Memory by part, every batch size with its unit, tokens, optimizer steps and time of a GRPO run."""
    from rl.grpo_config import GrpoConfig
    from rl.planning.plan import Asked, check_fits, plan_run

    settings = load_config(config, GrpoConfig, overrides)
    asked = Asked(
        ranks=ranks,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens or max(1, settings.sampling.max_tokens // 2),
        solution_steps=solution_steps,
        learner_tflops=learner_tflops,
        sampler_tokens=sampler_tokens_per_second,
    )
    plan = plan_run(settings, asked)
    if as_json:
        click.echo(json.dumps(asdict(plan), indent=1))
    else:
        _print(plan, Console())
    if device_gib is not None:
        check_fits(plan, device_gib)


def _print(plan: Plan, console: Console) -> None:
    for title, parts in (("learner, a device", plan.learner), ("sampler, a device", plan.sampler)):
        table = Table(title=f"{title}: {_gib(sum(part.bytes for part in parts))}", title_justify="left")
        for name in ("part", "memory", "when", "what"):
            table.add_column(name, justify="right" if name == "memory" else "left")
        for part in parts:
            table.add_row(part.name, _gib(part.bytes), _when(part), part.why)
        console.print(table)
    if plan.turns:
        turns = Table(title="one device by turns", title_justify="left", show_header=False)
        for name, count in plan.turns.items():
            turns.add_row(name, _gib(count))
        console.print(turns)
    sizes = Table(title="sizes", title_justify="left", show_header=False)
    for name, value in plan.sizes.items():
        sizes.add_row(name, f"{value:,}")
    console.print(sizes)
    times = Table(title=f"time, by {plan.rates.source}", title_justify="left", show_header=False)
    for name, seconds in plan.times.items():
        times.add_row(name, _duration(seconds))
    console.print(times)
    for note in plan.notes:
        console.print(note, markup=False)


def _when(part: Part) -> str:
    if not part.lasting:
        return "at the peak"
    return "always" if part.kept == part.bytes else "while learning"


def _gib(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**27 else f"{count / 2**20:.1f} MiB"


def _duration(seconds: float) -> str:
    from mathpipe.inspect.figures import duration

    return duration(seconds)
