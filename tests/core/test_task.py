from dataclasses import replace
from pathlib import Path

import pytest

from mathpipe.core.errors import CorruptShardError, StageError
from mathpipe.core.feed import Mark
from mathpipe.core.records import Drop
from mathpipe.core.store import digest_file, read_records, write_records
from mathpipe.core.task import Task, TaskInput, run_task
from tests.core.toy import (
    AddSum,
    FindsRot,
    Forgetful,
    Number,
    Renames,
    Stumbles,
    Sum,
    Times,
    Total,
    ToyConfig,
    read_numbers,
    read_twins,
    read_with_surrogates,
    write_sources,
)


def _task(tmp_path: Path, stage=Times, **values: object) -> Task:
    (tmp_path / "step" / ".tmp").mkdir(parents=True, exist_ok=True)
    (source,) = write_sources(tmp_path / "in", shards=1, numbers=6)
    return Task(
        step="times",
        shard=0,
        shard_count=1,
        key="k",
        folder=tmp_path / "step",
        stage=stage,
        config=ToyConfig.model_validate(values),
        inputs=(TaskInput(source),),
        takes=Number,
        makes=Number,
        reader=read_numbers,
    )


def _out(task: Task) -> list[int]:
    return [number.value for number in read_records(task.folder / "shard-00000.parquet", Number)]


def _drops(task: Task) -> list[tuple[str, str]]:
    return [(drop.record_id, drop.reason) for drop in read_records(task.folder / "drops-00000.parquet", Drop)]


def test_outputs_and_drops_are_published_and_counted(tmp_path):
    task = _task(tmp_path)
    entry = run_task(task).entry
    assert _out(task) == [0, 4, 8]
    assert _drops(task) == [("n0-1", "odd"), ("n0-3", "odd"), ("n0-5", "odd")]
    assert (entry.rows_in, entry.rows_out, entry.dropped, entry.quarantined) == (6, 3, {"odd": 3}, 0)
    assert [output.path for output in entry.outputs] == ["shard-00000.parquet", "drops-00000.parquet"]


@pytest.mark.parametrize("batch", [1, 4, 100])
def test_a_poison_record_is_quarantined_and_the_rest_go_on(tmp_path, batch):
    task = _task(tmp_path, poison="n0-2", batch=batch)
    result = run_task(task)
    assert _out(task) == [0, 8]
    assert ("n0-2", "quarantined") in _drops(task)
    (failure,) = result.failures
    assert (failure.record_id, failure.reason, failure.message) == ("n0-2", "ValueError", "poison")
    assert "_grief" in failure.traceback
    assert result.entry.rows_in == 6 == result.entry.rows_out + 3 + result.entry.quarantined


@pytest.mark.parametrize("batch", [1, 4])
def test_record_by_record_gives_what_batches_give(tmp_path, batch):
    task = _task(tmp_path, batch=batch)
    run_task(task)
    together = _out(task)
    run_task(replace(task, one_by_one=True))
    assert _out(task) == together


def test_a_skipped_record_is_a_failure_row_not_a_loss(tmp_path):
    task = replace(_task(tmp_path), skip={"n0-2": "timeout"})
    result = run_task(task)
    assert _out(task) == [0, 8]
    assert [(failure.record_id, failure.reason) for failure in result.failures] == [("n0-2", "timeout")]


def test_a_stage_that_loses_records_fails_the_shard(tmp_path):
    with pytest.raises(StageError, match="6 records went in and 3 are accounted for; Forgetful.run must answer"):
        run_task(_task(tmp_path, stage=Forgetful))
    assert not (tmp_path / "step" / "shard-00000.parquet").exists()


def test_a_source_that_breaks_is_the_shards_failure_not_a_records(tmp_path):
    task = _task(tmp_path)
    Path(task.inputs[0].path).write_text("0 2 x")
    with pytest.raises(StageError, match="its input can be read to the end"):
        run_task(task)


def test_an_input_with_other_bytes_than_its_digest_is_refused(tmp_path):
    task = _task(tmp_path)
    source = tmp_path / "step0.parquet"
    write_records(source, [Number("a", "", 2)], Number)
    good = replace(task, reader=None, inputs=(TaskInput(str(source), digest_file(source)),))
    assert run_task(good).entry.rows_in == 1
    source.write_bytes(source.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptShardError, match="its manifest says"):
        run_task(good)
    source.unlink()
    with pytest.raises(CorruptShardError, match="missing"):
        run_task(good)


def test_files_beside_the_shard_are_published_with_it(tmp_path):
    result = run_task(replace(_task(tmp_path, stage=Sum), makes=Total))
    assert (tmp_path / "step" / "files-00000" / "sum.txt").read_text() == "15\n"
    assert "files-00000/sum.txt" in [output.path for output in result.entry.outputs]


