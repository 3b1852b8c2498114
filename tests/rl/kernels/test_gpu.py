"""The heads on a GPU: bf16 and fp16 at real sizes, and more logits than an int32 can count."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rl.kernels import linear_cross_entropy, linear_logprob, policy_head
from rl.losses import LOSSES, TokenBatch
from tests.rl.kernels.heads import gradients, largest_logit, make_head, plain_logprob
from tests.rl.kernels.test_linear_cross_entropy import plain
from tests.rl.kernels.test_linear_logprob import weighted
from tests.rl.kernels.test_policy_head import TOKENS, assert_close, make_batch, papers_loss, run
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

DTYPES = [torch.float32, torch.bfloat16, torch.float16]
SHAPES = [(3584, 152_064), (4096, 128_256), (4096, 102_400), (512, 129_920), (512, 65_537)]


def check(ours: Any, reference: Any, dtype: torch.dtype, width: int, vocabulary: int) -> None:
    """Both in `dtype` on the GPU against fp64 there, over 64 tokens so that fp64 logits fit."""
    head = make_head(64, width, vocabulary, peaked=4.0, device="cuda").to(dtype)
    truth = gradients(head.to(torch.float64), reference)
    plainly, mine = gradients(head, reference), gradients(head, ours)
    for what in ("value", "hidden_TD", "weight_VD"):
        trio = [getattr(item, what) for item in (mine, plainly, truth)]
        assert_no_worse_than_plain(*trio, what=what, dtype=dtype, logit=largest_logit(head), floor=1e-2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("width", "vocabulary"), SHAPES)
def test_cross_entropy(width: int, vocabulary: int, dtype: torch.dtype) -> None:
    options = {"z_loss": 1e-4, "softcap": 30.0}
    ours = partial(linear_cross_entropy, impl="triton", chunk_bytes=24 * vocabulary * dtype.itemsize, **options)
    check(ours, partial(plain, **options), dtype, width, vocabulary)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("width", "vocabulary"), SHAPES)
def test_log_probabilities_and_entropies(width: int, vocabulary: int, dtype: torch.dtype) -> None:
    ours = partial(weighted, linear_logprob, impl="triton", temperature=0.7, chunk_bytes=1 << 20)
    check(ours, partial(weighted, plain_logprob, temperature=0.7), dtype, width, vocabulary)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("recompute", [None, True])
def test_policy_losses_equal_autograd(name: str, recompute: bool | None) -> None:
    head = make_head(TOKENS, 64, 5003, device="cuda")
    batch = make_batch(head, name)
    ours = gradients(head, partial(run, batch, loss=name, recompute=recompute, impl="triton"))
    assert_close(ours, gradients(head, partial(papers_loss, name, batch)), 1e-4)


@pytest.mark.parametrize("dtype", DTYPES[1:])
def test_policy_head_at_a_real_size(dtype: torch.dtype) -> None:
    def sft(*tensors: Tensor) -> Tensor:
        tokens = tensors[2].numel()
        batch = TokenBatch(torch.full((tokens,), 1 / tokens, device="cuda"))
        return policy_head(*tensors, batch, loss="sft", impl="triton").loss

    check(sft, plain, dtype, 3584, 152_064)


def test_more_logits_in_one_piece_than_an_int32_can_count() -> None:
    """16,384 rows of 152,064 are 2.5 billion: rows past 2^31 elements must be found where they are."""
    head = make_head(16_384, 64, 152_064, device="cuda").to(torch.bfloat16)
    whole = gradients(head, partial(linear_cross_entropy, impl="triton", chunk_bytes=1 << 33))
    parts = gradients(head, partial(linear_cross_entropy, impl="triton", chunk_bytes=1 << 28))
    for mine, theirs in zip(whole, parts, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-2, atol=1e-2 * theirs.abs().max().item())
    last = slice(-64, None)
    scored = linear_logprob(*head, impl="triton", chunk_bytes=1 << 33).logprob_T[last]
    torch.testing.assert_close(scored, plain_logprob(head.hidden_TD[last], head.weight_VD, head.target_T[last])[0])


def test_the_default_on_a_gpu_is_triton_and_extra_memory_stays_within_the_budget() -> None:
    head = make_head(8192, 512, 152_064, device="cuda").to(torch.bfloat16)
    hidden_TD, weight_VD = head.hidden_TD.requires_grad_(), head.weight_VD.requires_grad_()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    linear_cross_entropy(hidden_TD, weight_VD, head.target_T).backward()
    extra = torch.cuda.max_memory_allocated() - before
    assert extra <= 4 * weight_VD.numel() + (1 << 30), f"{extra / 2**30:.2f} GiB"
