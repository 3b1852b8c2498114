"""Which pages hold given words, answered without reading them: SQLite's FTS5 over the pages' texts.

In: a `Source` and its column index. Out: SQLite files beside that index, and for a query the numbers of the pages
that hold all of its words. Only which page holds a word is kept (`detail=none`, no content): a fifth of the text's
size. A phrase is therefore searched as its words. `benchmarks.browser` measures this beside a scan of the shards and
beside word lists in DuckDB.

The index is made by threads in the background, a part each; until it is done `progress` tells how far they are.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import lru_cache
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unicodedata import normalize

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.inspect.browser.index import connect_index
from mathpipe.inspect.browser.leftovers import unfinished_path
from mathpipe.inspect.browser.source import Source

PARTS = 2  # threads and files: SQLite cuts words outside of Python's lock, so that two cores are used
_BATCH_ROWS = 256
_HASH_BYTES = 32 * 2**20  # of words held before they are written
_WORD = re.compile(r"[^\W_]+\*?")  # as FTS5's unicode61 cuts words; a star finds what begins so
_TABLE = (
    "CREATE VIRTUAL TABLE pages USING fts5(text, content='', detail=none, columnsize=0, "
    "tokenize='unicode61 remove_diacritics 2')"
)


class TextIndex:
    """The word index of one source, made or being made."""

    def __init__(self, source: Source, index: Path) -> None:
        self._source = source
        self._index = index
        self._paths = [index.with_suffix(f".words-{part}.sqlite") for part in range(PARTS)]
        self._done = [0] * PARTS
        self._stop = Event()
        self.fault = ""
        self._numbers = lru_cache(maxsize=8)(self._look_up)  # 8 MB each at the most over a million pages

        self.ready = all(path.is_file() for path in self._paths)

    @property
    def files(self) -> int:
        """How many shards have been read."""
        return sum(self._done)

    def make(self) -> None:
        """Make it, unless it is there, and return when it is made or has failed."""
        todo = [(part, path) for part, path in enumerate(self._paths) if not path.is_file()]
        threads = [Thread(target=self._make, args=at, daemon=True) for at in todo]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.ready = all(path.is_file() for path in self._paths)

    def stop(self) -> None:
        """Let `make` give up what is not finished."""
        self._stop.set()

    def numbers(self, text: str) -> Any:
        """The numbers of the pages that hold every word, ascending, as NumPy integers; empty until `ready`."""
        words = words_of(text)
        if not self.ready or not words:
            return np.empty(0, dtype=np.int64)
        return self._numbers(" AND ".join(f'"{word.rstrip("*")}"{" *" * word.endswith("*")}' for word in words))

    def _look_up(self, query: str) -> Any:
        found = np.concatenate([_numbers_in(path, query) for path in self._paths])
        found.sort()
        return found

    def _make(self, part: int, target: Path) -> None:
        unfinished = unfinished_path(target)
        try:
            with closing(sqlite3.connect(unfinished)) as words:
                words.execute("PRAGMA journal_mode = OFF")
                words.execute("PRAGMA synchronous = OFF")  # an unfinished file is never read
                words.execute(_TABLE)
                words.execute("INSERT INTO pages (pages, rank) VALUES ('hashsize', ?)", (_HASH_BYTES,))
                for file in range(part, len(self._source.files), PARTS):
                    for batch in self._texts(file):
                        if self._stop.is_set():
                            return
                        words.executemany("INSERT INTO pages (rowid, text) VALUES (?, ?)", batch)
                    self._done[part] += 1
                words.execute("INSERT INTO pages (pages) VALUES ('optimize')")
                words.commit()
            unfinished.replace(target)
        except (sqlite3.Error, duckdb.Error, OSError, pa.ArrowException) as error:
            self.fault = f"the text index could not be made ({error})"
        finally:
            with suppress(FileNotFoundError):
                unfinished.unlink()

    def _texts(self, file: int) -> Iterator[list[tuple[int, str]]]:
        """Numbers and texts of the pages that the column index has in this shard, some at a time."""
        with connect_index(self._index) as index:
            rows = dict(index.execute("SELECT file_row, number FROM pages WHERE file = ?", [file]).fetchall())
        at = 0
        with pq.ParquetFile(self._source.files[file]) as shard:
            for batch in shard.iter_batches(batch_size=_BATCH_ROWS, columns=["text"]) if rows else ():
                texts = batch.column(0).to_pylist()
                yield [(rows[at + row], text) for row, text in enumerate(texts) if text and at + row in rows]
                at += len(texts)


def words_of(text: str) -> list[str]:
    """The words to search for, as FTS5 cuts them, which minds no case; an accent of its own would part a word."""
    return list(dict.fromkeys(_WORD.findall(normalize("NFC", text))))


def _numbers_in(path: Path, query: str) -> Any:
    if not path.is_file():
        raise InputError(str(path), "the index of words, which is gone", "start the browser again")
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as words:
            # As one text: to make an object of each row takes four times as long as to find the rows.
            rows = words.execute("SELECT group_concat(rowid) FROM pages WHERE pages MATCH ?", (query,)).fetchone()
    except sqlite3.OperationalError as error:  # a word that SQLite cuts otherwise than `_WORD`
        raise InputError("text", f"words to search for ({error})", "leave signs between letters out") from error
    except sqlite3.DatabaseError as error:
        raise CorruptShardError(str(path), f"SQLite cannot read it ({error})", "delete it and start again") from error
    return np.fromstring(rows[0], dtype=np.int64, sep=",") if rows[0] else np.empty(0, dtype=np.int64)
