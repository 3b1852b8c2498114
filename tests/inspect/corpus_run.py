"""The small run as a finished corpus: its curated pages state licences, and two problems were mined from them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from filters.clusters import Membership
from filters.duplicate_keys import DuplicateKind
from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry
from mathpipe.core.metrics import JsonLines
from mathpipe.core.records import Problem, ProblemKind
from mathpipe.core.store import write_records
from tests.inspect.small_run import COPY, GAUSS, HOSTILE, PLAIN, write_run, write_step

HOSTILE_LICENCE = "<script>alert('licence')</script> `| x"
KEPT = [
    replace(GAUSS, language="en", language_score=0.98, math_score=0.97, copies=2, license="CC-BY-SA-4.0"),
    replace(HOSTILE, language="en", language_score=0.98, math_score=0.75, copies=1, license=HOSTILE_LICENCE),
    replace(PLAIN, language="en", language_score=0.98, math_score=0.51, copies=1),
]
CLUSTER = [
    Membership(record_id=page.record_id, kept_record_id=GAUSS.record_id, kept_url=GAUSS.url, kind=kind,
               similarity=similarity, copies=2)
    for page, kind, similarity in ((GAUSS, None, 1.0), (COPY, DuplicateKind.NEAR, 0.9))
]  # fmt: skip
PROBLEMS = [
    Problem(problem_id=f"p{number}", source="mined", split="train", kind=ProblemKind.ANSWER, question="What is 1+1?",
            answer=answer, origin=GAUSS.url)
    for number, answer in enumerate(("2", None))
]  # fmt: skip


def add_step(run: Path, name: str, records: Sequence[Any], kind: type) -> None:
    """A finished step of one shard with these records."""
    folder = run / "steps" / name
    folder.mkdir(parents=True)
    file = write_records(folder / "shard-00000.parquet", records, kind)
    entry = ShardEntry(0, "k", (), len(records), len(records), 0.1, 1, 1,
                       outputs=(OutputFile(file.path.name, file.size_bytes, file.digest),))  # fmt: skip
    Manifest(folder).add(entry)


def finish(run: Path, steps: Sequence[str] = ("crawl", "curate")) -> None:
    """Note that these steps were run to their end."""
    JsonLines(run / "metrics.jsonl").write(event="run_finished", steps=list(steps))


def write_corpus(run: Path) -> Path:
    """The small run, finished, with licences, a cluster and problems."""
    write_run(run)
    shutil.rmtree(run / "steps" / "curate")
    write_step(run, "curate", [(KEPT[:2], []), (KEPT[2:], []), ([], [])])
    add_step(run, "clusters", CLUSTER, Membership)
    add_step(run, "problems", PROBLEMS, Problem)
    finish(run)
    return run
