"""Cross-entropy that never holds all logits: as right as plain PyTorch, at every size, dtype and chunk."""

from functools import partial

import pytest
import torch
from torch import Tensor

from rl.kernels import linear_cross_entropy
from tests.rl.kernels.heads import Head, gradients, largest_logit, make_head, plain_scores
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

# The vocabularies of FACTS: blocks' borders, and real models'; 129,920 is divisible by no block.
VOCABULARIES = [65_536, 65_537, 102_400, 128_256, 129_920, 152_064, 256_000]
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


def plain(
    hidden_TD: Tensor,
    weight_VD: Tensor,
    target_T: Tensor,
    *,
    reduction: str = "mean",
    z_loss: float = 0.0,
    softcap: float = 0.0,
) -> Tensor:
    z_TV = plain_scores(hidden_TD, weight_VD, softcap=softcap)
    loss = torch.nn.functional.cross_entropy(z_TV, target_T, reduction=reduction)
    square_T = torch.where(target_T != -100, z_TV.logsumexp(-1).square(), 0.0)
    squares = {
        "mean": lambda: square_T.sum() / (target_T != -100).sum(),
        "sum": square_T.sum,
        "none": lambda: square_T,
    }
    return loss + z_loss * squares[reduction]()


def check(head: Head, dtype: torch.dtype, impl: str, *, chunk_bytes: int | None = None, **options: float) -> None:
    rounded = head.to(dtype)
    truth = gradients(rounded.to(torch.float64), partial(plain, **options))
    reference = gradients(rounded, partial(plain, **options))
    ours = gradients(rounded, partial(linear_cross_entropy, impl=impl, chunk_bytes=chunk_bytes, **options))
    for what in ("value", "hidden_TD", "weight_VD"):
        trio = [getattr(item, what) for item in (ours, reference, truth)]
        assert_no_worse_than_plain(*trio, what=what, dtype=dtype, logit=largest_logit(rounded))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_chunked_is_no_worse_than_plain_at_real_vocabularies(vocabulary: int, dtype: torch.dtype) -> None:
    check(make_head(3, 16, vocabulary, peaked=8.0), dtype, "chunked", chunk_bytes=vocabulary * 4)


@pytest.mark.parametrize("vocabulary", [1, 5, 1000, 4095, 4096, 4097, 5003, 65_537])
def test_triton_is_no_worse_than_plain_in_the_interpreter(vocabulary: int) -> None:
    check(make_head(3, 16, vocabulary, peaked=4.0), torch.float32, "triton", chunk_bytes=vocabulary * 8)


# The interpreter truncates when it rounds to bf16: Triton in bf16 and fp16 is tested in test_gpu.
@pytest.mark.parametrize(("impl", "dtype"), [*(("chunked", dtype) for dtype in DTYPES), ("triton", torch.float32)])
@pytest.mark.parametrize("options", [{"z_loss": 1e-3}, {"softcap": 3.0}, {"z_loss": 1e-2, "softcap": 30.0}])
def test_z_loss_and_softcap(options: dict[str, float], dtype: torch.dtype, impl: str) -> None:
    check(make_head(24, 16, 5003, peaked=6.0), dtype, impl, chunk_bytes=12 * 5003 * dtype.itemsize, **options)


