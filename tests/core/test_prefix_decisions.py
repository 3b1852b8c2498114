import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import (
    Decision,
    append_decision,
    decision_for,
    normal_prefix,
    read_decisions,
    read_lines,
)

A = "https://a.example/"


def test_the_last_line_for_a_prefix_counts(tmp_path: Path) -> None:
    path = tmp_path / "prefixes.jsonl"
    append_decision(path, A, Decision.ACCEPT, "browser")
    append_decision(path, A + "news/", Decision.REFUSE, "browser")
    append_decision(path, A, Decision.REFUSE, "someone")
    assert read_decisions(path) == {A: Decision.REFUSE, A + "news/": Decision.REFUSE}
    assert [(line.decision, line.by) for line in read_lines(path)] == [
        ("accept", "browser"),
        ("refuse", "browser"),
        ("refuse", "someone"),
    ]


def test_a_line_has_the_four_fields_and_a_time_in_utc(tmp_path: Path) -> None:
    path = tmp_path / "prefixes.jsonl"
    append_decision(path, "HTTPS://A.Example/Path/", Decision.ACCEPT, "browser")
    row = json.loads(path.read_text())
    assert row.pop("time").endswith("+00:00")
    assert row == {"prefix": "https://a.example/Path/", "decision": "accept", "by": "browser"}


def test_no_file_means_no_decisions(tmp_path: Path) -> None:
    assert read_decisions(tmp_path / "none.jsonl") == {}


def test_a_half_written_last_line_is_passed_over_and_spoils_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "prefixes.jsonl"
    append_decision(path, A, Decision.ACCEPT, "browser")
    with path.open("ab") as file:
        file.write(b'{"prefix": "https://b.exam')
    assert read_decisions(path) == {A: Decision.ACCEPT}
    append_decision(path, "https://c.example/", Decision.REFUSE, "browser")
    assert read_decisions(path) == {A: Decision.ACCEPT, "https://c.example/": Decision.REFUSE}


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        "1e999",
        '{"prefix": 3, "decision": "accept"}',
        '{"prefix": "https://x.example/"}',
        '{"prefix": "https://x.example/", "decision": "maybe"}',
        '{"prefix": "https://x.example/", "decision": ["accept"]}',
        '{"prefix": "javascript:alert(1)/", "decision": "accept"}',
        "[" * 100_000,
        "\x00",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_foreign_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    path = tmp_path / "prefixes.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    append_decision(path, A, Decision.ACCEPT, "browser")
    assert read_decisions(path) == {A: Decision.ACCEPT}


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "a.example/",
        "https://a.example/path",
        "https:///path/",
        "ftp://a.example/",
        "javascript:alert(1)//x/",
        "https://a.example/?q=/",
        "https://a.example/#/",
        "https://a.example/a b/",
        "https://a.example/a\nb/",
        "https://user@a.example/",
        "https://a.example\\b/",
        "https://a.example/\u202e/",
        "https://a.example/\x00/",
        "https://[::1/",
        "https://a.example/\ud800/",
        "https://a.example/" + "x" * 2_000 + "/",
    ],
)
def test_what_is_no_prefix_is_refused_and_not_written(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(InputError, match="such as https://host/path/"):
        append_decision(tmp_path / "prefixes.jsonl", prefix, Decision.ACCEPT, "browser")
    assert not (tmp_path / "prefixes.jsonl").exists()


def test_a_folder_in_the_files_place_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="directory"):
        read_decisions(tmp_path)
    with pytest.raises(InputError, match="directory"):
        append_decision(tmp_path, A, Decision.ACCEPT, "browser")


def test_the_longest_prefix_of_an_address_decides() -> None:
    decisions = {A: Decision.REFUSE, A + "wiki/": Decision.ACCEPT}
    assert decision_for("https://a.example/wiki/Prime", decisions) is Decision.ACCEPT
    assert decision_for("https://A.example/wiki/a/b?c=/d", decisions) is Decision.ACCEPT
    assert decision_for("https://a.example/wikipedia", decisions) is Decision.REFUSE
    assert decision_for("https://a.example", decisions) is Decision.REFUSE
    assert decision_for("https://a.example?x=/wiki/", decisions) is Decision.REFUSE
    assert decision_for("https://b.a.example/wiki/", decisions) is None
    assert decision_for("http://a.example/wiki/", decisions) is None
    assert decision_for("", decisions) is None


def test_an_address_of_very_many_folders_costs_no_more_than_a_long_one() -> None:
    asked: list[str] = []

    class Asked(dict[str, Decision]):
        def get(self, key: str, default: object = None) -> None:  # type: ignore[override]
            asked.append(key)

    assert decision_for(A + "x/" * 50_000, Asked()) is None
    assert max(map(len, asked)) <= 2_000  # no longer one can have been decided on
    assert asked[-1] == A


def _append_many(path: Path, name: str) -> None:
    for number in range(40):
        append_decision(path, f"https://{name}.example/{number}/", Decision.ACCEPT, name)


def test_two_processes_that_write_at_once_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "prefixes.jsonl"
    writers = [multiprocessing.Process(target=_append_many, args=(path, name)) for name in ("one", "two")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(read_lines(path)) == len(read_decisions(path)) == 80


@given(st.text(max_size=60))
def test_any_text_is_a_prefix_or_a_clear_error(text: str) -> None:
    try:
        normal = normal_prefix("https://" + text)
    except InputError:
        return
    assert normal_prefix(normal) == normal
    assert normal.endswith("/")
    assert json.loads(json.dumps(normal)) == normal
