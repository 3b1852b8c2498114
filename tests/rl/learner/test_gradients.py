"""The packed, one-pass learner has the gradients of a padded textbook step, however a step is cut."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rl.learner import LossConfig
from rl.off_policy import CorrectionConfig, importance_weights
from tests.rl.learner import padded_grpo
from tests.rl.learner.policies import (
    largest_gap,
    make_learner,
    off_policy,
    save_policy,
    sequences,
    weights_of,
)

ONE_AT_A_TIME, TOGETHER = 1, 100_000


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("name", padded_grpo.FORMULAS)
def test_loss_and_gradients_equal_a_padded_step_by_autograd(policy: str, name: str, masks: bool) -> None:
    plain = padded_grpo.load(policy)
    learner = make_learner(policy, name, temperature=0.7, micro_batch_tokens=60)
    rows = sequences(masks=masks)
    rows = off_policy(rows, learner.score(rows), spread=1e-3 if name == "gspo" else 0.3)
    expected = padded_grpo.backward(plain, rows, name, temperature=0.7)
    gradients = learner.gradients(rows)
    theirs = {name: item.grad for name, item in plain.named_parameters()}
    assert largest_gap(gradients, theirs) < 1e-5
    assert learner.update(rows).loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("extra", [{}, {"kl": 0.1}])
@pytest.mark.parametrize("name", padded_grpo.FORMULAS)
def test_the_cut_into_micro_batches_changes_no_gradient(policy: str, name: str, extra: dict[str, Any]) -> None:
    loss = LossConfig(name=name, options=extra, entropy_bonus=0.01)
    single = make_learner(policy, loss, micro_batch_tokens=ONE_AT_A_TIME)
    whole = make_learner(policy, loss, micro_batch_tokens=TOGETHER)
    rows = sequences(masks=True)
    rows = off_policy(rows, single.score(rows), spread=1e-3 if name == "gspo" else 0.3)
    assert largest_gap(single.gradients(rows), whole.gradients(rows)) < 2e-6
    one, other = single.update(rows), whole.update(rows)
    assert (one.micro_batches, other.micro_batches) == (6, 1)  # nothing is learned from the third of seven
    assert one.loss == pytest.approx(other.loss, abs=1e-6)
    assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-6)
    assert one.statistics == pytest.approx(other.statistics, rel=1e-5)


@pytest.mark.parametrize("name", ["dapo", "gspo", "cispo", "dr_grpo"])
def test_correcting_in_the_update_equals_a_pass_of_its_own_for_it(policy: str, name: str) -> None:
    learner, draw = make_learner(policy, name, micro_batch_tokens=60), random.Random(5)
    rows = sequences(masks=True)
    scores = learner.score(rows)
    sampler = [tuple(value + draw.gauss(0, 0.5) for value in row) for row in scores]
    apart = [
        replace(row, importance=importance_weights(mine, theirs, CorrectionConfig(cap=1.5)).weights)
        for row, mine, theirs in zip(rows, scores, sampler, strict=True)
    ]
    together = [replace(row, sampler_logprobs=theirs) for row, theirs in zip(rows, sampler, strict=True)]
    capped = make_learner(policy, name, micro_batch_tokens=60, importance_cap=1.5)
    assert largest_gap(learner.gradients(apart), capped.gradients(together)) < 1e-6
    report = capped.update(together)
    assert report.loss == pytest.approx(learner.update(apart).loss, abs=1e-7)
    assert sorted(report.logprobs) == [0, 1, 3, 4, 5, 6]  # nothing of the third is learned, so it is not scored
    for place, row in report.logprobs.items():
        flags = together[place].learned or ()
        kept = [value for value, flag in zip(row, flags, strict=True) if flag]
        assert kept == pytest.approx([one for one, flag in zip(scores[place], flags, strict=True) if flag], abs=1e-5)


def test_a_step_ends_with_the_weights_of_a_padded_step(policy: str) -> None:
    plain = padded_grpo.load(policy)
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-3, weight_decay=0.0, eps=1e-4)
    learner = make_learner(policy, "grpo", epsilon=1e-4, max_grad_norm=0.5, micro_batch_tokens=60)
    for step in range(2):
        rows = sequences(seed=step)
        rows = off_policy(rows, learner.score(rows))
        padded_grpo.backward(plain, rows, "grpo")
        norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.5)
        optimizer.step()
        optimizer.zero_grad()
        assert learner.update(rows).grad_norm == pytest.approx(norm.item(), rel=1e-4)
    theirs = {name: tensor for name, tensor in plain.state_dict().items() if name in weights_of(learner)}
    assert largest_gap(weights_of(learner), theirs) < 1e-5


def test_scores_are_the_padded_models_at_the_samplers_temperature(policy: str) -> None:
    learner = make_learner(policy, temperature=0.7, micro_batch_tokens=60)
    rows = sequences()
    with torch.no_grad():
        logp_SL = padded_grpo.Padded(rows).logprobs(padded_grpo.load(policy), 0.7)
    for row, found, logp_L in zip(rows, learner.score(rows), logp_SL, strict=True):
        begin = len(row.prompt_ids) - 1
        torch.testing.assert_close(torch.tensor(found), logp_L[begin : begin + len(found)], rtol=1e-5, atol=1e-5)


def test_a_cap_of_the_logits_is_in_scores_and_gradients(tmp_path: Path) -> None:
    capped = save_policy(tmp_path, "gemma2", attn_logit_softcapping=None, final_logit_softcapping=3.0)
    learner, plain = make_learner(capped, "grpo"), padded_grpo.load(capped)
    rows = sequences(4)
    scores = learner.score(rows)
    with torch.no_grad():
        logp_SL = padded_grpo.Padded(rows).logprobs(plain, 1.0)
    begin = len(rows[0].prompt_ids) - 1
    torch.testing.assert_close(torch.tensor(scores[0]), logp_SL[0, begin : begin + len(scores[0])], atol=1e-5, rtol=0)
    rows = off_policy(rows, scores)
    padded_grpo.backward(plain, rows, "grpo")
    theirs = {name: item.grad for name, item in plain.named_parameters()}
    assert largest_gap(learner.gradients(rows), theirs) < 2e-5


def test_pairs_of_dpo_stay_together_in_a_micro_batch(policy: str) -> None:
    rows = sequences(6)
    learners = [make_learner(policy, "dpo", micro_batch_tokens=size) for size in (ONE_AT_A_TIME, TOGETHER)]
    rows = off_policy(rows, learners[0].score(rows))
    rows = [replace(row, old_logprobs=None, importance=None) for row in rows]
    assert largest_gap(learners[0].gradients(rows), learners[1].gradients(rows)) < 2e-6
    assert learners[0].has_reference
    assert learners[0].update(rows).micro_batches == 3
    with pytest.raises(ValueError, match="5 is odd"):
        learners[0].update(rows[:5])


def test_values_that_some_sequences_lack_are_refused(policy: str) -> None:
    learner = make_learner(policy)
    rows = sequences(2)
    with pytest.raises(ValueError, match="1 of 2 sequences have no importance"):
        learner.update([replace(rows[0], importance=(1.0,) * len(rows[0].completion_ids)), rows[1]])
    with pytest.raises(ValueError, match="advantages has 1 values"):
        learner.update([replace(rows[0], advantages=(1.0,))])
    with pytest.raises(ValueError, match="a sequence at least"):
        learner.update([])
