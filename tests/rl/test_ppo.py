"""PPO: the critic's gradients against plain PyTorch, its place in checkpoints, and the loop that learns with it.

Legend: S sequences, L time, D width.
"""

import json
from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from mathpipe.core.errors import InputError
from rl.advantages import AdvantageConfig
from rl.batch import estimated, rewarded
from rl.journal import Journal
from rl.learner import Learner, LearnerConfig, LearnerDiverged, LossConfig
from rl.learner.critic import CriticConfig, Goal, value_loss
from tests.rl.learner import padded_grpo
from tests.rl.learner.policies import MAX_LENGTH, largest_gap, off_policy, sequences, weights_of
from tests.rl.learner.policies import save_policy as save_random_policy
from tests.rl.learner.test_resume import through_a_file
from tests.rl.loop_runs import config, learned, run
from tests.rl.trajectories_at_hand import scored

KINDS = ["shared", "separate"]
CLIP, COEFFICIENT = 0.1, 0.3


@pytest.fixture(scope="session")
def random_policy(tmp_path_factory):
    return save_random_policy(tmp_path_factory.mktemp("random") / "llama", num_hidden_layers=2)


def make(policy, kind, *, detach=False, drawn_head=True, **settings):
    critic = CriticConfig(
        kind=kind, clip=CLIP, coefficient=COEFFICIENT, detach=detach, learning_rate=1e-3, head_learning_rate=1e-2
    )
    learner = Learner(
        policy,
        LearnerConfig(**{"learning_rate": 1e-3, "device": "cpu", **settings}),
        LossConfig(name="ppo"),
        max_length=MAX_LENGTH,
        temperature=1.0,
        critic=critic,
    )
    if drawn_head and kind != "none":  # a head of zeros gives a trunk no gradient
        with torch.no_grad():
            learner._critic._head.weight.copy_(head_weight(learner.model.config.hidden_size))
    return learner


def head_weight(width):
    return torch.randn(1, width, generator=torch.Generator().manual_seed(3)) * 0.3


def rows_of(learner, *, seed=0, masks=True):
    """Off-policy sequences with returns, and values as they were some way off."""
    rows = sequences(seed=seed, masks=masks)
    rows = off_policy(rows, learner.score(rows))
    draw = torch.Generator().manual_seed(seed)
    found = []
    for row, values in zip(rows, learner.values(rows), strict=True):
        old = torch.tensor(values) + 0.1 * torch.randn(len(values), generator=draw)
        goal = torch.randn(len(values), generator=draw)
        found.append(replace(row, returns=tuple(goal.tolist()), old_values=tuple(old.tolist())))
    return found


def plain_value_loss(model, head_1D, rows):
    """As a textbook writes it: padded, all positions, a mean over learned tokens."""
    data = padded_grpo.Padded(rows)
    states_SLD = model.model(input_ids=data.ids_SL, attention_mask=data.there_SL).last_hidden_state[:, :-1]
    value_SL = (states_SLD @ head_1D.T)[..., 0]
    goal_SL, old_SL = data._spread([row.returns for row in rows]), data._spread([row.old_values for row in rows])
    near_SL = torch.minimum(torch.maximum(value_SL, old_SL - CLIP), old_SL + CLIP)
    loss_SL = 0.5 * torch.maximum((value_SL - goal_SL) ** 2, (near_SL - goal_SL) ** 2)
    return (loss_SL * data.mask_SL).sum() / data.mask_SL.sum()


# --- gradients -----------------------------------------------------------------------------------------------------


def test_values_are_the_heads_of_the_states_that_predict_each_token(random_policy):
    learner = make(random_policy, "shared", micro_batch_tokens=60)
    plain, rows = padded_grpo.load(random_policy), sequences()
    data = padded_grpo.Padded(rows)
    with torch.no_grad():
        states_SLD = plain.model(input_ids=data.ids_SL, attention_mask=data.there_SL).last_hidden_state
    value_SL = (states_SLD @ head_weight(states_SLD.shape[-1]).T)[..., 0]
    for row, found, value_L in zip(rows, learner.values(rows), value_SL, strict=True):
        begin = len(row.prompt_ids) - 1
        torch.testing.assert_close(torch.tensor(found), value_L[begin : begin + len(found)], rtol=1e-5, atol=1e-5)


def test_gradients_of_policy_and_value_in_one_trunk_equal_plain_pytorch(random_policy):
    learner, plain = make(random_policy, "shared", micro_batch_tokens=60), padded_grpo.load(random_policy)
    rows = rows_of(learner)
    padded_grpo.backward(plain, rows, "bnpo")
    head_1D = head_weight(plain.config.hidden_size).requires_grad_()
    loss = plain_value_loss(plain, head_1D, rows)
    (COEFFICIENT * loss).backward()
    found = learner.gradients(rows)
    head, bias = found.pop("critic.head.weight"), found.pop("critic.head.bias")
    assert largest_gap(found, {name: item.grad for name, item in plain.named_parameters()}) < 1e-5
    torch.testing.assert_close(head, head_1D.grad, rtol=1e-4, atol=1e-6)
    assert bias.shape == (1,)
    assert learner.update(rows).value_loss == pytest.approx(loss.item(), rel=1e-5)


