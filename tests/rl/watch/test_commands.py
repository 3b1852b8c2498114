"""`mathpipe report` for GRPO runs, and the report that a run writes."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from mathpipe.cli import cli
from mathpipe.core.errors import InputError
from rl.grpo_command import renew_report
from tests.inspect.small_run import write_run as write_pipeline_run
from tests.rl.watch.runs_at_hand import whole_run, write_run


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])


def test_a_grpo_run_is_known_by_its_journal(tmp_path: Path) -> None:
    folder = whole_run(tmp_path / "little")
    assert invoke(folder).output == f"report:  {folder / 'report.html'}\n"
    assert "mathpipe GRPO run" in (folder / "report.html").read_text()


def test_a_run_of_the_pipeline_has_its_own_report(tmp_path: Path) -> None:
    folder = write_pipeline_run(tmp_path / "small")
    assert invoke(folder).exit_code == 0
    assert "mathpipe run report" in (folder / "report.html").read_text()


def test_several_runs_are_compared_beside_the_first(tmp_path: Path) -> None:
    folders = [whole_run(tmp_path / "a"), whole_run(tmp_path / "b")]
    assert invoke(*folders).output == f"comparison:  {tmp_path / 'comparison.html'}\n"
    assert invoke(*folders, "--output", tmp_path / "x.html").output == f"comparison:  {tmp_path / 'x.html'}\n"


def test_what_is_no_grpo_run_is_not_compared(tmp_path: Path) -> None:
    folders = [whole_run(tmp_path / "a"), write_pipeline_run(tmp_path / "small")]
    assert isinstance(invoke(*folders).exception, InputError)
    assert isinstance(invoke(folders[0], "--output", tmp_path / "x.html").exception, InputError)


def test_a_run_goes_on_where_no_report_can_be_written(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [])
    said: list[object] = []
    renew_report(folder, said.append)
    assert (folder / "report.html").is_file()
    assert said == []
    (folder / "config.json").write_text("{")
    renew_report(folder, said.append)
    assert len(said) == 1
    assert str(said[0]).startswith("no report was written: ")


def test_a_report_needs_a_run() -> None:
    assert CliRunner().invoke(cli, ["report"]).exit_code == 2
