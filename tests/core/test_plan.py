"""What a shard's key depends on, and what a plan refuses."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.manifest import code_digest
from mathpipe.core.plan import Plan, with_splits
from mathpipe.core.runner import Runner
from mathpipe.core.step import Files, Gather
from mathpipe.core.store import read_records
from tests.core.toy import (
    Number,
    Total,
    ToyConfig,
    beyond,
    last_digit,
    read_numbers,
    read_twins,
    toy_steps,
    write_sources,
)


class Named(Config):
    labels: Path
    many: list[Path] = []


def _keys(folder, steps, index=0):
    plan = Plan(folder, steps)
    return [task.key for task in plan.plan(plan.steps[index])]


def _with_config(steps, config):
    return [replace(steps[0], config=config)]


def test_a_split_step_stands_before_each_gather_step_of_several_partitions(tmp_path):
    steps = toy_steps(write_sources(tmp_path / "in"), 4)
    assert [step.name for step in with_splits(steps)] == ["times", "sum-split", "sum", "add"]
    assert [step.name for step in with_splits(toy_steps((), 1))] == ["times", "sum", "add"]
    assert with_splits(steps)[1].makes is Number


def test_a_step_reads_only_steps_before_it(tmp_path):
    times, total, add = toy_steps((), 1)
    with pytest.raises(InputError, match="step sum: 'times' to be a step before it"):
        Plan(tmp_path, [total, times])
    with pytest.raises(InputError, match="step add: 'sum' to be a step before it"):
        Plan(tmp_path, [times, add])
    with pytest.raises(InputError, match="step times: a name of its own"):
        Plan(tmp_path, [times, times])


def test_a_key_depends_on_the_reader_and_the_partition_function(tmp_path):
    paths = write_sources(tmp_path / "in")
    steps = toy_steps(paths)
    twins = [replace(steps[0], reads=Files(paths, read_twins)), *steps[1:]]
    assert _keys(tmp_path, steps) != _keys(tmp_path, twins)
    Runner(tmp_path, steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig(), "times")
    other = [steps[0], replace(steps[1], gather=Gather(2, beyond)), steps[2]]
    assert _keys(tmp_path, steps, 1) != _keys(tmp_path, other, 1)
    assert _keys(tmp_path, steps, 1) == _keys(tmp_path, toy_steps(paths), 1)


def test_a_file_that_a_config_names_counts_by_content_wherever_it_lies(tmp_path):
    steps = toy_steps(write_sources(tmp_path / "in"))
    for folder in ("a", "b", "ü"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "labels.jsonl").write_text("math")
    keys = [
        _keys(tmp_path, _with_config(steps, Named(labels=tmp_path / folder / "labels.jsonl")))
        for folder in ("a", "b", "ü")
    ]
    assert keys[0] == keys[1] == keys[2]
    (tmp_path / "b" / "labels.jsonl").write_text("text")
    assert _keys(tmp_path, _with_config(steps, Named(labels=tmp_path / "b" / "labels.jsonl"))) != keys[0]
    assert _keys(tmp_path, _with_config(steps, Named(labels=tmp_path / "none"))) != keys[0]


def test_code_counts_with_its_data_files_and_without_its_caches(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def digest(package, words="a", cache="x"):
        folder = tmp_path / package
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        (folder / "words.txt").write_text(words)
        (folder / "__pycache__" / "x.pyc").write_text(cache)
        found = code_digest(f"{package}.inner")
        del sys.modules[package]
        (folder / "words.txt").write_text("changed")
        code_digest.cache_clear()
        changed = code_digest(f"{package}.inner")
        code_digest.cache_clear()
        return found, changed

    before, after = digest("toy_words")
    assert before != after


def test_a_module_of_its_own_counts_as_the_package(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lone_stage.py").write_text("X = 1\n")
    before = code_digest("lone_stage")
    code_digest.cache_clear()
    (tmp_path / "lone_stage.py").write_text("X = 2\n")
    assert code_digest("lone_stage") != before
    code_digest.cache_clear()


def test_source_files_can_be_gathered_by_partition(tmp_path):
    paths = write_sources(tmp_path / "in")
    total = replace(toy_steps(paths, 3)[1], reads=Files(paths, read_numbers))
    for gather, expected in ((Gather(3, last_digit), [2058, 2074, 2038]), (Gather(), [6170 + 400 * 0])):
        steps = [replace(total, gather=gather)]
        run = tmp_path / f"run{gather.partitions}"
        Runner(run, steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
        shards = sorted((run / "steps" / "sum").glob("shard-*.parquet"))
        values = [record.value for shard in shards for record in read_records(shard, Total)]
        numbers = [100 * shard + value for shard in range(3) for value in range(20)]
        parts = gather.partitions
        assert values == [sum(number for number in numbers if number % parts == part) for part in range(parts)]
        assert len(values) == len(expected)


def test_the_ancestors_of_a_step_come_in_the_order_they_run(tmp_path):
    plan = Plan(tmp_path, toy_steps(write_sources(tmp_path / "in")))
    assert plan.ancestors("add") == ["times", "sum"]
    assert plan.ancestors("sum") == ["times"]
    assert plan.ancestors("times") == []


def test_a_side_may_be_the_files_of_one_name_and_nothing_else_of_that_step_is_looked_at(tmp_path):
    steps = toy_steps(write_sources(tmp_path / "in"))
    some = [*steps[:2], replace(steps[2], sides=("sum/sum.txt",))]
    Runner(tmp_path / "all", steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    Runner(tmp_path / "some", some, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    plan = Plan(tmp_path / "some", some)
    [task, *_] = plan.plan(some[2])
    assert [Path(item.path).name for item in task.side_files] == ["sum.txt", "sum.txt"]
    assert task.sides["sum"].shards == ()
    assert plan.ancestors("add") == ["times", "sum"]
    made = [(tmp_path / name / "steps" / "add" / "shard-00002.parquet").read_bytes() for name in ("all", "some")]
    assert made[0] == made[1]
    with pytest.raises(InputError, match="step add: 'sum/sum.txt' to be a step before it"):
        Plan(tmp_path, [some[0], some[2]])
