import json

from mathpipe.core.metrics import Failure, JsonLines, Ledger, now, read_json_lines


def test_rows_come_back_in_order_with_the_time_first(tmp_path):
    lines = JsonLines(tmp_path / "m.jsonl")
    lines.write(event="a", rows=1)
    lines.write(event="b", text="∑")
    text = (tmp_path / "m.jsonl").read_text(encoding="utf-8")
    assert "∑" in text
    assert text.startswith('{"time": "20')
    assert [(row["event"], row.get("rows"), row.get("text")) for row in read_json_lines(tmp_path / "m.jsonl")] == [
        ("a", 1, None),
        ("b", None, "∑"),
    ]


def test_a_line_torn_inside_a_letter_costs_itself_only(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes('{"event": "a"}\n{"event": "∑'.encode()[:-1])
    JsonLines(path).write(event="b")
    assert [row["event"] for row in read_json_lines(path)] == ["a", "b"]
    assert len(path.read_bytes().splitlines()) == 3


def test_an_empty_file_gets_no_blank_line(tmp_path):
    (tmp_path / "m.jsonl").touch()
    JsonLines(tmp_path / "m.jsonl").write(event="a")
    assert (tmp_path / "m.jsonl").read_text().startswith("{")


def test_a_file_of_any_size_is_gone_on_with_without_being_read(tmp_path):
    path = tmp_path / "m.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse; no memory holds it

    JsonLines(path)
    assert path.stat().st_size == 2**40 + 1  # its last byte was no newline


def test_lines_that_are_no_objects_are_left_out_and_a_missing_file_is_empty(tmp_path):
    (tmp_path / "m.jsonl").write_text('1\n[2]\n\nnull\n{"event": "a"}\n')
    assert read_json_lines(tmp_path / "m.jsonl") == [{"event": "a"}]
    assert read_json_lines(tmp_path / "none.jsonl") == []


def test_the_ledger_keeps_what_utf8_cannot_hold(tmp_path):
    failure = Failure("crawl", 3, "id", "https://x.example/\ud800", "ValueError", "m", "t")
    Ledger(tmp_path / "ledger.jsonl").add(failure)
    row = json.loads((tmp_path / "ledger.jsonl").read_text(encoding="utf-8"))
    del row["time"]
    assert row == {
        "step": "crawl", "shard": 3, "record_id": "id", "url": "https://x.example/\ud800", "reason": "ValueError",
        "message": "m", "traceback": "t",
    }  # fmt: skip


def test_now_is_utc_to_the_millisecond():
    assert now().endswith("+00:00")
    assert len(now()) == len("2026-01-01T00:00:00.000+00:00")
