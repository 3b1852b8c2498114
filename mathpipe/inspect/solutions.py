"""Solutions as a person asks for them: counted, filtered, searched, sorted, one problem in full with its samples.

In: a `SolutionSource` and a `Query`. Out: a `Listing` of problems, a `SolutionSummary`, and `ProblemLook`s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect import figures
from mathpipe.inspect.shards import Listing, Query, Row, Snippet, literal_pattern, rows_asked, snippet_of
from mathpipe.inspect.solution_records import Look, ProblemLook, SampleLook, SolutionSummary
from mathpipe.inspect.solution_source import SolutionSource
from mathpipe.inspect.solution_text import segments_of
from mathpipe.inspect.solution_views import PROBLEM_COLUMNS, SAMPLE_COLUMNS, open_solutions
from mathpipe.inspect.tables import quoted

PROBLEM_LISTING = ("id", "question", "answer", "pass_rate", "verdicts")
_SHORT_ID = 8  # of 32 hexadecimal digits, in a table
_MIN_PREFIX = 4
_CELL_CHARACTERS = 400
_READ_AT_ONCE = 200  # problems with all their samples
_NAMED = 5  # identifiers in an error
_LOOK = f"""CASE WHEN outcome IN ({", ".join(f"'{look}'" for look in Look)}) THEN outcome
    WHEN solved THEN '{Look.AGREES}' WHEN NOT solved THEN '{Look.DIFFERS}' ELSE '{Look.NOT_JUDGED}' END"""
_COUNTED = {look: look.value.replace("-", "_") for look in Look}
_VERDICTS = " || ".join(
    f"CASE WHEN {column} > 0 THEN ', ' || {column} || ' {look}' ELSE '' END" for look, column in _COUNTED.items()
)
# Columns of the view `listed`: a problem's own and what is counted over its samples.
_ID = f"CASE WHEN length(problem_id) = 32 THEN left(problem_id, {_SHORT_ID}) ELSE problem_id END AS id"
_SETS = ("form", "model", "finish")
_OWN = tuple(name for name in PROBLEM_COLUMNS if name not in {"place", "stated_pass_rate"})
LISTED_COLUMNS = ("id", *_OWN, "pass_rate", "samples", "tokens", *_SETS, "verdicts", *_COUNTED.values())
_RATES = ("0", "to 0.25", "to 0.5", "to 0.75", "below 1", "1", "none")
_RATE = """CASE WHEN pass_rate IS NULL THEN 6 WHEN pass_rate = 0 THEN 0 WHEN pass_rate = 1 THEN 5
    ELSE least(ceil(pass_rate * 4)::INTEGER, 4) END"""
_FACTS = ("source", "split", "subject", "level", "kind", "checked", "contaminated", "vote", "origin", "license")


class Solutions:
    """Open solutions; use as a context manager."""

    def __init__(self, source: SolutionSource) -> None:
        self.source = source
        self._tables = open_solutions(source)
        self._tables.define("looked", f"SELECT *, {_LOOK} AS look FROM sample")
        counts = ", ".join(f"count(*) FILTER (look = '{look}') AS {column}" for look, column in _COUNTED.items())
        sets = ", ".join(f"string_agg(DISTINCT {name}, ' ' ORDER BY {name}) AS {name}" for name in _SETS)
        self._tables.define(
            "counted",
            f"SELECT problem_id, count(*) AS samples, {counts}, {sets}, sum(completion_tokens)::BIGINT AS tokens, "
            "count(*) FILTER (solved) / nullif(count(solved), 0) AS own_pass_rate FROM looked GROUP BY problem_id",
        )
        zeros = ", ".join(f"coalesce({column}, 0) AS {column}" for column in ("samples", *_COUNTED.values()))
        self._tables.define(
            "joined",
            f"SELECT problem.* EXCLUDE (stated_pass_rate), {zeros}, {', '.join(_SETS)}, tokens, "
            "coalesce(stated_pass_rate, own_pass_rate) AS pass_rate "
            "FROM problem LEFT JOIN counted USING (problem_id)",
        )
        self._tables.define("listed", f"SELECT *, {_ID}, substr({_VERDICTS}, 3) AS verdicts FROM joined")

    def __enter__(self) -> Solutions:
        return self

    def __exit__(self, *_: object) -> None:
        self._tables.close()

    def summary(self) -> SolutionSummary:
        """Counts over everything, whatever a query lets through."""
        looks = self._counts("SELECT look, count(*) FROM looked GROUP BY look")
        rates = dict(self._tables.rows(f"SELECT {_RATE} AS bin, count(*) FROM listed GROUP BY bin"))
        tokens, longest = self._tables.rows(
            "SELECT sum(completion_tokens)::BIGINT, max(completion_tokens) FROM sample"
        )[0]
        return SolutionSummary(
            title=self.source.title,
            kind=self.source.kind,
            problems=self._tables.number("SELECT count(*) FROM problem"),
            samples=self._tables.number("SELECT count(*) FROM sample"),
            looks={look: looks[look] for look in Look if look in looks},
            pass_rates={name: rates.get(place, 0) for place, name in enumerate(_RATES)},
            mean_pass_rate=self._tables.rows("SELECT avg(pass_rate) FROM listed")[0][0],
            **{name: self._counts(_frequent(column)) for name, column in _FREQUENT.items()},
            tokens=tokens,
            longest=longest,
        )

    def _counts(self, query: str) -> dict[str, int]:
        return {str(name): int(count) for name, count in self._tables.rows(query)}

    def listing(self, query: Query, look: Look | None = None) -> Listing:
        """The problems that the query lets through, in its order; with a `look`, those with such a sample."""
        columns = query.columns or PROBLEM_LISTING
        cells = [self._cell(name) for name in columns]
        condition, parameters = self._condition(query, look)
        body = f"FROM {_NUMBERED} WHERE {condition}"
        matching = int(self._ask(f"SELECT count(*) {body}", parameters, query)[0][0])
        select = f"SELECT number, problem_id, {', '.join(cells)} {body} ORDER BY {self._order(query)}"
        rows = self._ask(f"{select} LIMIT {max(query.limit, 0)}", parameters, query)
        found = self._snippets([str(row[1]) for row in rows], parameters) if query.search else {}
        shown = tuple(Row(int(row[0]), tuple(row[2:]), found.get(str(row[1]))) for row in rows)
        return Listing(tuple(columns), shown, matching)

    def problems(self, query: Query, look: Look | None = None) -> Iterator[ProblemLook]:
        """The problems of a listing, whole."""
        condition, parameters = self._condition(query, look)
        rows = self._ask(
            f"SELECT problem_id FROM {_NUMBERED} WHERE {condition} ORDER BY {self._order(query)} "
            f"LIMIT {max(query.limit, 0)}",
            parameters,
            query,
        )
        yield from self._looks([str(row[0]) for row in rows])

    def problem(self, reference: str) -> ProblemLook:
        """The problem that a number, or the beginning of its identifier or of one of its samples', names."""
        found, samples = self._named(reference)
        if len(found) != 1:
            known = ", ".join(sorted(samples or found)[:_NAMED])
            ways = f"one of {known}" if found else self._how_to_name()
            expected = "one problem or sample, not several" if found else "a problem or sample that is there"
            raise InputError(f"record {reference!r}", expected, f"give more, {ways}" if found else f"give {ways}")
        looked = next(self._looks(found))
        marked = [replace(sample, asked=sample.sample_id in samples) for sample in looked.samples]
        return replace(looked, samples=marked)

    def _named(self, reference: str) -> tuple[list[str], list[str]]:
        """Identifiers of the problems that are meant, and of the samples that named them."""
        if reference.isdecimal():
            place = {"number": int(reference)} if len(reference) < 10 else {"number": -1}
            rows = self._tables.rows(f"SELECT problem_id FROM {_NUMBERED} WHERE number = $number", place)
            if rows:
                return [str(rows[0][0])], []
        if len(reference) < _MIN_PREFIX:
            return self._whole(reference), []
        start = {"start": reference}
        begins = "starts_with(lower({0}), lower($start))"
        problems = self._whole(reference) or self._first(
            f"SELECT problem_id FROM problem WHERE {begins.format('problem_id')} ORDER BY place LIMIT 9", start
        )
        if problems:
            return problems, []
        rows = self._tables.rows(
            f"SELECT problem_id, sample_id FROM sample WHERE {begins.format('sample_id')} ORDER BY place LIMIT 9",
            start,
        )
        return list(dict.fromkeys(str(row[0]) for row in rows)), [str(row[1]) for row in rows]

    def _whole(self, reference: str) -> list[str]:
        return self._first("SELECT problem_id FROM problem WHERE problem_id = $whole LIMIT 1", {"whole": reference})

    def _first(self, query: str, parameters: dict[str, Any]) -> list[str]:
        return [str(row[0]) for row in self._tables.rows(query, parameters)]

    def _how_to_name(self) -> str:
        problems = self._tables.number("SELECT count(*) FROM problem")
        return (
            f"a number below {problems:,}, or at least {_MIN_PREFIX} characters of a problem's or sample's id; "
            "`mathpipe inspect` without --record lists them"
        )

    def _looks(self, identifiers: Sequence[str]) -> Iterator[ProblemLook]:
        """The problems in this order with their samples, read by so many at a time."""
        for start in range(0, len(identifiers), _READ_AT_ONCE):
            asked = identifiers[start : start + _READ_AT_ONCE]
            samples: dict[str, list[SampleLook]] = {name: [] for name in asked}
            for row in self._rows(("look", *SAMPLE_COLUMNS), "looked", asked):
                samples[row["problem_id"]].append(_sample(row))
            rows = {row["problem_id"]: row for row in self._rows(("number", "pass_rate", *_OWN), _NUMBERED, asked)}
            yield from (_problem(rows[name], samples[name]) for name in asked)

    def _rows(self, names: Sequence[str], view: str, problems: Sequence[str]) -> Iterator[dict[str, Any]]:
        rows = self._tables.rows(
            f"SELECT {', '.join(names)} FROM {view} WHERE problem_id IN (SELECT unnest($problems)) ORDER BY place",
            {"problems": list(problems)},
        )
        return (dict(zip(names, row, strict=True)) for row in rows)

    def _value(self, name: str) -> str:
        if name in LISTED_COLUMNS:
            return f"len({name})" if name == "tests" else quoted(name)
        near = get_close_matches(name, LISTED_COLUMNS, n=1)
        repair = f"did you mean {near[0]!r}?" if near else "use one of those"
        raise InputError(f"column {name!r}", f"one of {', '.join(LISTED_COLUMNS)}", repair)

    def _cell(self, name: str) -> str:
        value = self._value(name)
        return f"left({value}, {_CELL_CHARACTERS})" if PROBLEM_COLUMNS.get(name) == "VARCHAR" else value

    def _order(self, query: Query) -> str:
        if query.sort is None:
            return "number"
        return f"{self._value(query.sort)} {'DESC' if query.descending else 'ASC'} NULLS LAST, number"

    def _condition(self, query: Query, look: Look | None) -> tuple[str, dict[str, Any]]:
        conditions, parameters = ["true"], dict[str, Any]()
        if look is not None:
            conditions.append(f"{_COUNTED[look]} > 0")
        if query.where:
            conditions.append(f"({query.where})")
        if query.search:
            parameters["pattern"] = query.search if query.regex else literal_pattern(query.search)
            conditions.append(f"problem_id IN (SELECT problem_id FROM ({_TEXTS}) WHERE {_MATCHES})")
        return " AND ".join(conditions), parameters

    def _snippets(self, identifiers: Sequence[str], parameters: dict[str, Any]) -> dict[str, Snippet]:
        """Where the search matched first in each of these: question and answer, then the samples in order."""
        rows = self._tables.rows(
            f"SELECT problem_id, stands, {snippet_of('said')} FROM ({_TEXTS}) "
            f"WHERE problem_id IN (SELECT unnest($shown)) AND {_MATCHES} "
            "QUALIFY row_number() OVER (PARTITION BY problem_id ORDER BY place) = 1",
            {**parameters, "shown": list(identifiers)},
        )
        return {str(row[0]): Snippet(str(row[1]), str(row[3]), str(row[2])) for row in rows}

    def _ask(self, query: str, parameters: dict[str, Any], asked: Query) -> list[tuple[Any, ...]]:
        example = "pass_rate < 0.5 AND wrong > 0"
        return rows_asked(self._tables, query, parameters, asked, columns=LISTED_COLUMNS, example=example)


