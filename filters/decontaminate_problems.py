"""Drop every mined problem whose question or solution holds a benchmark item, and every question asked before.

In: problems, and an index of the items. Out: clean problems, or `Drop`s that name benchmark, item and what matched.
Curated pages went through the index already; a problem is looked at by itself all the same, since it is what a model
will be trained on, and a page's own rule may be set otherwise (`decontaminate.check_title`). The rule is told in
`filters.benchmark_index`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import ClassVar

from filters.benchmark_index import BenchmarkIndex
from filters.build_benchmark_index import INDEX_FILE
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Problem, record_id_of
from mathpipe.core.stage import Stage, StageContext


class ProblemDropReason(StrEnum):
    """Why a problem is kept from training."""

    CONTAMINATED = "contaminated"
    REPEATED = "repeated"  # another page asked it before


class DecontaminateProblemsConfig(Config):
    """How much of a problem is looked at."""

    check_solution: bool = True  # a page may answer one question with another


def decontaminate_problems(
    problems: Iterable[Problem], index: BenchmarkIndex, config: DecontaminateProblemsConfig | None = None
) -> Iterator[Problem | Drop]:
    """Yield each problem as it is, or the reason it goes."""
    chosen = config or DecontaminateProblemsConfig()
    seen: set[str] = set()
    for problem in problems:
        if problem.problem_id in seen:
            yield Drop(problem.problem_id, ProblemDropReason.REPEATED, problem.origin)
            continue
        seen.add(problem.problem_id)
        hit = index.hit(searched_text(problem, chosen))
        if hit is None:
            yield problem
            continue
        benchmark, item_id = index.names[hit.item]
        detail = f"{benchmark} {item_id} ({hit.form}): {hit.matched}"
        yield Drop(problem.problem_id, ProblemDropReason.CONTAMINATED, problem.origin, detail)


def searched_text(problem: Problem, config: DecontaminateProblemsConfig) -> str:
    """The part of a problem that is compared with the benchmarks."""
    parts = [problem.question, problem.statement, problem.solution if config.check_solution else None]
    return "\n\n".join(part for part in parts if part)


class DecontaminateProblemsStage(Stage[Problem, Problem]):
    """Problems to clean problems; side `benchmark_index`. It gathers by question, so that repeats meet."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: DecontaminateProblemsConfig, context: StageContext) -> None:
        self._config = config
        self._index = BenchmarkIndex.load(context.sides["benchmark_index"].file(INDEX_FILE))

    def run(self, shard: Iterable[Problem]) -> Iterator[Problem | Drop]:
        """Yield each problem, or the reason it goes."""
        yield from decontaminate_problems(shard, self._index, self._config)


def question_partition(problem: Problem, partitions: int) -> int:
    """The partition of the problem's question."""
    return int(record_id_of(problem.problem_id)[:8], 16) % partitions
