"""`mathpipe inspect`: shards in the terminal, as a table, one record in full, searched, sorted.

In: paths and what to show. Out: text on a rich console. On a terminal cells are cut to fit; piped, every row is
one line of tab-separated cells in full, so that `cut`, `sort` and `grep` work on it. Page text is data: it goes
through `safe_text` and rich's `Text`, never through markup.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mathpipe.inspect import figures
from mathpipe.inspect.safe_text import clip, one_line, visible
from mathpipe.inspect.shards import Listing, Query, Shards, Snippet, Summary, find_shards

_FORMULAS_SHOWN = 12  # of one record; the text below holds them all
_PATTERN = re.compile(r"/(.+)/", re.DOTALL)
_WIDE = ("title", "url", "text", "detail", "question")  # share the width that the others leave
_CLIPPED_CELL = 60
_CELL_CHARACTERS = 300


def inspect_shards(
    paths: Sequence[str],
    *,
    console: Console,
    record: str | None = None,
    search: str | None = None,
    where: str | None = None,
    sort: str | None = None,
    descending: bool = False,
    columns: Sequence[str] | None = None,
    limit: int = 20,
) -> None:
    """Print a table of the shards' records, or one record in full.

    `record` is a row number, the beginning of a record_id or a whole URL. `search` is found in text, title and
    URL without regard to case; between slashes, /like this/, it is a regular expression. `where` is an SQL condition.
    """
    with Shards(find_shards(paths)) as shards:
        if record is not None:
            _print_record(shards.record(record), console)
            return
        query = query_of(search, where, sort, columns, descending=descending, limit=limit)
        listing = shards.listing(query)
        _print_summary(shards.summary(), console)
        print_listing(
            listing, searched=bool(query.search), filtered=bool(query.search or query.where), console=console
        )


def query_of(
    search: str | None,
    where: str | None,
    sort: str | None,
    columns: Sequence[str] | None,
    *,
    descending: bool,
    limit: int,
) -> Query:
    """The query of a command line: a search between slashes is a regular expression."""
    pattern = _PATTERN.fullmatch(search or "")
    return Query(
        search=pattern[1] if pattern else search or None,
        regex=bool(pattern),
        where=where,
        sort=sort,
        descending=descending,
        columns=tuple(columns) if columns else None,
        limit=limit,
    )


def print_listing(listing: Listing, *, searched: bool, filtered: bool, console: Console) -> None:
    """A table on a terminal, tab-separated lines elsewhere; then how many records there are beyond these."""
    if not console.is_terminal:
        _print_lines(listing, console)
    elif searched:
        _print_hits(listing, console)
    else:
        _print_table(listing, console)
    _print_matches(listing, filtered=filtered, console=console)


def _print_summary(summary: Summary, console: Console) -> None:
    parts = [
        f"{many(summary.rows, 'row')} in {many(summary.shards, 'shard')}",
        figures.size(summary.size_bytes),
        *([many(summary.hosts, "host")] if summary.hosts is not None else []),
        f"columns {', '.join(map(one_line, summary.columns))}",
    ]
    show(console, Text(" · ".join(parts), style="dim"))


def _print_matches(listing: Listing, *, filtered: bool, console: Console) -> None:
    shown = len(listing.rows)
    if filtered:
        matches = many(listing.matching, "match", "matches")
        show(console, Text(f"{matches}{f', {shown:,} shown' if shown < listing.matching else ''}", style="dim"))
    elif shown < listing.matching:
        show(console, Text(f"{shown:,} of {listing.matching:,} rows; --limit shows more", style="dim"))


def _print_lines(listing: Listing, console: Console) -> None:
    searched = any(row.snippet for row in listing.rows)
    show(console, Text("\t".join(["#", *map(one_line, listing.columns), *(["match"] if searched else [])])))
    for row in listing.rows:
        match = [one_line(row.snippet.text)] if row.snippet else [""] * searched
        show(console, Text("\t".join([str(row.number), *map(written, row.cells), *match])))


def _print_hits(listing: Listing, console: Console) -> None:
    """Each match as two lines: the record, then the text around what matched."""
    for row in listing.rows:
        head = Text(f"{row.number:>6}  ", style="dim", no_wrap=True, overflow="ellipsis")
        head.append("  ".join(clip(written(cell), _CLIPPED_CELL) for cell in row.cells), style="not dim")
        console.print(head)
        if row.snippet:
            console.print(Text("        ").append_text(_highlighted(row.snippet)))


def _print_table(listing: Listing, console: Console) -> None:
    wide = [name for name in listing.columns if name in _WIDE]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False, expand=bool(wide))
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    for place, name in enumerate(listing.columns):
        numeric = all(isinstance(row.cells[place], int | float) for row in listing.rows)
        table.add_column(
            Text(one_line(name)),
            justify="right" if numeric else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if name in wide else None,
            max_width=None if name in wide else _CLIPPED_CELL,
        )
    for row in listing.rows:
        table.add_row(str(row.number), *(Text(clip(written(cell), _CELL_CHARACTERS)) for cell in row.cells))
    console.print(table)


def _print_record(record: dict[str, Any], console: Console) -> None:
    values = dict(record)
    text = values.pop("text", None)
    formulas, counts = values.pop("formulas", None), values.pop("formula_counts", None)
    show(console, Text(one_line(str(values.pop("title", "") or "")) or f"record {record['#']}", style="bold"))
    if "url" in values:
        show(console, Text(one_line(str(values.pop("url"))), style="cyan"))
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text("row", style="dim"), Text(str(values.pop("#"))))
    for name, value in values.items():
        if value not in (None, ""):
            grid.add_row(Text(one_line(name), style="dim"), Text(written(value)))
    if counts:
        each = (f"{row['source']} {row['emitted']:,} of {row['found']:,}" for row in counts)
        grid.add_row(Text("emitted of found", style="dim"), Text(one_line(", ".join(each))))
    show(console, grid)
    if formulas:
        _print_formulas(formulas, console)
    if text is not None:
        show(console, Text(f"\ntext, {len(text):,} characters", style="bold"))
        show(console, Text(visible(text)))


def _print_formulas(formulas: Sequence[dict[str, Any]], console: Console) -> None:
    display = sum(bool(formula["display"]) for formula in formulas)
    show(console, Text(f"\n{many(len(formulas), 'formula')}, {display:,} display", style="bold"))
    for formula in formulas[:_FORMULAS_SHOWN]:
        kind = "display" if formula["display"] else "inline"
        show(console, Text(f"  {kind:<8}{formula['source']:<19}{clip(one_line(formula['latex']), _CELL_CHARACTERS)}"))
    if len(formulas) > _FORMULAS_SHOWN:
        show(console, Text(f"  and {len(formulas) - _FORMULAS_SHOWN:,} more in the text", style="dim"))


def _highlighted(snippet: Snippet) -> Text:
    text, match = one_line(snippet.text), one_line(snippet.match)
    shown = Text(f"{snippet.column}: ", style="dim")
    before, found, after = text.partition(match)
    shown.append(f"…{before}", style="not dim")
    shown.append(found, style="bold black on yellow")
    return shown.append(f"{after}…", style="not dim")


def written(value: Any) -> str:
    """A cell as one safe line."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return one_line(str(value))


def show(console: Console, shown: Text | Table) -> None:
    """To a terminal as it fits; elsewhere every line in full, and past rich, which would turn tabs into spaces."""
    if console.is_terminal:
        console.print(shown)
    elif isinstance(shown, Text):
        console.file.write(shown.plain + "\n")
    else:
        for row in zip(*(column.cells for column in shown.columns), strict=True):
            console.file.write("\t".join(str(cell) for cell in row) + "\n")


def many(count: int, one: str, several: str | None = None) -> str:
    """The count with its noun."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
