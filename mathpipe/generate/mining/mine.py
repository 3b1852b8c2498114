"""`mine_problems`: the problems that a curated page states, with the answer where the page states one.

In: a `Page`. Out: `Problem`s of source "mined", split "train", whose `origin` is the page's URL and the label there;
or, as a stage, drops with their reasons. DeepSeekMath's corpus is such pages; mining pairs out of them follows
MAmmoTH2 (Yue et al., arXiv 2405.03548), by rules here and not by a model, so that what is taken can be explained.

Decontamination against the evaluation sets is not done here: `filters` and `mathpipe.generate` do not know one
another. The pipeline's next step (`filters.decontaminate_problems`) does it for each question and solution; who mines
elsewhere must do it too before the problems are used, although curated pages went through the index.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page, Problem, ProblemKind, record_id_of
from mathpipe.core.stage import Stage, StageContext
from mathpipe.generate.mining.drafts import drafts_of
from mathpipe.generate.mining.questions import asked_and_said, may_leak, question_fault, without_attempt
from mathpipe.generate.mining.records import Draft, MineDropReason
from mathpipe.generate.mining.stated_answer import stated_answer

SOURCE = "mined"


class MineConfig(Config):
    """What is taken for a problem."""

    min_words: int = Field(default=2, ge=1)  # words, numbers and formulas of a question: "Evaluate $…$."
    max_chars: int = Field(default=2000, ge=100)
    max_solution_chars: int = Field(default=8000, ge=0)  # a longer one is the rest of the page, not a solution
    require_answer: bool = False  # without an answer a problem is of use for majority votes only


def mine_problems(page: Page, config: MineConfig | None = None) -> Iterator[Problem]:
    """The page's problems in their order."""
    return (one for one in mined(page, config or MineConfig()) if isinstance(one, Problem))


def mined(page: Page, config: MineConfig) -> Iterator[Problem | Drop]:
    """The page's problems, and the drafts that became none with the reason."""
    seen: set[str] = set()
    for draft in drafts_of(page):
        problem = _problem(page, draft, config)
        reason = question_fault(
            problem.question, min_words=config.min_words, max_chars=config.max_chars, has_code=draft.has_code
        )
        if reason is None and not draft.is_post and problem.solution is None and may_leak(problem.question):
            reason = MineDropReason.LEAKS_ANSWER
        if reason is None and problem.problem_id in seen:
            reason = MineDropReason.REPEATED
        if reason is None and config.require_answer and problem.answer is None:
            reason = MineDropReason.NO_ANSWER
        if reason is None:
            seen.add(problem.problem_id)
            yield problem
        else:
            yield Drop(problem.problem_id, reason, page.url, f"{draft.label}: {problem.question[:120]}")


def _problem(page: Page, draft: Draft, config: MineConfig) -> Problem:
    question, said = "\n\n".join(part.strip() for part in draft.question if part.strip()), ""
    if draft.is_post:
        question = without_attempt(question)
    elif not draft.solution and not draft.answer:
        question, said = asked_and_said(question)
    if draft.title and (draft.is_post or not question):
        question = f"{draft.title.strip()}\n\n{question}".strip()
    solution, answer = "\n\n".join([said, *draft.solution]).strip(), "\n\n".join(draft.answer).strip()
    if len(solution) > config.max_solution_chars:
        solution = ""
    return Problem(
        problem_id=record_id_of(SOURCE, question),
        source=SOURCE,
        split="train",
        kind=ProblemKind.ANSWER,
        question=question,
        answer=stated_answer(question, answer, solution, is_post=draft.is_post),
        solution=solution or answer or None,
        origin=f"{page.url}#{draft.label}",
        license=page.license,
    )


class MineStage(Stage[Page, Problem]):
    """Curated pages to problems. A page without any is a drop, and so is each draft that becomes none."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: MineConfig, context: StageContext) -> None:
        self._config = config

    def run(self, shard: Iterable[Page]) -> Iterator[Problem | Drop]:
        """Yield the problems of each page in order. A question that an earlier page of the shard asked is dropped."""
        seen: set[str] = set()
        for page in shard:
            empty = True
            for one in mined(page, self._config):
                empty = False
                if isinstance(one, Problem) and one.problem_id in seen:
                    yield Drop(one.problem_id, MineDropReason.REPEATED, page.url, one.origin)
                    continue
                if isinstance(one, Problem):
                    seen.add(one.problem_id)
                yield one
            if empty:
                yield Drop(page.record_id, MineDropReason.NO_PROBLEMS, page.url)
