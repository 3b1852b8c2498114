"""What the heads do to a piece of the logits: statistics of each row, then the gradient in the logits' place.

A head's scores are  z = softcap(x W^T) / temperature,  softcap(y) = s tanh(y / s).  Any loss that reads them through
the target's log-probability l = z_target - L, the entropy H and the log-sum-exp L itself has, with c, e and g its
derivatives by l, H and L, and p = exp(z - L):

    dl/dz_v = [v = target] - p_v        dL/dz_v = p_v        dH/dz_v = -p_v (z_v - L + H)
    dloss/dz_v = p_v (a + b (z_v - L)) + c [v = target],    a = g - c - e H,    b = -e

    dloss/dy_v = dloss/dz_v / temperature * (1 - (softcap(y_v) / s)^2)

so two kernels serve cross-entropy, log-probabilities with entropy, and every policy loss: `row_statistics` and
`replace_by_gradient`. Both work on columns [first, first + C) of the vocabulary; `RowStatistics.merge` puts pieces
together, log-sum-exp of the log-sum-exps. Logits come in the dtype of the matrix product; everything inside is fp32
(fp64 for fp64), divided by the temperature after the upcast. The row's maximum is always subtracted, and lanes beyond
the vocabulary are -inf: with 0 in their place a public trainer got log-probabilities of +123.

Legend: R rows, C columns of this piece.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rl.kernels.implementation import Impl, triton_is_installed
from rl.kernels.products import accumulator_dtype

if triton_is_installed():
    import triton
    import triton.language as tl

# Elements that the PyTorch form upcasts at a time: 2 MiB in fp32. Measured with 256 and 1,024 rows: half of it or 4
# times as much cost a tenth more, and below 256 columns the time goes into calls.
_BLOCK, _LEAST_COLUMNS = 1 << 19, 256
# One program a row. 4,096 lanes of fp32 are 16 KiB of registers and shared memory; more spills.
_LANES = 4096
_WARPS = 8


class Scores(NamedTuple):
    """How logits become scores: the cap of their tanh (0: none), and the temperature."""

    temperature: float = 1.0
    softcap: float = 0.0


class RowStatistics(NamedTuple):
    """Of each row: maximum m, log sum exp(z - m), the target's score (-inf if in another piece), entropy in nats.

    All fp32 (fp64), shape (R,). The log-sum-exp is kept in its two parts: their sum, at the size of large logits,
    would round away digits of every probability. For the same reason the entropy is summed from differences to the
    maximum. It is NaN where nobody asked for it.
    """

    maximum_R: Tensor
    logsum_R: Tensor
    target_R: Tensor
    entropy_R: Tensor

    def merge(self, other: "RowStatistics") -> "RowStatistics":
        """Of the rows of two pieces side by side: H = sum over pieces of share (H_piece - log share)."""
        maximum_R = torch.maximum(self.maximum_R, other.maximum_R)
        logs = [part.logsum_R + (part.maximum_R - maximum_R) for part in (self, other)]
        logsum_R = torch.logaddexp(*logs)
        entropy_R = torch.zeros_like(logsum_R)
        for part, log_R in zip((self, other), logs, strict=True):
            log_share_R = log_R - logsum_R
            share_R = log_share_R.exp()
            entropy_R += share_R * part.entropy_R - torch.where(share_R > 0, share_R * log_share_R, 0.0)
        return RowStatistics(maximum_R, logsum_R, torch.maximum(self.target_R, other.target_R), entropy_R)

    def select(self, rows: slice | Tensor) -> "RowStatistics":
        """Of some of the rows."""
        return RowStatistics(*(item[rows] for item in self))

    @property
    def logprob_R(self) -> Tensor:
        """Log-probability of the target."""
        return (self.target_R - self.maximum_R) - self.logsum_R

    @property
    def lse_R(self) -> Tensor:
        """Log-sum-exp of the row."""
        return self.maximum_R + self.logsum_R


class RowGradient(NamedTuple):
    """Derivatives of the loss by each row's log-probability, entropy (None: 0) and log-sum-exp (None: 0)."""

    logprob_R: Tensor
    entropy_R: Tensor | None = None
    lse_R: Tensor | None = None

    def select(self, rows: slice | Tensor) -> "RowGradient":
        """Of some of the rows."""
        entropy_R = None if self.entropy_R is None else self.entropy_R[rows]
        return RowGradient(self.logprob_R[rows], entropy_R, None if self.lse_R is None else self.lse_R[rows])

    def divided_by(self, unit: Tensor) -> "RowGradient":
        """Of the loss divided by `unit`."""
        entropy_R = None if self.entropy_R is None else self.entropy_R / unit
        return RowGradient(self.logprob_R / unit, entropy_R, None if self.lse_R is None else self.lse_R / unit)


