"""What every stage may count on."""

from pathlib import Path

import pytest

from mathpipe.core.executor import InlineExecutor, Mode, RayExecutor, RunnerConfig, make_executor
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.task import Task
from tests.core.toy import Number, Sum, Times, ToyConfig


def test_a_stage_streams_and_answers_each_record_unless_it_says_otherwise():
    assert Times.per_record
    assert Times.memory_bytes(ToyConfig(), 10**9) is None
    assert not Sum.per_record
    assert Sum.memory_bytes(ToyConfig(), 30) == 3000


def test_a_stage_without_run_cannot_be_built():
    class Empty(Stage[Number, Number]):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Empty()


def test_a_context_knows_its_shard():
    context = StageContext(Path("files"))
    assert (context.shard_index, context.shard_count, dict(context.sides)) == (0, 1, {})


def test_the_mode_chooses_the_executor():
    assert isinstance(make_executor(RunnerConfig(mode=Mode.INLINE), print), InlineExecutor)
    assert isinstance(make_executor(RunnerConfig(), print), RayExecutor)


def test_inline_a_task_is_taken_when_the_one_before_is_done(tmp_path):
    (tmp_path / ".tmp").mkdir()
    (tmp_path / "a.txt").write_text("2 4")
    taken = []

    def tasks():
        for shard in range(3):
            taken.append(shard)
            yield Task("toy", shard, 3, "k", tmp_path, Times, ToyConfig(), (), Number, Number)

    with make_executor(RunnerConfig(mode=Mode.INLINE), print) as executor:
        results = executor.run(tasks())
        assert next(results).entry.shard == 0
        assert taken == [0]


def test_a_task_names_itself_by_step_and_shard(tmp_path):
    assert str(Task("crawl", 7, 9, "k", tmp_path, Times, ToyConfig(), (), Number, Number)) == "step crawl, shard 7"
