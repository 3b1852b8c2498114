"""The browser's charts as SVG without any style attribute, so that the page's security policy can forbid those.

In: bins and groups of the catalog, and addresses to go to. Out: `Markup`. Columns of a histogram and hosts of the
treemap are links; positions are percentages, so that shapes stretch and words keep their size. The treemap is
squarified (Bruls, Huizing and van Wijk, "Squarified treemaps", 2000), laid out once for a wide and once for a
narrow window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mathpipe.inspect.browser.catalog import Bin, Group
from mathpipe.inspect.figures import share, whole
from mathpipe.inspect.safe_text import clip, visible

_GAP = 0.12  # of a bin's width, between two columns
_SHADES = 5
_LABEL_PERCENT = 6.0  # a host narrower or lower than this share of the picture has no room for its name
_WIDE, _NARROW = 2.6, 0.85  # width by height of the picture in a wide and in a narrow window


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of the treemap, in percent of the picture."""

    left: float
    top: float
    width: float
    height: float


def columns(bins: Sequence[Bin], address: Callable[[Bin], str], told: Callable[[Bin], str]) -> Markup:
    """A histogram whose columns are links; what was kept stands on the axis, what was not on top of it."""
    peak = max((column.kept + column.gone for column in bins), default=0)
    width = 100 / max(len(bins), 1)
    drawn = [
        _column(column, place * width, width, peak, address(column), told(column))
        for place, column in enumerate(bins)
        if column.kept or column.gone
    ]
    return Markup(
        '<svg class="columns-of" viewBox="0 0 100 100" preserveAspectRatio="none">'
        '<line class="grid" x1="0" x2="100" y1="50" y2="50"/><line class="grid" x1="0" x2="100" y1="0" y2="0"/>'
        "{}</svg>"
    ).format(Markup("").join(drawn))


def _column(column: Bin, left: float, width: float, peak: int, address: str, told: str) -> Markup:
    kept, gone = 100 * column.kept / peak, 100 * column.gone / peak
    words = f"{told}: {whole(column.kept + column.gone)}"
    if column.gone:
        words += f", {whole(column.kept)} of them kept"
    bar = Markup('<rect class="{}" x="{:.3f}" y="{:.3f}" width="{:.3f}" height="{:.3f}"/>')
    inset, wide = left + width * _GAP / 2, width * (1 - _GAP)
    return Markup('<a href="{}" aria-label="{}"><title>{}</title>{}{}{}</a>').format(
        address,
        words,
        words,
        bar.format("kept", inset, 100 - kept, wide, kept) if column.kept else "",
        bar.format("gone", inset, 100 - kept - gone, wide, gone) if column.gone else "",
        bar.format("hover", left, 0, width, 100),
    )


def treemap(groups: Sequence[Group], others: int, address: Callable[[str], str]) -> Markup:
    """Hosts by their pages, darker with a higher mean score; `others` is what hosts that are not named hold."""
    sizes = [float(group.pages) for group in groups] + ([float(others)] if others else [])
    pictures = []
    for kind, ratio in (("wide", _WIDE), ("narrow", _NARROW)):
        tiles = squarify(sizes, ratio)
        cells = [_host(group, tile, address(group.name)) for group, tile in zip(groups, tiles, strict=False)]
        if others:
            cells.append(_cell(tiles[-1], "rest", "all other hosts", whole(others)))
        pictures.append(
            Markup('<svg class="treemap {}" role="group" aria-label="Hosts by pages">{}</svg>').format(
                kind, Markup("").join(cells)
            )
        )
    return Markup("").join(pictures)


def _host(group: Group, tile: Tile, address: str) -> Markup:
    words = f"{visible(group.name) or 'no host'}: {whole(group.pages)} pages"
    if group.kept != group.pages:
        words += f", {share(group.kept, group.pages)} kept"
    if group.score is not None:
        words += f", mean score {group.score:.2f}"
    shade = 0 if group.score is None else min(int(group.score * _SHADES), _SHADES - 1)
    cell = _cell(tile, f"shade-{shade}", clip(visible(group.name), 60), whole(group.pages))
    return Markup('<a href="{}" aria-label="{}"><title>{}</title>{}</a>').format(address, words, words, cell)


def _cell(tile: Tile, kind: str, name: str, pages: str) -> Markup:
    label = Markup("")
    if tile.width >= _LABEL_PERCENT and tile.height >= _LABEL_PERCENT:
        label = Markup('<text x="8" y="20">{}</text>').format(name)
        if tile.height >= 2 * _LABEL_PERCENT:
            label += Markup('<text class="pages" x="8" y="37">{}</text>').format(pages)
    return Markup(
        '<svg x="{:.3f}%" y="{:.3f}%" width="{:.3f}%" height="{:.3f}%"><rect class="{}" width="100%" height="100%"/>'
        "{}</svg>"
    ).format(tile.left, tile.top, tile.width, tile.height, kind, label)


def squarify(sizes: Sequence[float], ratio: float) -> list[Tile]:
    """Tiles in the order of the sizes (largest first), as square as they can be, filling a `ratio` to 1 picture."""
    total = sum(sizes)
    if total <= 0:
        return []
    areas = [size / total * ratio for size in sizes]
    tiles: list[Tile] = []
    left, top, width, height = 0.0, 0.0, ratio, 1.0
    while len(tiles) < len(areas):
        side = min(width, height)
        row = _row(areas[len(tiles) :], side)
        thick = sum(row) / side if side else 0.0
        along = top if height <= width else left
        for area in row:
            length = area / thick if thick else 0.0
            if height <= width:
                tiles.append(_tile(left, along, thick, length, ratio))
            else:
                tiles.append(_tile(along, top, length, thick, ratio))
            along += length
        if height <= width:
            left, width = left + thick, width - thick
        else:
            top, height = top + thick, height - thick
    return tiles


def _row(areas: Sequence[float], side: float) -> Sequence[float]:
    """How many of the next areas stand side by side: as many as make the worst of them squarer."""
    best = _worst(areas[:1], side)
    for count in range(2, len(areas) + 1):
        worst = _worst(areas[:count], side)
        if worst > best:
            return areas[: count - 1]
        best = worst
    return areas


def _worst(row: Sequence[float], side: float) -> float:
    total, low, high = sum(row), min(row), max(row)
    if total <= 0 or low <= 0 or side <= 0:
        return float("inf")
    return max(side**2 * high / total**2, total**2 / (side**2 * low))


def _tile(left: float, top: float, width: float, height: float, ratio: float) -> Tile:
    return Tile(100 * left / ratio, 100 * top, 100 * width / ratio, 100 * height)
