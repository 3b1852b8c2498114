"""Two implementations of one model on the same tokens: the difference at every point, in several dtypes.

In: two models (or factories, or a patched pair) and token ids. Out: a `LayerTable`. In fp32 a fault of logic stands
orders of magnitude above rounding; in bf16 and fp16 one sees whether casts are where they should be.

One set of activations is held at a time: the reference (left in fp64, or in fp32 where that is too large) while both
sides are measured against it at each dtype, then one side at a dtype while the other runs. Implementations take turns
so that each is opened as seldom as possible: for three dtypes, left, right, left, right.

Legend: B sequences, T tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rl.parity.activations import Activations, capture, visit
from rl.parity.errors import ParityError
from rl.parity.implementations import Implementation, OneAtATime, Side, implementation
from rl.parity.layer_table import LayerDifference, LayerTable
from rl.parity.points import Point
from rl.parity.precision import dtype_name, rounding, weights_in
from rl.parity.verdict import Evidence, Limits, judge

# The floor of fp32 where the reference is fp32 itself: relative errors of tiny to 1B models lie at 2e-7 to 2e-6.
_UNMEASURED_FLOOR = 16.0  # roundings: 1e-6 in fp32

_CHUNK_ELEMENTS = 1 << 24  # logits are compared 128 MiB of fp64 at a time


@dataclass(frozen=True)
class Difference:
    """Norms of one tensor against another of the same shape; `norm` is that of the one kept."""

    l2: float
    norm: float
    max_abs: float
    worst_token: tuple[int, int]
    same: bool
    seen_is_finite: bool


# What a pass found at each point, in order of execution; None where the kept set has no such point.
Differences = dict[Point, Difference | None]


def compare_layers(
    left: Side,
    right: Side,
    input_ids_BT: Tensor,
    dtypes: Sequence[torch.dtype] = (torch.float32, torch.bfloat16, torch.float16),
    *,
    reference: torch.dtype = torch.float64,
    limits: Limits | None = None,
) -> LayerTable:
    """The difference of `right` from `left` at every point they share, with a verdict each.

    Args:
        left: the implementation that is taken as right: a model, a function that loads one, or one of
            `patched_and_plain`. Given functions, one model is in memory at a time.
        right: the implementation in question, of the same kinds.
        input_ids_BT: integer token ids, shape (B, T), without padding.
        dtypes: the weights of both are cast to each in turn; their own tensors are put back.
        reference: dtype of the run that floors are measured against; fp32 halves its memory, and then the floor of
            fp32 is taken as 1e-6.
        limits: where rounding ends.

    Raises:
        ParityError: nothing to compare (no shared points, other shapes at a point, no dtypes, ids that are no
            matrix of integers).
    """
    if not dtypes:
        raise ParityError("dtypes=()", "at least one dtype", "for example dtypes=(torch.float32,)")
    first, second = implementation(left, "left"), implementation(right, "right")
    measured = _measure(first, second, input_ids_BT, dtypes, reference)
    left_points, right_points = measured.points
    shared = [point for point in left_points if point in set(right_points)]
    if not shared:
        raise ParityError(
            f"{first.name} and {second.name}", "points of the same names", "see rl/parity/points.py for the names"
        )
    return LayerTable(
        first.name,
        second.name,
        tuple(row for dtype in dtypes for row in _rows(measured, shared, dtype, limits or Limits())),
        tuple(point for point in left_points if point not in set(shared)),
        tuple(point for point in right_points if point not in set(shared)),
    )


@dataclass(frozen=True)
class _Measured:
    """By dtype: left against the reference, right against it, and the two against each other."""

    reference: torch.dtype
    floors: dict[torch.dtype, Differences]
    errors: dict[torch.dtype, Differences]
    between: dict[torch.dtype, Differences]

    @property
    def points(self) -> tuple[list[Point], list[Point]]:
        """Those of left and those of right, in order of execution."""
        return list(next(iter(self.floors.values()))), list(next(iter(self.errors.values())))


def _measure(
    left: Implementation,
    right: Implementation,
    input_ids_BT: Tensor,
    dtypes: Sequence[torch.dtype],
    exact: torch.dtype,
) -> _Measured:
    with OneAtATime() as sides:
        # No model may be bound to a name here: it would outlive its turn.
        kept = _capture_in(sides.model(left), input_ids_BT, exact)
        floors = {dtype: _against(kept, sides.model(left), input_ids_BT, dtype) for dtype in dtypes}
        errors = {dtype: _against(kept, sides.model(right), input_ids_BT, dtype) for dtype in dtypes}
        between = {}
        for turn, dtype in enumerate(dtypes):  # the side that is open keeps its set, the other one is compared
            keeper, other = (right, left) if turn % 2 == 0 else (left, right)
            del kept
            kept = _capture_in(sides.model(keeper), input_ids_BT, dtype)
            between[dtype] = _against(kept, sides.model(other), input_ids_BT, dtype)
    return _Measured(exact, floors, errors, between)


def _capture_in(model: nn.Module, input_ids_BT: Tensor, dtype: torch.dtype) -> Activations:
    with weights_in(model, dtype):
        return capture(model, input_ids_BT)


def _against(kept: Activations, model: nn.Module, input_ids_BT: Tensor, dtype: torch.dtype) -> Differences:
    """Run `model` and compare each point as it comes with the one kept; None for a point that was not kept."""
    found: Differences = {}

    def see(point: Point, seen: Tensor) -> None:
        found[point] = measure(point, kept[point], seen, input_ids_BT.shape[1]) if point in kept else None

    with weights_in(model, dtype):
        visit(model, input_ids_BT, see)
    return found


def measure(point: Point, kept: Tensor, seen: Tensor, tokens: int) -> Difference:
    """Norms of `seen - kept`, accumulated in fp64, chunk by chunk along the leading dimensions.

    Raises:
        ParityError: the shapes differ; `point` is for the message, `tokens` (T) to tell the axis of positions.
    """
    if kept.shape != seen.shape:
        raise ParityError(
            f"{point}",
            f"outputs of one shape, not {tuple(kept.shape)} and {tuple(seen.shape)}",
            "compare models of one configuration (a padded vocabulary must be cut first)",
        )
    kept_RH, seen_RH = (x.reshape(-1, x.shape[-1]) if x.dim() > 1 else x.reshape(1, -1) for x in (kept, seen))
    rows = max(1, _CHUNK_ELEMENTS // max(1, kept_RH.shape[1]))
    square = norm = largest = 0.0
    worst_row = 0
    for start in range(0, kept_RH.shape[0], rows):
        a_RH, b_RH = kept_RH[start : start + rows].double(), seen_RH[start : start + rows].double()
        distance_RH = (b_RH - a_RH).abs()
        square += distance_RH.square().sum().item()
        norm += a_RH.square().sum().item()
        value, place = distance_RH.amax(-1).max(0)
        if value.item() > largest:
            largest, worst_row = value.item(), start + int(place)
    return Difference(
        l2=math.sqrt(square),
        norm=math.sqrt(norm),
        max_abs=largest,
        worst_token=_token_of(worst_row, kept.shape[:-1], tokens),
        same=torch.equal(kept, seen),
        seen_is_finite=bool(seen.isfinite().all()),
    )


def _token_of(row: int, shape: torch.Size, tokens: int) -> tuple[int, int]:
    """Sequence and position of a row; heads may stand before or after positions (norms of queries)."""
    if not shape:
        return 0, 0
    places = [int(place) for place in torch.unravel_index(torch.tensor(row), shape)]
    axis = next((axis for axis in range(1, len(shape)) if shape[axis] == tokens), None)
    return places[0], 0 if axis is None else places[axis]


def _rows(measured: _Measured, shared: list[Point], dtype: torch.dtype, limits: Limits) -> list[LayerDifference]:
    rows, evidence = [], []
    least = rounding(dtype) * (_UNMEASURED_FLOOR if dtype is measured.reference else 1.0)
    for point in shared:
        difference, floor, error = (
            _present(by_dtype[dtype][point]) for by_dtype in (measured.between, measured.floors, measured.errors)
        )
        relative = _ratio(difference.l2, floor.norm)
        floor_relative = _ratio(floor.l2, floor.norm)
        evidence.append(
            Evidence(
                difference.same, relative, max(floor_relative, least), floor.seen_is_finite, error.seen_is_finite
            )
        )
        rows.append((point, difference, relative, floor_relative, _ratio(error.l2, floor.norm)))
    return [
        LayerDifference(
            point=point,
            dtype=dtype_name(dtype),
            l2=difference.l2,
            relative=relative,
            max_abs=difference.max_abs,
            worst_token=difference.worst_token,
            floor=floor,
            right_error=error,
            excess=judged.excess,
            verdict=judged.verdict,
        )
        for (point, difference, relative, floor, error), judged in zip(
            rows, judge(evidence, dtype, limits), strict=True
        )
    ]


def _present(difference: Difference | None) -> Difference:
    if difference is None:  # a shared point is one that was kept
        raise RuntimeError("a shared point was not compared: points changed from one pass to the next")
    return difference


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else (math.inf if part else 0.0)