def row_statistics(
    logits_RC: Tensor, target_R: Tensor, scores: Scores, impl: Impl, *, first: int = 0, entropy: bool = True
) -> RowStatistics:
    """Statistics of a piece whose first column is column `first` of the vocabulary; the logits stay as they are."""
    if impl is Impl.TRITON:
        return _statistics_triton(logits_RC, target_R, scores, first, entropy)
    return _statistics_chunked(logits_RC, target_R, scores, first, entropy)


def replace_by_gradient(
    logits_RC: Tensor,
    target_R: Tensor,
    whole: RowStatistics,
    gradient: RowGradient,
    scores: Scores,
    impl: Impl,
    *,
    first: int = 0,
) -> None:
    """Overwrite a piece's logits with dloss/dlogits; `whole` are the statistics of the whole rows."""
    c_R = gradient.logprob_R
    a_R = -c_R if gradient.lse_R is None else gradient.lse_R - c_R
    b_R = None
    if gradient.entropy_R is not None:
        a_R = a_R - gradient.entropy_R * whole.entropy_R
        b_R = -gradient.entropy_R
    if impl is Impl.TRITON:
        _gradient_triton(logits_RC, target_R, whole, (a_R, b_R, c_R), scores, first)
    else:
        _gradient_chunked(logits_RC, target_R, whole, (a_R, b_R, c_R), scores, first)


# --- PyTorch ---------------------------------------------------------------------------------------------------


def scores_of(logits_RC: Tensor, scores: Scores) -> Tensor:
    """Logits as scores in fp32 (fp64); the logits themselves where nothing is to do."""
    z_RC = logits_RC.to(accumulator_dtype(logits_RC.dtype))
    if scores.softcap:
        z_RC = torch.tanh(z_RC / scores.softcap) * scores.softcap
    return z_RC / scores.temperature if scores.temperature != 1.0 else z_RC


def _statistics_chunked(
    logits_RC: Tensor, target_R: Tensor, scores: Scores, first: int, entropy: bool
) -> RowStatistics:
    columns = logits_RC.shape[1]
    dtype = accumulator_dtype(logits_RC.dtype)
    total: RowStatistics | None = None
    width = _block_columns(logits_RC)
    for start in range(0, columns, width):
        z_RC = scores_of(logits_RC[:, start : start + width], scores)
        maximum_R1 = z_RC.amax(1, keepdim=True)
        below_RC = z_RC - maximum_R1
        exp_RC = below_RC.exp()
        sum_R = exp_RC.sum(1)
        log_R = sum_R.log()
        entropy_R = log_R - exp_RC.mul_(below_RC).sum(1) / sum_R if entropy else torch.full_like(sum_R, torch.nan)
        part = RowStatistics(maximum_R1.squeeze(1), log_R, torch.full_like(sum_R, -torch.inf), entropy_R)
        total = part if total is None else total.merge(part)
    if total is None:
        raise ValueError("logits without columns: the vocabulary must have at least one token")
    here_R, column_R = _here(target_R, first, columns)
    target_logit_R = logits_RC.gather(1, column_R[:, None])
    score_R = scores_of(target_logit_R, scores).squeeze(1).to(dtype)
    return total._replace(target_R=torch.where(here_R, score_R, -torch.inf))


