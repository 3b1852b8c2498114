"""One page in full: its record, its text in pieces that stand beside their source, and the run's word on it.

In: the shard and row that the index names. Out: frozen dataclasses and `Markup`. Text comes from the shard; nothing
of it but these pieces reaches the page, and `page_text` escapes and draws them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from markupsafe import Markup

from mathpipe.core.errors import CorruptShardError
from mathpipe.inspect.page_text import render_pieces, split_pieces
from mathpipe.inspect.safe_text import visible
from mathpipe.inspect.tables import Tables, unreadable

PART_CHARACTERS = 30_000  # drawn at once: about 300 formulas of a dense page, which take 0.3 s
_LONGEST_BLOCK = 60  # paragraphs looked through for the end of a fence or a display formula that spans them
_BLANK_LINES = re.compile(r"(\n[^\S\n]*){2,}")
_FENCE = re.compile(r"^`{3,}", re.MULTILINE)
_DISPLAY = re.compile(r"(?<!\\)\$\$")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, a formula or a block of code: drawn, and as it is written."""

    drawn: Markup
    source: str


@dataclass(frozen=True, slots=True)
class Part:
    """The blocks of one stretch of a text; `parts` counts the stretches."""

    blocks: tuple[Block, ...]
    number: int
    parts: int


def read_record(file: Path, row: int) -> dict[str, Any]:
    """All columns of one row of a shard."""
    with Tables() as tables:
        tables.add("shard", [file], numbered=True)
        names = list(tables.columns("shard"))
        found = tables.rows("SELECT * FROM shard WHERE file_row_number = $row", {"row": row})
    if not found:
        raise CorruptShardError(str(file), f"it has no row {row}", "start the browser again")
    return {name: value for name, value in zip(names, found[0], strict=True) if name not in _OF_READER}


def read_texts(files: Sequence[Path], places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """The texts at these places (file, row); of each shard only the groups of rows that hold one are read."""
    wanted: dict[int, list[int]] = {}
    for file, row in sorted(places):
        wanted.setdefault(file, []).append(row)
    texts: dict[tuple[int, int], str] = {}
    for file, rows in wanted.items():
        try:
            with pq.ParquetFile(files[file]) as shard:
                texts |= {(file, row): text for row, text in _texts_of(shard, rows)}
        except (OSError, pa.ArrowException) as error:
            raise unreadable(files[file : file + 1], error) from error
    return texts


def _texts_of(shard: pq.ParquetFile, rows: Sequence[int]) -> Iterator[tuple[int, str]]:
    start = 0
    for group in range(shard.num_row_groups):
        end = start + shard.metadata.row_group(group).num_rows
        if inside := [row for row in rows if start <= row < end]:
            column = shard.read_row_group(group, columns=["text"], use_threads=False).column(0)
            yield from ((row, column[row - start].as_py() or "") for row in inside)
        start = end


_OF_READER = ("filename", "file_row_number")


def text_part(text: str, number: int) -> Part:
    """The `number`th stretch of the text (from 1), cut between blocks."""
    stretches: list[list[str]] = [[]]
    size = 0
    for block in split_blocks(text):
        if stretches[-1] and size + len(block) > PART_CHARACTERS:
            stretches.append([])
            size = 0
        stretches[-1].append(block)
        size += len(block)
    number = min(max(number, 1), len(stretches))
    blocks = tuple(_block(source) for source in stretches[number - 1])
    return Part(blocks, number, len(stretches))


def split_blocks(text: str) -> Iterator[str]:
    """The text between blank lines; a fence or a display formula that goes over one stays whole."""
    paragraphs = [part for part in _paragraphs(text) if part.strip()]
    place = 0
    while place < len(paragraphs):
        end = _end_of_block(paragraphs, place)
        yield from _pieces_of("\n\n".join(paragraphs[place:end]))
        place = end


def _paragraphs(text: str) -> Iterator[str]:
    at = 0
    for match in _BLANK_LINES.finditer(text):
        yield text[at : match.start()]
        at = match.end()
    yield text[at:]


def _end_of_block(paragraphs: list[str], place: int) -> int:
    fences = displays = 0
    for end in range(place, min(place + _LONGEST_BLOCK, len(paragraphs))):
        fences += len(_FENCE.findall(paragraphs[end]))
        displays += 0 if fences else len(_DISPLAY.findall(paragraphs[end]))
        if fences % 2 == 0 and displays % 2 == 0:
            return end + 1
    return place + 1  # nothing closes it: it is no fence


def _pieces_of(block: str) -> Iterator[str]:
    """A block of more characters than a stretch holds, in stretches: no line of a page is too long to be shown."""
    for start in range(0, len(block), PART_CHARACTERS):
        yield block[start : start + PART_CHARACTERS]


def _block(source: str) -> Block:
    return Block(render_pieces(list(split_pieces(source))), visible(source))


@dataclass(frozen=True, slots=True)
class FormatCount:
    """Formulas of one format: found in the page before boilerplate went, and emitted in the text."""

    source: str
    found: int
    emitted: int


def format_counts(record: Mapping[str, Any]) -> list[FormatCount]:
    """The record's formula counts, by what its columns say."""
    rows = record.get("formula_counts") or []
    return [
        FormatCount(str(row.get("source")), int(row.get("found") or 0), int(row.get("emitted") or 0)) for row in rows
    ]


# What the page view says of a record's origin and measures: label, column.
_FACTS = (
    ("record", "record_id"), ("WARC", "warc"), ("offset", "warc_offset"), ("length in WARC", "warc_length"),
    ("crawled", "crawl_date"), ("charset", "charset"), ("announced by", "prefilter"), ("language", "language"),
    ("language certainty", "language_score"), ("math score", "math_score"), ("copies", "copies"),
)  # fmt: skip


def record_facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is known of where the page comes from and what was measured; what is not known is left out."""
    facts = [(label, _written(record.get(column))) for label, column in _FACTS]
    return [(label, value) for label, value in facts if value]


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}" if value >= 0 else ""  # -1: not known
    return visible(str(value))
