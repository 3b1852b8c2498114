"""Curves, stacked bars and their legends as inline SVG and HTML: no script, no library, nothing fetched.

In: numbers. Out: `Markup`. As in `mathpipe.inspect.charts`, the SVG holds shapes only and stretches with the page,
and every word stands in HTML beside it. Series differ in colour (Okabe and Ito's palette, in report.css) and in their
dashes; each place says its numbers on hover. A value that is not finite is a gap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean

from markupsafe import Markup

from rl.watch.axes import Axis, drawable, figure, linear_axis, logarithmic_axis, place_axis

COLOURS = 8  # classes s0 to s7 of report.css
_PLACES = 240  # more are not told apart on a screen: neighbours become one
_SMOOTHED = 16  # places from which on a noisy curve is drawn with its moving mean
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One curve. `noisy` curves get a moving mean; `marked` ones a dot at each point, with `errors` a bar around it.

    `merge` makes one value of neighbours where there are too many; `colour` is a number, by default the place among
    the series of its panel.
    """

    name: str
    points: Sequence[Point]
    noisy: bool = False
    marked: bool = False
    errors: Sequence[float] = ()
    merge: Callable[[Sequence[float]], float] = fmean
    colour: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Curves over one pair of axes. `place` names what the horizontal axis counts."""

    title: str
    series: Sequence[Series]
    logarithmic: bool = False
    place: str = "step"
    low: bool = False  # half the height, below another panel of its figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Bars of several layers: `values[layer][bar]`, the bars at the whole numbers `places`."""

    title: str
    layers: Sequence[str]
    places: Sequence[int]
    values: Sequence[Sequence[float]]
    place: str = "step"
    unit: str = ""


def curves(name: str, panel: Panel) -> Markup:
    """The panel as a chart; `name` is its identifier in the page."""
    drawn = [_merged(series) for series in _coloured(panel) if series.points]
    values = [value for series in drawn for value in _extent(series)]
    vertical = logarithmic_axis(values) if panel.logarithmic else linear_axis(values)
    places = sorted({place for series in drawn for place, _ in series.points}) or [0.0]
    horizontal = place_axis(places[0], places[-1], whole=panel.place == "step")
    shapes = Markup("").join(_line(series, horizontal, vertical) for series in drawn)
    shapes += Markup("").join(_hovers(drawn, places, horizontal, panel.place))
    told = f"{panel.title} by {panel.place}: {', '.join(series.name for series in drawn)}"
    kind = "curve low" if panel.low else "curve"
    return _frame(name, (panel.title, told), shapes, (horizontal, vertical), panel.place, kind)


def stacked(name: str, stack: Stack) -> Markup:
    """The stack as a chart of bars that touch."""
    places, values = _merged_bars(stack)
    totals = [sum(layer[at] for layer in values) for at in range(len(places))]
    vertical = linear_axis([0.0, *totals])
    width = (places[1] - places[0]) if len(places) > 1 else 1.0
    ticks = place_axis(stack.places[0], stack.places[-1], whole=True).ticks
    horizontal = Axis(places[0] - width / 2, places[-1] + width / 2, ticks)
    shapes = Markup("").join(
        _bar(stack, place, width, [layer[at] for layer in values], horizontal, vertical)
        for at, place in enumerate(places)
    )
    told = f"{stack.title} by {stack.place}: {', '.join(stack.layers)}"
    return _frame(name, (stack.title, told), shapes, (horizontal, vertical), stack.place, "curve")


def legend(panel: Panel) -> Markup:
    """What the colours and dashes of the curves mean, for a figure's caption."""
    key = Markup("<span>{} {}</span>")
    return Markup(" ").join(key.format(line_key(series.colour or 0), series.name) for series in _coloured(panel))


def line_key(colour: int) -> Markup:
    """A short line in a curve's colour and dashes."""
    line = '<svg class="key-line" viewBox="0 0 28 8" aria-hidden="true"><path class="line s{}" d="M0 4H28"/></svg>'
    return Markup(line).format(colour % COLOURS)


def bar_legend(stack: Stack) -> Markup:
    """What the colours of the bars mean."""
    key = Markup('<span><span class="key s{}"></span> {}</span>')
    return Markup(" ").join(key.format(at % COLOURS, name) for at, name in enumerate(stack.layers))


