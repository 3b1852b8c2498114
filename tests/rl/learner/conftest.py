"""One tiny policy on disk for all tests of the learner; none writes to it."""

import pytest

from tests.rl.learner.policies import save_policy


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_policy(tmp_path_factory.mktemp("policy") / "llama", num_hidden_layers=2)
