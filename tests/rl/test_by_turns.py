"""One device by turns: an engine that forgets its weights whenever the learner works gives what one gives that keeps
them, in steps that teach nothing, too.
"""

import pytest
import torch

from mathpipe.generate.engines.transformers_engine import TransformersEngine
from rl.guards import RunStopped
from rl.learner import Learner
from rl.samplers import InlineSampler, WorkerPlan, _by_turns
from tests.rl.loop_runs import config, outcome, run
from tests.rl.test_several_ranks import plan


@pytest.fixture
def forgetful(monkeypatch):
    """A real loss of weights, as vLLM's level 2 has it: what is left are numbers too."""

    def sleep(engine):
        for parameter in engine._model.parameters():
            parameter.data = torch.zeros_like(parameter)
        return True

    monkeypatch.setattr(TransformersEngine, "sleep", sleep)


def options():
    return {"steps": 4, "sampling": {"problems": 2, "samples": 2, "max_tokens": 24}}


def test_forgotten_weights_come_back_even_after_a_step_that_teaches_nothing(policy, tmp_path, request):
    expected = run(config(policy, tmp_path, name="keeps", **options()))
    assert 0 in [record.groups_kept for record in expected]
    request.getfixturevalue("forgetful")
    assert run(config(policy, tmp_path, name="forgets", **options())) == expected


def test_a_probe_finds_weights_that_did_not_come_back(policy, tmp_path, forgetful, monkeypatch):
    monkeypatch.setattr(TransformersEngine, "_update_weights", lambda *_: None)
    with pytest.raises(RunStopped, match="weight sync"):
        run(config(policy, tmp_path, **options()))


@pytest.mark.parametrize("critic", ["none", "separate"])
def test_an_optimizer_that_waits_in_the_hosts_memory_changes_nothing_even_where_the_run_is_resumed(
    policy, tmp_path, forgetful, critic
):
    def settings(name, offload, steps=4):
        learner = {"learning_rate": 1e-4, "offload_optimizer": offload}
        return config(
            policy, tmp_path, name=name, learner=learner, critic={"kind": critic}, **options() | {"steps": steps}
        )

    expected = run(settings("stays", False))
    assert run(settings("moves", True)) == expected
    run(settings("stopped", True, steps=2))
    assert run(settings("stopped", True)) == expected
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "moves") == outcome(tmp_path / "stays")


def test_the_learner_rests_before_the_sampler_takes_its_room_and_wakes_when_that_is_asleep(
    policy, tmp_path, monkeypatch
):
    calls = []

    def noted(kind, name):
        method = getattr(kind, name)

        def call(*arguments, **named):
            calls.append(f"{kind.__name__}.{name}")
            return method(*arguments, **named)

        monkeypatch.setattr(kind, name, call)

    for kind, name in (
        (InlineSampler, "sample"), (InlineSampler, "rest"), (InlineSampler, "update_weights"), (Learner, "rest"),
        (Learner, "update"), (Learner, "load_state"),
    ):  # fmt: skip
        noted(kind, name)
    settings = options() | {"checkpoint": {"every": 1}, "sampling": {"problems": 4, "samples": 8, "max_tokens": 24}}
    turn = [
        "InlineSampler.sample", "InlineSampler.rest", "Learner.update", "Learner.rest", "InlineSampler.update_weights"
    ]  # fmt: skip
    run(config(policy, tmp_path, **settings | {"steps": 2}))
    assert calls == 2 * turn
    calls.clear()
    run(config(policy, tmp_path, **settings | {"steps": 3}))
    going_on = ["InlineSampler.rest", "Learner.load_state", "Learner.rest", "InlineSampler.update_weights"]
    assert calls == going_on + turn


@pytest.mark.parametrize(
    ("gpu", "asked", "device", "found"),
    [
        (True, None, "auto", True),
        (True, False, "auto", False),
        (True, None, "cpu", None),
        (False, None, "auto", None),
        (False, True, "auto", True),  # the engine then says that it needs a GPU
    ],
)
def test_vllm_sleeps_by_default_where_both_share_a_gpu(monkeypatch, gpu, asked, device, found):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    made: WorkerPlan = _by_turns(plan(device=device, vllm={"sleep_mode": asked}))
    assert made.engine.vllm.sleep_mode is found
