"""Curves and bars as SVG."""

from __future__ import annotations

from math import nan
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from rl.watch.curves import Panel, Series, Stack, bar_legend, curves, legend, line_key, smoothed, stacked


def tree(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{markup}</div>")


def paths(markup: str, kind: str) -> list[str]:
    return [path.get("d") or "" for path in tree(markup).iter("path") if kind in (path.get("class") or "").split()]


def titles(markup: str) -> list[str]:
    return [group.findtext("title") or "" for group in tree(markup).iter("g")]


def test_a_curve_goes_through_its_points() -> None:
    markup = curves("c", Panel(title="KL", series=[Series(name="KL", points=[(1, 0.0), (2, 1.0), (3, 0.5)])]))
    assert paths(markup, "line") == ["M0 100L50 0L100 50"]


def test_each_place_says_its_numbers() -> None:
    series = [Series(name="low", points=[(1, 0.25), (2, 0.5)]), Series(name="high", points=[(2, 1.0)])]
    assert titles(curves("c", Panel(title="t", series=series))) == ["step 1: low 0.25", "step 2: low 0.5; high 1"]


def test_what_is_not_finite_is_a_gap() -> None:
    points = [(1.0, 0.0), (2.0, nan), (3.0, 1.0), (4.0, 1.0)]
    markup = curves("c", Panel(title="t", series=[Series(name="s", points=points)]))
    assert paths(markup, "line") == ["M0 100M66.67 0L100 0"]


def test_a_run_of_nothing_but_nan_draws_no_line() -> None:
    markup = curves("c", Panel(title="t", series=[Series(name="s", points=[(1, nan), (2, nan)])], logarithmic=True))
    assert paths(markup, "line") == []


@given(st.lists(st.floats(), min_size=1, max_size=300), st.booleans(), st.booleans())
def test_any_numbers_give_a_chart(values: list[float], logarithmic: bool, noisy: bool) -> None:
    series = [Series(name="s", points=[(float(at), value) for at, value in enumerate(values)], noisy=noisy)]
    markup = curves("c", Panel(title="t", series=series, logarithmic=logarithmic))
    for path in paths(markup, "line"):
        assert all(-0.01 <= float(word) <= 100.01 for word in path.replace("M", " ").replace("L", " ").split())


def test_powers_of_ten_are_equally_far_apart_on_a_logarithmic_axis() -> None:
    series = [Series(name="s", points=[(1, 1e-6), (2, 1e-5), (3, 1e-4)])]
    assert paths(curves("c", Panel(title="t", series=series, logarithmic=True)), "line") == ["M0 100L50 50L100 0"]


def test_marked_points_have_dots_and_whiskers() -> None:
    series = [Series(name="s", points=[(0, 0.5), (10, 1.0)], errors=[0.5, 0.0], marked=True)]
    markup = curves("c", Panel(title="t", series=series))
    assert len(paths(markup, "dot")) == 2
    assert paths(markup, "whisker")[0] == "M0 100L0 0"


def test_series_differ_in_colour_and_the_legend_shows_the_same() -> None:
    panel = Panel(title="t", series=[Series(name=name, points=[(1, 1.0), (2, 2.0)]) for name in ("a", "b")])
    drawn = [path.get("class") for path in tree(curves("c", panel)).iter("path")]
    keys = [path.get("class") for path in tree(legend(panel)).iter("path")]
    assert drawn == keys == ["line s0", "line s1"]


def test_a_series_without_points_takes_no_other_ones_colour() -> None:
    panel = Panel(title="t", series=[Series(name="a", points=[]), Series(name="b", points=[(1, 1.0), (2, 2.0)])])
    assert [path.get("class") for path in tree(curves("c", panel)).iter("path")] == ["line s1"]


def test_a_series_keeps_the_colour_it_is_given() -> None:
    panel = Panel(title="t", series=[Series(name="a", points=[(1, 1.0), (2, 2.0)], colour=5)])
    assert [path.get("class") for path in tree(curves("c", panel)).iter("path")] == ["line s5"]
    assert 'class="line s5"' in line_key(5)


def test_a_noisy_curve_has_its_moving_mean_over_it() -> None:
    points = [(float(at), float(at % 2)) for at in range(40)]
    markup = curves("c", Panel(title="t", series=[Series(name="s", points=points, noisy=True)]))
    classes = [path.get("class") for path in tree(markup).iter("path")]
    assert classes == ["line raw s0", "line s0"]


def test_the_moving_mean_leaves_out_what_is_not_finite() -> None:
    assert smoothed([1.0, nan, 3.0])[1] == 2.0
    assert smoothed([2.0] * 50) == [2.0] * 50


def test_thousands_of_steps_become_few_and_a_largest_value_stays() -> None:
    points = [(float(at), 9.0 if at == 2_345 else 1.0) for at in range(5_000)]
    markup = curves("c", Panel(title="t", series=[Series(name="s", points=points, merge=max)]))
    assert len(titles(markup)) == 240
    assert sum("s 9" in title for title in titles(markup)) == 1


def test_bars_are_stacked_and_say_their_parts() -> None:
    stack = Stack(title="Time", layers=["a", "b"], places=[1, 2], values=[[1.0, 2.0], [1.0, 0.0]], unit=" s")
    markup = stacked("c", stack)
    bars = [bar.attrib for bar in tree(markup).iter("rect") if bar.get("class") != "hover"]
    assert [(bar["class"], bar["x"], bar["y"], bar["height"]) for bar in bars] == [
        ("s0", "0", "50", "50"),
        ("s1", "0", "0", "50"),
        ("s0", "50", "0", "100"),
    ]
    assert titles(markup) == ["step 1: a 1 s; b 1 s", "step 2: a 2 s"]
    assert "".join(tree(bar_legend(stack)).itertext()).split() == ["a", "b"]


def test_thousands_of_bars_become_few_of_equal_width_that_end_with_the_last() -> None:
    count = 1_003
    stack = Stack(title="t", layers=["a"], places=list(range(1, count + 1)), values=[[1.0] * count])
    bars = [bar.attrib for bar in tree(stacked("c", stack)).iter("rect") if bar.get("class") == "s0"]
    assert len(bars) == 201
    assert len({bar["width"] for bar in bars}) == 1
    assert float(bars[-1]["x"]) + float(bars[-1]["width"]) == 100.0


def test_names_are_escaped() -> None:
    series = [Series(name="<b>&", points=[(1, 1.0), (2, 2.0)])]
    panel = Panel(title="<i>", series=series, place="<u>")
    assert "<b>" not in curves("c", panel) + legend(panel)
    assert titles(curves("c", panel))[0] == "<u> 1: <b>& 1"
