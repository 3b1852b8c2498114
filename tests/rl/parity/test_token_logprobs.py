"""Token log-probabilities side by side: from models, files, and objects of vLLM's shape."""

import importlib.util
import json
import math
from dataclasses import dataclass, field

import pytest
import torch
from transformers import AutoModelForCausalLM

from rl.parity import ParityError
from rl.parity.terminal import token_summary
from rl.parity.token_logprobs import (
    ScoredSequence,
    TokenLogprobs,
    compare_token_logprobs,
    from_file,
    from_model,
    write_file,
)
from rl.parity.vllm_logprobs import from_vllm, load_vllm, read_prompts, read_samples
from tests.generate.tiny_model import save_tiny_model
from tests.rl.parity.models import INPUT_IDS_BT, tiny, with_rope_base

NAN = math.nan
IDS = [row.tolist() for row in INPUT_IDS_BT]


def scored(name, *sequences):
    return TokenLogprobs(name, tuple(ScoredSequence(tuple(ids), tuple(values)) for ids, values in sequences))


def test_differences_are_right_minus_left_and_the_first_token_is_left_out():
    left = scored("trainer", ([5, 6, 7], [NAN, -1.0, -2.0]), ([8, 9], [NAN, -0.5]))
    right = scored("engine", ([5, 6, 7], [NAN, -1.5, -2.0]), ([8, 9], [NAN, -0.4]))
    table = compare_token_logprobs(left, right, worst=2)
    assert table.tokens == 3
    assert table.mean == pytest.approx((-0.5 + 0 + 0.1) / 3)
    assert table.max_abs == 0.5
    assert table.sd == pytest.approx(0.2624669, rel=1e-6)
    assert table.ratio_quantiles[0.5] == pytest.approx(1.0)
    assert table.kl == pytest.approx((math.exp(0.5) - 1.5 + 0 + math.exp(-0.1) - 0.9) / 3)
    assert [(row.sequence, row.position, row.token_id) for row in table.worst] == [(0, 1, 6), (1, 1, 9)]
    assert table.worst[0].context == "5 6"
    assert "3 tokens, engine minus trainer" in token_summary(table)


def test_context_is_decoded_up_to_the_token():
    left, right = scored("a", ([1, 2, 3], [NAN, -1, -1])), scored("b", ([1, 2, 3], [NAN, -1, -3]))
    table = compare_token_logprobs(left, right, decode=lambda ids: "".join("abcd"[i] for i in ids), worst=1)
    assert table.worst[0].context == "bcd"
    assert table.worst[0].difference == -2.0


