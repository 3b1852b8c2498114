"""Charts as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.inspect.charts import histogram, round_axis
from mathpipe.inspect.run_facts import Histogram

DATA = Histogram(("0 to 1", "1 to 2", "2 to 3"), (4, 0, 1), (4, 0, 0), ((0.0, "0"), (1.0, "3")))


def drawn(data: Histogram, title: str = "Title") -> ElementTree.Element:
    svg = ElementTree.fromstring(str(histogram("h", title, "What it shows", data))).find(".//svg")
    assert svg is not None
    return svg


def test_columns_are_stacked_on_the_axis() -> None:
    bars = [bar for bar in drawn(DATA).iter("rect") if bar.get("class") in ("kept", "gone")]
    assert [(bar.get("class"), bar.get("y"), bar.get("height")) for bar in bars] == [
        ("kept", "50", "50"),
        ("gone", "0", "50"),
        ("kept", "87.5", "12.5"),
    ]


def test_an_empty_bin_draws_nothing() -> None:
    assert len(drawn(DATA).findall("g")) == 2


def test_every_column_says_its_numbers() -> None:
    assert [group.findtext("title") for group in drawn(DATA).findall("g")] == [
        "0 to 1: 4 kept, 4 not",
        "2 to 3: 1 kept, 0 not",
    ]


def test_a_chart_has_a_title_and_a_description() -> None:
    svg = drawn(DATA)
    assert (svg.findtext("title"), svg.findtext("desc"), svg.get("role")) == ("Title", "What it shows", "img")
    assert svg.get("aria-labelledby") == "h-t h-d"


def test_words_in_a_chart_are_escaped() -> None:
    assert drawn(DATA, title="<b>&").findtext("title") == "<b>&"


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    assert drawn(Histogram((), (), (), ())).findall("g") == []


@pytest.mark.parametrize(
    ("peak", "top", "steps"),
    [
        (0, 1, [1]),
        (3, 3, [1, 2, 3]),
        (7, 8, [2, 4, 6, 8]),
        (742, 800, [200, 400, 600, 800]),
        (1_000, 1_000, [200, 400, 600, 800, 1_000]),
    ],
)
def test_axes_end_on_round_values(peak: int, top: int, steps: list[int]) -> None:
    ceiling, values = round_axis(peak)
    assert (ceiling, list(values)) == (top, steps)


@given(st.integers(min_value=0, max_value=10**15))
def test_an_axis_holds_its_peak_with_few_steps(peak: int) -> None:
    ceiling, values = round_axis(peak)
    assert ceiling >= peak
    assert ceiling <= max(1.5 * peak, 1)
    assert len(values) <= 6
