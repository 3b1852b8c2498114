import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError, StageError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.manifest import Manifest
from mathpipe.core.metrics import read_json_lines
from mathpipe.core.runner import Runner
from mathpipe.core.step import Files
from mathpipe.core.store import read_records
from tests.core.toy import Number, Total, ToyConfig, read_numbers, shard_bytes, toy_steps, write_sources

INLINE = RunnerConfig(mode=Mode.INLINE)


def _run(tmp_path, name="run", only=None, partitions=2, config=INLINE, sources=None, **values):
    paths = write_sources(tmp_path / "in") if sources is None else sources
    said: list[str] = []
    runner = Runner(tmp_path / name, toy_steps(paths, partitions, **values), config, said.append)
    return runner.run(ToyConfig(), only), said


def _values(tmp_path, step, name="run"):
    shards = sorted((tmp_path / name / "steps" / step).glob("shard-*.parquet"))
    return [record.value for shard in shards for record in read_records(shard, Number)]


def _unnamed(path):
    for index, number in enumerate(read_numbers(path)):
        yield Number(str(index), "", number.value)


def test_steps_run_in_order_and_sides_arrive(tmp_path):
    _run(tmp_path)
    doubled = [2 * (100 * shard + value) for shard in range(3) for value in range(0, 20, 2)]
    assert _values(tmp_path, "times") == doubled
    assert _values(tmp_path, "add") == [value + sum(doubled) for value in doubled]


def test_a_gather_step_sees_each_record_once_in_its_partition(tmp_path):
    _run(tmp_path, partitions=7)
    shards = sorted((tmp_path / "run" / "steps" / "sum").glob("shard-*.parquet"))
    totals = [total.value for shard in shards for total in read_records(shard, Total)]
    doubled = _values(tmp_path, "times")
    assert totals == [sum(value for value in doubled if value % 7 == part) for part in range(7)]


def test_a_second_run_makes_nothing(tmp_path):
    _run(tmp_path)
    before = shard_bytes(tmp_path / "run")
    summaries, _ = _run(tmp_path)
    assert [summary.made for summary in summaries] == [0, 0, 0, 0]
    assert shard_bytes(tmp_path / "run") == before


def test_a_changed_config_runs_its_step_and_what_depends_on_it(tmp_path):
    _run(tmp_path)
    summaries, _ = _run(tmp_path, factor=4)
    made = {summary.name: summary.made for summary in summaries}
    # The second partition holds nothing in either run: its inputs are the same, so it stays.
    assert made == {"times": 3, "sum-split": 3, "sum": 1, "add": 3}


def test_one_changed_source_runs_its_shard_again(tmp_path):
    paths = write_sources(tmp_path / "in")
    _run(tmp_path, sources=paths)
    (tmp_path / "in" / "n1.txt").write_text("2 4 6")
    summaries, _ = _run(tmp_path, sources=paths)
    assert summaries[0].made == 1
    assert _values(tmp_path, "times")[10:13] == [4, 8, 12]


def test_sources_that_are_gone_take_their_shards_along(tmp_path):
    paths = write_sources(tmp_path / "in")
    _run(tmp_path, sources=paths)
    summaries, _ = _run(tmp_path, sources=paths[:2])
    assert summaries[0].shards == 2
    assert not (tmp_path / "run" / "steps" / "times" / "shard-00002.parquet").exists()
    assert len(_values(tmp_path, "add")) == 20


def test_an_orphan_that_no_entry_names_goes_with_the_shards_that_are_too_many(tmp_path):
    paths = write_sources(tmp_path / "in", shards=4)
    _run(tmp_path, sources=paths)
    folder = tmp_path / "run" / "steps" / "times"
    lines = (folder / "manifest.jsonl").read_bytes().split(b"\n")
    (folder / "manifest.jsonl").write_bytes(b"\n".join(line for line in lines if b'"shard": 3,' not in line))
    _run(tmp_path, sources=paths[:3])
    assert sorted(path.name for path in folder.glob("*-0*")) == [
        f"{kind}-0000{shard}.parquet" for kind in ("drops", "shard") for shard in range(3)
    ]


