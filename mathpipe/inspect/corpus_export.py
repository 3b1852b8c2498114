"""A finished run as a folder ready to publish: what `datasets.load_dataset(FOLDER)` opens as it is.

In: a run folder. Out: a folder with

    README.md                       the data set's card: YAML for the hub, and the datasheet in short
    datasheet.json datasheet.html   all of it
    LICENSES.md                     what pages state about their licence
    data/train-00000-of-0000N.parquet        the curated pages
    problems/train-00000-of-0000N.parquet    the problems mined from them, where there are any: a second configuration
    SHA256SUMS                      for `sha256sum --check`

The same run gives the same bytes. Files are written in a hidden folder inside and moved out when all are whole.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from mathpipe.core.errors import InputError
from mathpipe.core.records import Page, Problem
from mathpipe.core.store import disk_faults, schema_of
from mathpipe.inspect.corpus_card import CardTable, card, licences_page
from mathpipe.inspect.corpus_parts import MAX_PART_BYTES, Part, sha256_of, write_parts
from mathpipe.inspect.datasheet import as_html, as_json
from mathpipe.inspect.datasheet_facts import PROBLEMS_STEP, read_datasheet, shard_files
from mathpipe.inspect.datasheet_records import Datasheet, ShardFile
from mathpipe.inspect.run_folder import CURATED_STEP, DEFAULT_FUNNEL, RunFolder

SUMS = "SHA256SUMS"
# The pipeline's own bookkeeping: what the prefilter saw, what was found before boilerplate went.
_LEFT_OUT = frozenset(("prefilter", "formula_counts", "charset"))
_SUM_LINE = re.compile(r"[0-9a-f]{64} [ *](?P<path>(?:\w[\w.-]*/)?\w[\w.-]*)")


@dataclass(frozen=True, slots=True)
class ExportedCorpus:
    """The folder, and what it holds."""

    folder: Path
    pages: int
    problems: int
    size_bytes: int


def export_corpus(
    run: Path,
    target: Path,
    funnel: Sequence[str] = DEFAULT_FUNNEL,
    *,
    overwrite: bool = False,
    max_part_bytes: int = MAX_PART_BYTES,
) -> ExportedCorpus:
    """Write the folder; raises `InputError` for an unfinished or empty run, and for a folder that is not empty.

    `overwrite` replaces an earlier export: the files that its `SHA256SUMS` lists, nothing else.
    """
    folder = RunFolder(run)
    earlier = _earlier_files(target, overwrite=overwrite)
    sheet = read_datasheet(folder, funnel)
    shard_files(folder, PROBLEMS_STEP)  # the datasheet has looked at every byte of the pages, not of these
    if not sheet.size.pages:
        raise InputError(str(run), "a corpus of at least one page", "loosen the steps that dropped all of them")
    unfinished = target / ".unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)  # of an export that was killed
    try:
        with disk_faults(target):
            unfinished.mkdir(parents=True)
            exported = _write(folder, sheet, unfinished, max_part_bytes)
            with (target / SUMS).open("a", encoding="utf-8") as sums:  # of both: after a kill `overwrite` clears both
                sums.write((unfinished / SUMS).read_text(encoding="utf-8"))
            for path in earlier:
                path.unlink(missing_ok=True)
            _move(unfinished, target)
    except OSError as error:
        raise InputError(str(target), f"a folder that can be written ({error.strerror})", "give another") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return replace(exported, folder=target)


def _write(folder: RunFolder, sheet: Datasheet, root: Path, max_part_bytes: int) -> ExportedCorpus:
    pages = _table("pages", "data", folder.shards(CURATED_STEP), _schema(Page), root, max_part_bytes)
    problems = _table("problems", "problems", folder.shards(PROBLEMS_STEP), _schema(Problem), root, max_part_bytes)
    tables = [table for table in (pages, problems) if table.parts]
    published = replace(sheet, files=tuple(_as_file(part) for table in tables for part in table.parts))
    texts = {
        "README.md": card(published, tables),
        "LICENSES.md": licences_page(published),
        "datasheet.json": as_json(published),
        "datasheet.html": as_html(published),
    }
    for name, text in texts.items():
        (root / name).write_bytes(text.encode(errors="replace"))
    files = sorted(path for path in root.rglob("*") if path.is_file())
    sums = "".join(f"{sha256_of(path)}  {path.relative_to(root).as_posix()}\n" for path in files)
    (root / SUMS).write_text(sums, encoding="utf-8")
    size = sum(part.size_bytes for table in tables for part in table.parts)
    return ExportedCorpus(root, pages.rows, problems.rows, size)


def _table(
    name: str, folder: str, shards: Sequence[Path], schema: pa.Schema, root: Path, max_part_bytes: int
) -> CardTable:
    parts = write_parts(shards, schema, root, folder, max_part_bytes) if shards else []
    return CardTable(name, folder, schema, tuple(parts))


def _schema(kind: type) -> pa.Schema:
    return pa.schema([field for field in schema_of(kind) if field.name not in _LEFT_OUT])


def _as_file(part: Part) -> ShardFile:
    return ShardFile(path=part.path, rows=part.rows, size_bytes=part.size_bytes, sha256=part.sha256)


def _earlier_files(target: Path, *, overwrite: bool) -> list[Path]:
    """The files of an earlier export, which are to go. What begins with a dot (a clone's `.git`) is no content."""
    if target.exists() and not target.is_dir():
        raise InputError(str(target), "a folder", "give one that does not exist yet")
    if not target.is_dir() or not [path for path in target.iterdir() if not path.name.startswith(".")]:
        return []
    if not overwrite:
        raise InputError(str(target), "an empty folder", "give another, or add --overwrite to replace an export")
    sums = target / SUMS
    if not sums.is_file():
        raise InputError(
            str(target), f"an earlier export, with its {SUMS}", "empty it yourself: it holds something else"
        )
    lines = sums.read_text(encoding="utf-8", errors="replace").splitlines()
    return [target / match["path"] for line in lines if (match := _SUM_LINE.fullmatch(line))]


def _move(source: Path, target: Path) -> None:
    """Move what was written into its place, the checksums last: a folder in which they hold is whole."""
    files = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.name == SUMS)
    for path in files:
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)
