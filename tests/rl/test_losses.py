"""Every loss's coefficient is the derivative of its paper's formula, in fp64."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rl.losses import LOSSES, Aggregation, Loss, LossTerms, TokenBatch, make_loss, token_weights
from tests.rl import plain_losses as plain
from tests.rl.rollouts import Rollouts, make_rollouts


def _surrogate(data: Rollouts, logp_SL: Tensor, *, low: float = 0.2, high: float = 0.2, kl: float = 0.0) -> Tensor:
    return plain.surrogate(logp_SL, data.old_SL, data.advantage_SL, low, high) + kl * plain.k3(
        logp_SL, data.reference_SL
    )


PAPERS: dict[str, tuple[Callable[[Rollouts, Tensor], Tensor], dict[str, int]]] = {
    "sft": (lambda data, p: plain.token_mean(-p, data.mask_SL), {}),
    "rft": (lambda data, p: plain.token_mean(-p * (data.advantage_SL > 0), data.mask_SL), {}),
    "dpo": (lambda data, p: plain.dpo(p, data.reference_SL, data.mask_SL, 0.1), {}),
    "ppo": (lambda data, p: plain.token_mean(_surrogate(data, p), data.mask_SL), {}),
    "grpo": (lambda data, p: plain.sequence_mean(_surrogate(data, p, kl=0.04), data.mask_SL), {}),
    "bnpo": (lambda data, p: plain.token_mean(_surrogate(data, p), data.mask_SL), {}),
    "dapo": (lambda data, p: (_surrogate(data, p, high=0.28) * data.mask_SL).sum() / 50, {"total_tokens": 50}),
    "dr_grpo": (lambda data, p: (_surrogate(data, p) * data.mask_SL).sum() / (4 * 20), {"max_length": 20}),
    "cispo": (
        lambda data, p: plain.token_mean(plain.cispo(p, data.old_SL, data.advantage_SL, 5.0), data.mask_SL),
        {},
    ),
    "gspo": (
        lambda data, p: plain.sequence_mean(
            plain.gspo(p, data.old_SL, data.advantage_SL, data.mask_SL, 3e-4, 4e-4), data.mask_SL
        ),
        {},
    ),
}


def test_there_is_a_paper_for_every_loss() -> None:
    assert set(PAPERS) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("spread", [1e-4, 0.3, 2.0])
def test_loss_and_coefficient_equal_autograd_through_the_papers_formula(name: str, spread: float) -> None:
    formula, totals = PAPERS[name]
    data = make_rollouts(spread=spread)
    logp_SL = data.logp_SL.clone().requires_grad_()
    expected = formula(data, logp_SL)
    expected.backward()
    loss = make_loss(name)
    terms = loss(data.packed(data.logp_SL), data.batch(loss.aggregation, **totals))
    assert terms.loss.item() == pytest.approx(expected.item(), rel=1e-12, abs=1e-15)
    assert logp_SL.grad is not None
    torch.testing.assert_close(terms.coefficient_T, data.packed(logp_SL.grad), rtol=1e-11, atol=1e-15)


class _Terms(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logprob_T: Tensor, loss: Loss, batch: TokenBatch) -> Tensor:
        terms = loss(logprob_T, batch)
        ctx.save_for_backward(terms.coefficient_T)
        return terms.loss

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        return upstream * ctx.saved_tensors[0], None, None


OPTIONS: dict[str, list[dict[str, Any]]] = {
    "ppo": [{}, {"kl": 0.3}, {"kl": 0.3, "kl_bias_correction": True}, {"delta": 1.5}],
    "dpo": [{}, {"beta": 2.0, "label_smoothing": 0.1}],
    "gspo": [{}, {"kl": 0.1}, {"clip_low": 0.2, "clip_high": 0.2}],
}
GRADCHECKED = [(name, options) for name in LOSSES for options in OPTIONS.get(name, [{}]) if name != "cispo"]


@pytest.mark.parametrize(("name", "options"), GRADCHECKED)
@pytest.mark.parametrize("seed", range(3))
def test_coefficient_passes_gradcheck(name: str, options: dict[str, Any], seed: int) -> None:
    loss = make_loss(name, **options)
    data = make_rollouts(seed=seed)
    batch = data.batch(loss.aggregation, importance=True, **({"max_length": 9} if name == "dr_grpo" else {}))
    logprob_T = data.packed(data.logp_SL).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: _Terms.apply(x, loss, batch), (logprob_T,), eps=1e-7, atol=1e-7)


def test_cispo_is_the_derivative_with_its_ratio_held() -> None:
    loss = make_loss("cispo", ratio_max=1.2)
    data = make_rollouts()
    held_SL = (data.logp_SL - data.old_SL).exp().clamp(max=1.2)
    logp_SL = data.logp_SL.clone().requires_grad_()
    plain.token_mean(-held_SL * data.advantage_SL * logp_SL, data.mask_SL).backward()
    terms = loss(data.packed(data.logp_SL), data.batch(loss.aggregation))
    assert logp_SL.grad is not None
    torch.testing.assert_close(terms.coefficient_T, data.packed(logp_SL.grad), rtol=1e-12, atol=0)
    assert terms.clipped_high_T.any()


def _one(
    name: str, logprob: float, *, old: float = 0.0, reference: float | None = None, a: float = 1.0, **options: Any
) -> LossTerms:
    """A loss of one token with weight 1."""
    batch = TokenBatch(
        weight_T=torch.ones(1, dtype=torch.float64),
        advantage_T=torch.tensor([a], dtype=torch.float64),
        old_logprob_T=torch.tensor([old], dtype=torch.float64),
        reference_logprob_T=None if reference is None else torch.tensor([reference], dtype=torch.float64),
    )
    return make_loss(name, **options)(torch.tensor([logprob], dtype=torch.float64), batch)


def test_on_policy_the_coefficient_of_grpo_is_the_papers_advantage_plus_beta_times_ratio_minus_one() -> None:
    # The paper maximises: its coefficient A + beta (ref/pi - 1) is ours with the sign turned.
    terms = _one("grpo", math.log(0.5), old=math.log(0.5), reference=math.log(0.25), a=2.0, kl=0.04)
    assert terms.coefficient_T.item() == pytest.approx(-(2.0 + 0.04 * (0.25 / 0.5 - 1)))


@pytest.mark.parametrize(
    ("ratio", "advantage", "coefficient", "clipped"),
    [
        (1.0, 1.0, -1.0, "neither"),
        (1.5, 1.0, 0.0, "high"),
        (1.5, -1.0, 1.5, "neither"),
        (0.5, -1.0, 0.0, "low"),
        (0.5, 1.0, -0.5, "neither"),
        (1.5, 0.0, 0.0, "neither"),
    ],
)
def test_clip_takes_the_gradient_only_on_the_side_that_would_go_further(
    ratio: float, advantage: float, coefficient: float, clipped: str
) -> None:
    terms = _one("ppo", math.log(ratio) - 3, old=-3.0, a=advantage)
    assert terms.coefficient_T.item() == pytest.approx(coefficient)
    assert (bool(terms.clipped_low_T), bool(terms.clipped_high_T)) == (clipped == "low", clipped == "high")


def test_delta_bounds_the_ratio_of_a_bad_token() -> None:
    assert _one("ppo", 1.0, old=0.0, a=-1.0).loss.item() == pytest.approx(math.e)
    terms = _one("ppo", 1.0, old=0.0, a=-1.0, delta=2.0)
    assert terms.loss.item() == pytest.approx(2.0)
    assert terms.coefficient_T.item() == 0.0
    assert bool(terms.clipped_high_T)


@pytest.mark.parametrize("name", ["ppo", "cispo", "gspo"])
@pytest.mark.parametrize("gap", [200.0, -200.0, 1e4])
def test_an_absurd_ratio_gives_finite_numbers(name: str, gap: float) -> None:
    terms = _one(name, -1.0, old=-1.0 - gap, a=-1.0)
    assert torch.isfinite(terms.loss)
    assert torch.isfinite(terms.coefficient_T).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_token_of_weight_zero_changes_nothing_whatever_it_holds(name: str) -> None:
    loss = make_loss(name)
    data = make_rollouts((4, 3))
    batch = data.batch(loss.aggregation, **({"max_length": 9} if name == "dr_grpo" else {}))
    logprob_T = data.packed(data.logp_SL)
    short = loss(logprob_T, batch)
    bad = torch.tensor([-math.inf], dtype=torch.float64)
    longer = TokenBatch(
        weight_T=torch.cat([batch.weight_T, torch.zeros(1, dtype=torch.float64)]),
        sequence_T=torch.cat([data.sequence_T, torch.tensor([1])]),
        sequences=2,
        **{
            key: torch.cat([getattr(batch, key), bad if "logprob" in key else torch.ones(1, dtype=torch.float64)])
            for key in ("advantage_T", "old_logprob_T", "reference_logprob_T")
        },
    )
    terms = loss(torch.cat([logprob_T, bad]), longer)
    assert terms.loss.item() == pytest.approx(short.loss.item(), rel=1e-12)
    torch.testing.assert_close(terms.coefficient_T[:-1], short.coefficient_T, rtol=1e-12, atol=0)
    assert terms.coefficient_T[-1].item() == 0.0


@pytest.mark.parametrize("name", LOSSES)
def test_one_batch_of_n_equals_n_batches_of_one(name: str) -> None:
    loss = make_loss(name)
    data = make_rollouts((5, 1, 7, 3))
    totals = {"total_sequences": 4, "total_tokens": 16, "max_length": 9}
    whole = loss(data.packed(data.logp_SL), data.batch(loss.aggregation, **totals))
    step = 2 if loss.aggregation is Aggregation.PAIR_MEAN else 1
    losses, coefficients = [], []
    for start in range(0, 4, step):
        few = slice(start, start + step)
        part = Rollouts(*(getattr(data, field)[few] for field in data.__dataclass_fields__))
        terms = loss(part.packed(part.logp_SL), part.batch(loss.aggregation, **totals))
        losses.append(terms.loss)
        coefficients.append(terms.coefficient_T)
    assert sum(losses).item() == pytest.approx(whole.loss.item(), rel=1e-12)
    torch.testing.assert_close(torch.cat(coefficients), whole.coefficient_T, rtol=1e-12, atol=0)


def test_weights_of_each_aggregation() -> None:
    sequence_T = torch.tensor([0, 0, 1])
    weights = {kind: token_weights(kind, sequence_T, sequences=2, max_length=10).tolist() for kind in Aggregation}
    assert weights[Aggregation.TOKEN_MEAN] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert weights[Aggregation.SEQUENCE_MEAN] == pytest.approx([1 / 4, 1 / 4, 1 / 2])
    assert weights[Aggregation.CONSTANT] == pytest.approx([1 / 20, 1 / 20, 1 / 20])
    assert weights[Aggregation.PAIR_MEAN] == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make_loss("gprо"), "no loss is called"),
        (lambda: make_loss("grp"), "did you mean 'grpo'"),
        (lambda: make_loss("dapo", clip_hi=0.3), "did you mean 'clip_high'"),
        (lambda: make_loss("sft", clip_low=0.1), "it has: none"),
        (lambda: make_loss("ppo", delta=1.1), "above 1 \\+ clip_high"),
        (lambda: make_loss("ppo", clip_low=1.5), "must lie in \\[0, 1\\]"),
        (lambda: make_loss("ppo", kl=-1.0), "must not be negative"),
        (lambda: make_loss("dpo", label_smoothing=0.5), "must lie in"),
        (
            lambda: make_loss("grpo")(torch.zeros(2), TokenBatch(torch.ones(2), advantage_T=torch.ones(2))),
            "reference",
        ),
        (lambda: make_loss("ppo")(torch.zeros(2), TokenBatch(torch.ones(2))), "needs advantage_T"),
        (lambda: TokenBatch(torch.ones(2), advantage_T=torch.ones(3)), "advantage_T has shape \\(3,\\)"),
        (lambda: TokenBatch(torch.ones(2, 2)), "one dimension"),
        (lambda: token_weights(Aggregation.CONSTANT, torch.zeros(1, dtype=torch.int64), sequences=1), "max_length"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
