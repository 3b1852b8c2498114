"""The column table behind the browser: one narrow row a page with all that is filtered, sorted and counted.

In: a `Source`. Out: a DuckDB file in the user's cache folder, made once and found again by the source's digest. A
million pages are about 300 MB of index over 5 GB of shards; every filter then runs over these columns alone. Text
stays in the shards: a page view reads one row of one of them.

A page is listed once, as the last step that has it wrote it. Its fate is `kept`, `waiting` (later steps have not
taken it yet), or the step and the reason for which it went: `quality: too-short`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.inspect.browser.leftovers import unfinished_path
from mathpipe.inspect.browser.mentions import make_mentions
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.run_folder import RunFolder
from mathpipe.inspect.tables import unreadable

KEPT, WAITING = "kept", "waiting"
NO_SCORE = -1.0  # a value of its own keeps sorting and paging free of NULLs
_THREADS = 2
_MEMORY_LIMIT = "1GB"  # DuckDB spills beside the index above it
_FORMATS = "list_sort(list_distinct(list_transform(formulas, lambda formula: formula.source)))"
# A dropped page's score and language are in what its drop says, as `run_facts` reads them.
_SCORE_IN_DETAIL = "TRY_CAST(regexp_extract(detail, '[01]?\\.\\d+(?:e-?\\d+)?|\\b[01]\\b') AS DOUBLE)"
_LANGUAGE_IN_DETAIL = "nullif(regexp_extract(detail, '^([a-z]{2,3}) [01]', 1), '')"
_PREFIX_OF_URL = "regexp_extract(url, '^https?://[^/?#]+/(?:[^/?#]*/)?')"


def index_path(source: Source) -> Path:
    """Where the index of this source lies, made or not."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mathpipe" / "browser" / f"{source.digest()}.duckdb"


def connect_index(path: Path) -> Any:
    """The index, read-only; several servers may have it open."""
    return duckdb.connect(
        str(path),
        read_only=True,
        config={"threads": _THREADS, "memory_limit": _MEMORY_LIMIT, "enable_external_access": False},
    )


def make_index(source: Source, target: Path) -> None:
    """Read every shard once and write the index; whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            str(target.parent), f"a folder for the index ({error.strerror})", "set XDG_CACHE_HOME to another"
        ) from error
    unfinished = unfinished_path(target)
    try:
        connection = duckdb.connect(str(unfinished), config={"threads": _THREADS, "memory_limit": _MEMORY_LIMIT})
        try:
            _Maker(connection, source).make()
        finally:
            connection.close()
        unfinished.replace(target)
    except duckdb.Error as error:
        raise unreadable(source.files, error) from error
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()


class _Maker:
    """The statements that make an index, in order."""

    def __init__(self, connection: Any, source: Source) -> None:
        self._connection = connection
        self._source = source

    def make(self) -> None:
        self._name_files()
        for place, step in enumerate(self._source.steps):
            self._read(step.shards, f"step_{place}")
        self._find_last_steps()
        self._find_drops()
        make_mentions(self._connection, self._source)
        self._connection.execute(_PAGES_TABLE)
        for place in reversed(range(len(self._source.steps))):
            self._add_pages(place)
        self._add_clusters()
        for place in range(len(self._source.steps)):
            self._connection.execute(f"DROP VIEW step_{place}")
        self._connection.execute("DROP TABLE last_steps; DROP TABLE went; DROP TABLE files")
        self._connection.execute("CHECKPOINT")

    def _name_files(self) -> None:
        """Number the rows of all shards, those of the last step first."""
        self._connection.execute("CREATE TEMP TABLE files (name VARCHAR, file INTEGER, first_number BIGINT)")
        places = {file: place for place, file in enumerate(self._source.files)}
        first_number = 0
        for step in reversed(self._source.steps):
            for file in step.shards:
                values = [str(file), places[file], first_number]
                self._connection.execute("INSERT INTO files VALUES (?, ?, ?)", values)
                first_number += int(pq.read_metadata(file).num_rows)

    def _read(self, files: tuple[Path, ...], view: str) -> None:
        names = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        self._connection.execute(
            f"CREATE VIEW {view} AS SELECT * FROM read_parquet([{names}], union_by_name = true, filename = true, "
            "file_row_number = true)"
        )

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

    def _add_pages(self, place: int) -> None:
        columns = self._columns(place)
        score = "math_score" if "math_score" in columns else "NULL::DOUBLE"
        language = "language" if "language" in columns else "NULL::VARCHAR"
        chosen = f"step_{place}"
        if len(self._source.steps) > 1:
            chosen += f" SEMI JOIN (FROM last_steps WHERE step = {place}) USING (record_id)"
        self._connection.execute(
            f"""
            INSERT INTO pages
            SELECT files.first_number + page.file_row_number, files.file, page.file_row_number,
                   coalesce(page.record_id, ''), coalesce(url, ''), coalesce(host, ''), coalesce(title, ''),
                   coalesce({_PREFIX_OF_URL}, ''),
                   coalesce({score}, CASE WHEN starts_with(fate, $scoring) THEN {_SCORE_IN_DETAIL} END, {NO_SCORE}),
                   coalesce({language}, CASE WHEN starts_with(fate, $telling) THEN {_LANGUAGE_IN_DETAIL} END, ''),
                   coalesce(len(formulas), 0), coalesce(length(text), 0),
                   coalesce(array_to_string({_FORMATS}, ' '), ''), {self._fate(place)}, lower(concat(title, ' ', url))
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

    def _add_clusters(self) -> None:
        self._connection.execute(
            "CREATE TABLE members (record_id VARCHAR, kept_record_id VARCHAR, kept_url VARCHAR, kind VARCHAR, "
            "similarity DOUBLE, copies BIGINT)"
        )
        if self._source.clusters:
            self._read(self._source.clusters, "memberships")
            self._connection.execute(
                "INSERT INTO members "
                "SELECT record_id, kept_record_id, kept_url, coalesce(kind, ''), similarity, copies "
                "FROM memberships ORDER BY kept_record_id, kind NULLS FIRST, record_id"
            )
            self._connection.execute("DROP VIEW memberships")


_PAGES_TABLE = """
    CREATE TABLE pages (
        number BIGINT, file INTEGER, file_row BIGINT, record_id VARCHAR, url VARCHAR, host VARCHAR, title VARCHAR,
        prefix VARCHAR, score DOUBLE, language VARCHAR, formulas INTEGER, length INTEGER, formats VARCHAR,
        fate VARCHAR, searched VARCHAR
    )
"""