def test_fewer_partitions_take_their_shards_files_and_split_along(tmp_path):
    _run(tmp_path, partitions=3)
    steps = tmp_path / "run" / "steps"
    assert (steps / "sum" / "files-00002" / "sum.txt").exists()
    _run(tmp_path, partitions=2)
    assert sorted(path.name for path in (steps / "sum").glob("files-*")) == ["files-00000", "files-00001"]
    _run(tmp_path, partitions=1)
    assert sorted(path.name for path in (steps / "sum").glob("files-*")) == ["files-00000"]
    assert not (steps / "sum-split").exists()
    _run(tmp_path, "fresh", partitions=1)
    assert shard_bytes(tmp_path / "run") == shard_bytes(tmp_path / "fresh")


def test_more_partitions_than_before_give_what_a_fresh_run_gives(tmp_path):
    _run(tmp_path, partitions=1)
    _run(tmp_path, partitions=5)
    _run(tmp_path, "fresh", partitions=5)
    assert shard_bytes(tmp_path / "run") == shard_bytes(tmp_path / "fresh")


def test_no_entry_vouches_for_a_shard_that_is_being_made_again(tmp_path):
    paths = write_sources(tmp_path / "in")
    _run(tmp_path, sources=paths)
    (tmp_path / "in" / "n1.txt").write_text("2 x")
    with pytest.raises(StageError, match="its input can be read to the end"):
        _run(tmp_path, sources=paths, factor=4)
    assert sorted(Manifest(tmp_path / "run" / "steps" / "times").entries) == [0, 2]
    (row,) = read_json_lines(tmp_path / "run" / "ledger.jsonl")
    assert (row["step"], row["shard"], row["reason"]) == ("times", 1, "StageError")
    assert "invalid literal for int" in str(row["traceback"])


def test_a_run_without_sources_or_records_ends_well(tmp_path):
    _run(tmp_path, "none", sources=[])
    assert shard_bytes(tmp_path / "none").keys() == {
        f"steps/sum/{name}"
        for part in ("00000", "00001")
        for name in (f"shard-{part}.parquet", f"drops-{part}.parquet", f"files-{part}/sum.txt")
    }
    (tmp_path / "void.txt").write_text("")
    summaries, _ = _run(tmp_path, "void", sources=[str(tmp_path / "void.txt")])
    assert [(summary.shards, summary.rows_in) for summary in summaries] == [(1, 0), (1, 0), (2, 0), (1, 0)]


def test_a_run_can_be_moved_linked_and_named_otherwise_and_makes_nothing_again(tmp_path, monkeypatch):
    _run(tmp_path, "здесь ∑")
    shutil.move(tmp_path / "здесь ∑", tmp_path / "there")
    shutil.move(tmp_path / "in", tmp_path / "sources")
    (tmp_path / "link").symlink_to("there")
    monkeypatch.chdir(tmp_path)
    relative = tuple(f"sources/n{shard}.txt" for shard in range(3))
    runner = Runner(Path("link"), toy_steps(relative), INLINE, print)
    assert [summary.made for summary in runner.run(ToyConfig())] == [0, 0, 0, 0]
    shutil.rmtree("there/steps/add")
    rot = tmp_path / "there" / "steps" / "sum" / "files-00001" / "sum.txt"
    rot.write_text("9" * len(rot.read_text()))
    assert [summary.made for summary in runner.run(ToyConfig())][-1] == 3


def test_a_file_name_that_is_not_unicode_is_a_source_like_any_other(tmp_path):
    write_sources(tmp_path / "in", shards=1)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/n\xff.txt")
    os.rename(tmp_path / "in" / "n0.txt", odd)  # noqa: PTH104
    steps = [replace(toy_steps(())[0], reads=Files((odd,), _unnamed))]
    for made in (1, 0):
        (summary,) = Runner(tmp_path / "run", steps, INLINE, print).run(ToyConfig())
        assert (summary.made, summary.rows_out) == (made, 10)


