"""Files of problems, samples and reports that earlier steps left.

In: paths. Out: records. Samples and problems lie in Parquet shards (`mathpipe.core.store`) or JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from mathpipe.core.errors import InputError
from mathpipe.core.records import (
    Finish,
    Form,
    Outcome,
    Problem,
    ProblemKind,
    Sample,
    Segment,
    SegmentKind,
    record_id_of,
)
from mathpipe.core.store import read_records
from mathpipe.evaluation.judging import SampleRecord
from mathpipe.evaluation.report import Decoding, ProblemRecord, Report, Score
from mathpipe.evaluation.statistics import Interval
from mathpipe.evaluation.tables import PROBLEMS_FILE, REPORT_FILE
from mathpipe.generate.problems import read_benchmark
from mathpipe.generate.problems.rows import Row, read_rows

E = TypeVar("E", bound=StrEnum)


def read_problems(path: Path, name: str | None = None, split: str | None = None) -> list[Problem]:
    """The problems of a benchmark's file, or of a folder of `Problem` shards."""
    if path.is_dir():
        return [problem for shard in _shards(path) for problem in read_records(shard, Problem)]
    return list(read_benchmark(path, name, split=split))


def read_samples(path: Path) -> Iterator[Sample]:
    """The samples of a file, or of all shards in a folder; what JSON rows leave out has its plain default."""
    for file in _shards(path) if path.is_dir() else [path]:
        if file.suffix == ".parquet":
            yield from read_records(file, Sample)
        else:
            yield from (_sample(row) for row in read_rows(file))


def _shards(folder: Path) -> list[Path]:
    if (folder / "manifest.jsonl").is_file():  # a step of a run: its drops and manifest lie beside its shards
        shards = sorted(folder.glob("shard-*.parquet"))
    else:
        shards = sorted([*folder.rglob("*.parquet"), *folder.rglob("*.jsonl")])
    if not shards:
        raise InputError(str(folder), "a folder with .parquet or .jsonl shards", "check the path")
    return shards


def _sample(row: Row) -> Sample:
    unknown = sorted(set(row.values) - {field.name for field in fields(Sample)})
    if unknown:
        row.fail(
            f"the fields of a Sample (it has {', '.join(unknown)})",
            "give published outputs as `outputs`, not `samples`",
        )
    problem_id, text, values = row.text("problem_id"), row.maybe("text") or "", row.values
    index = int(values.get("index") or 0)
    segments = [
        Segment(_enum(SegmentKind, part.get("kind"), SegmentKind.TEXT, row), str(part.get("text", "")))
        for part in values.get("segments") or []
    ]
    return Sample(
        sample_id=row.maybe("sample_id") or record_id_of(problem_id, index, row.path.name),
        problem_id=problem_id,
        form=_enum(Form, values.get("form"), Form.CHAIN_OF_THOUGHT, row),
        index=index,
        seed=int(values.get("seed") or 0),
        model=row.maybe("model") or "",
        text=text,
        segments=segments or [Segment(SegmentKind.TEXT, text)],
        finish=_enum(Finish, values.get("finish"), Finish.STOP, row),
        prompt_tokens=int(values.get("prompt_tokens") or 0),
        completion_tokens=int(values.get("completion_tokens") or 0),
        answer=row.maybe("answer"),
    )


def _enum(kind: type[E], value: object, default: E, row: Row) -> E:
    if value is None:
        return default
    try:
        return kind(str(value))
    except ValueError:
        row.fail(f"one of {', '.join(kind)}, not {value!r}", "mend the row")


def load_report(folder: Path) -> Report:
    """A report that `write_report` wrote, with what `compare` needs of its problems."""
    path = folder / REPORT_FILE
    if not path.is_file():
        raise InputError(str(folder), f"a folder with {REPORT_FILE}", "name the output of an earlier evaluation")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        records = [_record(row.values) for row in read_rows(folder / PROBLEMS_FILE)]
        scores = [_score(values) for values in summary["scores"]]
        plain = {key: summary[key] for key in ("name", "benchmark", "grader", "problems", "samples", "unscored")}
        rates = {key: summary[key] for key in ("missing", "no_answer_rate", "unjudged_rate", "truncated_rate")}
        decoding, outcomes = Decoding(summary["decoding"]), summary["outcomes"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(str(path), f"a report ({type(error).__name__}: {error})", "evaluate again") from None
    return Report(
        **plain, **rates, decoding=decoding, outcomes=outcomes, scores=scores, subjects=[], levels=[], records=records
    )


def _score(values: Mapping[str, Any]) -> Score:
    ends = values["interval"]
    interval = None if ends is None else Interval(ends["low"], ends["high"])
    return Score(values["name"], values["value"], interval, values["problems"])


def _record(row: Mapping[str, Any]) -> ProblemRecord:
    problem = Problem(
        problem_id=row["problem_id"],
        source=row["source"],
        split="",
        kind=ProblemKind.ANSWER,
        question=row["question"],
        answer=row["reference"],
        subject=row["subject"],
        level=row["level"],
        origin=row["origin"],
    )
    samples = [
        SampleRecord(**{**one, "outcome": Outcome(one["outcome"]), "finish": Finish(one["finish"])})
        for one in row["samples"]
    ]
    return ProblemRecord(
        problem=problem,
        scored=row["scored"],
        samples=samples,
        values=row["values"],
        contaminated=row["contaminated"],
    )
