"""A selection on disk: Parquet shards that `datasets` and TRL open as they are.

In: a selection and a folder. Out: `sft/`, `dpo/`, `grpo/` and `judged/`, each of `shard-00000.parquet` and on (one of
no rows where there is nothing), written under temporary names and renamed, and `summary.json` with the counts.

    datasets.load_dataset("parquet", data_files="…/sft/*.parquet")
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from mathpipe.core.store import WrittenFile, fsync_folder, write_records
from mathpipe.selection.records import DpoRow, GrpoRow, JudgedRow, PromptOf, Selection, SftRow
from mathpipe.selection.rows import dpo_rows, grpo_rows, judged_rows, plain_prompt, sft_rows
from mathpipe.selection.summary import summary_of

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True)
class WrittenSelection:
    """The shards of each layout, and the summary."""

    shards: dict[str, list[WrittenFile]]
    summary: Path

    def rows(self, layout: str) -> int:
        """Rows of one layout."""
        return sum(file.rows for file in self.shards[layout])


def write_selection(
    selection: Selection, folder: Path, prompt_of: PromptOf = plain_prompt, *, rows_per_shard: int = 20_000
) -> WrittenSelection:
    """Write all layouts below the folder, over what lay there. `prompt_of` is the generation's."""
    tables: dict[str, tuple[type, Iterable[Any]]] = {
        "sft": (SftRow, sft_rows(selection, prompt_of)),
        "dpo": (DpoRow, dpo_rows(selection, prompt_of)),
        "grpo": (GrpoRow, grpo_rows(selection, prompt_of)),
        "judged": (JudgedRow, judged_rows(selection)),
    }
    shards = {name: _write_shards(folder / name, kind, rows, rows_per_shard) for name, (kind, rows) in tables.items()}
    summary = folder / SUMMARY_FILE
    counts = {name: sum(file.rows for file in files) for name, files in shards.items()}
    unfinished = summary.with_suffix(".tmp")
    unfinished.write_text(json.dumps({"rows": counts} | summary_of(selection), indent=2) + "\n", encoding="utf-8")
    unfinished.replace(summary)
    return WrittenSelection(shards, summary)


def _write_shards(folder: Path, kind: type, rows: Iterable[Any], rows_per_shard: int) -> list[WrittenFile]:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, part in enumerate(_parts(map(_storable, rows), rows_per_shard)):
        path = folder / f"shard-{number:05}.parquet"
        unfinished = path.with_suffix(".tmp")
        written = write_records(unfinished, part, kind)
        unfinished.replace(path)
        files.append(dataclasses.replace(written, path=path))
    for old in set(folder.glob("shard-*.parquet")) - {file.path for file in files}:
        old.unlink()
    fsync_folder(folder)
    return files


def _parts(rows: Iterator[Any], size: int) -> Iterator[Iterable[Any]]:
    """The rows in parts of that size; one empty part where there are none."""
    first = next(rows, None)
    if first is None:
        yield ()
    while first is not None:
        yield chain([first], islice(rows, size - 1))
        first = next(rows, None)


def _storable(value: Any) -> Any:
    """The value with each lone surrogate, which Arrow refuses, as a question mark."""
    if isinstance(value, str) and type(value) is str:
        return value if value.isascii() else value.encode("utf-8", errors="replace").decode()
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value, **{field.name: _storable(getattr(value, field.name)) for field in dataclasses.fields(value)}
        )
    return value
