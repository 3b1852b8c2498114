"""TRL's trainer with our head: its losses, gradients and metrics, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig
from trl import GRPOTrainer

from mathpipe.core.errors import InputError
from rl.off_policy import Correction
from rl.trl_interop import policy_head_trainer
from rl.trl_interop.trainer import LossesDiffer
from tests.rl.learner.policies import largest_gap
from tests.rl.trl_interop.recorded import Seen, run
from tests.rl.trl_interop.scenes import CASES, SECOND_UPDATE, Scene, learner_of, sequences_of

TIMES = {"step_time", "train_runtime", "train_samples_per_second", "train_steps_per_second"}


def both(policy: str, scene: Scene, folder: Path, **settings: Any) -> tuple[Seen, Seen]:
    """The stock trainer and ours on the same micro-batches."""
    made = []
    for kind in (None, policy_head_trainer()):
        torch.manual_seed(0)
        chosen = {} if kind is None else {"kind": kind}
        made.append(run(policy, folder, scene.groups, learned_with=scene.learned_with, **settings, **chosen))
    return made[0], made[1]


def assert_same(stock: Seen, ours: Seen) -> None:
    assert ours.losses == pytest.approx(stock.losses, abs=1e-6)
    for mine, theirs in zip(ours.gradients, stock.gradients, strict=True):
        assert largest_gap(mine, theirs) < 1e-5
    for mine, theirs in zip(ours.logs, stock.logs, strict=True):
        assert mine.keys() == theirs.keys()
        assert all(mine[key] == pytest.approx(theirs[key], rel=1e-5, abs=1e-6) for key in mine.keys() - TIMES)


@pytest.mark.parametrize("beta", [0.0, 0.1])
@pytest.mark.parametrize("name", CASES)
def test_loss_gradients_and_metrics_are_the_stock_trainers(
    policy: str, scene: Scene, tmp_path: Path, name: str, beta: float
) -> None:
    case = CASES[name]
    learner = learner_of(policy, case)
    _, sampler = sequences_of(learner, scene, correction=Correction.TOKEN)
    stock, ours = both(
        policy,
        scene,
        tmp_path,
        sampled_with=scene.sampled_with,
        sampler=sampler,
        beta=beta,
        temperature=0.7,
        use_bias_correction_kl=case.bias_correction,
        mask_truncated_completions=True,
        accumulation=2,
        **SECOND_UPDATE,
        **case.peer,
    )
    assert len(stock.losses) == 2
    assert_same(stock, ours)
    assert ("kl" in ours.logs[0]) == (beta > 0)


@pytest.mark.parametrize("name", ["grpo", "cispo", "gspo"])
def test_several_steps_a_batch_are_the_stock_trainers(policy: str, scene: Scene, tmp_path: Path, name: str) -> None:
    """Three steps of one batch, at a rate that moves the ratios."""
    stock, ours = both(policy, scene, tmp_path, steps=3, learning_rate=1e-3, **CASES[name].peer)
    assert_same(stock, ours)


def test_two_sided_clipping_is_the_stock_trainers(policy: str, scene: Scene, tmp_path: Path) -> None:
    given = {"sampled_with": scene.sampled_with, "loss_type": "dapo", "delta": 1.3, **SECOND_UPDATE}
    stock, ours = both(policy, scene, tmp_path, **given)
    plain, _ = both(policy, scene, tmp_path, **{**given, "delta": None})
    assert_same(stock, ours)
    assert abs(stock.losses[0] - plain.losses[0]) > 1e-4


def test_a_micro_batch_with_nothing_to_learn_is_a_step_of_nothing(policy: str, scene: Scene, tmp_path: Path) -> None:
    cut = [[one._replace(completion=(*one.completion[:-1], 5)) for one in group] for group in scene.groups]
    seen = run(policy, tmp_path, cut, kind=policy_head_trainer(), mask_truncated_completions=True)
    assert seen.losses == [0.0]
    assert all(item.abs().max() == 0 for item in seen.gradients[0].values())


def adapted(kind: Any) -> Any:
    """The trainer with adapters that do something from the first step on."""

    class Adapted(kind):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            torch.manual_seed(0)
            adapter = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
            super().__init__(*args, **options, peft_config=adapter)

    return Adapted


def test_adapters_and_checkpointed_layers_go_through_the_head(policy: str, scene: Scene, tmp_path: Path) -> None:
    stock, ours = (
        run(
            policy, tmp_path, scene.groups, kind=adapted(kind), beta=0.1, temperature=0.7, gradient_checkpointing=True
        )
        for kind in (GRPOTrainer, policy_head_trainer())
    )
    assert len(ours.gradients[0]) == 8
    assert stock.losses[0] > 0.01
    assert_same(stock, ours)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"loss_type": "sapo"}, "loss_type"),
        ({"top_entropy_quantile": 0.5}, "top_entropy_quantile"),
        ({"entropy_coef": 0.1}, "entropy_coef"),
        ({"off_policy_mask_threshold": 0.1}, "off_policy_mask_threshold"),
        ({"loss_type": "cispo", "importance_sampling_level": "sequence"}, "with cispo"),
        (
            {"beta": 0.1, "importance_sampling_level": "sequence", "use_bias_correction_kl": True},
            "use_bias_correction_kl",
        ),
        ({"cast_lm_head_to_fp32": True}, "cast_lm_head_to_fp32"),
    ],
)
def test_what_the_head_has_no_formula_for_is_refused(
    policy: str, scene: Scene, tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=named):
        run(policy, tmp_path, scene.groups, kind=policy_head_trainer(), **settings)


def test_a_loss_that_is_not_trls_stops_the_training(policy: str, scene: Scene, tmp_path: Path) -> None:
    class Wrong(policy_head_trainer()):  # type: ignore[misc]
        """Its clip was changed behind the head's back."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.epsilon_low = self.epsilon_high = 0.001

    given = {"sampled_with": scene.sampled_with, "learned_with": scene.learned_with, **SECOND_UPDATE}
    with pytest.raises(LossesDiffer, match="TRL's own"):
        run(policy, tmp_path, scene.groups, kind=Wrong, **given)
