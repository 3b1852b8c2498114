"""Problems and samples of any source as two DuckDB views of one shape.

In: a `SolutionSource`. Out: `Tables` with the views `problem` and `sample`, which have every column of
`PROBLEM_COLUMNS` and `SAMPLE_COLUMNS`, empty where the files have none. `place` is the order of the files. A sample's
`solved` is None where nobody judged it, or where the fault was the verifier's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mathpipe.core.metrics import read_json_lines
from mathpipe.inspect.solution_source import EVALUATION_FILE, Kind, SolutionSource, shards_in
from mathpipe.inspect.tables import Tables

PROBLEM_COLUMNS = {
    "problem_id": "VARCHAR", "question": "VARCHAR", "answer": "VARCHAR", "statement": "VARCHAR",
    "solution": "VARCHAR", "tests": "STRUCT(stdin VARCHAR, stdout VARCHAR)[]", "kind": "VARCHAR", "source": "VARCHAR",
    "split": "VARCHAR", "origin": "VARCHAR", "subject": "VARCHAR", "level": "VARCHAR", "license": "VARCHAR",
    "answer_source": "VARCHAR", "agreement": "DOUBLE", "stated_pass_rate": "DOUBLE", "checked": "VARCHAR",
    "contaminated": "VARCHAR", "vote": "VARCHAR", "place": "BIGINT",
}  # fmt: skip
SAMPLE_COLUMNS = {
    "problem_id": "VARCHAR", "sample_id": "VARCHAR", "form": "VARCHAR", "text": "VARCHAR",
    "segments": "STRUCT(kind VARCHAR, text VARCHAR)[]", "answer": "VARCHAR", "outcome": "VARCHAR",
    "reason": "VARCHAR", "detail": "VARCHAR", "note": "VARCHAR", "fate": "VARCHAR", "role": "VARCHAR",
    "solved": "BOOLEAN", "finish": "VARCHAR", "model": "VARCHAR", "seed": "BIGINT", "prompt_tokens": "BIGINT",
    "completion_tokens": "BIGINT", "seconds": "DOUBLE", "place": "BIGINT",
}  # fmt: skip
_STORED_COLUMNS = SAMPLE_COLUMNS | {"filename": "VARCHAR", "file_row_number": "BIGINT"}
_JUDGED_COLUMNS = SAMPLE_COLUMNS | {"reference": "VARCHAR", "answer_source": "VARCHAR", "agreement": "DOUBLE"}
_JUDGEMENT = ("outcome", "reason", "detail", "fate", "solved", "seconds")  # what selection adds to a sample

_PLACE = "row_number() OVER (ORDER BY filename, file_row_number)"
_ASKED = "[turn.content FOR turn IN prompt IF turn.role = 'user'][-1]"
_OWN_ANSWER = "CASE WHEN coalesce(answer, statement, '') <> '' THEN 'reference' END"
_SOLVED = "CASE outcome WHEN 'correct' THEN true WHEN 'wrong' THEN false WHEN 'no-answer' THEN false END"


def open_solutions(source: SolutionSource) -> Tables:
    """A connection with both views; the caller closes it."""
    tables = Tables()
    if source.files:
        tables.add("rows", source.files, numbered=True)
    _OPENERS[source.kind](tables, source)
    return tables


def _define(tables: Tables, name: str, body: str, given: Mapping[str, str], rows: str | None = None) -> None:
    """A view of the one shape: columns as they are given, else as the view `rows` has them, else empty."""
    columns = PROBLEM_COLUMNS if name == "problem" else SAMPLE_COLUMNS
    there = tables.columns(rows) if rows else {}
    values = {column: given.get(column, column if column in there else "NULL") for column in columns}
    cells = ", ".join(f"CAST({values[column]} AS {kind}) AS {column}" for column, kind in columns.items())
    tables.define(name, f"SELECT {cells} {body}")


def _define_problems_of_rows(tables: Tables, **given: str) -> None:
    """One problem for all rows that name it: what they say of it is the same in each."""
    there = tables.columns("rows")
    firsts = {name: f"any_value({name})" for name in PROBLEM_COLUMNS if name in there}
    firsts |= {"problem_id": "problem_id", "answer": "any_value(reference)", "place": "min(number)"}
    firsts |= {"stated_pass_rate": "any_value(pass_rate)", **given}
    _define(tables, "problem", f"FROM (SELECT *, {_PLACE} AS number FROM rows) GROUP BY problem_id", firsts)


def _said(turns: str) -> str:
    return f"array_to_string([turn.content FOR turn IN {turns}], chr(10))"


def _open_judged(tables: Tables, _source: SolutionSource) -> None:
    _define(tables, "sample", "FROM rows", {"place": _PLACE}, "rows")
    _define_problems_of_rows(tables)


def _open_sft(tables: Tables, _source: SolutionSource) -> None:
    given = {"place": _PLACE, "text": _said("completion"), "solved": "true", "fate": "'kept'"}
    _define(tables, "sample", "FROM rows", given, "rows")
    _define_problems_of_rows(tables, question=f"any_value({_ASKED})")


def _open_dpo(tables: Tables, _source: SolutionSource) -> None:
    sides = []
    for place, side in enumerate(("chosen", "rejected")):
        cells = [f"{side}_{name} AS {name}" for name in ("answer", "outcome", "reason", "sample_id", "model", "seed")]
        cells += [f"{side}_tokens AS completion_tokens", f"'{side}' AS role", f"{side == 'chosen'} AS solved"]
        cells += ["problem_id", "form", f"{_said(side)} AS text", f"2 * {_PLACE} + {place} AS place"]
        sides.append(f"SELECT {', '.join(cells)} FROM rows")
    tables.define("sides", " UNION ALL ".join(sides))
    _define(tables, "sample", "FROM sides", {}, "sides")
    _define_problems_of_rows(tables, question=f"any_value({_ASKED})")


def _open_grpo(tables: Tables, _source: SolutionSource) -> None:
    given = {"place": _PLACE, "question": _ASKED, "stated_pass_rate": "pass_rate"}
    _define(tables, "problem", "FROM rows", given, "rows")
    _define(tables, "sample", "WHERE false", {})


def _open_problems(tables: Tables, _source: SolutionSource) -> None:
    _define(tables, "problem", "FROM rows", {"place": _PLACE, "answer_source": _OWN_ANSWER}, "rows")
    _define(tables, "sample", "WHERE false", {})


def _open_samples(tables: Tables, source: SolutionSource) -> None:
    given = {"place": _PLACE, "solved": _SOLVED, "note": "CASE WHEN outcome IS NULL THEN detail END"}
    given["detail"] = "CASE WHEN outcome IS NOT NULL THEN detail END"
    _define(tables, "sample", "FROM rows", given, "rows")
    if tables.add("known", shards_in(source.folder.parent / "problems"), numbered=True):
        given = {"place": _PLACE, "answer_source": _OWN_ANSWER}
        _define(tables, "problem", "FROM known WHERE problem_id IN (SELECT problem_id FROM rows)", given, "known")
    else:
        given = {"problem_id": "problem_id", "place": "min(place)"}
        _define(tables, "problem", "FROM sample GROUP BY problem_id", given)


def _open_run(tables: Tables, source: SolutionSource) -> None:
    folder = source.folder
    tables.add("known", shards_in(folder / "problems"), numbered=True)
    if not tables.add("made", shards_in(folder / "samples"), numbered=True):
        tables.add_rows("made", _stored(folder / "stored"), _STORED_COLUMNS)
    if not tables.add("judged", shards_in(folder / "selection" / "judged")):
        tables.add_rows("judged", _told(folder / "verdicts.jsonl"), _JUDGED_COLUMNS)
    made, judged = tables.columns("made"), tables.columns("judged")
    given = {name: f"made.{name}" for name in SAMPLE_COLUMNS if name in made}
    given |= {name: f"judged.{name}" if name in judged else "NULL" for name in _JUDGEMENT}
    given |= {"place": "row_number() OVER (ORDER BY made.filename, made.file_row_number)"}
    given |= {"note": "made.detail", "answer": "coalesce(judged.answer, made.answer)"}
    _define(tables, "sample", "FROM made LEFT JOIN judged USING (sample_id)", given)
    tables.define(
        "held",
        "SELECT problem_id AS held_id, any_value(reference) AS reference, any_value(answer_source) AS held_against, "
        "any_value(agreement) AS agreed FROM judged GROUP BY problem_id",
    )
    given = {"place": _PLACE, "agreement": "agreed", "answer": "coalesce(answer, reference)"}
    given["answer_source"] = f"coalesce(held_against, {_OWN_ANSWER})"
    _define(tables, "problem", "FROM known LEFT JOIN held ON problem_id = held_id", given, "known")


def _stored(folder: Path) -> list[dict[str, Any]]:
    """What a run that is going on, or was killed, has finished."""
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in read_json_lines(path)]
    return [{**row, "filename": "", "file_row_number": at} for at, row in enumerate(rows)]


def _told(path: Path) -> list[dict[str, Any]]:
    """The last verdict on each sample of a selection that is going on, or was killed."""
    last = {str(row.get("key")): row for row in read_json_lines(path)}
    return [{**row, "sample_id": key, "solved": _solved(row)} for key, row in last.items()]


def _solved(row: Mapping[str, Any]) -> bool | None:
    if row.get("reason") == "unreadable-reference":
        return None
    return {"correct": True, "wrong": False, "no-answer": False}.get(str(row.get("outcome")))


def _open_evaluation(tables: Tables, source: SolutionSource) -> None:
    problems: list[dict[str, Any]] = []
    samples: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = list(read_json_lines(source.folder / EVALUATION_FILE))
    for row in rows:
        against = "reference" if row.get("scored") else "none"
        own = {"answer": row.get("reference"), "answer_source": against, "vote": _vote(row.get("vote"))}
        problems.append({**row, **own, "place": len(problems)})
        for sample in row.get("samples") or ():
            solved = _solved(sample) if row.get("scored") else None
            own = {"problem_id": row.get("problem_id"), "solved": solved, "place": len(samples)}
            samples.append({**sample, **own})
    tables.add_rows("problem", problems, PROBLEM_COLUMNS)
    tables.add_rows("sample", samples, SAMPLE_COLUMNS)


def _vote(vote: Any) -> str | None:
    if not isinstance(vote, dict):
        return None
    right = "correct" if vote.get("correct") else "wrong"
    return f"{vote.get('answer')} ({vote.get('votes')} of {vote.get('cast')} votes, {right})"


_OPENERS = {
    Kind.RUN: _open_run,
    Kind.EVALUATION: _open_evaluation,
    Kind.JUDGED: _open_judged,
    Kind.SFT: _open_sft,
    Kind.DPO: _open_dpo,
    Kind.GRPO: _open_grpo,
    Kind.SAMPLES: _open_samples,
    Kind.PROBLEMS: _open_problems,
}
