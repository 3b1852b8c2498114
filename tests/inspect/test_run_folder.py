"""A run folder read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.manifest import Manifest
from mathpipe.core.records import Page
from mathpipe.core.store import write_records
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder, elapsed_seconds, read_json_lines
from tests.inspect.small_run import POISON_ID


def test_steps_come_in_the_order_in_which_they_ran(run: Path) -> None:
    assert RunFolder(run).steps() == [*DEFAULT_FUNNEL, "certificate"]


def test_a_run_says_what_it_was(run: Path) -> None:
    info = RunFolder(run).info()
    assert (info.name, info.mode, info.workers, info.wall_seconds) == ("small <run>", "inline", 2, 90.0)


def test_a_run_without_run_json_has_the_name_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "nightly" / "steps").mkdir(parents=True)
    info = RunFolder(tmp_path / "nightly").info()
    assert (info.name, info.wall_seconds, info.config) == ("nightly", None, {})


def test_a_step_is_the_sum_of_its_shards(run: Path) -> None:
    crawl = RunFolder(run).step_work()[0]
    assert (crawl.name, crawl.shards, crawl.rows_in, crawl.rows_out) == ("crawl", 2, 10, 8)
    assert (crawl.dropped, crawl.dropped_rows, crawl.quarantined) == ({"no-math-seen": 1}, 1, 1)
    assert (crawl.seconds, crawl.bytes_in, crawl.peak_rss_bytes) == (1.0, 2_000_000, 100_000_001)


def test_a_shard_that_no_manifest_names_is_not_read(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    write_records(copy / "steps" / "curate" / "shard-00007.parquet", [], Page)
    assert [file.name for file in RunFolder(copy).shards("curate")] == ["shard-00000.parquet", "shard-00001.parquet"]


def test_a_voided_shard_is_not_read(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    Manifest(copy / "steps" / "curate").void(0)
    assert [file.name for file in RunFolder(copy).shards("curate")] == ["shard-00001.parquet"]


def test_a_finish_without_a_start_is_no_wall_clock_time(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    before = RunFolder(copy).step_work()[0].wall_seconds
    with (copy / "metrics.jsonl").open("a") as events:  # resumed a year later: the step had nothing to do
        events.write(
            json.dumps({"time": "2099-01-01T00:00:00+00:00", "event": "step_finished", "step": "crawl"}) + "\n"
        )
    assert RunFolder(copy).step_work()[0].wall_seconds == before


def test_the_ledger_keeps_the_first_and_counts_all(run: Path) -> None:
    ledger = RunFolder(run).ledger(limit=0)
    assert (ledger.total, ledger.first, ledger.by_reason) == (1, (), {"quarantined": 1})
    first = RunFolder(run).ledger(limit=5).first[0]
    assert (first.record_id, first.step, first.shard) == (POISON_ID, "crawl", "0")


def test_lines_that_are_not_whole_objects_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"a": 1}\n\n[1]\n' + "[" * 100_000 + '\n{"b": 2}\n{"torn": ')
    assert list(read_json_lines(path)) == [{"a": 1}, {"b": 2}]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert list(read_json_lines(tmp_path / "none.jsonl")) == []


def test_a_folder_that_is_no_run_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run folder"):
        RunFolder(tmp_path)


def test_a_broken_run_json_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json"):
        RunFolder(tmp_path).info()


@pytest.mark.parametrize(
    ("started", "finished"), [("", ""), ("2024-01-01T00:00:00", "2024-01-01T00:00:01+00:00"), ("x", "y")]
)
def test_times_that_cannot_be_compared_have_no_difference(started: str, finished: str) -> None:
    assert elapsed_seconds(started, finished) is None
