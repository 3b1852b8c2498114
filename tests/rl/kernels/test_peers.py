"""Parity with the losses people use: TRL's trainer and kernels, Liger's, and torch's own, in fp32 on the CPU.

Their real code runs. TRL's loss is a method of its trainer, which needs a model and a dataset to exist; it is called
here on a stand-in that holds the settings it reads and log-probabilities from all logits.
"""

from collections import defaultdict
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from accelerate import Accelerator
from liger_kernel.chunked_loss import LigerFusedLinearDPOLoss, LigerFusedLinearGRPOLoss
from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction
from torch import Tensor
from trl import GRPOTrainer
from trl.kernels.chunked_logprob import ChunkedLogProbFunction

from rl.kernels import linear_cross_entropy, linear_logprob, policy_head
from rl.losses import Aggregation, TokenBatch, make_loss, token_weights
from tests.rl.kernels.heads import Gradients, Head, gradients, make_head, plain_logprob
from tests.rl.kernels.test_linear_logprob import weighted

SEQUENCES, TIME, WIDTH, VOCABULARY = 4, 6, 16, 997
LENGTHS = torch.tensor([6, 2, 5, 3])
MASK_SL = torch.arange(TIME) < LENGTHS[:, None]
MAX_LENGTH = 10


def assert_same(ours: Gradients, theirs: Gradients, *, loss: float = 1e-5, gradient: float = 1e-4) -> None:
    torch.testing.assert_close(ours.value, theirs.value, rtol=loss, atol=loss)
    for mine, other in ((ours.hidden_TD, theirs.hidden_TD), (ours.weight_VD, theirs.weight_VD)):
        torch.testing.assert_close(mine, other, rtol=gradient, atol=gradient * other.abs().max().item())


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_torchs_fused_cross_entropy(reduction: str) -> None:
    head = make_head(24, WIDTH, VOCABULARY)
    head.target_T[[2, 9]] = -100
    theirs = gradients(head, partial(torch.nn.functional.linear_cross_entropy, reduction=reduction))
    assert_same(gradients(head, partial(linear_cross_entropy, reduction=reduction)), theirs)


