"""Every source as the same two views."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from mathpipe.core.records import Outcome
from mathpipe.inspect.solution_source import find_solutions
from mathpipe.inspect.solution_views import PROBLEM_COLUMNS, SAMPLE_COLUMNS, open_solutions
from tests.inspect.small_solutions import FRACTIONS, OPEN, RIGHT, WRONG, write_samples


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    source = find_solutions([str(path)])
    assert source is not None
    with open_solutions(source) as tables:
        return tables.rows(query)


KINDS = [".", "problems", "samples", "selection/judged", "selection/sft", "selection/dpo", "selection/grpo"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_views_have_the_same_columns_whatever_the_source(generation: Path, kind: str) -> None:
    source = find_solutions([str(generation / kind)])
    assert source is not None
    with open_solutions(source) as tables:
        assert list(tables.columns("problem")) == list(PROBLEM_COLUMNS)
        assert list(tables.columns("sample")) == list(SAMPLE_COLUMNS)


def test_a_majority_stands_in_where_a_run_has_no_reference(generation: Path) -> None:
    query = f"SELECT answer, answer_source, agreement FROM problem WHERE problem_id = '{OPEN.problem_id}'"
    assert rows(generation, query) == [("7", "majority", 0.75)]


def test_a_reference_is_told_from_a_majority(generation: Path) -> None:
    query = f"SELECT answer, answer_source FROM problem WHERE problem_id = '{FRACTIONS.problem_id}'"
    for kind in (".", "selection/judged", "selection/sft", "selection/grpo"):
        assert rows(generation / kind, query) == [(r"\frac{5}{6}", "reference")]


def test_a_row_that_agrees_with_a_majority_has_no_outcome(generation: Path) -> None:
    query = f"SELECT outcome, solved FROM sample WHERE problem_id = '{OPEN.problem_id}'"
    assert rows(generation / "selection" / "sft", query) == [(None, True)]


def test_samples_that_were_judged_before_keep_their_outcome(tmp_path: Path) -> None:
    judged = [
        dataclasses.replace(RIGHT, outcome=Outcome.CORRECT, detail="the same"),
        dataclasses.replace(WRONG, outcome=Outcome.TIMEOUT, detail="too slow"),
        dataclasses.replace(WRONG, sample_id="new", detail="the program died"),
    ]
    write_samples(tmp_path, [FRACTIONS], judged)
    assert rows(tmp_path / "samples", "SELECT outcome, solved, detail, note FROM sample ORDER BY place") == [
        ("correct", True, "the same", None),
        ("timeout", None, "too slow", None),
        (None, None, None, "the program died"),
    ]


def test_the_last_of_several_verdicts_counts(tmp_path: Path) -> None:
    write_samples(tmp_path, [FRACTIONS], [RIGHT])
    verdict = {"key": RIGHT.sample_id, "reason": "equal", "detail": "", "seconds": 0.5}
    lines = [{**verdict, "claim": "old", "outcome": "wrong"}, {**verdict, "claim": "new", "outcome": "correct"}]
    (tmp_path / "verdicts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert rows(tmp_path, "SELECT outcome, solved, seconds FROM sample") == [("correct", True, 0.5)]


def test_a_problem_that_was_not_scored_has_no_share(evaluation: Path) -> None:
    query = "SELECT DISTINCT solved FROM sample WHERE problem_id = '{}' ORDER BY solved"
    assert rows(evaluation, query.format(OPEN.problem_id)) == [(None,)]
    assert rows(evaluation, query.format(FRACTIONS.problem_id)) == [(False,), (True,)]


def test_problems_come_in_the_order_of_their_shards(generation: Path) -> None:
    places = rows(generation, "SELECT problem_id FROM problem ORDER BY place LIMIT 1")
    assert places == [(FRACTIONS.problem_id,)]
