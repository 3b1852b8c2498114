"""`mathpipe verify`: files, audits and configurations from the command line."""

import json

import pytest
from click.testing import CliRunner

from mathpipe.cli import cli


@pytest.fixture
def folder(tmp_path):
    for name, shift in (("a", 0), ("b", 1)):
        rows = [{"gold": str(n), "pred": rf"\boxed{{{n + shift * (n % 2)}}}"} for n in range(40)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_the_command_judges_a_file(folder):
    result = CliRunner().invoke(cli, ["verify", str(folder / "b.jsonl"), "--workers", "1", "--set", "pool.seconds=5"])
    assert result.exit_code == 0, result.output
    assert "correct 50.00%" in result.output
    assert "b.verdicts.jsonl" in result.output
    assert (folder / "b.verdicts.jsonl").is_file()


def test_the_command_audits_a_file(folder):
    result = CliRunner().invoke(cli, ["verify", str(folder / "b.jsonl"), "--audit", "--rules", "ours,exact"])
    assert result.exit_code == 0, result.output
    assert "50.00%" in result.output
    assert "b.audit.jsonl" in result.output


def test_the_command_runs_a_configuration(folder):
    path = folder / "verify.yaml"
    path.write_text(f"name: v\noutput: {folder}/runs\nsources: ['{folder}/a.jsonl']\nrunner: {{mode: inline}}\n")
    result = CliRunner().invoke(cli, ["verify", str(path)])
    assert result.exit_code == 0, result.output
    assert (folder / "runs" / "v" / "steps" / "verify" / "shard-00000.parquet").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reference", "golf"], "did you mean --reference gold"),
        (["--set", "pool.second=5"], "did you mean 'seconds'"),
        (["--audit", "--rules", "mine"], "rule 'mine'"),
    ],
)
def test_bad_input_is_one_clear_error(folder, arguments, message):
    result = CliRunner().invoke(cli, ["verify", str(folder / "a.jsonl"), *arguments])
    assert result.exit_code != 0
    assert message in str(result.exception)
