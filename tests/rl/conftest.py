"""One thread: with more, MKL sums a product of few rows over a vocabulary in an order that depends on its shape.

Errors of 1e-5 come and go with it, in plain PyTorch as in ours, and hide what the tests compare. It is faster too.
Set anew for each test, because an engine that another test loads may set its own number.
"""

from collections.abc import Iterator

import pytest
import torch

from tests.rl.wavering_policy import save_policy, save_stepwise_policy


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def policy(tmp_path_factory):
    """A policy that wavers between right and wrong answers, taught once for all tests of this folder."""
    return save_policy(tmp_path_factory.mktemp("wavering"))


@pytest.fixture(scope="session")
def stepwise_policy(tmp_path_factory):
    """One that wavers in its reasoning and in its answer."""
    return save_stepwise_policy(tmp_path_factory.mktemp("stepwise"))
