"""vLLM's sleep between samplings: what is dropped is not sampled from, and comes back with the new weights."""

import pytest
import torch

from mathpipe.generate import EngineConfig, EngineError, Request
from mathpipe.generate.engines.vllm_engine import VllmEngine
from tests.generate.tiny_model import save_tiny_model

ASKED = Request(request_id="r", prompt_token_ids=(5, 6, 7), max_tokens=6, seed=1, logprobs=True)


class RecordedLlm:
    """Stands in for vLLM where there is no GPU, on which alone it can sleep: the calls, in their order."""

    def __init__(self):
        self.calls = []

    def sleep(self, *, level):
        self.calls.append(("sleep", level))

    def wake_up(self, *, tags):
        self.calls.append(("wake_up", *tags))

    def collective_rpc(self, name, *, kwargs):
        self.calls.append((name, dict(kwargs["weights_iterator"])))

    def reset_prefix_cache(self):
        self.calls.append(("reset_prefix_cache",))


@pytest.fixture
def asleep():
    engine = VllmEngine.__new__(VllmEngine)
    super(VllmEngine, engine).__init__()
    engine.llm, engine._can_sleep, engine._asleep, engine.template = RecordedLlm(), True, False, None
    assert engine.sleep()
    return engine


def test_weights_come_back_before_the_cache_which_is_empty(asleep):
    assert asleep.sleep()  # once is enough
    asleep.update_weights([("w", 1)])
    asleep.update_weights([("w", 2)])
    assert asleep.llm.calls == [
        ("sleep", 2),
        ("wake_up", "weights"),
        ("reload_weights", {"w": 1}),
        ("wake_up", "kv_cache"),
        ("reset_prefix_cache",),
        ("reload_weights", {"w": 2}),
        ("reset_prefix_cache",),
    ]


def test_nothing_is_sampled_or_scored_with_weights_that_were_dropped(asleep):
    with pytest.raises(EngineError, match="dropped its own"):
        asleep.submit(ASKED)
    asleep.abort = asleep._open.clear
    asleep.abort()
    with pytest.raises(EngineError, match="update_weights first"):
        asleep.score([(1, 2)])


def settings(folder, **vllm):
    return EngineConfig(
        kind="vllm", model=str(folder), dtype="float32", context_tokens=64, max_sequences=4, vllm=vllm
    )  # fmt: skip


@pytest.mark.vllm
def test_on_a_cpu_sleep_is_refused_with_a_line_and_off_by_default(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("vLLM can sleep on this machine's GPU")
    folder = save_tiny_model(tmp_path / "model")
    with pytest.raises(EngineError, match=r"sleep_mode: expected a GPU|sleep_mode.*a GPU"):
        VllmEngine(settings(folder, sleep_mode=True))
    with VllmEngine(settings(folder)) as engine:
        before = [one.token_ids for one in engine.generate([ASKED])]
        assert engine.sleep() is False
        assert [one.token_ids for one in engine.generate([ASKED])] == before


@pytest.mark.gpu
@pytest.mark.vllm
def test_on_a_gpu_memory_is_given_up_and_new_weights_score_as_before(tmp_path):
    from transformers import AutoModelForCausalLM

    folder = save_tiny_model(tmp_path / "model")
    weights = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    ids = [(5, 6, 7, 8, 9)]
    with VllmEngine(settings(folder, sleep_mode=True, gpu_memory_fraction=0.3)) as engine:
        expected, free = engine.score(ids), torch.cuda.mem_get_info()[0]
        assert engine.sleep()
        assert torch.cuda.mem_get_info()[0] > free + 2**30
        engine.update_weights(weights.items())
        assert engine.score(ids)[0] == pytest.approx(expected[0], abs=1e-4)