@pytest.mark.parametrize("damage", ["flip", "unlink"])
def test_a_rotten_file_beside_a_side_is_made_again_before_anyone_uses_it(tmp_path, damage):
    _run(tmp_path)
    expected = shard_bytes(tmp_path / "run")
    side = tmp_path / "run" / "steps" / "sum" / "files-00000" / "sum.txt"
    side.write_text("8" * len(side.read_text()))
    if damage == "unlink":
        side.unlink()
    shutil.rmtree(tmp_path / "run" / "steps" / "add")
    _, said = _run(tmp_path, only="add")
    assert "rebuilding" in said[0]
    assert "files-00000/sum.txt" in said[0]
    assert shard_bytes(tmp_path / "run") == expected


def test_a_step_alone_refuses_an_input_that_is_not_all_there(tmp_path):
    paths = write_sources(tmp_path / "in")
    _run(tmp_path, only="times", sources=paths[:2])
    with pytest.raises(InputError, match=r"the output of step times \(1 of its shards are missing\)"):
        _run(tmp_path, only="add", sources=paths)


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a folder that can be written .Not a directory.; give the run another"):
        _run(tmp_path, "file/run")


def test_a_source_that_is_gone_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt: a source file that can be read .No such file"):
        _run(tmp_path, sources=(str(tmp_path / "gone.txt"),))


def test_a_torn_event_costs_itself_and_no_other(tmp_path):
    _run(tmp_path)
    metrics = tmp_path / "run" / "metrics.jsonl"
    lines = metrics.read_bytes().splitlines(keepends=True)
    metrics.write_bytes(b"".join(lines) + '{"event": "→'.encode()[:-1])
    _run(tmp_path)
    events = read_json_lines(metrics)
    assert len(events) == len(lines) + 5  # four steps and the run finished
    assert events[len(lines)]["event"] == "step_finished"


def test_one_step_runs_alone_once_its_inputs_are_there(tmp_path):
    with pytest.raises(
        InputError,
        match="the output of step times .3 of its shards are missing.; run `mathpipe stage times CONFIG` first",
    ):
        _run(tmp_path, only="sum")
    _run(tmp_path, only="times")
    summaries, _ = _run(tmp_path, only="sum")
    assert [summary.name for summary in summaries] == ["sum-split", "sum"]
    with pytest.raises(InputError, match="one of times, sum, add"):
        _run(tmp_path, only="nonsense")


@pytest.mark.parametrize("damage", ["flip", "clip", "unlink"])
def test_a_rotten_intermediate_shard_is_rebuilt_and_named(tmp_path, damage):
    _run(tmp_path)
    before = shard_bytes(tmp_path / "run")
    shard = tmp_path / "run" / "steps" / "times" / "shard-00001.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 0xFF
    shard.write_bytes(data if damage == "flip" else data[:-7])
    if damage == "unlink":
        shard.unlink()
    shutil.rmtree(tmp_path / "run" / "steps" / "add")
    _, said = _run(tmp_path)
    assert shard_bytes(tmp_path / "run") == before
    if damage == "flip":  # a change of size or a missing file is seen before any reader meets it
        assert "shard-00001.parquet" in said[0]
        assert read_json_lines(tmp_path / "run" / "ledger.jsonl")[0]["reason"] == "CorruptShardError"


def test_two_drivers_do_not_share_a_run(tmp_path):
    runner = Runner(tmp_path / "run", toy_steps(write_sources(tmp_path / "in")), INLINE, print)
    (tmp_path / "run").mkdir()
    with runner._lock(), pytest.raises(InputError, match="no other process at work in it"):
        _run(tmp_path)


