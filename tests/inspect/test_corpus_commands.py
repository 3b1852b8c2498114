"""`mathpipe datasheet` and `mathpipe export-corpus` as a person types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mathpipe.cli import cli
from mathpipe.core.errors import InputError
from tests.inspect.corpus_run import write_corpus
from tests.inspect.small_run import write_run


def typed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_the_datasheet_command_says_where_both_files_are(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    assert typed("datasheet", run).output == f"sheet:  {run}/datasheet.html\njson:   {run}/datasheet.json\n"
    assert (run / "datasheet.html").is_file()


def test_the_export_command_says_what_it_wrote(tmp_path: Path) -> None:
    run, out = write_corpus(tmp_path / "run"), tmp_path / "out"
    done = typed("export-corpus", run, out)
    assert done.output == f"corpus:  {out} (3 pages, 2 problems, 0.0 MB)\n"
    assert typed("export-corpus", run, out, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("datasheet", "none"), "not a run folder"),
        (("datasheet", "unfinished"), "it never finished"),
        (("export-corpus", "unfinished", "out"), "it never finished"),
        (("export-corpus", "run", "run"), "an empty folder"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    write_corpus(tmp_path / "run")
    write_run(tmp_path / "unfinished")
    done = typed(arguments[0], *(tmp_path / name for name in arguments[1:]))
    assert isinstance(done.exception, InputError)
    assert words in str(done.exception)
    assert "\n" not in str(done.exception)


@pytest.mark.parametrize("command", ["datasheet", "export-corpus"])
def test_both_have_help_with_an_example(command: str) -> None:
    assert f"Example: mathpipe {command} data/runs/demo" in typed(command, "--help").output
