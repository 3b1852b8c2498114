"""Optimizer state that goes to the host while a sampler has the device: no number changes."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from rl.learner import Learner
from rl.learner.host_memory import state_tensors
from tests.rl.learner.policies import make_learner, sequences, weights_of
from tests.rl.learner.test_resume import FORMS, through_a_file


def held(learner: Learner) -> list[torch.Tensor]:
    critics = [] if learner._critic is None else learner._critic.optimizers
    return [tensor for optimizer in [learner._optimizer, *critics] for tensor in state_tensors(optimizer)]


def updates(learner: Learner, *, resting: bool) -> Iterator[Any]:
    for step in range(3):
        yield learner.update(sequences(seed=step))
        if resting:
            learner.rest()


@pytest.mark.parametrize("form", FORMS)
def test_a_learner_that_rests_between_updates_ends_bit_for_bit_as_one_that_does_not(policy: str, form: str) -> None:
    plain, resting = (make_learner(policy, offload_optimizer=on, **FORMS[form]) for on in (False, True))
    assert list(updates(resting, resting=True)) == list(updates(plain, resting=False))
    theirs = weights_of(plain)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in resting.weights())
    assert len(held(resting)) >= 2 * len(resting._trained)
    assert all(torch.equal(ours, other) for ours, other in zip(held(resting), held(plain), strict=True))


def test_all_state_is_copied_away_and_no_gradient_stays(policy: str) -> None:
    learner = make_learner(policy, offload_optimizer=True)
    learner.rest()  # nothing is there yet
    learner.update(sequences())
    before = [(tensor.data_ptr(), tensor.clone()) for tensor in held(learner)]
    learner.rest()
    learner.rest()  # stays where it is
    after = held(learner)
    assert all(tensor.data_ptr() != place for tensor, (place, _) in zip(after, before, strict=True))
    assert all(torch.equal(tensor, value) for tensor, (_, value) in zip(after, before, strict=True))
    assert all(item.parameter.grad is None and item.held.grad is None for item in learner._trained)


@pytest.mark.parametrize("setting", [None, False])
def test_on_a_cpu_nothing_moves_unless_asked(policy: str, setting: bool | None) -> None:
    learner = make_learner(policy, offload_optimizer=setting)
    learner.update(sequences())
    places = [tensor.data_ptr() for tensor in held(learner)]
    learner.rest()
    assert [tensor.data_ptr() for tensor in held(learner)] == places


def test_a_checkpoint_of_a_resting_learner_is_that_of_one_awake_and_wakes_it(policy: str) -> None:
    plain, resting, again = (make_learner(policy, offload_optimizer=True) for _ in range(3))
    for learner in (plain, resting):
        learner.update(sequences())
    resting.rest()
    again.update(sequences(seed=9))
    again.rest()
    again.load_state(through_a_file(resting.state()))
    expected = plain.update(sequences(seed=1))
    assert again.update(sequences(seed=1)) == expected
    assert resting.update(sequences(seed=1)) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("form", ["fp32", "bfloat16", "8 bits"])
def test_on_a_gpu_the_state_frees_its_memory_and_no_bit_changes(policy: str, form: str) -> None:
    plain, resting = (
        make_learner(policy, device="cuda", offload_optimizer=on, **FORMS[form]) for on in (False, None)
    )
    assert list(updates(resting, resting=True)) == list(updates(plain, resting=False))
    assert {tensor.device.type for tensor in held(resting)} == {"cpu"}
    assert {tensor.device.type for tensor in held(plain)} == {"cuda"}
    theirs = weights_of(plain)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in resting.weights())
