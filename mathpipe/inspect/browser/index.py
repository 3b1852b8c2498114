"""The column table behind the browser: one narrow row a page with all that is filtered, sorted and counted.

In: a `Source`. Out: a DuckDB file in the user's cache folder, made once and found again by the source's digest. A
million pages are about 300 MB of index over 5 GB of shards; every filter then runs over these columns alone. Text
stays in the shards: a page view reads one row of one of them. Shards are read some at a time, so that whoever waits
can be told how far it is and a person's Ctrl-C is heard.

A page is listed once, as the last step that has it wrote it. Its fate is `kept`, `waiting` (later steps have not
taken it yet), or the step and the reason for which it went: `quality: too-short`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from mathpipe.core.errors import CorruptShardError
from mathpipe.inspect.browser.leftovers import unfinished_path
from mathpipe.inspect.browser.mentions import make_mentions
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.run_folder import RunFolder
from mathpipe.inspect.tables import unreadable

KEPT, WAITING = "kept", "waiting"
NO_SCORE = -1.0  # a value of its own keeps sorting and paging free of NULLs
LIMITS: dict[str, str | int | float | list[str]] = {"threads": 2, "memory_limit": "1GB"}  # spills above it
_FILES_AT_ONCE = 8
_SOURCES = "list_sort(list_distinct(list_transform(formulas, lambda formula: formula.source)))"
FORMATS = f"coalesce(array_to_string({_SOURCES}, ' '), '')"
# A dropped page's score and language are in what its drop says, as `run_facts` reads them.
_SCORE_IN_DETAIL = "TRY_CAST(regexp_extract(detail, '[01]?\\.\\d+(?:e-?\\d+)?|\\b[01]\\b') AS DOUBLE)"
_LANGUAGE_IN_DETAIL = "nullif(regexp_extract(detail, '^([a-z]{2,3}) [01]', 1), '')"
PREFIX_OF_URL = "regexp_extract(coalesce(url, ''), '^https?://[^/?#]+/(?:[^/?#]*/)?')"
_SEARCHED = "lower(nfc_normalize(concat(title, ' ', url)))"


def index_path(source: Source) -> Path:
    """Where the index of this source lies, made or not."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mathpipe" / "browser" / f"{source.digest()}.duckdb"


def connect_index(path: Path) -> Any:
    """The index, read-only; several servers may have it open."""
    return duckdb.connect(str(path), read_only=True, config={**LIMITS, "enable_external_access": False})


Tell = Callable[[int, Callable[[], None]], None]


def make_index(source: Source, target: Path, tell: Tell | None = None) -> None:
    """Read every shard once and write the index, whole or not at all.

    `tell` is told how many of `source.files` have been read, and what to call, from any thread, to end the work.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = unfinished_path(target)
    try:
        with closing(duckdb.connect(str(unfinished), config=dict(LIMITS))) as connection:
            _Maker(connection, source, tell or (lambda *_: None)).make()
        unfinished.replace(target)
    except duckdb.Error as error:
        raise damaged(source, error) from error
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()


def damaged(source: Source, error: duckdb.Error) -> CorruptShardError:
    """The error for shards that DuckDB cannot read, on one line: it repeats the whole query behind its first."""
    return unreadable(source.files, duckdb.Error(str(error).partition("\n")[0]))


def numbered_files(source: Source) -> Iterator[tuple[Path, int, int]]:
    """Every shard, its place in `source.files`, its first row's number; those of the last step come first."""
    places = {file: place for place, file in enumerate(source.files)}
    first_number = 0
    for step in reversed(source.steps):
        for file in step.shards:
            yield file, places[file], first_number
            first_number += int(pq.read_metadata(file).num_rows)


def parquet(files: Sequence[Path]) -> str:
    """SQL that reads the files with their names and the places of their rows."""
    return f"read_parquet([{_names(files)}], union_by_name = true, filename = true, file_row_number = true)"


def score_in(columns: Iterable[str]) -> str:
    """SQL of a page's score among these columns; what is no number is not known."""
    return (
        "CASE WHEN isfinite(math_score::DOUBLE) THEN math_score::DOUBLE END"
        if "math_score" in columns
        else "NULL::DOUBLE"
    )


def members_query(source: Source) -> str:
    """SQL of the near-duplicate clusters, page by page; no rows where no step has found any."""
    if not source.clusters:
        names = "'' AS record_id, '' AS kept_record_id, '' AS kept_url, '' AS kind"
        return f"SELECT {names}, 1.0::DOUBLE AS similarity LIMIT 0"
    return (
        "SELECT record_id, kept_record_id, kept_url, coalesce(kind, '') AS kind, similarity::DOUBLE AS similarity "
        f"FROM {parquet(source.clusters)} ORDER BY kept_record_id, kind <> '', record_id"
    )


