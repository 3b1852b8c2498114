"""Which files of a run have word of a page, so that a page is explained from a few of them.

In: a `Source` while its index is made. Out: a table in the index that gives, for an address or a record's identifier,
the places in `Source.tables` of the files that hold its rows and drops. `explain` reads these and leaves the run's
other files unread; what it says is the same, since those files have no row of the page.
"""

from __future__ import annotations

import re
from typing import Any

from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.run_folder import RunFolder

_IDENTIFIER = re.compile(r"[0-9a-fA-F]{32}")
# A number of eight bytes in place of each name: the table is small, sorted, and one block of it answers.
FIND = "SELECT files FROM mentions WHERE name = md5_number_lower($name)"
_TABLE = "CREATE TABLE mentions (name UBIGINT, files INTEGER[])"
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
    connection.execute(_TABLE)
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
    connection.execute("DROP TABLE seen")


def name_asked(asked: str) -> str:
    """The name in the table for what a person typed: identifiers are written in lower case."""
    name = asked.strip()
    return name.lower() if _IDENTIFIER.fullmatch(name) else name
