"""Charts as inline SVG and HTML, drawn here: no script, no library, nothing fetched.

In: counts. Out: `Markup`. The SVG holds shapes only and stretches with the page; every word stands in
HTML beside it, so that type keeps its size on a telephone. Each chart has a title and a description for readers
who don't see it, and each bar its value on hover. Series differ in lightness as well as hue (Okabe and Ito's
palette, in report.css).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log10

from markupsafe import Markup

from mathpipe.inspect.figures import short, whole
from mathpipe.inspect.run_facts import Histogram

_GAP = 0.12  # of a bin's width, between two columns


def histogram(name: str, title: str, description: str, data: Histogram) -> Markup:
    """Columns of two stacked series: what was kept stands on the axis, what was not on top of it."""
    peak = max((kept + gone for kept, gone in zip(data.kept, data.gone, strict=True)), default=0)
    ceiling, steps = round_axis(peak)
    columns = Markup("").join(
        _column(place, len(data.labels), label, kept, gone, ceiling)
        for place, (label, kept, gone) in enumerate(zip(data.labels, data.kept, data.gone, strict=True))
    )
    grid = Markup("").join(
        Markup('<line class="grid" x1="0" x2="100" y1="{0}" y2="{0}"/>').format(_figure(100 - 100 * step / ceiling))
        for step in steps
    )
    values = Markup("").join(
        Markup('<span style="bottom:{}%">{}</span>').format(_figure(100 * step / ceiling), short(step))
        for step in steps
    )
    ticks = Markup("").join(
        Markup('<span style="left:{}%">{}</span>').format(_figure(100 * place), label) for place, label in data.ticks
    )
    return Markup(
        '<div class="histogram"><div class="plot"><div class="values" aria-hidden="true">{values}</div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-labelledby="{name}-t {name}-d">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{description}</desc>{grid}{columns}</svg></div>'
        '<div class="ticks" aria-hidden="true">{ticks}</div></div>'
    ).format(name=name, title=title, description=description, grid=grid, columns=columns, values=values, ticks=ticks)


def round_axis(peak: int) -> tuple[int, Sequence[int]]:
    """The top of an axis that holds the peak, and three to six round values on it, zero left out."""
    if peak <= 4:
        return max(peak, 1), range(1, max(peak, 1) + 1)
    unit: int = 10 ** int(log10(peak))
    step = next(size for size in (unit // 5, unit // 2, unit, 2 * unit) if size and peak / size <= 6)
    top = ceil(peak / step) * step
    return top, range(step, top + 1, step)


def _column(place: int, count: int, label: str, kept: int, gone: int, ceiling: int) -> Markup:
    if not kept and not gone:
        return Markup("")
    width = 100 / count
    left, wide = _figure(place * width + width * _GAP / 2), _figure(width * (1 - _GAP))
    high, over = 100 * kept / ceiling, 100 * gone / ceiling
    bar = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>')
    bars = Markup("").join(
        bar.format(series, left, _figure(100 - base - height), wide, _figure(height))
        for series, base, height in (("kept", 0.0, high), ("gone", high, over))
        if height
    )
    hover = Markup('<rect class="hover" x="{}" y="0" width="{}" height="100"/>').format(
        _figure(place * width), _figure(width)
    )
    told = f"{label}: {whole(kept)} kept, {whole(gone)} not"
    return Markup("<g><title>{}</title>{}{}</g>").format(told, bars, hover)


def _figure(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