def smoothed(values: Sequence[float]) -> list[float]:
    """The mean of each value and its neighbours, about a tenth of all of them; what is not finite counts for none."""
    reach = max(2, len(values) // 20)
    means = []
    for at in range(len(values)):
        around = [value for value in values[max(0, at - reach) : at + reach + 1] if drawable(value)]
        means.append(fmean(around) if around else float("nan"))
    return means


# --- parts of a chart ---


def _frame(
    name: str, told: tuple[str, str], shapes: Markup, axes: tuple[Axis, Axis], place: str, kind: str
) -> Markup:
    """The shapes with their axes; `told` is a title and a description for readers who do not see the chart."""
    horizontal, vertical = axes
    grid, values = Markup(""), Markup("")
    for tick in vertical.ticks:
        height = 100 * (vertical.place(tick) or 0.0)
        grid += Markup('<line class="grid" x1="0" x2="100" y1="{0}" y2="{0}"/>').format(_number(100 - height))
        values += Markup('<span style="bottom:{}%">{}</span>').format(_number(height), figure(tick))
    ticks = Markup("").join(
        Markup('<span style="left:{}%">{}</span>').format(
            _number(100 * (horizontal.place(tick) or 0.0)), figure(tick)
        )
        for tick in horizontal.ticks
    )
    svg = Markup(
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{grid}{shapes}</svg>'
    ).format(name=name, title=told[0], description=told[1], grid=grid, shapes=shapes)
    return Markup(
        '<div class="{}"><div class="plot"><div class="values" aria-hidden="true">{}</div>{}</div>'
        '<div class="ticks" aria-hidden="true"><span class="word">{}</span>{}</div></div>'
    ).format(kind, values, svg, place, ticks)


def _line(series: Series, horizontal: Axis, vertical: Axis) -> Markup:
    style = series.colour or 0
    noisy = series.noisy and len(series.points) >= _SMOOTHED
    kind = "line raw" if noisy else "line"
    shapes = _path(kind, style, series.points, horizontal, vertical)
    if noisy:
        means = smoothed([value for _, value in series.points])
        points = [(place, mean) for (place, _), mean in zip(series.points, means, strict=True)]
        shapes += _path("line", style, points, horizontal, vertical)
    for (place, value), error in zip(series.points, series.errors or (), strict=False):
        ends = [(place, value - error), (place, value + error)]
        shapes += _path("whisker", style, ends, horizontal, vertical)
    if series.marked or len(series.points) == 1:
        for point in series.points:
            shapes += _path("dot", style, [point, point], horizontal, vertical)
    return shapes


def _path(kind: str, style: int, points: Sequence[Point], horizontal: Axis, vertical: Axis) -> Markup:
    """A line with gaps; a value that leaves the axis stays at its edge."""
    words: list[str] = []
    pen = "M"
    for place, value in points:
        across, height = horizontal.place(place), vertical.place(value)
        if across is None or height is None:
            pen = "M"
            continue
        words.append(f"{pen}{_number(100 * across)} {_number(100 - 100 * min(max(height, 0.0), 1.0))}")
        pen = "L"
    if not words:
        return Markup("")
    return Markup('<path class="{} s{}" d="{}"/>').format(kind, style, "".join(words))


def _hovers(drawn: Sequence[Series], places: Sequence[float], horizontal: Axis, word: str) -> Iterator[Markup]:
    """A field around each place that says what every curve has there."""
    known = [dict(series.points) for series in drawn]
    edges = [horizontal.low, *((left + right) / 2 for left, right in pairwise(places))]
    for place, left, right in zip(places, edges, [*edges[1:], horizontal.high], strict=True):
        told = "; ".join(
            f"{series.name} {figure(values[place])}"
            for series, values in zip(drawn, known, strict=True)
            if place in values
        )
        start, end = horizontal.place(left) or 0.0, horizontal.place(right) or 0.0
        yield Markup(
            '<g><title>{} {}: {}</title><rect class="hover" x="{}" y="0" width="{}" height="100"/></g>'
        ).format(word, figure(place), told, _number(100 * start), _number(100 * (end - start)))


def _bar(
    stack: Stack, place: float, width: float, values: Sequence[float], horizontal: Axis, vertical: Axis
) -> Markup:
    left = 100 * (horizontal.place(place - width / 2) or 0.0)
    wide = 100 * width / (horizontal.high - horizontal.low)
    base, bars = 0.0, Markup("")
    for layer, value in enumerate(values):
        if value > 0:
            height = 100 * value / vertical.high
            bars += Markup('<rect class="s{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                layer % COLOURS, _number(left), _number(100 - base - height), _number(wide), _number(height)
            )
            base += height
    parts = [f"{name} {figure(value)}{stack.unit}" for name, value in zip(stack.layers, values, strict=True) if value]
    hover = Markup('<rect class="hover" x="{}" y="0" width="{}" height="100"/>').format(_number(left), _number(wide))
    title = f"{stack.place} {figure(place)}: {'; '.join(parts) or 'none'}"
    return Markup("<g><title>{}</title>{}{}</g>").format(title, bars, hover)


# --- fewer places than there are ---


def _merged(series: Series) -> Series:
    """The series with at most `_PLACES` points; those with marks stay as they are."""
    if len(series.points) <= _PLACES or series.marked:
        return series
    points = []
    for part in _parts(len(series.points)):
        chosen = series.points[part]
        finite = [value for _, value in chosen if drawable(value)]
        points.append((chosen[-1][0], series.merge(finite) if finite else float("nan")))
    return replace(series, points=points)


def _merged_bars(stack: Stack) -> tuple[list[float], list[list[float]]]:
    """Bars of equal width: the mean of neighbours where there are more than `_PLACES`."""
    count = len(stack.places)
    if count <= _PLACES:
        return [float(place) for place in stack.places], [list(layer) for layer in stack.values]
    together = -(-count // _PLACES)
    parts = [slice(max(0, end - together), end) for end in range(count, 0, -together)][::-1]
    places = [stack.places[part.stop - 1] - (together - 1) / 2 for part in parts]
    return places, [[fmean(layer[part]) for part in parts] for layer in stack.values]


def _parts(count: int) -> Iterator[slice]:
    for at in range(_PLACES):
        yield slice(count * at // _PLACES, count * (at + 1) // _PLACES)


def _extent(series: Series) -> Iterator[float]:
    for _, value in series.points:
        yield value
    for (_, value), error in zip(series.points, series.errors or (), strict=False):
        yield value - error
        yield value + error


def _coloured(panel: Panel) -> list[Series]:
    """The panel's series, each with the number of its colour."""
    return [
        replace(series, colour=(at if series.colour is None else series.colour) % COLOURS)
        for at, series in enumerate(panel.series)
    ]


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