def _gradient_chunked(
    logits_RC: Tensor,
    target_R: Tensor,
    whole: RowStatistics,
    factors: tuple[Tensor, Tensor | None, Tensor],
    scores: Scores,
    first: int,
) -> None:
    a_R, b_R, _ = factors
    columns = logits_RC.shape[1]
    here_R, column_R = _here(target_R, first, columns)
    # Formed apart: added afterwards, c would meet a p (a + b (z - L)) that was rounded when it was stored.
    entry_R = _target_entry(logits_RC.gather(1, column_R[:, None]).squeeze(1), whole, factors, scores)
    scale_R = a_R * (-whole.logsum_R).exp()
    width = _block_columns(logits_RC)
    for start in range(0, columns, width):
        piece_RC = logits_RC[:, start : start + width]
        z_RC = scores_of(piece_RC, scores)
        slope_RC = _cap_slope(z_RC, scores) if scores.softcap else None
        z_RC.sub_(whole.maximum_R[:, None])
        if b_R is None:
            z_RC.exp_().mul_(scale_R[:, None])
        else:
            z_RC.sub_(whole.logsum_R[:, None])
            factor_RC = (z_RC * b_R[:, None]).add_(a_R[:, None])
            z_RC.exp_().mul_(factor_RC)
        if slope_RC is not None:
            z_RC.mul_(slope_RC)
        if scores.temperature != 1.0:
            z_RC.div_(scores.temperature)
        if z_RC.data_ptr() != piece_RC.data_ptr():
            piece_RC.copy_(z_RC)
    kept_R = logits_RC.gather(1, column_R[:, None]).squeeze(1)
    logits_RC.scatter_(1, column_R[:, None], torch.where(here_R, entry_R.to(logits_RC.dtype), kept_R)[:, None])


