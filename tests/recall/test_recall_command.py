"""The command: its table, the line for the person who decides, and its errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from mathpipe.core.errors import ConfigError
from mathpipe.recall.command import recall_command
from tests.ray_head import ray_head
from tests.recall.small_web import loop_config, write_web

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_web(folder / "web")
    values = loop_config(folder / "web", folder / "out", report_folds=0).model_dump(mode="json")
    (folder / "recall.yaml").write_text(yaml.safe_dump(values))
    return folder / "recall.yaml"


def test_asked_it_says_which_file_to_edit_and_how_to_open_the_browser(config):
    result = CliRunner().invoke(recall_command, [str(config), "--set", "decide.by=ask"], catch_exceptions=False)
    file = config.parent / "out" / "loop" / "prefixes.jsonl"
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("waiting:")]
    assert f"decide on some of these in {file}" in line
    assert f"mathpipe inspect --serve {config.parent / 'out' / 'loop' / 'pages'} --decisions {file}" in line
    assert "https://analysis.example/questions/" in result.stdout


def test_by_the_rule_it_prints_a_row_a_round_and_why_it_ended(config):
    result = CliRunner().invoke(recall_command, [str(config)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "round-01: " in result.stdout
    assert "round-02: " in result.stdout
    assert "was collected the round before" in result.stdout
    assert (config.parent / "out" / "loop" / "round-02" / "domains.parquet").is_file()


@pytest.mark.slow
def test_submitted_to_a_ray_head_it_ends_as_it_does_here(config, tmp_path):
    with ray_head() as address:
        submitted = ["--submit", address, "--set", f"output={tmp_path}", "--set", "runner.mode=ray"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "mathpipe.cli", "recall", str(config), *submitted]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCEEDED" in done.stdout
    here = CliRunner().invoke(recall_command, [str(config)], catch_exceptions=False)
    (end,) = [line for line in here.stdout.splitlines() if line.startswith("ended:")]
    assert end in done.stdout
    for name in ("round-01", "round-02"):
        row, other = (json.loads((out / "loop" / name / "round.json").read_text()) | {"core_seconds": 0}
                      for out in (config.parent / "out", tmp_path))  # fmt: skip
        assert row == other


def test_an_unknown_key_is_named_before_anything_runs(config):
    with pytest.raises(ConfigError, match=r"decide\.auto_shares"):
        CliRunner().invoke(recall_command, [str(config), "--set", "decide.auto_shares=1"], catch_exceptions=False)
