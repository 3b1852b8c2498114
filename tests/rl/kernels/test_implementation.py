"""Who computes: by device, by name, by the environment; and a clear refusal where it cannot be."""

import subprocess
import sys

import pytest
import torch

from rl.kernels import Impl
from rl.kernels.implementation import choose_implementation

HERE = torch.zeros(1)


def test_auto_on_a_cpu_is_chunked_even_where_the_interpreter_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MATHPIPE_KERNELS", raising=False)
    assert choose_implementation("auto", HERE) is Impl.CHUNKED


def test_the_environment_overrides_auto_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATHPIPE_KERNELS", "reference")
    assert choose_implementation("auto", HERE) is Impl.REFERENCE
    assert choose_implementation("chunked", HERE) is Impl.CHUNKED
    monkeypatch.setenv("MATHPIPE_KERNELS", "fast")
    with pytest.raises(ValueError, match="MATHPIPE_KERNELS='fast' in the environment: take one of auto"):
        choose_implementation("auto", HERE)


def test_triton_without_a_gpu_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(
        ValueError, match="needs a GPU, and the tensors are on cpu: use impl='auto'.*TRITON_INTERPRET=1"
    ):
        choose_implementation("triton", HERE)


def test_everything_works_where_triton_is_not_installed() -> None:
    """As on macOS: the finder is told that there is none before anything is imported."""
    program = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "triton" else found(name, *rest)
import torch
from rl.kernels import linear_cross_entropy
hidden = torch.ones(2, 4, requires_grad=True)
linear_cross_entropy(hidden, torch.eye(4), torch.tensor([0, 1])).backward()
assert hidden.grad is not None and "triton" not in sys.modules, "triton was imported"
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
