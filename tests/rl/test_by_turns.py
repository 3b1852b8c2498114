"""One device by turns: an engine that forgets its weights whenever the learner works gives what one gives that keeps
them, in steps that teach nothing, too.
"""

import pytest
import torch

from mathpipe.generate.engines.transformers_engine import TransformersEngine
from rl.guards import RunStopped
from rl.samplers import WorkerPlan, _by_turns
from tests.rl.loop_runs import config, run
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
