"""The plot: relative L2 difference over depth on a log scale.

In: a `LayerTable`. Out: an SVG or PNG file. For each dtype a line through every point in order of execution, left's
rounding floor as a dashed line in the same colour, and a ring with the point's name at each suspect. A log scale has
no zero: points that are equal bit for bit lie on the line "same" below it. Colours are Okabe and Ito's.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rl.parity.errors import ParityError
from rl.parity.layer_table import LayerTable

_COLOURS = {"fp64": "#009E73", "fp32": "#0072B2", "bf16": "#D55E00", "fp16": "#CC79A7"}
_SUSPECT = "#B00020"
_QUIET = "#666666"
_MAX_TICKS = 16


def write_plot(table: LayerTable, path: Path) -> Path:
    """Draw `table` into `path`, whose suffix (.svg or .png) chooses the format.

    Raises:
        ParityError: another suffix.
    """
    if path.suffix not in (".svg", ".png"):
        raise ParityError(str(path), "a name that ends in .svg or .png", "for example parity.svg")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(table.points)
    figure = Figure(figsize=(min(14.0, max(9.0, 0.11 * count + 3.5)), 5.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for dtype in table.dtypes:
        _draw_dtype(axes, table, dtype)
    _mark_suspects(axes, table)
    _scale(axes, table)
    _label_depth(axes, table)
    axes.set_title(f"{table.right} against {table.left}: relative L2 difference", loc="left", fontsize=12, pad=10)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path)
    return path


def _draw_dtype(axes: Any, table: LayerTable, dtype: str) -> None:
    rows = table.of(dtype)
    same = _same_line(table)
    colour = _COLOURS.get(dtype, _QUIET)
    values = [_shown(row.relative, same) for row in rows]
    floors = [row.floor if row.floor > 0 and math.isfinite(row.floor) else math.nan for row in rows]
    size = 3.0 if len(rows) <= 80 else 1.8
    dashes = (0, (4, 2))
    axes.plot(values, color=colour, linewidth=1.6, marker="o", markersize=size, label=f"{dtype}: difference")
    axes.plot(floors, color=colour, linewidth=1.1, linestyle=dashes, alpha=0.75, label=f"{dtype}: rounding floor")


def _mark_suspects(axes: Any, table: LayerTable) -> None:
    same, places = _same_line(table), {point: place for place, point in enumerate(table.points)}
    last = len(places) - 1
    for number, row in enumerate(table.suspects):
        place, height = places[row.point], _shown(row.relative, same)
        if math.isnan(height):
            continue
        label = "suspect" if number == 0 else None
        axes.plot([place], [height], "o", markersize=11, fillstyle="none", color=_SUSPECT, mew=1.6, label=label)
        to_the_left = place > last / 2  # so that a name stays inside the axes
        axes.annotate(
            f"{row.point} ({row.dtype})",
            (place, height),
            xytext=(-10 if to_the_left else 10, 9),
            textcoords="offset points",
            ha="right" if to_the_left else "left",
            fontsize=9,
            color=_SUSPECT,
        )


def _scale(axes: Any, table: LayerTable) -> None:
    same = _same_line(table)
    axes.set_yscale("log")
    top = max(_positive(table), default=1.0)
    lowest, highest = round(math.log10(same)) + 1, math.ceil(math.log10(top))
    step = max(1, (highest - lowest) // 8)
    exponents = range(lowest, highest + 1, step)
    axes.set_yticks([same, *(10.0**k for k in exponents)], ["same", *(f"$10^{{{k}}}$" for k in exponents)])
    axes.minorticks_off()
    axes.set_ylim(same / 3, 10.0 ** (highest + 0.7))  # room for the name of a suspect at the top
    axes.set_ylabel("L2 norm of the difference / L2 norm", fontsize=10)
    axes.grid(axis="y", color="#E4E4E4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _label_depth(axes: Any, table: LayerTable) -> None:
    """A tick in the middle of each layer (of every second or so in a deep model), faint lines between layers."""
    spans: dict[int, list[int]] = {}
    for place, point in enumerate(table.points):
        if point.layer is not None:
            spans.setdefault(point.layer, []).append(place)
    every = math.ceil(len(spans) / _MAX_TICKS)
    for places in spans.values():
        axes.axvline(places[0] - 0.5, color="#F0F0F0", linewidth=0.8, zorder=0)
    shown = [(sum(places) / len(places), str(layer)) for layer, places in spans.items() if layer % every == 0]
    axes.set_xticks([place for place, _ in shown], [name for _, name in shown])
    axes.tick_params(axis="x", length=0)
    axes.set_xlabel(
        "decoder layer (before it: embedding and RoPE tables; after it: final norm and logits)", fontsize=10
    )
    axes.set_xlim(-0.8, len(table.points) - 0.2)


def _positive(table: LayerTable) -> list[float]:
    values = [value for row in table.rows for value in (row.relative, row.floor)]
    return [value for value in values if value > 0 and math.isfinite(value)]


def _same_line(table: LayerTable) -> float:
    """The height that stands for zero: a decade below the smallest value."""
    return float(10.0 ** (math.floor(math.log10(min(_positive(table), default=1e-7))) - 1))


def _shown(value: float, same: float) -> float:
    return math.nan if not math.isfinite(value) else value or same