def test_a_stage_that_cannot_be_built_is_an_error_with_step_shard_and_cause(tmp_path):
    task = replace(_task(tmp_path, stage=AddSum), shard=3)
    with pytest.raises(StageError, match=r"step times, shard 3: the stage finishes \(KeyError: 'sum'\)") as caught:
        run_task(task)
    assert caught.value.shard == 3
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_poison_record_that_comes_twice_costs_two_rows_and_no_other(tmp_path):
    task = replace(_task(tmp_path, poison="n0-2", batch=5), reader=read_twins)
    entry = run_task(task).entry
    assert _out(task) == [0, 0, 8, 8]
    assert (entry.rows_in, entry.quarantined, entry.dropped) == (12, 2, {"odd": 6})


def test_an_answer_under_another_id_fails_the_shard_at_once(tmp_path):
    with pytest.raises(StageError, match="each record is answered once, under its own id \\('new-n0-0'"):
        run_task(_task(tmp_path, stage=Renames))


def test_a_stage_that_raises_after_its_last_answer_blames_no_record(tmp_path):
    with pytest.raises(StageError, match="the stage works outside its records .OSError: no such model"):
        run_task(_task(tmp_path, stage=Stumbles))


def test_rot_that_a_stage_meets_is_not_its_records_fault(tmp_path):
    with pytest.raises(CorruptShardError, match="side-of-n0-0"):
        run_task(_task(tmp_path, stage=FindsRot))


def test_more_failures_than_allowed_stop_the_shard_and_name_the_last(tmp_path):
    task = replace(_task(tmp_path, poison="all"), max_quarantined=3)
    with pytest.raises(StageError, match=r"at most 3 of its records fail \(the last: ValueError: poison\)") as caught:
        run_task(task)
    assert isinstance(caught.value.__cause__, ValueError)
    assert run_task(replace(task, max_quarantined=6)).entry.quarantined == 6


def test_a_stage_that_fails_on_every_record_does_not_work(tmp_path):
    task = _task(tmp_path, poison="all")
    Path(task.inputs[0].path).write_text(" ".join("2" * 10))
    with pytest.raises(StageError, match="some of its 10 records go through .all failed, the last: ValueError"):
        run_task(task)


def test_an_output_that_arrow_cannot_hold_costs_its_record_only(tmp_path):
    task = _task(tmp_path, factor=2**62)  # twice that is more than 64 bits
    result = run_task(task)
    assert _out(task) == [0]
    assert [(failure.record_id, failure.reason) for failure in result.failures] == [
        ("n0-2", "OverflowError"),
        ("n0-4", "OverflowError"),
    ]
    assert ("n0-4", "quarantined") in _drops(task)


def test_text_that_utf8_cannot_hold_costs_its_record_and_drops_keep_what_can_be_read(tmp_path):
    task = replace(_task(tmp_path), reader=read_with_surrogates)
    result = run_task(task)
    assert [(failure.record_id, failure.url, failure.reason) for failure in result.failures] == [
        (f"n0-{index}", f"https://toy.example/n0-{index}?", "UnicodeEncodeError") for index in (0, 2, 4)
    ]
    drops = list(read_records(task.folder / "drops-00000.parquet", Drop))
    assert drops[0] == Drop("n0-1", "odd", "https://toy.example/n0-1?")
    assert result.entry.dropped == {"odd": 3}


def test_a_side_is_checked_before_the_stage_looks_at_it(tmp_path):
    side = tmp_path / "sum.txt"
    side.write_text("15")
    task = replace(_task(tmp_path), side_files=(TaskInput(str(side), digest_file(side)),))
    assert run_task(task).entry.rows_out == 3
    side.write_text("16")
    with pytest.raises(CorruptShardError, match=r"sum\.txt: its bytes digest to"):
        run_task(task)


@pytest.mark.parametrize("stage", [Times, Sum])
def test_the_mark_is_blank_once_the_last_record_is_done(tmp_path, stage):
    run_task(replace(_task(tmp_path, stage=stage), makes=Number if stage is Times else Total))
    assert Mark.path_of(tmp_path / "step", 0).exists()
    assert Mark.read(Mark.path_of(tmp_path / "step", 0)) == ("", "")


def test_the_mark_names_the_last_record_only(tmp_path):
    mark = Mark(tmp_path / "at")
    mark.at(Number("a" * 32, "https://long.example/\ud800" + "x" * 500, 1))
    mark.at(Number("b" * 32, "https://b.example/", 2))
    mark.close()
    assert Mark.read(tmp_path / "at") == ("b" * 32, "https://b.example/")
    assert Mark.read(tmp_path / "none") == ("", "")


def test_no_temporary_files_stay_behind(tmp_path):
    task = _task(tmp_path)
    run_task(task)
    assert [path.name for path in (tmp_path / "step" / ".tmp").iterdir()] == ["at-00000"]


def test_a_file_that_is_both_read_and_looked_at_is_digested_once(tmp_path, monkeypatch):
    task = _task(tmp_path)
    shard = tmp_path / "numbers.parquet"
    write_records(shard, [Number("a", "", 2)], Number)
    seen = TaskInput(str(shard), digest_file(shard), 1)
    digested = []
    monkeypatch.setattr("mathpipe.core.task.digest_file", lambda path: digested.append(path) or digest_file(path))
    side = replace(seen, rows=0)
    run_task(replace(task, reader=None, inputs=(seen,), side_files=(side,)))
    assert digested == [shard]
