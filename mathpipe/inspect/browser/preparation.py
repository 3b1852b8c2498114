"""What a source needs before every question has its answer, made in the background while the server already answers.

In: a `Source`. Out: the `Catalog` that answers at the moment: a `Preview` over the shards, then the column table; and
how far the table and the index of words are. An index that is found is taken at once, one that cannot be opened is
made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread

import duckdb

from mathpipe.core.errors import MathpipeError
from mathpipe.inspect.browser.catalog import Catalog
from mathpipe.inspect.browser.index import connect_index, index_path, make_index
from mathpipe.inspect.browser.leftovers import claim, prune
from mathpipe.inspect.browser.preview import Preview
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.browser.text_index import TextIndex

_HEAD_START_SECONDS = 2.0  # both cores are the first answer's own until it is there, but no longer


@dataclass(frozen=True, slots=True)
class Progress:
    """Which of the two is being made, and how many of the source's files are in it."""

    made: str  # "table", "words", or "" when both are there or have failed
    files: int
    of: int
    fault: str


class Preparation:
    """The indexes of one source, made or being made."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._index = index_path(source)
        self._claim = claim(source, self._index)
        self._words = TextIndex(source, self._index)
        self._files = 0
        self._fault = ""
        self._end: Callable[[], None] = lambda: None
        self._stop = Event()
        self._begin = Event()
        self._thread = Thread(target=self._make, daemon=True)
        self._opened = [self._open() or Preview(source, self._words)]

    @property
    def catalog(self) -> Catalog:
        """The one that answers now. A question keeps the one that it began with."""
        return self._opened[-1]

    @property
    def progress(self) -> Progress:
        """How far it is."""
        of, fault = len(self._source.files), self._fault or self._words.fault
        if not fault and not self.catalog.whole:
            return Progress("table", self._files, of, "")
        if not fault and not self._words.ready:
            return Progress("words", self._words.files, of, "")
        return Progress("", of, of, fault)

    def start(self) -> None:
        """Begin to make what is not there, after the first answer."""
        self._thread.start()

    def hurry(self) -> None:
        """A first answer has been given: nothing need be held back for it."""
        self._begin.set()

    def wait(self) -> None:
        """Return when everything is made, or has failed."""
        self.hurry()
        self._thread.join()

    def close(self) -> None:
        """Give up what is not finished, and give back what is open."""
        self._stop.set()
        self._words.stop()
        self.hurry()
        with suppress(duckdb.Error):  # it has just come to its end
            self._end()
        if self._thread.is_alive():
            self._thread.join()
        for catalog in self._opened:
            catalog.close()
        self._claim.close()

    def _open(self) -> Catalog | None:
        try:
            return Catalog(connect_index(self._index), self._words) if self._index.is_file() else None
        except duckdb.Error:  # cut short by a full disk, or no index at all: it can be made again
            with suppress(FileNotFoundError):
                self._index.unlink()
            return None

    def _make(self) -> None:
        self._begin.wait(_HEAD_START_SECONDS)
        try:
            if not self.catalog.whole:
                make_index(self._source, self._index, self._tell)
                self._opened.append(Catalog(connect_index(self._index), self._words))
            prune(self._source, self._index)
            self._words.make()
        except (MathpipeError, duckdb.Error, OSError) as error:
            self._fault = f"the table could not be made ({error})"

    def _tell(self, files: int, end: Callable[[], None]) -> None:
        self._files, self._end = files, end
        if self._stop.is_set():
            raise duckdb.InterruptException("the server was stopped")