def test_a_separate_critic_has_the_gradients_of_its_own_loss_and_leaves_the_policy_alone(random_policy):
    learner, plain = make(random_policy, "separate", micro_batch_tokens=60), padded_grpo.load(random_policy)
    rows = rows_of(learner)
    found = learner.gradients(rows)
    mine = {name.removeprefix("critic."): found.pop(name) for name in list(found) if name.startswith("critic.")}
    head_1D = head_weight(plain.config.hidden_size).requires_grad_()
    plain_value_loss(plain, head_1D, rows).backward()
    torch.testing.assert_close(mine.pop("head.weight"), head_1D.grad, rtol=1e-4, atol=1e-6)
    mine.pop("head.bias")
    theirs = {name: item.grad for name, item in plain.named_parameters() if item.grad is not None}
    assert "lm_head.weight" not in mine
    assert largest_gap(mine, theirs) < 1e-5
    plain.zero_grad()
    padded_grpo.backward(plain, rows, "bnpo")
    assert largest_gap(found, {name: item.grad for name, item in plain.named_parameters()}) < 1e-5


def test_a_detached_head_leaves_the_trunk_to_the_policy(random_policy):
    learner, alone = make(random_policy, "shared", detach=True), make(random_policy, "none")
    rows = rows_of(learner)
    found = learner.gradients(rows)
    assert found.pop("critic.head.weight").abs().sum() > 0
    found.pop("critic.head.bias")
    assert largest_gap(found, alone.gradients(rows)) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_the_cut_into_micro_batches_changes_nothing(random_policy, kind):
    single, together = (make(random_policy, kind, micro_batch_tokens=size) for size in (1, 100_000))
    rows = rows_of(single)
    assert largest_gap(single.gradients(rows), together.gradients(rows)) < 1e-5
    one, other = single.update(rows), together.update(rows)
    assert (one.micro_batches, other.micro_batches) == (6, 1)
    assert one.value_loss == pytest.approx(other.value_loss, rel=1e-5)
    assert one.explained_variance == pytest.approx(other.explained_variance, rel=1e-5)


def test_a_value_that_moved_beyond_the_clip_the_right_way_has_no_gradient():
    value_K = torch.tensor([0.5, 0.05, 0.5], requires_grad=True)
    goal = Goal(torch.tensor([1.0, 1.0, 0.0]), torch.zeros(3), torch.tensor([1.0, 1.0, 2.0]))
    loss = value_loss(value_K, goal, 0.1)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * (0.9**2 + 0.95**2 + 2 * 0.5**2))
    assert value_K.grad.tolist() == pytest.approx([0.0, -0.95, 1.0])


def test_a_critic_learns_values_and_a_step_says_how_well(random_policy):
    learner = make(random_policy, "shared", drawn_head=False, detach=True)
    rows = [
        replace(row, returns=(float(number % 2),) * len(row.completion_ids), old_values=None)
        for number, row in enumerate(sequences())
    ]
    assert learner.values(rows)[0][0] == 0.0
    reports = [
        learner.update([replace(row, advantages=(0.0,) * len(row.advantages)) for row in rows]) for _ in range(60)
    ]
    assert reports[0].explained_variance == 0.0
    assert reports[-1].explained_variance > 0.3
    assert reports[-1].value_loss < 0.6 * reports[0].value_loss


# --- checkpoints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [{}, {"dtype": "bfloat16", "optimizer": "adamw_8bit"}, {"lora": {"rank": 4}}])
@pytest.mark.parametrize("kind", KINDS)
def test_the_next_updates_after_a_resume_are_the_same_bit_for_bit(random_policy, kind, form):
    learner = make(random_policy, kind, warm_up_steps=3, **form)
    rows = rows_of(learner)
    learner.update(rows)
    state = through_a_file(learner.state())
    expected = [learner.update(rows) for _ in range(2)]
    resumed = make(random_policy, kind, warm_up_steps=3, **form)
    resumed.load_state(state)
    assert [resumed.update(rows) for _ in range(2)] == expected
    assert resumed.values(rows) == learner.values(rows)
    ours = weights_of(learner)
    assert all(torch.equal(tensor, ours[name]) for name, tensor in resumed.weights())


def test_a_checkpoint_of_another_critic_is_refused(random_policy):
    separate = make(random_policy, "separate")
    for kind in ("none", "shared"):
        with pytest.raises(InputError, match="critic of kind separate"):
            separate.load_state(make(random_policy, kind).state())


@pytest.mark.parametrize("kind", KINDS)
def test_the_policy_alone_is_saved_and_sampled_with(random_policy, tmp_path, kind):
    learner, alone = make(random_policy, kind), make(random_policy, "none")
    learner.update(rows_of(learner))
    learner.save(tmp_path / kind)
    alone.save(tmp_path / "none")
    saved, plain = (load_file(tmp_path / name / "model.safetensors").keys() for name in (kind, "none"))
    assert saved == plain
    assert weights_of(learner).keys() == weights_of(alone).keys()