def test_a_model_scores_as_log_softmax_in_fp64_does():
    model = tiny()
    table = from_model(model, IDS, temperature=0.7)
    logp_BTV = (model(INPUT_IDS_BT).logits.detach().double() / 0.7).log_softmax(-1)
    expected_BT = logp_BTV[:, :-1].gather(-1, INPUT_IDS_BT[:, 1:, None])[..., 0]
    for row, expected in zip(table.sequences, expected_BT, strict=True):
        assert math.isnan(row.logprobs[0])
        assert row.logprobs[1:] == pytest.approx(expected.tolist(), abs=2e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
def test_the_kernel_scores_as_the_plain_model_does(family):
    model = tiny(family)
    table = compare_token_logprobs(from_model(model, IDS), from_model(model, IDS, kernel="chunked"))
    assert table.tokens == 46
    assert table.max_abs < 2e-5


def test_scoring_in_chunks_changes_nothing(monkeypatch):
    model = tiny()
    whole = from_model(model, IDS)
    monkeypatch.setattr("rl.parity.token_logprobs._CHUNK_ROWS", 5)
    assert compare_token_logprobs(whole, from_model(model, IDS)).max_abs == 0


def test_a_fault_shows_in_the_ratios():
    model = tiny()
    table = compare_token_logprobs(from_model(model, IDS), from_model(with_rope_base(model, 20_000.0, 0), IDS))
    assert table.max_abs > 1e-3
    assert table.ratio_quantiles[0.01] < 1 < table.ratio_quantiles[0.99]


def test_a_file_written_is_read_back(tmp_path):
    path = tmp_path / "engine.jsonl"
    write_file(scored("x", ([5, 6], [NAN, -1.25]), ([7], [NAN])), path)
    read = from_file(path)
    assert read.source == "engine.jsonl"
    assert read.sequences[0].token_ids == (5, 6)
    assert read.sequences[0].logprobs[1] == -1.25
    assert math.isnan(read.sequences[1].logprobs[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "at least one line"),
        ("{", ":1: an object"),
        ('{"token_ids": [1]}', "KeyError"),
        ('{"token_ids": [1, 2], "logprobs": [-1.0]}', "not 1 for 2"),
        ('{"token_ids": [1], "logprobs": [null]}\n[]', ":2: an object"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path, text, said):
    path = tmp_path / "engine.jsonl"
    path.write_text(text)
    with pytest.raises(ParityError, match=said):
        from_file(path)


def test_other_tokens_are_refused_with_the_place():
    left, right = scored("a", ([1, 2, 3], [NAN, -1, -1])), scored("b", ([1, 9, 3], [NAN, -1, -1]))
    with pytest.raises(ParityError, match="sequence 0: the same token ids, but they part at position 1"):
        compare_token_logprobs(left, right)
    with pytest.raises(ParityError, match="not 1 and 0 of them"):
        compare_token_logprobs(left, scored("b"))
    with pytest.raises(ParityError, match="in both"):
        compare_token_logprobs(scored("a", ([1], [NAN])), scored("b", ([1], [NAN])))


def test_a_log_probability_of_minus_infinity_is_kept_and_fits_json():
    table = compare_token_logprobs(scored("a", ([1, 2], [NAN, -1.0])), scored("b", ([1, 2], [NAN, -math.inf])))
    assert table.max_abs == math.inf
    assert json.loads(json.dumps(table.as_json(), allow_nan=False))["max_abs"] is None


# Fields and defaults as vLLM documents them (vllm/logprobs.py, vllm/outputs.py).
@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: list[int]
    cumulative_logprob: float | None
    logprobs: list[dict[int, Logprob]] | None
    finish_reason: str | None = None
    stop_reason: int | str | None = None


@dataclass
class RequestOutput:
    request_id: str
    prompt: str | None
    prompt_token_ids: list[int] | None
    prompt_logprobs: list[dict[int, Logprob] | None] | None
    outputs: list[CompletionOutput] = field(default_factory=list)
    finished: bool = True


SAMPLED = CompletionOutput(
    0, " 4", [7, 2], None, [{7: Logprob(-0.25, 1, " 4")}, {2: Logprob(-0.125), 9: Logprob(-3)}]
)
PROMPT = [None, {6: Logprob(-1.5, 3, "b"), 1: Logprob(-0.1, 1, "a")}]


def test_prompt_log_probabilities_are_those_of_the_prompts_own_tokens():
    rows = read_prompts([RequestOutput("0", None, [5, 6], PROMPT, [SAMPLED])])
    assert rows[0].token_ids == (5, 6)
    assert math.isnan(rows[0].logprobs[0])
    assert rows[0].logprobs[1] == -1.5


def test_samples_stand_behind_their_prompt():
    rows = read_samples([RequestOutput("0", None, [5, 6], None, [SAMPLED])])
    assert rows[0].token_ids == (5, 6, 7, 2)
    assert rows[0].logprobs[2:] == (-0.25, -0.125)
    assert all(math.isnan(value) for value in rows[0].logprobs[:2])


def test_outputs_without_log_probabilities_say_what_to_ask_for():
    with pytest.raises(ParityError, match="prompt_logprobs=0"):
        read_prompts([RequestOutput("0", None, [5, 6], None)])
    bare = CompletionOutput(0, "", [7], None, None)
    with pytest.raises(ParityError, match=r"SamplingParams\(logprobs=0\)"):
        read_samples([RequestOutput("0", None, [5], None, [bare])])
    with pytest.raises(ParityError, match="token 6 at 1"):
        read_prompts([RequestOutput("0", None, [5, 6], [None, {1: Logprob(-1.0)}])])
    with pytest.raises(ParityError, match="not 1 for 2"):
        read_prompts([RequestOutput("0", None, [5, 6], [None])])


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed: see docs/generation.md")
def test_vllm_and_transformers_agree_on_a_tiny_model(tmp_path, monkeypatch):
    """The engine itself, in this process and on the CPU where there is no GPU."""
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    folder = save_tiny_model(tmp_path)
    token_ids = [[0, 50, 60, 70, 80, 90], [0, 9, 8, 7]]
    engine = from_vllm(load_vllm(str(folder), dtype="fp32"), token_ids)
    trainer = from_model(AutoModelForCausalLM.from_pretrained(folder), token_ids)
    table = compare_token_logprobs(trainer, engine)
    assert table.tokens == 8
    assert table.max_abs < 1e-5


def test_without_vllm_the_error_says_what_to_do_instead(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr("rl.parity.vllm_logprobs.importlib.import_module", missing)
    with pytest.raises(ParityError, match="JSONL"):
        load_vllm("folder", dtype="fp32")


def test_the_kernel_refuses_a_head_with_a_bias():
    model = tiny()
    model.lm_head.bias = torch.nn.Parameter(torch.zeros(97))
    with pytest.raises(ParityError, match="without bias"):
        from_model(model, IDS, kernel="chunked")