@pytest.mark.parametrize("z_loss", [0.0, 1e-3])
def test_ligers_fused_cross_entropy(z_loss: float) -> None:
    """Its Triton kernel, in the interpreter (where its soft-capping does not run: a float has no `.to` there)."""
    head = make_head(24, WIDTH, VOCABULARY)
    head.target_T[[2, 9]] = -100

    def liger(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        settings = (None, None, -100, z_loss, 0.0, "mean", None)
        loss: Tensor = LigerFusedLinearCrossEntropyFunction.apply(hidden_TD, weight_VD, target_T, *settings)[0]
        return loss

    assert_same(gradients(head, partial(linear_cross_entropy, z_loss=z_loss)), gradients(head, liger))


@pytest.mark.parametrize(("temperature", "softcap"), [(1.0, 0.0), (0.7, 0.0), (1.0, 3.0), (1.3, 3.0)])
def test_trls_chunked_log_probabilities_and_entropies(temperature: float, softcap: float) -> None:
    head = make_head(24, WIDTH, VOCABULARY)

    def trl(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> tuple[Tensor, Tensor]:
        settings = (temperature, 256, softcap or None, 1.0, ("entropy",))
        scored = ChunkedLogProbFunction.apply(hidden_TD, weight_VD, None, target_T, *settings)
        return scored[0], scored[1]

    ours = partial(linear_logprob, temperature=temperature, softcap=softcap)
    assert_same(gradients(head, partial(weighted, ours)), gradients(head, partial(weighted, trl)))


class Case(NamedTuple):
    """A loss by our name and settings, and by TRL's and Liger's."""

    name: str
    options: dict[str, Any]
    peer: dict[str, Any]
    aggregation: Aggregation


PLAIN = {"epsilon_low": 0.2, "epsilon_high": 0.2, "beta": 0.0, "delta": None, "bias": False, "level": "token"}
CASES = {
    "grpo": Case("grpo", {"kl": 0.0}, {"loss_type": "grpo"}, Aggregation.SEQUENCE_MEAN),
    "grpo with KL": Case("grpo", {"kl": 0.04}, {"loss_type": "grpo", "beta": 0.04}, Aggregation.SEQUENCE_MEAN),
    "grpo with corrected KL": Case(
        "grpo",
        {"kl": 0.04, "kl_bias_correction": True},
        {"loss_type": "grpo", "beta": 0.04, "bias": True},
        Aggregation.SEQUENCE_MEAN,
    ),
    "grpo two-sided": Case(
        "grpo", {"kl": 0.0, "delta": 1.5}, {"loss_type": "grpo", "delta": 1.5}, Aggregation.SEQUENCE_MEAN
    ),
    "bnpo": Case("bnpo", {}, {"loss_type": "bnpo"}, Aggregation.TOKEN_MEAN),
    "bnpo with KL": Case("bnpo", {"kl": 0.1}, {"loss_type": "bnpo", "beta": 0.1}, Aggregation.TOKEN_MEAN),
    "dapo": Case("dapo", {}, {"loss_type": "dapo", "epsilon_high": 0.28}, Aggregation.TOKEN_MEAN),
    "dr_grpo": Case("dr_grpo", {}, {"loss_type": "dr_grpo"}, Aggregation.CONSTANT),
    "dr_grpo with KL": Case("dr_grpo", {"kl": 0.1}, {"loss_type": "dr_grpo", "beta": 0.1}, Aggregation.CONSTANT),
    "cispo": Case("cispo", {}, {"loss_type": "cispo", "epsilon_high": 5.0}, Aggregation.TOKEN_MEAN),
    "cispo with KL": Case(
        "cispo", {"kl": 0.1}, {"loss_type": "cispo", "epsilon_high": 5.0, "beta": 0.1}, Aggregation.TOKEN_MEAN
    ),
    "gspo": Case(
        "gspo",
        {},
        {"loss_type": "grpo", "level": "sequence", "epsilon_low": 3e-4, "epsilon_high": 4e-4},
        Aggregation.SEQUENCE_MEAN,
    ),
    "gspo with KL": Case(
        "gspo",
        {"kl": 0.1, "clip_low": 0.2, "clip_high": 0.2},
        {"loss_type": "grpo", "level": "sequence", "beta": 0.1},
        Aggregation.SEQUENCE_MEAN,
    ),
}


class Scene(NamedTuple):
    """A padded batch: hidden states of every position, and what is known of each."""

    head: Head
    old_SL: Tensor
    reference_SL: Tensor
    advantage_S: Tensor
    importance_SL: Tensor


def make_scene(spread: float) -> Scene:
    head = make_head(SEQUENCES * TIME, WIDTH, VOCABULARY)
    draw = torch.Generator().manual_seed(5)
    logprob_SL = plain_logprob(*head)[0].view(SEQUENCES, TIME)
    return Scene(
        head=head,
        old_SL=logprob_SL + spread * torch.randn(SEQUENCES, TIME, generator=draw),
        reference_SL=logprob_SL + 0.3 * torch.randn(SEQUENCES, TIME, generator=draw),
        advantage_S=torch.tensor([1.3, -0.7, -1.1, 0.4]),
        importance_SL=0.5 + torch.rand(SEQUENCES, TIME, generator=draw),
    )


def ours(case: Case, scene: Scene, importance: bool) -> Gradients:
    sequence_T = MASK_SL.nonzero()[:, 0]
    batch = TokenBatch(
        weight_T=token_weights(case.aggregation, sequence_T, sequences=SEQUENCES, max_length=MAX_LENGTH),
        sequence_T=sequence_T,
        sequences=SEQUENCES,
        advantage_T=scene.advantage_S[sequence_T],
        old_logprob_T=scene.old_SL[MASK_SL],
        reference_logprob_T=scene.reference_SL[MASK_SL],
        importance_T=scene.importance_SL[MASK_SL] if importance else None,
    )
    mask_T = MASK_SL.flatten()

    def loss(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        made = make_loss(case.name, **case.options)
        return policy_head(hidden_TD[mask_T], weight_VD, target_T[mask_T], batch, loss=made).loss

    return gradients(scene.head, loss)


def trls(case: Case, scene: Scene, importance: bool) -> Gradients:
    settings = PLAIN | case.peer

    def loss(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        logprob_T, entropy_T = plain_logprob(hidden_TD, weight_VD, target_T)
        scored = (logprob_T.view(SEQUENCES, TIME), entropy_T.view(SEQUENCES, TIME), None)
        trainer = SimpleNamespace(
            _get_per_token_logps_and_entropies=lambda *_, **__: scored,
            aux_loss_enabled=False,
            top_entropy_quantile=1.0,
            off_policy_mask_threshold=None,
            importance_sampling_level=settings["level"],
            beta=settings["beta"],
            loss_type=settings["loss_type"],
            epsilon_low=settings["epsilon_low"],
            epsilon_high=settings["epsilon_high"],
            use_vllm=importance,
            vllm_importance_sampling_correction=importance,
            model=SimpleNamespace(training=False),
            max_completion_length=MAX_LENGTH,
            current_gradient_accumulation_steps=1,
            accelerator=Accelerator(cpu=True),
            _entropy_bonus_enabled=False,
            _metrics=defaultdict(partial(defaultdict, list)),
            args=SimpleNamespace(
                use_bias_correction_kl=settings["bias"], delta=settings["delta"], steps_per_generation=1
            ),
        )
        inputs = {
            "prompt_ids": torch.zeros(SEQUENCES, 1, dtype=torch.int64),
            "prompt_mask": torch.ones(SEQUENCES, 1, dtype=torch.int64),
            "completion_ids": target_T.view(SEQUENCES, TIME),
            "completion_mask": MASK_SL.long(),
            "advantages": scene.advantage_S,
            "old_per_token_logps": scene.old_SL,
            "ref_per_token_logps": scene.reference_SL,
            "importance_sampling_ratio": scene.importance_SL,
            "num_items_in_batch": LENGTHS.sum(),
        }
        value: Tensor = GRPOTrainer._compute_loss(trainer, None, inputs)
        return value

    return gradients(scene.head, loss)


def ligers(case: Case, scene: Scene, importance: bool) -> Gradients:
    settings = PLAIN | case.peer
    module = LigerFusedLinearGRPOLoss(
        beta=settings["beta"],
        compiled=False,
        use_ref_model=settings["beta"] > 0,
        epsilon_low=settings["epsilon_low"],
        epsilon_high=settings["epsilon_high"],
        loss_type=settings["loss_type"],
        max_completion_length=MAX_LENGTH,
        importance_sampling_level=settings["level"],
        delta=settings["delta"],
        use_bias_correction_kl=settings["bias"],
    )

    def loss(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        value: Tensor = module(
            hidden_TD.view(SEQUENCES, TIME, WIDTH),
            weight_VD,
            target_T.view(SEQUENCES, TIME),
            MASK_SL.long(),
            scene.advantage_S,
            ref_per_token_logps=scene.reference_SL if settings["beta"] else None,
            old_per_token_logps=scene.old_SL,
            vllm_is_ratio=scene.importance_SL if importance else None,
        )[0]
        return value

    return gradients(scene.head, loss)


@pytest.mark.parametrize("importance", [False, True])
@pytest.mark.parametrize("spread", [0.05, 0.5])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("peer", [trls, ligers])
def test_policy_losses(peer: Any, name: str, spread: float, importance: bool) -> None:
    scene = make_scene(spread)
    assert_same(ours(CASES[name], scene, importance), peer(CASES[name], scene, importance))


def test_ligers_dpo() -> None:
    """Liger puts all chosen sequences before all rejected ones and scores the reference itself."""
    scene = make_scene(0.0)
    other = make_head(SEQUENCES * TIME, WIDTH, VOCABULARY, seed=9)
    order = torch.tensor([0, 2, 1, 3])

    def liger(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        masked_SL = torch.where(MASK_SL, target_T.view(SEQUENCES, TIME), -100)
        value: Tensor = LigerFusedLinearDPOLoss(beta=0.1, compute_nll_loss=False, compiled=False)(
            weight_VD,
            hidden_TD.view(SEQUENCES, TIME, WIDTH)[order],
            masked_SL[order],
            ref_input=other.hidden_TD.view(SEQUENCES, TIME, WIDTH)[order],
            ref_weight=other.weight_VD,
        )[0]
        return value

    reference_T = plain_logprob(other.hidden_TD, other.weight_VD, scene.head.target_T)[0]
    sequence_T = MASK_SL.nonzero()[:, 0]
    mask_T = MASK_SL.flatten()
    batch = TokenBatch(
        weight_T=token_weights(Aggregation.PAIR_MEAN, sequence_T, sequences=SEQUENCES),
        sequence_T=sequence_T,
        sequences=SEQUENCES,
        reference_logprob_T=reference_T[mask_T],
    )
    mine = gradients(
        scene.head,
        lambda hidden, weight, ids: policy_head(hidden[mask_T], weight, ids[mask_T], batch, loss="dpo").loss,
    )
    assert_same(mine, gradients(scene.head, liger))
