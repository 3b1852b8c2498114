from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import gelu, silu

from rl.kernels import glu as module
from rl.kernels.glu import geglu, swiglu
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

Glu = Callable[..., Tensor]
KERNELS: dict[str, Glu] = {"silu": swiglu, "gelu": geglu, "gelu_tanh": partial(geglu, approximate="tanh")}
PLAIN: dict[str, Glu] = {
    "silu": lambda gate, up: silu(gate) * up,
    "gelu": lambda gate, up: gelu(gate) * up,
    "gelu_tanh": lambda gate, up: gelu(gate, approximate="tanh") * up,
}


def draw(shape: tuple[int, ...], seed: int = 0, device: str = "cpu") -> list[Tensor]:
    """gate, up and an upstream gradient; some gates far out, where the activations are flat."""
    generator = torch.Generator().manual_seed(seed)
    gate, up, dhidden = (torch.randn(shape, generator=generator) for _ in range(3))
    return [item.to(device) for item in (gate * 3, up, dhidden)]


def outcome(glu: Glu, gate: Tensor, up: Tensor, dhidden: Tensor) -> dict[str, Tensor]:
    gate, up = gate.detach().clone().requires_grad_(), up.detach().clone().requires_grad_()
    hidden = glu(gate, up)
    hidden.backward(dhidden)
    assert gate.grad is not None
    assert up.grad is not None
    return {"hidden": hidden.detach(), "dgate": gate.grad, "dup": up.grad}


def check(act: str, impl: str, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu") -> None:
    inputs = [item.to(dtype) for item in draw(shape, device=device)]
    truth = outcome(PLAIN[act], *(item.double() for item in inputs))
    theirs = outcome(PLAIN[act], *inputs)
    mine = outcome(partial(KERNELS[act], impl=impl), *inputs)
    for what, value in truth.items():
        assert mine[what].dtype == dtype
        assert_no_worse_than_plain(mine[what], theirs[what], value, what=what, dtype=dtype)


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_known_values_come_out(impl: str) -> None:
    gate, up = torch.tensor([0.0, 1.0, -2.0]), torch.tensor([5.0, 2.0, 3.0])
    # silu(1) = 0.731059, silu(-2) = -0.238406; gelu(1) = 0.841345, gelu(-2) = -0.045500; tanh: 0.841192, -0.045402
    assert swiglu(gate, up, impl=impl).tolist() == pytest.approx([0, 1.4621172, -0.7152175], abs=1e-6)
    assert geglu(gate, up, impl=impl).tolist() == pytest.approx([0, 1.6826895, -0.1365008], abs=1e-6)
    tanh = geglu(gate, up, approximate="tanh", impl=impl)
    assert tanh.tolist() == pytest.approx([0, 1.6823840, -0.1362069], abs=1e-6)


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
def test_exact_and_tanh_gelu_differ_by_4_7e_4_and_are_not_confused(impl: str) -> None:
    gate = torch.linspace(-6, 6, 4001)
    ones = torch.ones_like(gate)
    exact, tanh = geglu(gate, ones, impl=impl), geglu(gate, ones, approximate="tanh", impl=impl)
    assert (exact - tanh).abs().max().item() == pytest.approx(4.73e-4, abs=1e-6)
    torch.testing.assert_close(exact, gelu(gate), rtol=0, atol=1e-6)
    torch.testing.assert_close(tanh, gelu(gate, approximate="tanh"), rtol=0, atol=1e-6)
    slopes = [
        outcome(partial(geglu, approximate=kind, impl=impl), gate, ones, ones)["dgate"] for kind in ("none", "tanh")
    ]
    for slope, kind in zip(slopes, ("none", "tanh"), strict=True):
        truth = outcome(lambda g, u, kind=kind: gelu(g, approximate=kind) * u, gate, ones, ones)["dgate"]
        torch.testing.assert_close(slope, truth, rtol=0, atol=3e-6)
    assert (slopes[0] - slopes[1]).abs().max() > 5e-4


@pytest.mark.parametrize("act", KERNELS)
def test_gradients_equal_finite_differences_in_fp64(act: str) -> None:
    gate, up, _ = (item.double().requires_grad_() for item in draw((3, 7)))
    assert torch.autograd.gradcheck(partial(KERNELS[act], impl="chunked"), (gate, up))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(1, 64), (2, 3, 300), (300, 1025)])
