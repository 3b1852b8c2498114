"""Which files of a run have word of a page, so that it is explained from a few of them; which addresses are near.

In: a `Source` while its index is made. Out: a table in the index that gives, for an address or a record's identifier,
the places in `Source.tables` of the files that hold its rows and drops. `explain` reads these and leaves the run's
other files unread; what it says is the same, since those files have no row of the page. For an address that the run
never saw a second table holds all that it did see, by length. The nearest of them are those of `explain`, found
without comparing all letters of all: the asked one is cut in pieces, and every piece that an address lacks is a
difference at least (Ukkonen, "Approximate string-matching with q-grams and maximal matches", 1992).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.explain import IDENTIFIER, NEAR_SHARE, NEAR_SHOWN, bare_sql
from mathpipe.inspect.run_folder import RunFolder

_WHOLE_IDENTIFIER = re.compile(r"[0-9a-fA-F]{32}")
# A number of eight bytes in place of each name: the table is small, sorted, and one block of it answers.
FIND = "SELECT files FROM mentions WHERE name = md5_number_lower($name)"
_TABLES = (
    "CREATE TABLE mentions (name UBIGINT, files INTEGER[])",
    "CREATE TABLE addresses (url VARCHAR, bare VARCHAR, size INTEGER)",
)
_FILL_ADDRESSES = f"""
    INSERT INTO addresses SELECT url, {bare_sql("url")} AS bare, length(bare) AS size
    FROM (SELECT DISTINCT url FROM seen WHERE url <> '' AND file IS NOT NULL) ORDER BY size, bare
"""
# An address has the files of each of its records too: one that dropped a record need not tell its address.
_FILL = """
    INSERT INTO mentions
    SELECT md5_number_lower(name) AS number, list(DISTINCT file) FROM (
        SELECT record_id AS name, file FROM seen
        UNION ALL
        SELECT named.url, seen.file FROM (SELECT DISTINCT url, record_id FROM seen WHERE url <> '') AS named
        JOIN seen USING (record_id)
    ) GROUP BY number ORDER BY number
"""


def make_mentions(connection: Any, source: Source) -> None:
    """Add the table to an index; for plain shards, which nobody explains, an empty one."""
    for table in _TABLES:
        connection.execute(table)
    if source.run is None:
        return
    connection.execute("CREATE TEMP TABLE seen (record_id VARCHAR, url VARCHAR, file INTEGER)")
    first = 0
    for files in (*(step.shards for step in source.steps), *(step.drops for step in source.steps)):
        if files:
            connection.execute(
                "INSERT INTO seen SELECT record_id, coalesce(url, ''), $first + file_index "
                "FROM read_parquet($files, union_by_name = true)",
                {"first": first, "files": [str(file) for file in files]},
            )
        first += len(files)
    for entry in RunFolder(source.run).ledger_rows():  # in no file, but it may be what knows a record's address
        connection.execute("INSERT INTO seen VALUES (?, ?, NULL)", [entry.record_id, entry.url])
    connection.execute(_FILL)
    connection.execute(_FILL_ADDRESSES)
    connection.execute("DROP TABLE seen")


def name_asked(asked: str) -> str:
    """The name in the table for what a person typed: identifiers are written in lower case."""
    name = asked.strip()
    return name.lower() if _WHOLE_IDENTIFIER.fullmatch(name) else name


def can_be_found(asked: str) -> bool:
    """Whether the table would know it if the run did: the beginning of an identifier is no name in it."""
    return bool(name_asked(asked)) and (
        not IDENTIFIER.fullmatch(asked.strip()) or bool(_WHOLE_IDENTIFIER.fullmatch(asked.strip()))
    )


Rows = Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]


def nearest(rows: Rows, asked: str) -> tuple[str, ...]:
    """The addresses in the table that differ least from this one, as `explain` finds them; `rows` asks the index."""
    bare = str(rows(f"SELECT {bare_sql('$asked')}", {"asked": asked})[0][0])
    most = max(3.0, len(asked) / NEAR_SHARE)
    within = {"bare": bare, "low": len(bare) - most, "high": len(bare) + most}
    if bare:  # those with the same letters are near ones, mostly: nothing farther than they is worth a comparison
        found = rows(_ALIKE, within)
        most = min([most, *(float(row[0]) for row in found[NEAR_SHOWN - 1 :])])
    pieces = _pieces(bare, most)
    lacking = " + ".join(f"(NOT contains(bare, $piece{place}))::INTEGER" for place in range(len(pieces))) or "0"
    values = {**within, **{f"piece{place}": piece for place, piece in enumerate(pieces)}, "most": most}
    return tuple(str(row[0]) for row in rows(_NEAREST.replace("{lacking}", lacking), values))


_ALIKE = f"""
    SELECT levenshtein(bare, $bare) AS apart FROM (
        SELECT bare FROM addresses WHERE size BETWEEN $low AND $high AND bare <> ''
        ORDER BY jaccard(bare, $bare) DESC LIMIT 200
    ) ORDER BY apart LIMIT {NEAR_SHOWN}
"""
# Materialized: else DuckDB compares letters first, by an order of conditions of its own.
_NEAREST = f"""
    WITH likely AS MATERIALIZED (
        SELECT url, bare FROM addresses WHERE size BETWEEN $low AND $high AND {{lacking}} <= $most
    )
    SELECT url, levenshtein(bare, $bare) AS apart FROM likely WHERE apart <= $most
    ORDER BY apart, url LIMIT {NEAR_SHOWN}
"""


def _pieces(bare: str, most: float) -> list[str]:
    """The address cut in more pieces than differences are allowed; none where these would be single letters."""
    count = min(len(bare) // 2, max(16, int(most) + 8))
    if count <= most:
        return []
    cuts = [place * len(bare) // count for place in range(count + 1)]
    return [bare[start:end] for start, end in pairwise(cuts)]