_FREQUENT = {"forms": "form", "finishes": "finish", "fates": "fate", "models": "model"}
_NUMBERED = "(SELECT *, row_number() OVER (ORDER BY place, problem_id) - 1 AS number FROM listed)"
_MATCHES = "regexp_matches(said, $pattern, 'is')"
_TEXTS = """
    SELECT problem_id, -2 AS place, 'question' AS stands, question AS said FROM problem
    UNION ALL SELECT problem_id, -1, 'answer', answer FROM problem
    UNION ALL SELECT problem_id, place, 'sample ' || left(sample_id, 8), text FROM sample
"""


def _frequent(column: str) -> str:
    return (
        f"SELECT {column}, count(*) AS often FROM sample WHERE coalesce({column}, '') <> '' "
        f"GROUP BY {column} ORDER BY often DESC, {column}"
    )


def _sample(row: dict[str, Any]) -> SampleLook:
    given = row["segments"]
    segments = [
        Segment(SegmentKind(part["kind"]), part["text"] or "") for part in given or () if part["kind"] in _KINDS
    ]
    words: dict[str, Any] = {name: row[name] or "" for name in _WORDS}
    return SampleLook(
        sample_id=str(row["sample_id"] or ""),
        look=Look(row["look"]),
        segments=segments or segments_of(row["text"] or ""),
        answer=row["answer"],
        seed=row["seed"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        seconds=row["seconds"],
        **words,
    )


_WORDS = ("reason", "detail", "note", "fate", "role", "form", "finish", "model")
_KINDS = frozenset(SegmentKind)


def _problem(row: dict[str, Any], samples: Sequence[SampleLook]) -> ProblemLook:
    facts = [(name.replace("_", " "), str(row[name])) for name in _FACTS if row[name]]
    if row["agreement"] is not None:
        facts.append(("agreement", figures.share(row["agreement"], 1)))
    return ProblemLook(
        number=int(row["number"]),
        problem_id=str(row["problem_id"]),
        question=row["question"] or "",
        answer=row["answer"],
        answer_source=row["answer_source"] or "",
        pass_rate=row["pass_rate"],
        statement=row["statement"],
        solution=row["solution"],
        tests=[(test["stdin"] or "", test["stdout"] or "") for test in row["tests"] or ()],
        facts=facts,
        samples=samples,
    )
