from dataclasses import replace
from pathlib import Path

import pytest

from mathpipe.core.errors import CorruptShardError, StageError
from mathpipe.core.records import Drop
from mathpipe.core.store import digest_file, read_records, write_records
from mathpipe.core.task import Mark, Task, TaskInput, run_task
from tests.core.toy import AddSum, Forgetful, Number, Sum, Times, Total, ToyConfig, read_numbers, write_sources


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


def test_a_stage_that_cannot_be_built_fails_with_its_own_error(tmp_path):
    with pytest.raises(KeyError, match="sum"):
        run_task(_task(tmp_path, stage=AddSum))


def test_the_mark_names_the_last_record_only(tmp_path):
    mark = Mark(tmp_path / "at")
    mark.at("a" * 32, "https://long.example/" + "x" * 500)
    mark.at("b" * 32, "https://b.example/")
    mark.close()
    assert Mark.read(tmp_path / "at") == ("b" * 32, "https://b.example/")
    assert Mark.read(tmp_path / "none") == ("", "")


def test_no_temporary_files_stay_behind(tmp_path):
    task = _task(tmp_path)
    run_task(task)
    assert [path.name for path in (tmp_path / "step" / ".tmp").iterdir()] == ["at-00000"]
