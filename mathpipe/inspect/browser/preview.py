"""The browser's first answers, while the column table is still being made: the last step's pages, from their shards.

In: a `Source`. Out: a `Catalog` whose table is a view over Parquet. Every page has the number that the table will
give it, so that an address stays good. Only narrow columns are read, which takes parts of a second over a million
pages; what needs the texts (their lengths) is not known yet, and pages that earlier steps dropped are not listed yet.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from typing import Any

import duckdb

from mathpipe.core.errors import InputError
from mathpipe.inspect.browser.catalog import ROW, Catalog, PageRow, page_row
from mathpipe.inspect.browser.filters import Filter
from mathpipe.inspect.browser.index import (
    FORMATS,
    KEPT,
    LIMITS,
    NO_SCORE,
    PREFIX_OF_URL,
    WAITING,
    damaged,
    members_query,
    numbered_files,
    parquet,
    score_in,
)
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.browser.text_index import TextIndex


class Preview(Catalog):
    """A catalog of the last step's pages without their lengths."""

    whole = False

    def __init__(self, source: Source, words: TextIndex) -> None:
        self._shards = source.steps[-1].shards
        self._firsts = [first for _, _, first in islice(numbered_files(source), len(self._shards))]
        self._before = len(source.files) - len(self._shards)  # shards of earlier steps stand before these
        self._fate = "" if source.run is None else KEPT if source.finished else WAITING
        connection = duckdb.connect(config=dict(LIMITS))
        try:
            described = connection.execute(f"DESCRIBE FROM {parquet(self._shards)}").fetchall()
            self._pages = self._query({str(row[0]) for row in described})
            connection.execute(f"CREATE VIEW pages AS {self._pages.format(parquet(self._shards))}")
            connection.execute(f"CREATE VIEW members AS {members_query(source)}")
            super().__init__(connection, words)
        except duckdb.Error as error:
            connection.close()
            raise damaged(source, error) from error

    def page(self, number: int) -> PageRow | None:
        """The page of this number, from the one shard that has it."""
        place, row = self.place_of_record(number)
        shard = self._pages.format(parquet(self._shards[place - self._before :][:1]))
        rows = self._rows(f"SELECT {ROW} FROM ({shard}) WHERE file_row = $row", {"row": row})
        return page_row((number, *rows[0][1:])) if rows else None

    def place_of_record(self, number: int) -> tuple[int, int]:
        """In which of the source's files the page stands, and in which row."""
        place = bisect_right(self._firsts, number) - 1
        return self._before + place, number - self._firsts[place]

    def tables_of(self, asked: str) -> tuple[int, ...] | None:
        """Not known yet."""
        return None

    def _narrowed(self, asked: Filter, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        if asked.sort == "length" or asked.min_length or asked.max_length:
            raise InputError(
                "length", "the table of columns, which is still being made", "ask again when it is there"
            )
        return super()._narrowed(asked, query, **parameters)

    def _query(self, columns: set[str]) -> str:
        """The table's columns by its own rules; `{}` stands for the shards."""
        language = "coalesce(language, '')" if "language" in columns else "''"
        return f"""
            SELECT {self._firsts}[file_index::BIGINT + 1] + file_row_number AS number, file_row_number AS file_row,
                   coalesce(record_id, '') AS record_id, coalesce(url, '') AS url, coalesce(host, '') AS host,
                   coalesce(title, '') AS title, {PREFIX_OF_URL} AS prefix,
                   coalesce({score_in(columns)}, {NO_SCORE}) AS score, {language} AS language,
                   coalesce(len(formulas), 0) AS formulas, NULL::INTEGER AS length, {FORMATS} AS formats,
                   '{self._fate}' AS fate, lower(concat(title, ' ', url)) AS searched
            FROM {{}}
            """
