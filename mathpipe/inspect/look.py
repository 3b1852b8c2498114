"""`mathpipe inspect` of whatever the paths hold: pages and other shards, or problems with their solutions.

In: paths and what to show. Out: text on a console, or a page of solutions in a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.inspect.solution_page import PROBLEMS_SHOWN, write_solutions_page
from mathpipe.inspect.solution_records import Look
from mathpipe.inspect.solution_source import find_solutions
from mathpipe.inspect.solution_terminal import inspect_solutions
from mathpipe.inspect.terminal import inspect_shards, query_of

ROWS_SHOWN = 20


def inspect_paths(
    paths: Sequence[str],
    *,
    console: Console,
    record: str | None = None,
    search: str | None = None,
    where: str | None = None,
    sort: str | None = None,
    descending: bool = True,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    verdict: Look | None = None,
    html: Path | None = None,
) -> None:
    """Show solutions where the paths hold some, else the shards' records; `verdict` and `html` are for solutions.

    `limit` None means 20 rows of a table, or 200 problems of a page.
    """
    source = find_solutions(paths)
    rows = limit or (ROWS_SHOWN if html is None else PROBLEMS_SHOWN)
    if source is None:
        if verdict is not None or html is not None:
            option = "--verdict" if html is None else "--html"
            raise InputError(
                option, "problems with their solutions, which these shards are not", f"leave {option} out"
            )
        asked = {"record": record, "search": search, "where": where, "sort": sort}
        inspect_shards(paths, console=console, descending=descending, columns=columns, limit=rows, **asked)
        return
    query = query_of(search, where, sort, columns, descending=descending, limit=rows)
    if html is None:
        inspect_solutions(source, query, console, record=record, look=verdict)
        return
    page = write_solutions_page(source, html, query, record=record, look=verdict)
    console.print(f"page:    {page}", markup=False, highlight=False, soft_wrap=True)
