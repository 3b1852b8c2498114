"""What is answered while the table is made, and that it is what the table says then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from mathpipe.core.errors import InputError
from mathpipe.inspect.browser import preparation as module
from mathpipe.inspect.browser.filters import Filter, filter_of
from mathpipe.inspect.browser.index import Tell, index_path, make_index
from mathpipe.inspect.browser.preparation import Preparation, Progress
from mathpipe.inspect.browser.preview import Preview
from mathpipe.inspect.browser.source import Source, open_source
from mathpipe.inspect.browser.text_index import TextIndex
from tests.inspect.browser.conftest import Serve, open_catalog
from tests.inspect.browser.shelf import HOSTILE, plain_pages, write_shelf


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return open_source([str(write_shelf(tmp_path / "shards", plain_pages()))])


@pytest.fixture
def preview(source: Source) -> Iterator[Preview]:
    with closing(Preview(source, TextIndex(source, index_path(source)))) as opened:
        yield opened


@pytest.mark.parametrize(
    "values",
    [{}, {"host": "b.example"}, {"q": "prime"}, {"sort": "score"}, {"sort": "title", "order": "down"},
     {"format": "katex", "min_score": "0.5"}, {"language": "none"}, {"min_formulas": "2", "sort": "formulas"}],
    ids=str,
)  # fmt: skip
def test_the_shards_give_the_rows_and_numbers_that_the_table_gives(
    source: Source, preview: Preview, values: dict[str, str]
) -> None:
    asked = filter_of(values)
    with closing(open_catalog(source)) as table:
        expected, seen = table.pages(asked), preview.pages(asked)
        assert [row.number for row in seen.rows] == [row.number for row in expected.rows]
        assert [(row.record_id, row.title, row.score) for row in seen.rows] == [
            (row.record_id, row.title, row.score) for row in expected.rows
        ]
        assert (seen.total, seen.first) == (expected.total, expected.first)
        after = expected.rows[-1].number
        assert [row.number for row in preview.pages(asked, after=after).rows] == [
            row.number for row in table.pages(asked, after=after).rows
        ]


def test_of_a_run_the_last_steps_pages_are_seen_under_their_later_numbers(run: Path) -> None:
    source = open_source([str(run)])
    words = TextIndex(source, index_path(source))
    with closing(Preview(source, words)) as preview, closing(open_catalog(source)) as table:
        rows = preview.pages(Filter()).rows
        assert {row.fate for row in rows} == {"kept"}
        for row in rows:
            page, place = table.page(row.number), table.place_of_record(row.number)
            assert page is not None
            assert (page.record_id, page.fate) == (row.record_id, "kept")
            assert preview.place_of_record(row.number) == place
        assert len(preview.cluster_of(rows[0].record_id)) == len(table.cluster_of(rows[0].record_id))


def test_a_page_is_found_by_its_number_in_any_shard_and_no_page_beyond_the_last(preview: Preview) -> None:
    pages = plain_pages()
    for number in (0, 99, 100, 299):
        row = preview.page(number)
        assert row is not None
        assert (row.number, row.record_id, row.length) == (number, pages[number].record_id, None)
    assert preview.page(300) is None


@pytest.mark.parametrize("values", [{"sort": "length"}, {"min_length": "3"}, {"max_length": "3"}])
def test_lengths_are_said_to_be_unknown_yet(preview: Preview, values: dict[str, str]) -> None:
    with pytest.raises(InputError, match="still being made"):
        preview.pages(filter_of(values))


class Gate:
    """Holds the making of a table back until it is opened."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.opened = Event()

        def wait_and_make(source: Source, target: Path, tell: Tell) -> None:
            self.opened.wait(20)
            make_index(source, target, tell)

        patch.setattr(module, "make_index", wait_and_make)


def test_the_first_page_is_answered_before_the_table_is_made(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    preparation = Preparation(source)
    preparation.start()
    assert preparation.progress == Progress("table", 0, 3, "")
    assert len(preparation.catalog.pages(Filter()).rows) == 50
    first = preparation.catalog
    gate.opened.set()
    preparation.wait()
    assert preparation.progress == Progress("", 3, 3, "")
    assert preparation.catalog.whole
    assert len(first.pages(Filter()).rows) == 50  # a question that was begun before still ends
    preparation.close()


def test_a_stopped_server_leaves_nothing_half_made(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    preparation = Preparation(source)
    preparation.start()
    preparation._stop.set()
    gate.opened.set()
    preparation.close()
    index = index_path(source)
    assert sorted(path.name for path in index.parent.glob(f"*{index.stem}*")) == [f"{index.stem}.json"]


def test_a_table_that_is_missing_beside_its_words_is_told(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    open_catalog(source).close()
    index_path(source).unlink()
    gate = Gate(monkeypatch)
    preparation = Preparation(source)
    preparation.start()
    assert preparation.progress.made == "table"
    gate.opened.set()
    preparation.wait()
    assert preparation.progress.made == ""
    preparation.close()


def test_an_index_that_is_cut_short_is_made_again(source: Source) -> None:
    index = index_path(source)
    index.parent.mkdir(parents=True, exist_ok=True)
    index.write_bytes(b"x" * 5_000)
    preparation = Preparation(source)
    preparation.start()
    preparation.wait()
    assert preparation.catalog.whole
    assert preparation.catalog.total == 300
    preparation.close()


def test_a_shard_that_rots_is_told_and_the_others_are_still_shown(tmp_path: Path) -> None:
    source = open_source([str(write_shelf(tmp_path / "shards", plain_pages()))])
    content = bytearray(source.files[2].read_bytes())
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    content[4:footer] = b"\x00" * (footer - 4)
    source.files[2].write_bytes(content)
    preparation = Preparation(source)
    preparation.start()
    preparation.wait()
    assert "the table could not be made" in preparation.progress.fault
    assert str(tmp_path / "shards") in preparation.progress.fault
    assert "\n" not in preparation.progress.fault
    assert preparation.catalog.page(5) is not None
    preparation.close()


def test_every_view_says_what_is_missing_while_the_table_is_made(
    serve: Serve, hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = open_source([str(hostile)])
    with closing(Preview(source, TextIndex(source, index_path(source)))) as preview:
        client = serve(hostile)
        application = client.server.application
        monkeypatch.setattr(application.preparation, "_opened", [preview])
        monkeypatch.setattr(application.preparation._words, "ready", False)
        for address in ("/", "/pages", "/prefixes", "/clusters", *(f"/page/{n}" for n in range(len(HOSTILE)))):
            status, page, _ = client.get(address)
            assert status == 200, address
            assert "The table of all pages is being made: 2 of 2 files read" in page or "0 of 2 files" in page
            assert "<script>document" not in page
        assert client.get("/page/999")[0] == 404
        status, told, headers = client.get("/state")
        assert (status, headers["Content-Type"]) == (200, "application/json")
        assert '"made": "table"' in told
        assert client.get("/pages?sort=length")[0] == 400


def test_a_search_over_text_that_is_not_ready_does_not_say_that_nothing_was_found(
    serve: Serve, hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(hostile)
    words = client.server.application.preparation._words
    assert "No page is like that" in client.get("/pages?text=nowhere")[1]
    monkeypatch.setattr(words, "ready", False)
    page = client.get("/pages?text=nowhere")[1]
    assert "shown here once the search over text is ready" in page
    assert "No page is like that" not in page
    assert "<span>0 of" not in page
    assert "No page is like that" in client.get("/pages?q=nowhere")[1]