@pytest.mark.parametrize("act", KERNELS)
def test_chunked_is_no_worse_than_plain_pytorch(act: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(act, "chunked", shape, dtype)


@pytest.mark.parametrize("shape", [(1, 64), (2, 3, 300), (4, 1025)])
@pytest.mark.parametrize("act", KERNELS)
def test_triton_is_no_worse_than_plain_pytorch(act: str, shape: tuple[int, ...]) -> None:
    check(act, "triton", shape, torch.float32)


@pytest.mark.parametrize("act", KERNELS)
def test_in_bf16_the_result_is_the_models_bit_for_bit(act: str) -> None:
    gate, up, _ = (item.bfloat16() for item in draw((64, 96)))
    assert torch.equal(KERNELS[act](gate, up, impl="chunked"), PLAIN[act](gate, up))


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    act=st.sampled_from(sorted(KERNELS)),
    impl=st.sampled_from(["chunked", "triton"]),
)
def test_any_shape_agrees_with_fp64(shape: list[int], act: str, impl: str) -> None:
    inputs = draw(tuple(shape), seed=sum(shape))
    truth = outcome(PLAIN[act], *(item.double() for item in inputs))
    mine = outcome(partial(KERNELS[act], impl=impl), *inputs)
    for what, value in truth.items():
        torch.testing.assert_close(mine[what].double(), value, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
@pytest.mark.parametrize("act", KERNELS)
def test_far_out_gates_stay_finite(act: str, impl: str) -> None:
    gate = torch.tensor([-1e4, -100.0, -20.0, 20.0, 100.0, 1e4])
    ones = torch.ones(6)
    found = outcome(partial(KERNELS[act], impl=impl), gate, ones, ones)
    assert found["hidden"].tolist() == pytest.approx([0, 0, 0, 20, 100, 1e4], abs=1e-6)
    assert found["dgate"].tolist() == pytest.approx([0, 0, 0, 1, 1, 1], abs=1e-6)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_halves_of_one_product_and_an_expanded_gradient_are_taken_as_they_lie(impl: str) -> None:
    both = torch.cat(draw((5, 24))[:2], -1).requires_grad_()
    swiglu(*both.chunk(2, -1), impl=impl).sum().backward()
    truth = both.detach().clone().requires_grad_()
    gate, up = truth.chunk(2, -1)
    (silu(gate) * up).sum().backward()
    torch.testing.assert_close(both.grad, truth.grad)


def test_the_size_of_a_piece_does_not_change_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = draw((7, 50))
    whole = outcome(partial(swiglu, impl="chunked"), *inputs)
    for elements in (16, 130):  # less than a row, and two rows
        monkeypatch.setattr(module, "_ELEMENTS", elements)
        pieces = outcome(partial(swiglu, impl="chunked"), *inputs)
        for what, value in whole.items():
            torch.testing.assert_close(pieces[what], value, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("impl", ["chunked", "triton"])
def test_nothing_in_gives_nothing_out(impl: str) -> None:
    for shape in ((0, 8), (8, 0)):
        found = outcome(partial(swiglu, impl=impl), *draw(shape))
        assert [item.shape for item in found.values()] == [shape] * 3


def test_only_gate_and_up_are_kept_for_the_backward() -> None:
    gate, up, _ = (item.requires_grad_() for item in draw((4, 8)))
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda item: kept.append(item) or item, lambda item: item):
        swiglu(gate, up, impl="chunked")
    assert [item.data_ptr() for item in kept] == [gate.data_ptr(), up.data_ptr()]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: swiglu(torch.ones(2, 3), torch.ones(2, 4)), r"gate \(2, 3\).* and up \(2, 4\)"),
        (lambda: swiglu(torch.ones(2), torch.ones(2).bfloat16()), "alike in shape, dtype"),
        (
            lambda: geglu(torch.ones(2), torch.ones(2), approximate="erf"),
            "approximate='erf' must be 'none' or 'tanh'",
        ),
        (lambda: swiglu(torch.ones(2).double(), torch.ones(2).double(), impl="triton"), "gate is fp64"),
    ],
)
def test_what_does_not_fit_is_named(call: Callable[[], Tensor], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(8192, 14336), (4097, 18944), (3, 21504), (1, 11008)])
@pytest.mark.parametrize("act", KERNELS)
def test_on_a_gpu(act: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(act, "auto", shape, dtype, "cuda")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_rows_beyond_two_to_the_31_elements_are_reached() -> None:
    gate = torch.full((2**18 + 3, 8192), 100.0, dtype=torch.bfloat16, device="cuda")
    up = torch.full_like(gate, 2.0)
    up[-1] = 3.0
    hidden = swiglu(gate, up)
    assert hidden[-1].unique().tolist() == [300.0]
    assert hidden[-2].unique().tolist() == [200.0]
