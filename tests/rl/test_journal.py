"""The journal, checkpoints, samples' files and guards of a run."""

import math
from dataclasses import replace

import pytest
import torch

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind
from mathpipe.core.store import read_records
from rl.batch import Corrected, Gap, Groups
from rl.checkpoints import Checkpoints
from rl.guards import RunStopped, check_reward_jump, check_sync
from rl.journal import HeldOutScore, Journal, JournalLine, StepTimes, numbers_of
from rl.run_files import RolloutSample, cut_after, write_samples
from rl.step_record import StepParts, make_record
from tests.rl.trajectories_at_hand import scored


def record(step=1, rows=(), **options):
    parts = {
        "step": step,
        "version": 3,
        "problems": 2,
        "refused": 0,
        "scored": rows,
        "groups": Groups((), 0, 0),
        "corrected": Corrected((), 1.0, 1.0, 0.0),
        "gap": Gap(0.25, 0.5),
        "reports": (),
    } | options
    return make_record(
        StepParts(**parts),
        HeldOutScore(problems=4, samples=1, correct=1, unjudged=0, pass_at_1=0.25, mean_tokens=3.0),
    )


def line(step):
    return JournalLine(record=record(step), times=StepTimes(sample=1.5, step=2.0))


def test_shares_are_over_what_was_judged():
    rows = [scored(1.0, 0, 0, version=3), scored(0.0, 0, 1, version=2), scored(None, 1, 0, version=1, tokens=5)]
    found = record(rows=rows)
    assert (found.samples, found.unjudged, found.pass_rate, found.solved) == (3, 1, 0.5, 1.0)
    assert (found.reward_mean, found.reward_std) == (0.5, 0.5)
    assert (found.tokens_sampled, found.length_max) == (11, 5)
    assert (found.staleness_mean, found.staleness_max) == (1.0, 2)


def test_a_step_without_samples_has_numbers_all_the_same():
    assert all(math.isfinite(value) for _, value in numbers_of(record()))


def test_what_is_written_is_read(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(line(1))
    journal.append(line(2))
    assert journal.read() == [line(1), line(2)]


def test_a_line_that_a_kill_tore_is_left_out_and_cut_off(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(line(1))
    with journal.path.open("a") as file:
        file.write('{"record": {"st')
    assert journal.read() == [line(1)]
    journal.cut_after(1)
    journal.append(line(2))
    assert journal.read() == [line(1), line(2)]


def test_a_resumed_run_forgets_what_it_does_again(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    for step in (1, 2, 3):
        journal.append(line(step))
    journal.cut_after(1)
    assert [each.record.step for each in journal.read()] == [1]


def test_a_line_that_is_no_step_is_named(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_text('{"record": {}, "times": {}}\n')
    with pytest.raises(InputError, match=r"journal\.jsonl:1"):
        Journal(path).read()


def test_the_newest_whole_checkpoint_is_found(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        checkpoints.save(step, {"step": step, "weight": torch.full((2,), float(step))})
    (tmp_path / ".unfinished-000004").mkdir()
    newest = checkpoints.newest()
    assert newest.step == 3
    assert newest.load()["weight"].tolist() == [3.0, 3.0]
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-000002", "step-000003"]


def test_what_a_kill_left_unfinished_goes_with_the_next_checkpoint_of_any_step(tmp_path):
    left = tmp_path / ".unfinished-000004"
    left.mkdir()
    (left / "rank-00000.pt").write_bytes(b"x")
    Checkpoints(tmp_path, keep=2).save(6, {"step": 6})
    assert [path.name for path in tmp_path.iterdir()] == ["step-000006"]


def test_a_torn_checkpoint_is_named(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    folder = checkpoints.save(1, {"step": 1})
    (folder / "rank-00000.pt").write_bytes((folder / "rank-00000.pt").read_bytes()[:100])
    with pytest.raises(InputError, match="step-000001"):
        checkpoints.newest().load()


def test_samples_are_one_file_a_step(tmp_path):
    problem = Problem(problem_id="p", source="s", split="train", kind=ProblemKind.ANSWER, question="1+1?", answer="2")
    rows = [scored(1.0, 0, 0, text="two"), scored(0.0, 0, 1)]
    for step in (1, 2):
        write_samples(tmp_path, step, rows, {"p": problem}, {(0, 0): 0.5})
    found = list(read_records(tmp_path / "step-000001.parquet", RolloutSample))
    assert [(row.index, row.text, row.reward, row.advantage, row.reference) for row in found] == [
        (0, "two", 1.0, 0.5, "2"),
        (1, "", 0.0, None, "2"),
    ]
    cut_after(tmp_path, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000001.parquet"]


def test_a_sampler_that_scores_as_the_trainer_does_is_trusted():
    assert check_sync([(-1.0, -2.0)], [(-1.01, -2.0)], 0.1) == pytest.approx(0.005)


@pytest.mark.parametrize("found", [(-1.0, -3.0), (-1.0, float("nan"))])
def test_a_sampler_with_stale_weights_stops_the_run(found):
    with pytest.raises(RunStopped, match="weight sync"):
        check_sync([found], [(-1.0, -2.0)], 0.1)


def test_a_reward_that_jumps_stops_the_run():
    past = [0.2, 0.21, 0.19, 0.2, 0.2]
    check_reward_jump(past, 0.45, 8.0)
    with pytest.raises(RunStopped, match="gamed"):
        check_reward_jump(past, 0.6, 8.0)


def test_a_run_that_has_just_begun_may_jump():
    check_reward_jump([0.0, 0.0], 1.0, 8.0)


def test_the_score_from_before_training_is_kept_beside_the_steps(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    assert journal.before() is None
    score = HeldOutScore(problems=4, samples=1, correct=1, unjudged=0, pass_at_1=0.25, mean_tokens=3.0, error=0.25)
    journal.write_before(score)
    journal.append(line(1))
    journal.cut_after(0)
    assert journal.before() == score
    assert journal.read() == []


def test_a_score_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "before.json").write_text('{"problems": 4}')
    with pytest.raises(InputError, match=r"before\.json"):
        Journal(tmp_path / "journal.jsonl").before()


def test_the_mean_step_reward_is_over_the_steps_of_judged_samples():
    rows = [
        replace(scored(1.0, 0, 0), step_rewards=((0, 1.0), (1, 0.0), (2, 1.0))),
        replace(scored(0.0, 0, 1), step_rewards=((2, 0.0),)),
        scored(None, 0, 2),
    ]
    assert record(rows=rows).step_reward_mean == 0.5
