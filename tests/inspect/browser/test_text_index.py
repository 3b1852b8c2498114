from pathlib import Path

import pytest

from mathpipe.inspect.browser.index import index_path, make_index
from mathpipe.inspect.browser.leftovers import unfinished_path
from mathpipe.inspect.browser.source import Source, open_source
from mathpipe.inspect.browser.text_index import TextIndex
from tests.inspect.browser.shelf import plain_pages, write_shelf


@pytest.fixture
def source(tmp_path: Path) -> Source:
    source = open_source([str(write_shelf(tmp_path / "shards", plain_pages(60)))])
    make_index(source, index_path(source))
    return source


def test_words_are_found_when_the_index_is_made_and_not_before(source: Source) -> None:
    words = TextIndex(source, index_path(source))
    assert (words.ready, words.files, list(words.numbers("prime"))) == (False, 0, [])
    words.make()
    assert (words.ready, words.files, words.fault) == (True, 3, "")
    expected = [number for number, page in enumerate(plain_pages(60)) if "prime" in page.text.split()]
    assert list(words.numbers("PRIME")) == expected


def test_an_index_that_is_there_is_not_made_again(source: Source) -> None:
    first = TextIndex(source, index_path(source))
    first.make()
    times = [path.stat().st_mtime_ns for path in sorted(index_path(source).parent.glob(f"{source.digest()}.words*"))]
    again = TextIndex(source, index_path(source))
    again.make()
    assert again.ready
    assert times == [
        path.stat().st_mtime_ns for path in sorted(index_path(source).parent.glob(f"{source.digest()}.words*"))
    ]


def test_a_shard_that_rots_leaves_a_fault_and_no_index(source: Source) -> None:
    index = index_path(source)
    content = bytearray(source.files[1].read_bytes())
    content[50:-2_000] = b"\x00" * (len(content) - 2_050)
    source.files[1].write_bytes(content)
    words = TextIndex(source, index)
    words.make()
    assert not words.ready
    assert words.fault.startswith("the text index could not be made")


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    dead, living = tmp_path / ".index.duckdb.4194999", tmp_path / ".index.duckdb.1"
    for path in (dead, living):
        path.write_bytes(b"x")
    unfinished_path(tmp_path / "index.duckdb")
    assert (dead.exists(), living.exists()) == (False, True)


@pytest.mark.parametrize(
    "text",
    ["prime OR NOT", 'prime"', "prime AND (", "x_1", "NEAR(a b)", "\x00", "*", "text:prime", "-prime", "\ud800"],
)
def test_no_text_breaks_the_search(source: Source, text: str) -> None:
    words = TextIndex(source, index_path(source))
    words.make()
    assert len(words.numbers(text)) <= 60


def test_a_changed_shard_asks_for_another_index(tmp_path: Path) -> None:
    folder = write_shelf(tmp_path / "shards", plain_pages(30))
    before = open_source([str(folder)]).digest()
    assert open_source([str(folder)]).digest() == before
    (folder / "shard-00000.parquet").touch()
    assert open_source([str(folder)]).digest() != before
