"""The index as the browser's views ask it: pages of a list, counts, histograms, hosts, prefixes, clusters.

In: an index made by `index.make_index` (or a `Preview` of it), and a `Filter`. Out: frozen dataclasses of plain
values. Lists are paged by key, so that the thousandth page of a list costs what the first costs. Every thread asks
through a cursor of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import normal_prefix
from mathpipe.inspect.browser.filters import Filter
from mathpipe.inspect.browser.index import KEPT, NO_SCORE
from mathpipe.inspect.browser.mentions import FIND, name_asked, nearest
from mathpipe.inspect.browser.text_index import TextIndex

ROWS_SHOWN = 50
SCORE_BINS = 20
_CELL_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page of a list; `score` None where no classifier has seen it, `length` None while it is not known."""

    number: int
    record_id: str
    url: str
    host: str
    title: str
    score: float | None
    language: str
    formulas: int
    length: int | None
    fate: str


@dataclass(frozen=True, slots=True)
class PageList:
    """Some pages in order: `first` is the place of the first among `total`, counted from 1."""

    rows: tuple[PageRow, ...]
    total: int
    first: int

    @property
    def last(self) -> int:
        """The place of the last of the rows."""
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Bin:
    """One column of a histogram: pages from `low` on and below `high`, parted by whether they were kept."""

    low: float
    high: float
    kept: int
    gone: int


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that share a value, how many were kept, and their mean score."""

    name: str
    pages: int
    kept: int
    score: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a filter lets through, summed."""

    pages: int
    kept: int
    hosts: int
    formulas: int
    characters: int
    with_formulas: int


