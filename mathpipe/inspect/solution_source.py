"""Which files hold problems and samples: a run of generation, an evaluation, or shards, told by their columns.

In: paths. Out: a `SolutionSource`, or None where the paths hold other records (pages). The classes that write these
files are not known here: `solution_views` reads them by columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.inspect.shards import find_shards
from mathpipe.inspect.tables import unreadable

EVALUATION_FILE = "problems.jsonl"


class Kind(StrEnum):
    """What the files hold."""

    RUN = "generation run"
    EVALUATION = "evaluation"
    JUDGED = "judged samples"
    SFT = "rows for SFT"
    DPO = "pairs for DPO"
    GRPO = "problems for GRPO"
    SAMPLES = "samples"
    PROBLEMS = "problems"


# Columns that tell the rows of a shard; the first that fits.
_TELLING = {
    Kind.JUDGED: {"sample_id", "problem_id", "question", "segments", "fate"},
    Kind.SFT: {"prompt", "completion", "sample_id", "problem_id", "checked"},
    Kind.DPO: {"prompt", "chosen", "rejected", "chosen_sample_id", "problem_id"},
    Kind.GRPO: {"prompt", "problem_id", "sample_ids"},
    Kind.SAMPLES: {"sample_id", "problem_id", "segments", "finish", "text"},
    Kind.PROBLEMS: {"problem_id", "question", "kind"},
}


@dataclass(frozen=True, slots=True)
class SolutionSource:
    """Where problems and samples are: the folder of a run or an evaluation, or shards in `files`."""

    kind: Kind
    title: str
    folder: Path
    files: tuple[Path, ...] = ()


def find_solutions(paths: Sequence[str]) -> SolutionSource | None:
    """What the paths hold; None where it is neither problems nor samples. Raises `InputError` where nothing is."""
    if len(paths) == 1 and (source := _folder_source(Path(paths[0]))) is not None:
        return source
    files = find_shards(paths)
    kinds = {_kind_of(file) for file in files}
    if kinds == {None}:
        return None
    if len(kinds) > 1:
        named = " and ".join(sorted(str(kind or "other records") for kind in kinds))
        raise InputError(" ".join(paths), f"shards of one kind, not {named}", "name one kind at a time")
    kind = kinds.pop()
    title = str(files[0] if len(files) == 1 else files[0].parent)
    return None if kind is None else SolutionSource(kind, title, files[0].parent, tuple(files))


def shards_in(folder: Path) -> list[Path]:
    """The shards of a folder of a run."""
    return sorted(folder.glob("shard-*.parquet"))


def _folder_source(path: Path) -> SolutionSource | None:
    if path.name == EVALUATION_FILE and path.is_file():
        return _folder_source(path.parent)
    name = path.resolve().name
    if (path / EVALUATION_FILE).is_file():
        return SolutionSource(Kind.EVALUATION, name, path)
    if shards_in(path / "problems") and ((path / "samples").is_dir() or (path / "stored").is_dir()):
        return SolutionSource(Kind.RUN, name, path)
    if judged := shards_in(path / "judged"):
        return SolutionSource(Kind.JUDGED, f"{path.resolve().parent.name}, {name}", path, tuple(judged))
    if inner := sorted(path.glob(f"*/{EVALUATION_FILE}")):
        names = ", ".join(str(file.parent) for file in inner)
        raise InputError(str(path), f"one evaluation, not {len(inner)}", f"name one of {names}")
    return None


def _kind_of(file: Path) -> Kind | None:
    try:
        names = set(pq.read_schema(file).names)
    except (OSError, pa.ArrowException) as error:
        raise unreadable([file], error) from error
    return next((kind for kind, telling in _TELLING.items() if names >= telling), None)
