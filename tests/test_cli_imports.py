"""What `mathpipe COMMAND` loads before it knows which command: no engine, no reader of shards, no stage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from mathpipe.cli import cli, inspect_command
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL
from mathpipe.inspect.solution_records import Look
from mathpipe.pipeline import FUNNEL

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("ray", "torch", "transformers", "scipy", "numpy", "pyarrow", "duckdb", "fasttext", "sympy", "selectolax")
ELSEWHERE = ("doctor", "eval", "export", "grpo", "iterate", "parity", "plan", "recall")


def loaded_by(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after the statement."""
    told = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(told.stdout.split())


def test_the_command_line_alone_loads_nothing_heavy() -> None:
    assert loaded_by("import mathpipe.cli") & {*HEAVY, "crawl", "filters", "verify", "rl"} == set()


def test_the_browser_loads_no_stage_and_no_engine() -> None:
    statement = "import mathpipe.cli, mathpipe.inspect.browser"
    assert loaded_by(statement) & {"ray", "torch", "scipy", "crawl", "filters", "verify", "rl"} == set()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_command_of_another_file_is_found_and_listed_by_its_own_name(name: str) -> None:
    context = click.Context(cli)
    command = cli.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert name in cli.list_commands(context)


def test_what_is_no_command_is_none() -> None:
    assert cli.get_command(click.Context(cli), "nonsense") is None


def test_verdicts_offered_are_all_that_are_known() -> None:
    verdict = next(option for option in inspect_command.params if option.name == "verdict")
    assert isinstance(verdict.type, click.Choice)
    assert list(verdict.type.choices) == [look.value for look in Look]


def test_commands_that_look_into_a_run_take_the_steps_that_it_has() -> None:
    assert DEFAULT_FUNNEL == FUNNEL