@dataclass(frozen=True, slots=True)
class Member:
    """A page of a near-duplicate cluster; `kind` is empty for the one that stayed, `number` None if it has no row."""

    record_id: str
    url: str
    kind: str
    similarity: float
    number: int | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Pages that are one page to a reader; `number` None where the one that stays has no row."""

    kept_url: str
    title: str
    pages: int
    number: int | None


_COUNTED = "host, score, language, formulas, length, formats, fate"
_KEPT = f"(fate = '{KEPT}' OR fate = '')"
_MEAN_SCORE = f"avg(score) FILTER (score > {NO_SCORE})"
ROW = (
    f"number, record_id, left(url, {_CELL_CHARACTERS}), left(host, {_CELL_CHARACTERS}), "
    f"left(title, {_CELL_CHARACTERS}), score, language, formulas, length, fate"
)


class Catalog:
    """An open index. `whole` is false for one that cannot tell everything yet."""

    whole = True

    def __init__(self, connection: Any, words: TextIndex) -> None:
        self.words = words
        self._connection = connection
        self._cursor: Any = None  # a catalog of a few pages has one, with these
        self.total = int(self._rows("SELECT count(*) FROM pages")[0][0])
        self.judged = bool(self._rows("SELECT 1 FROM pages WHERE fate <> '' LIMIT 1"))

    def close(self) -> None:
        """Give back what the connection holds."""
        self._connection.close()

    @contextmanager
    def only(self, asked: Filter) -> Iterator[tuple[Catalog, Filter]]:
        """For those who count several things: a catalog, and the filter that is still to be asked of it.

        Pages that take long to find are found once and make a catalog of their own.
        """
        if not (asked.q or asked.text or asked.under):
            yield self, asked
            return
        with closing(self._connection.cursor()) as cursor:
            chosen = copy(self)
            chosen._cursor = cursor
            # The copy is seen by this cursor alone, and stands before the table of the same name.
            chosen._narrowed(
                asked, f"CREATE TEMP TABLE pages AS SELECT {_COUNTED} FROM main.pages WHERE {{condition}}"
            )
            yield chosen, Filter()

    def pages(self, asked: Filter, *, after: int | None = None, before: int | None = None) -> PageList:
        """Pages in the filter's order that follow the page `after`, or that stand before the page `before`."""
        key = after if before is None else before
        rows = self._neighbours(asked, key, ROWS_SHOWN, back=before is not None)
        if before is not None and len(rows) < ROWS_SHOWN:  # the first page of the list is a full one
            key, rows = None, self._neighbours(asked, None, ROWS_SHOWN, back=False)
        if key is None and len(rows) < ROWS_SHOWN:  # that is all
            return PageList(rows, len(rows), 1 if rows else 0)
        first = 1 if key is None else self._place(asked, rows[0].number) if rows else 0
        return PageList(rows, self._count(asked), first)

    def neighbour(self, asked: Filter, number: int, *, back: bool) -> int | None:
        """The page that follows this one in the filter's order, or the one before it."""
        rows = self._neighbours(asked, number, 1, back=back)
        return rows[0].number if rows else None

    def page(self, number: int) -> PageRow | None:
        """The page of this number."""
        rows = self._rows(f"SELECT {ROW} FROM pages WHERE number = $number", {"number": number})
        return page_row(rows[0]) if rows else None

    def place_of_record(self, number: int) -> tuple[int, int]:
        """In which of the source's files the page stands, and in which row."""
        rows = self._rows("SELECT file, file_row FROM pages WHERE number = $number", {"number": number})
        return int(rows[0][0]), int(rows[0][1])

    def find(self, asked: str) -> int | None:
        """The page of this address or identifier."""
        found = self._rows(
            "SELECT number FROM pages WHERE url = $asked OR record_id = $asked LIMIT 1", {"asked": asked}
        )
        return int(found[0][0]) if found else None

    def tables_of(self, asked: str) -> tuple[int, ...] | None:
        """Which of `Source.tables` have word of this address or record; None where the index does not know it."""
        found = self._rows(FIND, {"name": name_asked(asked)})
        return tuple(int(file) for file in found[0][0] if file is not None) if found else None

    def near(self, asked: str) -> tuple[str, ...]:
        """The addresses of the run that differ least from one that it never saw."""
        return nearest(self._rows, asked.strip())

    def totals(self, asked: Filter) -> Totals:
        """Sums over what the filter lets through."""
        row = self._narrowed(
            asked,
            f"SELECT count(*), count(*) FILTER ({_KEPT}), count(DISTINCT host), sum(formulas), sum(length), "
            "count(*) FILTER (formulas > 0) FROM pages WHERE {condition}",
        )[0]
        return Totals(*(int(value or 0) for value in row))

    def scores(self, asked: Filter) -> list[Bin]:
        """The distribution of scores, pages without one left out."""
        found = self._bins(
            asked, f"least(floor(score * {SCORE_BINS}), {SCORE_BINS - 1})", "score >= 0 AND score <= 1"
        )
        width = 1 / SCORE_BINS
        bins = range(SCORE_BINS)
        return [Bin(round(at * width, 4), round((at + 1) * width, 4), *found.get(at, (0, 0))) for at in bins]

    def sizes(self, asked: Filter, column: str, per_octave: int) -> list[Bin]:
        """The distribution of a count over bins that grow by a constant factor; zero has a bin of its own."""
        found = self._bins(
            asked, f"CASE {column} WHEN 0 THEN -1 ELSE floor({per_octave} * log2({column}) + 1e-9) END", "true"
        )
        if not found:
            return []
        bins = range(min(found), max(found) + 1)
        return [Bin(_edge(at, per_octave), _edge(at + 1, per_octave), *found.get(at, (0, 0))) for at in bins]

    def _bins(self, asked: Filter, place: str, within: str) -> dict[int, tuple[int, int]]:
        rows = self._narrowed(
            asked,
            f"SELECT ({place})::INTEGER AS place, count(*) FILTER ({_KEPT}), count(*) FILTER (NOT {_KEPT}) "
            f"FROM pages WHERE {{condition}} AND {within} GROUP BY place",
        )
        return {int(place): (int(kept), int(gone)) for place, kept, gone in rows}

    def groups(self, asked: Filter, column: str, limit: int) -> list[Group]:
        """The commonest values of a column, with their pages."""
        rows = self._narrowed(
            asked,
            f"SELECT {column} AS name, count(*) AS pages, count(*) FILTER ({_KEPT}), {_MEAN_SCORE} "
            f"FROM pages WHERE {{condition}} GROUP BY name ORDER BY pages DESC, name LIMIT {limit}",
        )
        return [Group(str(name), int(pages), int(kept), score) for name, pages, kept, score in rows]

    def formats(self, asked: Filter) -> list[tuple[str, int]]:
        """How many pages hold formulas of each format; a page may hold several. The empty name: without formulas."""
        counts: Counter[str] = Counter()
        for group in self.groups(asked, "formats", 100_000):
            for name in group.name.split(" "):
                counts[name] += group.pages
        return counts.most_common()

    def prefixes(self, asked: Filter, limit: int) -> list[Group]:
        """Hosts with the first folder of their paths, or the folders right below the prefix that the filter names."""
        if not asked.under:
            return [group for group in self.groups(asked, "prefix", limit) if group.name]
        start = len(asked.under) + 1
        column = f"concat($under, regexp_extract(substr(url, {start}), '^[^/?#]+/'))"
        return self.groups(asked, column, limit)

    def clusters(self, limit: int) -> list[Cluster]:
        """The largest clusters."""
        rows = self._rows(
            f"""
            SELECT kept_url, left(coalesce(title, ''), {_CELL_CHARACTERS}), copies, number
            FROM (SELECT kept_record_id, any_value(kept_url) AS kept_url, count(*) AS copies FROM members
                  GROUP BY kept_record_id ORDER BY copies DESC, kept_record_id LIMIT {limit}) AS kept
            LEFT JOIN pages ON pages.record_id = kept_record_id
            ORDER BY copies DESC, kept_record_id
            """
        )
        return [Cluster(*row) for row in rows]

    def cluster_of(self, record_id: str) -> list[Member]:
        """The pages of a record's cluster, the one that stayed first; empty where it has no duplicates."""
        rows = self._rows(
            """
            SELECT members.record_id, coalesce(pages.url, ''), kind, similarity, pages.number
            FROM members LEFT JOIN pages USING (record_id)
            WHERE kept_record_id IN (SELECT kept_record_id FROM members WHERE record_id = $id)
            ORDER BY kind <> '', similarity DESC, members.record_id LIMIT 500
            """,
            {"id": record_id},
        )
        return [Member(str(r[0]), str(r[1]), str(r[2]), float(r[3]), r[4]) for r in rows]

    def _neighbours(self, asked: Filter, key: int | None, limit: int, *, back: bool) -> tuple[PageRow, ...]:
        beyond = "" if key is None else f"AND {_beyond(asked, back=back)}"
        down = "DESC" if asked.descending != back else "ASC"
        rows = self._narrowed(
            asked,
            f"SELECT {ROW} FROM pages WHERE {{condition}} {beyond} "
            f"ORDER BY {asked.column} {down}, number {'DESC' if back else 'ASC'} LIMIT {limit}",
            **({} if key is None else {"key": key}),
        )
        found = [page_row(row) for row in rows]
        return tuple(reversed(found) if back else found)

    def _count(self, asked: Filter) -> int:
        if not asked.narrows:
            return self.total
        return int(self._narrowed(asked, "SELECT count(*) FROM pages WHERE {condition}")[0][0])

    def _place(self, asked: Filter, number: int) -> int:
        before = f"SELECT count(*) FROM pages WHERE {{condition}} AND {_beyond(asked, back=True)}"
        return 1 + int(self._narrowed(asked, before, key=number)[0][0])

    def _narrowed(self, asked: Filter, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query in which `{condition}` stands for the filter."""
        condition, values = asked.condition()
        matches = self.words.numbers(asked.text) if asked.text else None
        return self._rows(query.replace("{condition}", condition), {**values, **parameters}, matches)

    def _rows(
        self, query: str, parameters: Mapping[str, Any] | None = None, matches: Any = None
    ) -> list[tuple[Any, ...]]:
        cursor = self._cursor or self._connection.cursor()
        try:
            if matches is not None:
                cursor.register("matches", _table_of(matches))
            rows: list[tuple[Any, ...]] = cursor.execute(query, parameters or {}).fetchall()
        finally:
            if self._cursor is None:
                cursor.close()
        return rows


def prefix_of(url: str) -> str:
    """The folder that a page's address lies in, as decisions name it; empty for an address that has none."""
    address = url.partition("?")[0].partition("#")[0]
    host = address.partition("://")[2]
    folder = address[: address.rindex("/") + 1] if "/" in host else address + "/"
    try:
        return normal_prefix(folder)
    except InputError:
        return ""


def _table_of(numbers: Any) -> pa.Table:
    """The NumPy integers as a table, by their memory: to be shown an array, PyArrow imports pandas, half a second."""
    column = pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])
    return pa.Table.from_arrays([column], names=["number"])


def _beyond(asked: Filter, *, back: bool) -> str:
    """SQL of what stands behind the page `$key` in the filter's order, or before it."""
    later = "<" if back else ">"
    if asked.column == "number":
        return f"number {'<' if asked.descending != back else '>'} $key"
    further = "<" if asked.descending != back else ">"
    value = f"(SELECT {asked.column} FROM pages WHERE number = $key)"
    return f"({asked.column} {further} {value} OR ({asked.column} = {value} AND number {later} $key))"


def _edge(place: int, per_octave: int) -> float:
    return 0 if place < 0 else 2.0 ** (place / per_octave)


def page_row(row: tuple[Any, ...]) -> PageRow:
    """A row of the columns `ROW`."""
    number, record_id, url, host, title, score, language, formulas, length, fate = row
    return PageRow(
        number, record_id or "", url or "", host or "", title or "", None if score <= NO_SCORE else score,
        language, formulas, length, fate,
    )  # fmt: skip
