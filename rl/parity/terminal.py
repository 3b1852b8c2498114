"""Tables for the terminal.

In: a `LayerTable` or a `TokenTable`. Out: rich tables. A deep model has hundreds of points, so that by default a
table shows the trunk (embedding, each layer's output, final norm, logits) and every point of a layer that has a
suspect.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from rl.parity.layer_table import LayerDifference, LayerTable
from rl.parity.points import Point
from rl.parity.token_logprobs import TokenTable
from rl.parity.verdict import Verdict

_STYLES = {
    Verdict.SAME: "green",
    Verdict.ROUNDING: "green",
    Verdict.SUSPECT: "bold red",
    Verdict.INHERITED: "yellow",
    Verdict.NOT_FINITE: "dim",
}


def layer_rows(table: LayerTable, *, all_points: bool = False) -> Table:
    """One line a point; for each dtype the relative difference, left's floor and the verdict."""
    shown = Table()
    shown.add_column("point", no_wrap=True)
    for dtype in table.dtypes:
        shown.add_column(dtype, justify="right", no_wrap=True)
        shown.add_column("floor", justify="right", no_wrap=True, style="dim")
        shown.add_column("verdict", no_wrap=True)
    by_dtype = {dtype: {row.point: row for row in table.of(dtype)} for dtype in table.dtypes}
    for point in table.points if all_points else _worth_showing(table):
        cells = [cell for dtype in table.dtypes for cell in _cells(by_dtype[dtype][point])]
        shown.add_row(str(point), *cells, end_section=point.part == "output" and all_points)
    return shown


def token_rows(table: TokenTable) -> Table:
    """The worst tokens, each with both log-probabilities and the text that ends with it."""
    shown = Table(title=f"Worst tokens: {table.right} against {table.left}", title_justify="left")
    for name in ("sequence", "position", "token", "left", "right", "difference"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("text up to and with the token", overflow="fold")
    for row in table.worst:
        numbers = (f"{row.left:.4f}", f"{row.right:.4f}", f"{row.difference:+.2e}")
        shown.add_row(str(row.sequence), str(row.position), str(row.token_id), *numbers, Text(repr(row.context)))
    return shown


def token_summary(table: TokenTable) -> str:
    """One line: how far apart the two sources are over all tokens."""
    low, middle, high = (table.ratio_quantiles[q] for q in (0.01, 0.5, 0.99))
    return (
        f"{table.tokens} tokens, {table.right} minus {table.left} in nats: mean {table.mean:+.2e}, "
        f"sd {table.sd:.2e}, max {table.max_abs:.2e}; "
        f"ratio 1% {low:.4f}, median {middle:.4f}, 99% {high:.4f}; KL {table.kl:.2e}"
    )


def _cells(row: LayerDifference) -> tuple[Text, Text, Text]:
    style = _STYLES[row.verdict]
    return Text(_number(row.relative), style=style), Text(_number(row.floor)), Text(str(row.verdict), style=style)


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}" if math.isfinite(value) else "-"


def _worth_showing(table: LayerTable) -> Iterable[Point]:
    open_layers = {row.point.layer for row in table.suspects}
    return (point for point in table.points if point.is_trunk or point.layer in open_layers)
