"""`inspect` as a person sees it: on a terminal, and piped."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.inspect.terminal import inspect_shards, written
from tests.inspect.small_run import GAUSS, HOSTILE


def piped(path: Path, **asked: object) -> list[str]:
    console = Console(file=io.StringIO(), width=40)
    inspect_shards([str(path)], console=console, **asked)  # type: ignore[arg-type]
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def on_terminal(path: Path, width: int = 120, **asked: object) -> list[str]:
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=width)
    inspect_shards([str(path)], console=console, **asked)  # type: ignore[arg-type]
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_piped_output_is_tab_separated_and_in_full(run: Path) -> None:
    lines = piped(run)
    assert lines[1].split("\t") == ["#", "score", "lang", "formulas", "length", "title", "url"]
    assert lines[2].split("\t") == ["0", "0.97", "en", "2", str(len(GAUSS.text)), "Title of /gauss", GAUSS.url]
    assert len(lines) == 5


def test_the_summary_comes_first(run: Path) -> None:
    assert piped(run)[0].startswith("3 rows in 2 shards · ")
    assert " · 3 hosts · columns record_id, url, host, title, text" in piped(run)[0]


def test_a_terminal_gets_a_table_that_fits(run: Path) -> None:
    lines = on_terminal(run, width=60)
    assert max(map(len, lines)) <= 60
    head = next(line for line in lines if line.split()[:2] == ["#", "score"])
    assert head.split() == ["#", "score", "lang", "formulas", "length", "title", "url"]
    assert any("…" in line for line in lines)


def test_hostile_text_neither_colours_nor_moves_the_cursor(run: Path) -> None:
    for lines in (
        piped(run, record=HOSTILE.record_id),
        on_terminal(run, search="esrever"),
        piped(run, columns=["text"]),
    ):
        text = "\n".join(lines)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[bold red]markup[/]" in text


def test_the_limit_is_told(run: Path) -> None:
    lines = piped(run, limit=1)
    assert lines[-1] == "1 of 3 rows; --limit shows more"
    assert len(lines) == 4


def test_a_search_shows_what_matched(run: Path) -> None:
    lines = piped(run, search="bounded SEQUENCE")
    assert lines[1].endswith("\tmatch")
    assert lines[2].endswith("\tEvery bounded sequence has a convergent subsequence.")
    assert lines[-1] == "1 match"


def test_a_search_on_a_terminal_shows_the_text_around(run: Path) -> None:
    lines = on_terminal(run, search="bounded sequence")
    assert any(line.strip() == "text: …Every bounded sequence has a convergent subsequence.…" for line in lines)


def test_a_search_between_slashes_is_a_regular_expression(run: Path) -> None:
    assert piped(run, search="/^every.*subseq/")[-1] == "1 match"
    assert piped(run, search="^every.*subseq")[-1] == "0 matches"


def test_a_condition_tells_how_many_it_let_through(run: Path) -> None:
    assert piped(run, where="math_score > 0.7", limit=1)[-1] == "2 matches, 1 shown"


def test_rows_are_sorted_by_any_column(run: Path) -> None:
    lines = piped(run, sort="math_score", columns=["math_score"])
    assert [line.split("\t")[1] for line in lines[2:]] == ["0.51", "0.75", "0.97"]


def test_one_record_is_shown_in_full(run: Path) -> None:
    lines = piped(run, record="0")
    assert lines[:3] == ["Title of /gauss", GAUSS.url, "row\t0"]
    assert "warc\tcrawl-0.warc.gz" in lines
    assert "math_score\t0.97" in lines
    assert "emitted of found\ttex-delimiters 2 of 3" in lines
    assert "2 formulas, 1 display" in lines
    assert "  inline  tex-delimiters     x" in lines
    assert lines[-1] == "$$\\int e^{-x^2}\\,dx$$ . It costs \\$5."


def test_one_record_is_shown_on_a_terminal(run: Path) -> None:
    lines = on_terminal(run, record=GAUSS.record_id[:8])
    assert lines[0] == "Title of /gauss"
    assert any(line.split() == ["language", "en"] for line in lines)


def test_records_of_another_kind_are_shown_as_they_are(run: Path) -> None:
    lines = piped(run / "steps" / "quality" / "drops-00001.parquet")
    assert lines[1].split("\t") == ["#", "record_id", "reason", "url", "detail"]
    assert lines[2].split("\t")[2:] == ["too-short", "https://a.example/short", "1 word"]


def test_a_record_without_text_has_its_number_for_a_title(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [7]}), tmp_path / "x.parquet")
    assert piped(tmp_path, record="0")[0] == "record 0"


def test_an_empty_table_is_no_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": pa.array([], pa.int64())}), tmp_path / "x.parquet")
    assert piped(tmp_path)[1:] == ["#\tn"]
    assert on_terminal(tmp_path)[0].startswith("0 rows in 1 shard")


def test_a_missing_path_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no Parquet shards there"):
        piped(tmp_path / "none")


@pytest.mark.parametrize(
    ("value", "cell"), [(None, ""), (0.123456, "0.1235"), (3, "3"), ("a\tb\n", "a b"), ([1], "[1]")]
)
def test_a_cell_is_one_safe_line(value: object, cell: str) -> None:
    assert written(value) == cell
