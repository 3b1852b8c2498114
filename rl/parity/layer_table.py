"""The result of comparing two implementations layer by layer: one row a point and dtype.

In: measured rows. Out: what a person asks of them (which point is suspect, and why) and a value that JSON can hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rl.parity.points import Point
from rl.parity.verdict import Verdict


@dataclass(frozen=True)
class LayerDifference:
    """One point at one dtype.

    Attributes:
        dtype: short name: fp32, bf16, fp16.
        l2: L2 norm of right minus left over all elements.
        relative: `l2` divided by the norm of the reference, which is left in fp64 (or fp32).
        max_abs: the largest element of the difference, and `worst_token` its (sequence, position).
        floor: left's own relative error at this dtype: its distance from the reference.
        right_error: right's distance from the same reference.
        excess: `relative` in floors, the floor being no less than one rounding.
    """

    point: Point
    dtype: str
    l2: float
    relative: float
    max_abs: float
    worst_token: tuple[int, int]
    floor: float
    right_error: float
    excess: float
    verdict: Verdict


@dataclass(frozen=True)
class LayerTable:
    """All rows, dtype by dtype, each in order of execution; points that only one side has are named apart."""

    left: str
    right: str
    rows: tuple[LayerDifference, ...]
    only_left: tuple[Point, ...]
    only_right: tuple[Point, ...]

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Short names, in the order they were compared."""
        return tuple(dict.fromkeys(row.dtype for row in self.rows))

    @property
    def points(self) -> tuple[Point, ...]:
        """In order of execution."""
        return tuple(dict.fromkeys(row.point for row in self.rows))

    def of(self, dtype: str) -> tuple[LayerDifference, ...]:
        """The rows of one dtype."""
        return tuple(row for row in self.rows if row.dtype == dtype)

    def row(self, point: Point, dtype: str) -> LayerDifference:
        """One row; raises `KeyError` where there is none."""
        for row in self.rows:
            if row.point == point and row.dtype == dtype:
                return row
        raise KeyError(f"{point} in {dtype}")

    @property
    def suspects(self) -> tuple[LayerDifference, ...]:
        """Where a fault starts or jumps, by dtype and order of execution."""
        return tuple(row for row in self.rows if row.verdict is Verdict.SUSPECT)

    def explain(self, row: LayerDifference) -> str:
        """For a suspect: `layer 3 mlp: 210 times the layer before in fp32, 190 times the rounding floor`."""
        if not math.isfinite(row.relative):
            return f"{row.point}: not finite in {row.dtype}, where {self.left} is"
        parts = [f"{_times(row.excess)} the rounding floor"]
        before = self._layer_before(row)
        if before is not None and before.relative > 0:
            parts.insert(0, f"{_times(row.relative / before.relative)} the layer before")
        return f"{row.point}: {', '.join(parts)} in {row.dtype}"

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers that are not finite are None."""
        return {
            "left": self.left,
            "right": self.right,
            "suspects": [self.explain(row) for row in self.suspects],
            "only_left": [str(point) for point in self.only_left],
            "only_right": [str(point) for point in self.only_right],
            "rows": [_row_as_json(row) for row in self.rows],
        }

    def _layer_before(self, row: LayerDifference) -> LayerDifference | None:
        if not row.point.layer:
            return None
        before = Point(row.point.part, row.point.layer - 1)
        return next((other for other in self.of(row.dtype) if other.point == before), None)


def summary(table: LayerTable) -> Sequence[str]:
    """What a reader should know first, a line each: the suspects, or the worst verdict of each dtype."""
    lines = [f"suspect: {table.explain(row)}" for row in table.suspects]
    for dtype in table.dtypes:
        rows = table.of(dtype)
        if any(row.verdict is Verdict.SUSPECT for row in rows):
            continue
        blind = sum(row.verdict is Verdict.NOT_FINITE for row in rows)
        finite = [row for row in rows if row.verdict is not Verdict.NOT_FINITE]
        if all(row.verdict is Verdict.SAME for row in finite):
            text = f"{dtype}: the same, bit for bit"
        else:
            worst = max(finite, key=lambda row: row.excess)
            text = f"{dtype}: rounding, at most {worst.excess:.1f} floors ({worst.point})"
        lines.append(f"{text}; {table.left} is not finite at {blind} points" if blind else text)
    for side, missing in ((table.left, table.only_left), (table.right, table.only_right)):
        if missing:
            lines.append(f"only in {side}: {', '.join(map(str, missing))}")
    return lines


def _times(ratio: float) -> str:
    return f"{ratio:.2g} times" if ratio < 10 else f"{ratio:,.0f} times"


def _row_as_json(row: LayerDifference) -> dict[str, Any]:
    numbers = {
        name: value if math.isfinite(value) else None
        for name in ("l2", "relative", "max_abs", "floor", "right_error", "excess")
        for value in [getattr(row, name)]
    }
    return {
        "point": str(row.point),
        "part": row.point.part,
        "layer": row.point.layer,
        "dtype": row.dtype,
        **numbers,
        "worst_token": list(row.worst_token),
        "verdict": str(row.verdict),
    }