def test_a_critic_without_returns_or_with_returns_that_are_no_numbers_is_refused(random_policy):
    learner = make(random_policy, "separate")
    rows = rows_of(learner)
    before = weights_of(learner)
    with pytest.raises(ValueError, match="learns from returns"):
        learner.update([replace(row, returns=None) for row in rows])
    with pytest.raises(LearnerDiverged, match="gradient of the critic"):
        learner.update([replace(row, returns=(float("nan"),) * len(row.returns)) for row in rows])
    assert all(torch.equal(tensor, before[name]) for name, tensor in learner.weights())
    with pytest.raises(ValueError, match="no critic"):
        make(random_policy, "none").values(rows)


# --- the loop ------------------------------------------------------------------------------------------------------

CRITICS = {
    "shared": {"kind": "shared", "head_learning_rate": 1e-2},
    "separate": {"kind": "separate", "learning_rate": 1e-4, "head_learning_rate": 1e-2},
}
LEARNER = {"learning_rate": 5e-5, "updates": 2, "warm_up_steps": 3}


def test_rewards_become_advantages_and_returns_and_a_group_that_agrees_stays():
    rows = [scored(1.0, 0, 0, tokens=2), scored(None, 0, 1), scored(1.0, 0, 2, tokens=1)]
    groups = rewarded(rows, AdvantageConfig())
    assert [item.advantages for item in groups.samples] == [(0.0, 1.0), (1.0,)]
    settings = CriticConfig(kind="shared", gae_lambda=1.0, whiten=False)
    found = estimated(groups, [(0.25, 0.5), (1.0,)], settings, mask_cut=False)
    assert [item.advantages for item in found.samples] == [(0.75, 0.5), (0.0,)]
    assert [item.returns for item in found.samples] == [(1.0, 1.0), (1.0,)]
    assert [item.old_values for item in found.samples] == [(0.25, 0.5), (1.0,)]


def test_rewards_of_steps_lie_at_their_ends():
    row = replace(scored(1.0, 0, 0, tokens=4), step_rewards=((1, 0.5), (3, -1.0)))
    assert rewarded([row], AdvantageConfig()).samples[0].advantages == (0.0, 0.5, 0.0, -1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_ppo_raises_the_reward(policy, tmp_path, kind):
    settings = config(policy, tmp_path, preset="ppo", steps=10, critic=CRITICS[kind], learner=LEARNER)
    records = run(settings)
    assert learned(records) > 0.15
    assert [record.sequences for record in records] == [32] * 10  # groups that agree, too
    assert records[-1].value_loss < 0.7 * records[0].value_loss


def test_one_sample_of_a_problem_is_enough_for_a_critic(policy, tmp_path):
    sampling = {"problems": 6, "samples": 1, "max_tokens": 24}
    (record,) = run(config(policy, tmp_path, preset="ppo", steps=1, sampling=sampling, learner=LEARNER))
    assert (record.samples, record.sequences, record.version) == (6, 6, 2)


def test_a_run_with_a_critic_that_was_stopped_ends_as_one_that_was_not(policy, tmp_path):
    from rl.trainer import Trainer

    def settings(name):
        options = {"preset": "ppo", "steps": 4, "critic": CRITICS["separate"], "learner": LEARNER}
        return config(policy, tmp_path, name=name, **options)

    whole = run(settings("whole"))
    with Trainer(settings("stopped"), say=lambda _: None) as trainer:
        for _ in range(3):  # the checkpoint is of step 2
            trainer.step()
    assert run(settings("stopped")) == whole
    first, second = (load_file(tmp_path / name / "policy" / "model.safetensors") for name in ("whole", "stopped"))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_journal_without_critic_still_reads(policy, tmp_path):
    settings = config(policy, tmp_path, steps=1)
    (record,) = run(settings)
    path = settings.folder / "journal.jsonl"
    row = json.loads(path.read_text())
    for name in ("value_loss", "explained_variance"):
        assert row["record"].pop(name) == 0.0
    path.write_text(json.dumps(row) + "\n")
    assert [line.record for line in Journal(path).read()] == [record]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampling": {"samples": 1}}, "or critic.kind be set"),
        ({"preset": "rft", "critic": {"kind": "shared"}}, "loss rft has no use"),
        ({"preset": "dpo", "critic": {"kind": "separate"}}, "loss dpo has no use"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, options, message):
    with pytest.raises(ValidationError, match=message):
        config("somewhere", tmp_path, **options)


def test_the_preset_is_the_papers_clip_with_a_shared_trunk(tmp_path):
    found = config("somewhere", tmp_path, preset="ppo", sampling={})
    options = found.loss.make().options
    assert (options["clip_low"], options["clip_high"], options["kl"]) == (0.2, 0.2, 0.0)
    assert (found.critic.kind, found.critic.gae_lambda) == ("shared", 0.95)
    assert found.sampling.samples == 1
    assert found.learner.updates > 1
