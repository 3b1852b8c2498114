"""Pairs for DPO from a step's samples, and the loop that learns from them."""

import pytest
from pydantic import ValidationError

from mathpipe.core.store import read_records
from rl.batch import mini_batches
from rl.preference_pairs import preference_pairs
from rl.run_files import RolloutSample
from rl.trajectories import TrainSequence
from tests.rl.loop_runs import config, learned, run
from tests.rl.trajectories_at_hand import scored


def names(groups):
    return [(item.trajectory.group, item.trajectory.index, item.advantages[0]) for item in groups.samples]


def test_the_best_is_chosen_over_the_worst_and_none_is_used_twice():
    rows = [scored(reward, 0, index) for index, reward in enumerate((0.0, 1.0, 0.0, 2.0, 0.0))]
    groups = preference_pairs(rows)
    assert names(groups) == [(0, 3, 1.0), (0, 4, -1.0), (0, 1, 1.0), (0, 2, -1.0)]
    assert (groups.kept, groups.without_variance) == (1, 0)


def test_samples_that_agree_or_were_not_judged_make_no_pair():
    rows = [
        scored(1.0, 0, 0),
        scored(1.0, 0, 1),
        scored(1.0, 1, 0),
        scored(None, 1, 1),
        scored(0.0, 2, 0),
        scored(1.0, 2, 1),
    ]
    groups = preference_pairs(rows)
    assert names(groups) == [(2, 1, 1.0), (2, 0, -1.0)]
    assert (groups.kept, groups.without_variance) == (1, 2)


def test_every_token_of_a_completion_has_its_sign():
    groups = preference_pairs([scored(0.0, 0, 0, tokens=2), scored(1.0, 0, 1, tokens=4)])
    assert [item.advantages for item in groups.samples] == [(1.0,) * 4, (-1.0,) * 2]


def test_parts_of_a_batch_do_not_part_pairs():
    rows = [TrainSequence(prompt_ids=(n,), completion_ids=(1,), advantages=(0.0,)) for n in range(6)]
    assert [len(part) for part in mini_batches(rows, 2, unit=2)] == [4, 2]
    assert [item for part in mini_batches(rows, 2, unit=2) for item in part] == rows


def test_dpo_on_its_own_samples_raises_the_reward(policy, tmp_path):
    learner = {"learning_rate": 1e-4, "updates": 2, "warm_up_steps": 3}
    settings = config(policy, tmp_path, preset="dpo", steps=8, learner=learner)
    records = run(settings)
    assert learned(records) > 0.15
    for record in records:
        rows = list(read_records(settings.folder / "samples" / f"step-{record.step:06d}.parquet", RolloutSample))
        used = [row for row in rows if row.advantage is not None]
        assert len(used) == record.sequences
        assert all((row.advantage > 0) == (row.reward > 0) for row in used)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": {"name": "dpo"}}, "preset dpo"),
        ({"preset": "dpo", "mask_cut_completions": True}, "whole completions"),
        ({"loss": {"name": "sft"}}, "one written solution of each problem"),
    ],
)
def test_what_does_not_go_with_the_loop_is_refused(tmp_path, options, message):
    with pytest.raises(ValidationError, match=message):
        config("somewhere", tmp_path, **options)