def test_metrics_and_provenance_are_written_as_the_run_goes(tmp_path):
    _run(tmp_path)
    events = read_json_lines(tmp_path / "run" / "metrics.jsonl")
    finished = [event for event in events if event["event"] == "shard_finished" and event["step"] == "times"]
    assert [(event["rows_in"], event["rows_out"], event["dropped"]) for event in finished] == [
        (20, 10, {"odd": 10})
    ] * 3
    assert events[-1]["event"] == "run_finished"
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert facts["finished"] is not None
    assert facts["mode"] == "inline"
    assert (tmp_path / "run" / "config.yaml").read_text().startswith("factor: 2")


def test_memory_is_stated_before_a_gather_step_and_refused_where_it_cannot_fit(tmp_path):
    _run(tmp_path)
    events = read_json_lines(tmp_path / "run" / "metrics.jsonl")
    stated = [event for event in events if event["event"] == "memory_stated"]
    assert [(event["step"], event["rows"], event["need_bytes"]) for event in stated] == [("sum", 30, 3000)]
    small = RunnerConfig(mode=Mode.INLINE, worker_memory_gb=1e-6)
    with pytest.raises(StageError, match="raise the step's partitions"):
        _run(tmp_path, "other", config=small)


def test_failures_land_in_the_ledger_with_record_url_and_traceback(tmp_path):
    _run(tmp_path, poison="n1-4")
    (row,) = read_json_lines(tmp_path / "run" / "ledger.jsonl")
    assert (row["step"], row["shard"], row["record_id"]) == ("times", 1, "n1-4")
    assert row["url"] == "https://toy.example/n1-4"
    assert "ValueError: poison" in str(row["traceback"])


def test_outputs_do_not_depend_on_where_the_run_lies(tmp_path):
    _run(tmp_path, "a")
    _run(tmp_path, "b")
    assert shard_bytes(tmp_path / "a") == shard_bytes(tmp_path / "b")
    assert os.listdir(tmp_path / "a") == os.listdir(tmp_path / "b")  # noqa: PTH208


def test_a_shard_of_very_many_inputs_names_the_first_and_counts_the_rest(tmp_path):
    run = tmp_path / "run"
    steps = toy_steps(write_sources(tmp_path / "in", shards=150, numbers=1), 1)
    Runner(run, steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig(), "times")
    Runner(run, steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig(), "sum")
    entry = Manifest(run / "steps" / "sum").entries[0]
    assert (entry.input_count, len(entry.inputs)) == (150, 100)
    assert [Path(path).name for path in entry.inputs[:2]] == ["shard-00000.parquet", "shard-00001.parquet"]
    assert Manifest(run / "steps" / "times").entries[7].input_count == 1
    (tmp_path / "in" / "n149.txt").write_text("2")  # one that the line does not name
    made = [summary.made for summary in Runner(run, steps, INLINE, print).run(ToyConfig())]
    assert made == [1, 1, 150]


def test_the_driver_states_memory_from_its_manifests_and_opens_no_shard(tmp_path, monkeypatch):
    Runner(tmp_path / "run", toy_steps(write_sources(tmp_path / "in")), INLINE, print).run(ToyConfig())
    parts = [
        output
        for entry in Manifest(tmp_path / "run" / "steps" / "sum-split").entries.values()
        for output in entry.outputs
        if output.path.startswith("files-")
    ]
    for part in parts:
        path = tmp_path / "run" / "steps" / "sum-split" / part.path
        assert part.rows == sum(1 for _ in read_records(path, Number))
    shutil.rmtree(tmp_path / "run" / "steps" / "sum")
    monkeypatch.setattr("pyarrow.parquet.read_metadata", None)  # an inline worker reads shards by ParquetFile
    Runner(tmp_path / "run", toy_steps(write_sources(tmp_path / "in")), INLINE, print).run(ToyConfig(), "sum")
    events = read_json_lines(tmp_path / "run" / "metrics.jsonl")
    assert [event["rows"] for event in events if event["event"] == "memory_stated"] == [30, 30]
