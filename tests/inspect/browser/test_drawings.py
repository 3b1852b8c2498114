from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from mathpipe.inspect.browser.catalog import Bin, Group
from mathpipe.inspect.browser.drawings import columns, squarify, treemap


def test_the_published_example_of_squarified_treemaps() -> None:
    """Bruls, Huizing and van Wijk's: 6 6 4 3 2 2 1 in a rectangle of 6 by 4."""
    tiles = squarify([6, 6, 4, 3, 2, 2, 1], 6 / 4)
    shapes = [(round(tile.width * 6 / 100, 2), round(tile.height * 4 / 100, 2)) for tile in tiles]
    assert shapes == [(3.0, 2.0), (3.0, 2.0), (1.71, 2.33), (1.29, 2.33), (1.2, 1.67), (1.2, 1.67), (0.6, 1.67)]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=80), st.floats(0.3, 4))
def test_tiles_fill_the_picture_by_their_sizes_and_stay_inside(sizes: list[int], ratio: float) -> None:
    sizes.sort(reverse=True)
    tiles = squarify([float(size) for size in sizes], ratio)
    assert len(tiles) == len(sizes)
    for tile, size in zip(tiles, sizes, strict=True):
        assert abs(tile.width * tile.height / 10_000 - size / sum(sizes)) < 1e-6
        assert tile.left > -1e-6
        assert tile.top > -1e-6
        assert tile.left + tile.width < 100 + 1e-6
        assert tile.top + tile.height < 100 + 1e-6


def test_no_pages_no_tiles() -> None:
    assert squarify([], 2) == []
    assert treemap([], 0, lambda name: name).count("<rect") == 0


def test_a_hostile_host_stays_text_in_the_treemap() -> None:
    drawn = treemap([Group("<script>\u202e&\"'", 3, 1, 0.9)], 0, lambda name: "/?host=" + name)
    assert "<script" not in drawn
    tree = ElementTree.fromstring(Markup("<div>{}</div>").format(drawn))
    assert [node.text for node in tree.iter("title")] == [
        "<script>\N{REPLACEMENT CHARACTER}&\"': 3 pages, 33.3% kept, mean score 0.90"
    ] * 2


def test_a_column_is_a_link_as_high_as_its_share_of_the_highest() -> None:
    bins = [Bin(0, 0.5, 3, 1), Bin(0.5, 1, 2, 0)]
    drawn = columns(bins, lambda column: f"/pages?min={column.low}", lambda column: "scores")
    tree = ElementTree.fromstring(drawn)
    first, second = tree.findall("a")
    assert first.get("href") == "/pages?min=0"
    assert first.get("aria-label") == "scores: 4, 3 of them kept"
    assert [(rect.get("class"), rect.get("height")) for rect in first.findall("rect")] == [
        ("kept", "75.000"), ("gone", "25.000"), ("hover", "100.000")
    ]  # fmt: skip
    assert [rect.get("height") for rect in second.findall("rect")] == ["50.000", "100.000"]