@pytest.mark.parametrize(
    ("reduction", "impl"),
    [("mean", "reference"), ("sum", "reference"), ("none", "reference"), ("none", "chunked")],
)
def test_passes_gradcheck_in_fp64(reduction: str, impl: str) -> None:
    head = make_head(4, 3, 7, peaked=2.0).to(torch.float64)
    target_T = torch.tensor([1, -100, 6, 0])

    def loss(hidden_TD: Tensor, weight_VD: Tensor) -> Tensor:
        return linear_cross_entropy(
            hidden_TD, weight_VD, target_T, reduction=reduction, z_loss=0.1, softcap=2.0, impl=impl, chunk_bytes=56
        )

    inputs = (head.hidden_TD.requires_grad_(), head.weight_VD.requires_grad_())
    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_one_pass_equals_the_reference_that_passed_gradcheck_in_fp64(reduction: str) -> None:
    head = make_head(9, 5, 301, peaked=2.0).to(torch.float64)
    options = {"reduction": reduction, "z_loss": 0.1, "softcap": 2.0}
    reference = gradients(head, partial(linear_cross_entropy, impl="reference", **options))
    ours = gradients(head, partial(linear_cross_entropy, impl="chunked", chunk_bytes=5000, **options))
    for mine, theirs in zip(ours, reference, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_every_size_of_chunk_gives_the_same(reduction: str, impl: str) -> None:
    head = make_head(23, 8, 1009)
    weights_T = torch.linspace(-1, 1, 23)

    def loss(*tensors: Tensor, chunk_bytes: int) -> Tensor:
        value = linear_cross_entropy(*tensors, reduction=reduction, impl=impl, chunk_bytes=chunk_bytes)
        return (value * weights_T).sum() if reduction == "none" else value

    whole = gradients(head, partial(loss, chunk_bytes=1 << 30))
    # One byte still gives one row (of 128 columns where columns are cut): too many pieces for the interpreter.
    for chunk_bytes in (1 if impl == "chunked" else 9999, 4 * 1009, 5 * 4 * 1009, 1 << 16):
        part = gradients(head, partial(loss, chunk_bytes=chunk_bytes))
        for mine, theirs in zip(part, whole, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_ignored_tokens_count_for_nothing(impl: str) -> None:
    head = make_head(6, 8, 100)
    target_T = head.target_T.clone()
    target_T[[0, 3]] = -100
    kept = torch.tensor([1, 2, 4, 5])
    run = partial(linear_cross_entropy, impl=impl)
    some = gradients(head._replace(target_T=target_T), run)
    few = gradients(Head(head.hidden_TD[kept], head.weight_VD, head.target_T[kept]), run)
    torch.testing.assert_close(some.value, few.value)
    torch.testing.assert_close(some.hidden_TD[kept], few.hidden_TD)
    torch.testing.assert_close(some.weight_VD, few.weight_VD)
    assert some.hidden_TD[[0, 3]].abs().max().item() == 0.0
    each = run(head.hidden_TD, head.weight_VD, target_T, reduction="none")
    assert each[[0, 3]].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_with_every_token_ignored_a_sum_is_zero_and_a_mean_is_nan_as_in_torch(impl: str) -> None:
    head = make_head(3, 8, 100)._replace(target_T=torch.full((3,), -100))
    zero = gradients(head, partial(linear_cross_entropy, reduction="sum", impl=impl))
    assert zero.value.item() == 0.0
    assert zero.hidden_TD.abs().sum().item() == 0.0
    assert zero.weight_VD.abs().sum().item() == 0.0
    assert linear_cross_entropy(*head, impl=impl).isnan()
    assert gradients(head, partial(linear_cross_entropy, impl=impl)).value.isnan()


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_one_token_and_no_token(impl: str) -> None:
    hidden_TD, weight_VD = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    loss = linear_cross_entropy(hidden_TD, weight_VD, torch.tensor([1]), impl=impl)
    assert loss.item() == pytest.approx(0.126928, abs=1e-6)
    nothing = linear_cross_entropy(
        hidden_TD[:0], weight_VD, torch.tensor([], dtype=torch.int64), reduction="none", impl=impl
    )
    assert nothing.shape == (0,)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_huge_and_tiny_logits_stay_finite(impl: str) -> None:
    for spread in (1e4, 1e-4):
        result = gradients(make_head(4, 8, 5003, peaked=spread), partial(linear_cross_entropy, impl=impl))
        assert all(torch.isfinite(item).all() for item in result)


@pytest.mark.parametrize("impl", ["reference", "chunked"])
def test_tied_and_frozen_weights(impl: str) -> None:
    head = make_head(5, 8, 50)
    expected = gradients(head, plain)
    frozen = head.hidden_TD.clone().requires_grad_()
    linear_cross_entropy(frozen, head.weight_VD, head.target_T, impl=impl).backward()
    torch.testing.assert_close(frozen.grad, expected.hidden_TD)
    only_weight = head.weight_VD.clone().requires_grad_()
    linear_cross_entropy(head.hidden_TD, only_weight, head.target_T, impl=impl).backward()
    torch.testing.assert_close(only_weight.grad, expected.weight_VD)

    def tied(loss: object) -> Tensor:
        embedding = torch.nn.Embedding(50, 8, _weight=head.weight_VD.clone())
        states_TD = torch.tanh(embedding(torch.tensor([3, 1, 4, 1, 5])))
        loss(states_TD, embedding.weight, head.target_T).backward()  # type: ignore[operator]
        assert embedding.weight.grad is not None
        return embedding.weight.grad

    torch.testing.assert_close(tied(partial(linear_cross_entropy, impl=impl)), tied(plain))


def test_without_a_gradient_nothing_but_the_loss_is_computed() -> None:
    head = make_head(5, 8, 50)
    with torch.no_grad():
        hidden_TD = head.hidden_TD.clone().requires_grad_()
        value = linear_cross_entropy(hidden_TD, head.weight_VD, head.target_T)
    assert not value.requires_grad
    torch.testing.assert_close(value, plain(*head))


def test_fp16_gradients_of_a_mean_over_many_tokens_do_not_underflow() -> None:
    """With 1/T in the logits' gradient most entries would be below fp16's smallest number and become 0."""
    head = make_head(512, 8, 2000).to(torch.float16)
    truth = gradients(head.to(torch.float64), plain)
    ours = gradients(head, lambda *tensors: linear_cross_entropy(*tensors) * 2.0**16)
    torch.testing.assert_close(ours.hidden_TD.double() / 2**16, truth.hidden_TD, rtol=2e-2, atol=2e-6)
    torch.testing.assert_close(ours.weight_VD.double() / 2**16, truth.weight_VD, rtol=2e-2, atol=2e-6)


def test_under_autocast_the_product_is_in_the_autocast_dtype_and_gradients_in_the_parameters() -> None:
    head = make_head(5, 8, 50)
    with torch.autocast("cpu", torch.bfloat16):
        ours = gradients(head, linear_cross_entropy)
    assert ours.weight_VD.dtype == torch.float32
    lower = gradients(head.to(torch.bfloat16), linear_cross_entropy)
    torch.testing.assert_close(ours.value, lower.value)
    torch.testing.assert_close(ours.weight_VD, lower.weight_VD.float())


def test_a_second_backward_is_refused_with_a_reason() -> None:
    head = make_head(5, 8, 50)
    value = linear_cross_entropy(head.hidden_TD.clone().requires_grad_(), head.weight_VD, head.target_T)
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="formed in the forward"):
        value.backward()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target_T": torch.tensor([0, 50])}, IndexError, "target 50 at token 1 is no token id.*from 0 to 49"),
        ({"target_T": torch.tensor([0, -1])}, IndexError, "target -1 at token 1"),
        ({"target_T": torch.tensor([0, 1], dtype=torch.int32)}, ValueError, "must be int64"),
        ({"target_T": torch.tensor([0])}, ValueError, "one token id for each of 2"),
        ({"hidden_TD": torch.zeros(1, 2, 8)}, ValueError, "flatten batch and time"),
        ({"weight_VD": torch.zeros(50, 9)}, ValueError, "got \\(2, 8\\) and \\(50, 9\\)"),
        (
            {"weight_VD": torch.zeros(50, 8, dtype=torch.bfloat16)},
            ValueError,
            "cast one, or run under torch.autocast",
        ),
    ],
)
def test_bad_tensors_are_named(change: dict[str, Tensor], error: type[Exception], message: str) -> None:
    head = make_head(2, 8, 50)._replace(**change)
    with pytest.raises(error, match=message):
        linear_cross_entropy(*head)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reduction": "avg"}, "must be one of mean, sum, none"),
        ({"z_loss": -1.0}, "z_loss=-1.0 must not be negative"),
        ({"softcap": -1.0}, "softcap=-1.0 must be 0"),
        ({"impl": "cuda"}, "take one of 'auto', 'reference', 'chunked', 'triton'"),
        ({"chunk_bytes": 0}, "chunk_bytes=0 must be positive"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        linear_cross_entropy(*make_head(2, 8, 50), **options)  # type: ignore[arg-type]
