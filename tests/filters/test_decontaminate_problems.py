"""Mined problems that hold a benchmark item go, with the reason; a question that two pages ask is kept once."""

from pathlib import Path

import pytest

from filters.benchmark_items import BenchmarkItem
from filters.build_benchmark_index import INDEX_FILE, build_index
from filters.decontaminate_problems import (
    DecontaminateProblemsConfig,
    DecontaminateProblemsStage,
    ProblemDropReason,
    decontaminate_problems,
    question_partition,
)
from mathpipe.core.records import Drop, Problem, ProblemKind
from mathpipe.core.stage import StageContext, StepOutput

ITEM = (
    "Janine's geese lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for "
    "her friends every day with four. How much in dollars does she make at the market for $2 per egg?"
)
INDEX = build_index([BenchmarkItem(benchmark="eggs", item_id="7", question=ITEM)])


def problem(name: str, question: str, solution: str | None = None) -> Problem:
    return Problem(
        problem_id=name, source="mined", split="train", kind=ProblemKind.ANSWER, question=question, solution=solution,
        origin=f"https://{name}.example/#problem 1",
    )  # fmt: skip


CLEAN = problem("a", "What is the area of a square of side 7?", "It is 49.")
COPY = problem("b", ITEM.replace("Janine", "Susan"))
IN_SOLUTION = problem("c", "Make a problem about eggs.", f"Here is one. {ITEM}")


def test_a_problem_with_an_item_in_question_or_solution_goes() -> None:
    kept, copy, answered = decontaminate_problems([CLEAN, COPY, IN_SOLUTION], INDEX)
    assert kept == CLEAN
    for drop, name in ((copy, "b"), (answered, "c")):
        assert isinstance(drop, Drop)
        assert (drop.record_id, drop.reason) == (name, ProblemDropReason.CONTAMINATED)
        assert drop.url == f"https://{name}.example/#problem 1"
        assert drop.detail.startswith("eggs 7 (words): ")


def test_solutions_are_looked_at_unless_told_otherwise() -> None:
    config = DecontaminateProblemsConfig(check_solution=False)
    assert list(decontaminate_problems([IN_SOLUTION], INDEX, config)) == [IN_SOLUTION]


def test_a_question_that_two_pages_ask_is_kept_once_by_the_stage(tmp_path: Path) -> None:
    INDEX.save(tmp_path / INDEX_FILE)
    context = StageContext(tmp_path, {"benchmark_index": StepOutput((), (tmp_path,))})
    stage = DecontaminateProblemsStage(DecontaminateProblemsConfig(), context)
    first, again = stage.run([CLEAN, CLEAN])
    assert first == CLEAN
    assert isinstance(again, Drop)
    assert again.reason is ProblemDropReason.REPEATED


@pytest.mark.parametrize("partitions", [1, 5])
def test_equal_questions_meet_in_one_partition(partitions: int) -> None:
    found = {question_partition(problem(str(number), "?"), partitions) for number in range(60)}
    assert found == set(range(partitions))
    assert question_partition(CLEAN, partitions) == question_partition(problem("a", "other"), partitions)