def _block_columns(logits_RC: Tensor) -> int:
    return max(_LEAST_COLUMNS, _BLOCK // max(logits_RC.shape[0], 1))


def _target_entry(
    logit_R: Tensor, whole: RowStatistics, factors: tuple[Tensor, Tensor | None, Tensor], scores: Scores
) -> Tensor:
    """dloss/dlogit of the targets."""
    a_R, b_R, c_R = factors
    z_R = scores_of(logit_R, scores)
    below_R = (z_R - whole.maximum_R) - whole.logsum_R
    entry_R = (below_R.exp() * (a_R if b_R is None else a_R + b_R * below_R) + c_R) / scores.temperature
    return entry_R * _cap_slope(z_R, scores) if scores.softcap else entry_R


def _cap_slope(z: Tensor, scores: Scores) -> Tensor:
    """d softcap(y) / dy from the scores: 1 - tanh^2."""
    return 1 - (z * (scores.temperature / scores.softcap)).square()


def _here(target_R: Tensor, first: int, columns: int) -> tuple[Tensor, Tensor]:
    """Whether each target lies in columns [first, first + columns), and its column there (0 if not)."""
    column_R = target_R - first
    here_R = (column_R >= 0) & (column_R < columns)
    return here_R, torch.where(here_R, column_R, 0)


# --- Triton ----------------------------------------------------------------------------------------------------


def _statistics_triton(
    logits_RC: Tensor, target_R: Tensor, scores: Scores, first: int, entropy: bool
) -> RowStatistics:
    rows, columns = logits_RC.shape
    out_4R = torch.empty((4, rows), dtype=torch.float32, device=logits_RC.device)
    _statistics_kernel[(rows,)](
        logits_RC,
        target_R,
        out_4R,
        logits_RC.stride(0),
        rows,
        first,
        columns,
        1 / scores.temperature,
        scores.softcap,
        CAPPED=bool(scores.softcap),
        ENTROPY=entropy,
        LANES=min(_LANES, triton.next_power_of_2(columns)),
        num_warps=_WARPS,
    )
    return RowStatistics(*out_4R.unbind(0))


def _gradient_triton(
    logits_RC: Tensor,
    target_R: Tensor,
    whole: RowStatistics,
    factors: tuple[Tensor, Tensor | None, Tensor],
    scores: Scores,
    first: int,
) -> None:
    a_R, b_R, c_R = factors
    rows, columns = logits_RC.shape
    b_R = torch.zeros_like(a_R) if b_R is None else b_R
    rows_5R = torch.stack([whole.maximum_R, whole.logsum_R, a_R, b_R, c_R]).float()
    lanes = min(_LANES, triton.next_power_of_2(columns))
    _gradient_kernel[(rows, triton.cdiv(columns, lanes))](
        logits_RC,
        target_R,
        rows_5R,
        logits_RC.stride(0),
        rows,
        first,
        columns,
        1 / scores.temperature,
        scores.softcap,
        CAPPED=bool(scores.softcap),
        LANES=lanes,
        num_warps=_WARPS,
    )


if triton_is_installed():

    @triton.jit
    def _scores(y: "Any", inverse_temperature: "Any", softcap: "Any", CAPPED: tl.constexpr) -> "Any":
        """Scores from logits in fp32. Triton has no tanh: (1 - e) / (1 + e), and a series where 1 - e cancels."""
        if CAPPED:
            u = y / softcap
            square = u * u
            series = 1 + square * (-1 / 3 + square * (2 / 15 + square * (-17 / 315 + square * (62 / 2835))))
            e = tl.exp(-2 * tl.abs(u))
            far = tl.where(u < 0, -1.0, 1.0) * (1 - e) / (1 + e)
            y = softcap * tl.where(square < 0.0625, u * series, far)
        return y * inverse_temperature

    @triton.jit
    def _statistics_kernel(
        logits: "Any",
        targets: "Any",
        out: "Any",
        row_stride: "Any",
        rows: "Any",
        first: "Any",
        columns: "Any",
        inverse_temperature: "Any",
        softcap: "Any",
        CAPPED: tl.constexpr,
        ENTROPY: tl.constexpr,
        LANES: tl.constexpr,
    ) -> "None":
        """One row: maximum m, s = sum exp(z - m) and t = sum exp(z - m) (z - m), lane by lane, reduced at the end."""
        row = tl.program_id(0).to(tl.int64)
        start = logits + row * row_stride
        lane = tl.arange(0, LANES)
        m = tl.full((LANES,), float("-inf"), tl.float32)
        s = tl.zeros((LANES,), tl.float32)
        t = tl.zeros((LANES,), tl.float32)
        for block in range(0, columns, LANES):
            column = block + lane
            inside = column < columns
            y = tl.load(start + column, mask=inside, other=0.0).to(tl.float32)
            z = _scores(y, inverse_temperature, softcap, CAPPED)
            z = tl.where(inside, z, float("-inf"))
            larger = tl.maximum(m, z)
            # A lane that has seen nothing has m = -inf, and -inf - -inf is NaN: s and t are 0 there, so is the drop.
            safe = tl.where(larger == float("-inf"), 0.0, larger)
            drop = tl.where(m == float("-inf"), 0.0, m - safe)
            shrink = tl.exp(drop)
            below = tl.where(inside, z - safe, 0.0)
            e = tl.where(inside, tl.exp(below), 0.0)
            if ENTROPY:
                t = shrink * (t + s * drop) + e * below
            s = s * shrink + e
            m = larger
        top = tl.max(m, 0)
        drop = tl.where(m == float("-inf"), 0.0, m - top)
        shrink = tl.exp(drop)
        total = tl.sum(s * shrink, 0)
        tl.store(out + row, top)
        tl.store(out + rows + row, tl.log(total))
        entropy = float("nan")
        if ENTROPY:
            entropy = tl.log(total) - tl.sum(shrink * (t + s * drop), 0) / total
        tl.store(out + 3 * rows + row, entropy)
        target = tl.load(targets + row) - first
        here = (target >= 0) & (target < columns)
        y = tl.load(start + target, mask=here, other=0.0).to(tl.float32)
        z = _scores(y, inverse_temperature, softcap, CAPPED)
        tl.store(out + 2 * rows + row, tl.where(here, z, float("-inf")))

    @triton.jit
    def _gradient_kernel(
        logits: "Any",
        targets: "Any",
        rows_5: "Any",
        row_stride: "Any",
        rows: "Any",
        first: "Any",
        columns: "Any",
        inverse_temperature: "Any",
        softcap: "Any",
        CAPPED: tl.constexpr,
        LANES: tl.constexpr,
    ) -> "None":
        """LANES columns of one row: p (a + b (z - L)) + c at the target, times dz/dy, in the logits' place."""
        row = tl.program_id(0).to(tl.int64)
        column = tl.program_id(1) * LANES + tl.arange(0, LANES)
        inside = column < columns
        place = logits + row * row_stride + column
        y = tl.load(place, mask=inside, other=0.0).to(tl.float32)
        z = _scores(y, inverse_temperature, softcap, CAPPED)
        maximum = tl.load(rows_5 + row)
        logsum = tl.load(rows_5 + rows + row)
        a = tl.load(rows_5 + 2 * rows + row)
        b = tl.load(rows_5 + 3 * rows + row)
        c = tl.load(rows_5 + 4 * rows + row)
        target = tl.load(targets + row) - first
        below = (z - maximum) - logsum
        g = tl.exp(below) * (a + b * below) + tl.where(column == target, c, 0.0)
        if CAPPED:
            u = z / inverse_temperature / softcap
            g = g * (1 - u * u)
        tl.store(place, (g * inverse_temperature).to(logits.dtype.element_ty), mask=inside)
