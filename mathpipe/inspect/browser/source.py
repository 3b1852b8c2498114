"""What the browser looks at: a run folder with every page's way through its steps, or plain shards of pages.

In: paths as `mathpipe inspect` takes them. Out: a `Source`: the page shards of every step in order, and a digest
of names, sizes and times of all files, by which an index of them is found again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder
from mathpipe.inspect.shards import find_shards
from mathpipe.inspect.tables import unreadable

INDEX_VERSION = 3  # raise it when the columns of the index change: old indexes are then made again
CLUSTERS_STEP = "clusters"
_PAGE_COLUMNS = frozenset(("record_id", "url", "host", "title", "text", "formulas"))
_MEMBER_COLUMNS = frozenset(("record_id", "kept_record_id", "kept_url", "kind", "similarity", "copies"))


@dataclass(frozen=True, slots=True)
class PageStep:
    """One step that pages went through: its shards, and what it dropped. Plain shards are one step without name."""

    name: str
    shards: tuple[Path, ...]
    drops: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Steps in order; `run` None for plain shards. `finished` tells whether the last of the steps has been done."""

    name: str
    steps: tuple[PageStep, ...]
    run: Path | None = None
    funnel: tuple[str, ...] = ()
    clusters: tuple[Path, ...] = ()
    asked: tuple[str, ...] = ()  # what a person named, from the root on: an index of the same replaces an older one

    @property
    def files(self) -> tuple[Path, ...]:
        """Every page shard; the index names a page's shard by its place in here."""
        return tuple(file for step in self.steps for file in step.shards)

    @property
    def tables(self) -> tuple[Path, ...]:
        """The page shards and, behind them, every table of dropped pages."""
        return (*self.files, *(file for step in self.steps for file in step.drops))

    @property
    def finished(self) -> bool:
        """Whether pages that came through every step here are in the corpus, and do not wait for another step."""
        return self.run is None or self.steps[-1].name == self.funnel[-1]

    def read(self) -> tuple[Path, ...]:
        """Every file that an index of this source holds word of."""
        ledger = [self.run / "ledger.jsonl"] if self.run is not None else []
        return (*self.tables, *self.clusters, *(path for path in ledger if path.is_file()))

    def has_grown(self) -> bool:
        """Whether the run has tables of pages or drops by now that are not among `tables`."""
        if self.run is None:
            return False
        folder, known = RunFolder(self.run), frozenset(self.tables)
        return any(file not in known for step in self.funnel for file in (*folder.shards(step), *folder.drops(step)))

    def digest(self) -> str:
        """Changes when a file is added, taken away, or written anew."""
        return digest_of(self.read(), self.funnel)


def digest_of(files: Sequence[Path], funnel: Sequence[str]) -> str:
    """A digest of the files' names, sizes and times; raises `OSError` where one is gone."""
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return blake2b(json.dumps([INDEX_VERSION, list(funnel), stats]).encode(), digest_size=16).hexdigest()


def open_source(paths: Sequence[str], funnel: Sequence[str] = DEFAULT_FUNNEL) -> Source:
    """What the paths hold; raises `InputError` where these are no shards of pages."""
    if len(paths) == 1 and (Path(paths[0]) / "steps").is_dir():
        return _run_source(Path(paths[0]), funnel)
    files = tuple(find_shards(paths))
    missing = _PAGE_COLUMNS - _columns(files)
    if missing:
        raise InputError(
            " ".join(paths),
            f"shards of pages (no column {', '.join(sorted(missing))})",
            "leave --serve out for these",
        )
    name = paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    return Source(name, (PageStep("", files),), asked=_from_root(paths))


def _run_source(run: Path, funnel: Sequence[str]) -> Source:
    folder = RunFolder(run)
    ran = set(folder.steps())
    steps = []
    for name in funnel:
        shards = tuple(folder.shards(name)) if name in ran else ()
        if shards and _columns(shards) >= _PAGE_COLUMNS:
            steps.append(PageStep(name, shards, tuple(folder.drops(name))))
    if not steps:
        raise InputError(str(run), "a run with pages (none of its steps has finished a shard)", "wait for the crawl")
    clusters = tuple(folder.shards(CLUSTERS_STEP))
    known = bool(clusters) and _columns(clusters) >= _MEMBER_COLUMNS
    return Source(
        folder.info().name, tuple(steps), run, tuple(funnel), clusters if known else (), _from_root([str(run)])
    )


def _from_root(paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(os.path.realpath(path) for path in paths))


def _columns(files: Sequence[Path]) -> set[str]:
    """The columns of the first file: reading the schema of every one would make a large run wait."""
    try:
        return set(pq.read_schema(files[0]).names)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(files[:1], error) from error
