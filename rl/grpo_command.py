"""`mathpipe grpo CONFIG`: a run from its configuration, or the rest of one that was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import click

from mathpipe.core.config import load_config
from mathpipe.core.errors import ConfigError


@click.command(name="grpo", epilog="Example: mathpipe grpo configs/tiny-grpo.yaml --set steps=40")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--set", "overrides", multiple=True, metavar="A.B=VALUE", help="Override one value; repeatable.")
def grpo_command(config: Path, overrides: tuple[str, ...]) -> None:
    """Train a policy with GRPO on problems that verifiers judge; run again and it goes on where it was stopped."""
    from rl.grpo_config import GrpoConfig
    from rl.trainer import Trainer

    settings = load_config(config, GrpoConfig, overrides)
    keep_settings(settings.folder, json.loads(settings.model_dump_json()))
    with Trainer(settings, say=click.echo, watch=lambda line: click.echo(_short(line))) as trainer:
        trainer.run()
    click.echo(f"policy:   {settings.folder / 'policy'}")
    click.echo(f"journal:  {settings.folder / 'journal.jsonl'}")
    click.echo(f"samples:  {settings.folder / 'samples'}")


# What may change when a run goes on: how long it is, how it is watched, where it computes.
_FREE = {"steps", "checkpoint", "workers", "pool", "guards", "evaluation", "output"}


def keep_settings(folder: Path, values: dict[str, object]) -> None:
    """Write the run's settings beside it; refuse to go on with others. Raises `ConfigError` naming the first one."""
    path = folder / "config.json"
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        for key in sorted((set(values) | set(before)) - _FREE):
            if values.get(key) != before.get(key):
                raise ConfigError(
                    f"{folder}: {key}",
                    f"the run's own value {before.get(key)!r}, not {values.get(key)!r}",
                    "give the run another name, or delete its folder",
                )
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")


def _short(line: object) -> str:
    from rl.journal import JournalLine

    if not isinstance(line, JournalLine):
        return ""
    record, times = line.record, line.times
    held_out = "" if record.held_out is None else f"  held-out {record.held_out.pass_at_1:.3f}"
    return (
        f"step {record.step}: reward {record.reward_mean:.3f}  right {record.pass_rate:.3f}"
        f"  kept {record.groups_kept}  entropy {record.entropy:.3f}  length {record.length_mean:.0f}"
        f"  gap {record.sampler_gap:.1e}  {times.tokens_per_second:.0f} tokens/s  {times.step:.1f} s{held_out}"
    )
