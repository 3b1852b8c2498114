"""One tiny policy on disk, as the learner's tests have it; TRL and our learner both load it."""

import os

import pytest

from tests.rl.learner.policies import save_policy
from tests.rl.trl_interop.recorded import draw
from tests.rl.trl_interop.scenes import Scene, shifted

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # `rollout_func` is called experimental


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_policy(tmp_path_factory.mktemp("policy") / "llama", num_hidden_layers=2)


@pytest.fixture(scope="session")
def scene(policy: str) -> Scene:
    sampled_with = shifted(policy, 1)
    learned_with = {name: item + (shifted(policy, 2)[name] - item) * 0.5 for name, item in sampled_with.items()}
    return Scene(draw(), sampled_with, learned_with)