class _Maker:
    """The statements that make an index, in order."""

    def __init__(self, connection: Any, source: Source, tell: Tell) -> None:
        self._connection = connection
        self._source = source
        self._tell = tell

    def make(self) -> None:
        self._tell(0, self._connection.interrupt)
        self._connection.execute("CREATE TEMP TABLE files (name VARCHAR, file INTEGER, first_number BIGINT)")
        for file, place, first_number in numbered_files(self._source):
            self._connection.execute("INSERT INTO files VALUES (?, ?, ?)", [str(file), place, first_number])
        for place, step in enumerate(self._source.steps):
            self._read(step.shards, f"step_{place}")
        self._find_last_steps()
        self._find_drops()
        make_mentions(self._connection, self._source)
        self._connection.execute(_PAGES_TABLE)
        done = 0
        for place in reversed(range(len(self._source.steps))):
            insert, values = self._pages_of(place)
            for files in _some(self._source.steps[place].shards):
                self._tell(done, self._connection.interrupt)
                self._choose(f"step_{place}", files)
                self._connection.execute(insert, values)
                done += len(files)
        self._connection.execute(f"CREATE TABLE members AS {members_query(self._source)}")
        for view in ("batch", *(f"step_{place}" for place in range(len(self._source.steps)))):
            self._connection.execute(f"DROP VIEW {view}")
        self._tell(done, self._connection.interrupt)
        self._connection.execute("DROP TABLE last_steps; DROP TABLE went; DROP TABLE files")
        self._connection.execute("CHECKPOINT")

    def _read(self, files: Sequence[Path], view: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {parquet(files)}")

    def _choose(self, view: str, files: Sequence[Path]) -> None:
        """These files of a view as `batch`, with the columns of all: an older shard may lack one."""
        self._connection.execute(f"CREATE OR REPLACE VIEW batch AS FROM {view} WHERE filename IN ({_names(files)})")

    def _find_last_steps(self) -> None:
        """For every record of a run the last step that has it; plain shards show every row, repeated or not."""
        steps = range(len(self._source.steps))
        every = " UNION ALL ".join(f"SELECT record_id, {place} AS step FROM step_{place}" for place in steps)
        empty = "" if len(steps) > 1 else " LIMIT 0"
        self._connection.execute(
            f"CREATE TEMP TABLE last_steps AS SELECT record_id, max(step)::TINYINT AS step FROM ({every}) "
            f"GROUP BY record_id{empty}"
        )

    def _find_drops(self) -> None:
        self._connection.execute("CREATE TEMP TABLE went (record_id VARCHAR, fate VARCHAR, detail VARCHAR)")
        for place, step in enumerate(self._source.steps):
            if step.drops:
                self._read(step.drops, f"drops_{place}")
                self._connection.execute(
                    f"INSERT INTO went SELECT record_id, $step || ': ' || reason, detail FROM drops_{place}",
                    {"step": step.name},
                )
                self._connection.execute(f"DROP VIEW drops_{place}")
        for entry in RunFolder(self._source.run).ledger_rows() if self._source.run is not None else ():
            self._connection.execute("INSERT INTO went VALUES (?, ?, '')", [entry.record_id, f"{entry.step}: failed"])
        # A record that failed and went through on a second try has both: the drop or the next step's row counts.
        self._connection.execute(
            "CREATE OR REPLACE TEMP TABLE went AS SELECT record_id, min_by(fate, fate LIKE '%: failed') AS fate, "
            "min_by(detail, fate LIKE '%: failed') AS detail FROM went GROUP BY record_id"
        )

    def _pages_of(self, place: int) -> tuple[str, dict[str, str]]:
        """The statement that adds those pages of the view `batch` which no later step has."""
        columns = self._columns(place)
        language = "language" if "language" in columns else "NULL::VARCHAR"
        chosen = "batch"
        if len(self._source.steps) > 1:
            chosen += f" SEMI JOIN (FROM last_steps WHERE step = {place}) USING (record_id)"
        return (
            f"""
            INSERT INTO pages
            SELECT files.first_number + page.file_row_number, files.file, page.file_row_number,
                   coalesce(page.record_id, ''), coalesce(url, ''), coalesce(host, ''), coalesce(title, ''),
                   {PREFIX_OF_URL},
                   coalesce({score_in(columns)}, CASE WHEN starts_with(fate, $scoring) THEN {_SCORE_IN_DETAIL} END,
                            {NO_SCORE}),
                   coalesce({language}, CASE WHEN starts_with(fate, $telling) THEN {_LANGUAGE_IN_DETAIL} END, ''),
                   coalesce(len(formulas), 0), coalesce(length(text), 0),
                   {FORMATS}, {self._fate(place)}, {_SEARCHED}
            FROM (FROM {chosen}) AS page
            JOIN files ON files.name = page.filename
            LEFT JOIN went ON went.record_id = page.record_id
            """,
            {"scoring": self._drops_of("math_score"), "telling": self._drops_of("language")},
        )

    def _columns(self, place: int) -> set[str]:
        return {str(row[0]) for row in self._connection.execute(f"DESCRIBE step_{place}").fetchall()}

    def _fate(self, place: int) -> str:
        if self._source.run is None:
            return "''"
        if place == len(self._source.steps) - 1 and self._source.finished:
            return f"'{KEPT}'"
        return f"coalesce(fate, '{WAITING}')"

    def _drops_of(self, column: str) -> str:
        """How the fate of pages begins that the step dropped which fills this column; no fate where none does."""
        for place, step in enumerate(self._source.steps):
            filled = f"SELECT 1 FROM step_{place} WHERE {column} IS NOT NULL LIMIT 1"
            if column in self._columns(place) and self._connection.execute(filled).fetchall():
                return f"{step.name}: "
        return "no such step"


_PAGES_TABLE = """
    CREATE TABLE pages (
        number BIGINT, file INTEGER, file_row BIGINT, record_id VARCHAR, url VARCHAR, host VARCHAR, title VARCHAR,
        prefix VARCHAR, score DOUBLE, language VARCHAR, formulas INTEGER, length INTEGER, formats VARCHAR,
        fate VARCHAR, searched VARCHAR
    )
"""


def _some(files: Sequence[Path]) -> Iterator[Sequence[Path]]:
    for start in range(0, len(files), _FILES_AT_ONCE):
        yield files[start : start + _FILES_AT_ONCE]


def _names(files: Sequence[Path]) -> str:
    return ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
