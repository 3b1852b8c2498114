"""`generate_problems`: our own templates as endless, exact, repeatable problems.

In: a template's name, a seed, a count, a difficulty from 1 to 5. Out: different problems, the same for the same
arguments on every machine. Every one has an exact answer and a chain-of-thought solution that ends in a box.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from random import Random

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind, record_id_of
from mathpipe.generate.problems.drafts import MAX_DIFFICULTY, Template
from mathpipe.generate.problems.equation_templates import EQUATION_TEMPLATES
from mathpipe.generate.problems.number_templates import NUMBER_TEMPLATES
from mathpipe.generate.problems.story_templates import STORY_TEMPLATES

TEMPLATES: dict[str, Template] = {
    template.name: template for template in (*NUMBER_TEMPLATES, *EQUATION_TEMPLATES, *STORY_TEMPLATES)
}
_TRIES = 200  # draws for one new question before the template counts as exhausted


def generate_problems(
    template: str, count: int, *, seed: int = 0, difficulty: int = 1, split: str = "train"
) -> Iterator[Problem]:
    """`count` different problems of one template; more of the same seed begin with the same ones.

    Raises `InputError` for an unknown template, a difficulty outside 1 to 5, and where the template has no more
    different questions of that difficulty.
    """
    chosen = _find(template)
    if not 1 <= difficulty <= MAX_DIFFICULTY:
        raise InputError(f"difficulty={difficulty}", f"a number from 1 to {MAX_DIFFICULTY}", "choose one of these")
    seen: set[str] = set()
    for index in range(count):
        yield _problem(chosen, seed, index, difficulty, split, seen)


def _problem(template: Template, seed: int, index: int, difficulty: int, split: str, seen: set[str]) -> Problem:
    for attempt in range(_TRIES):
        draft = template.draft(Random(f"{template.name}/{seed}/{difficulty}/{index}/{attempt}"), difficulty)
        if draft.question not in seen:
            break
    else:
        raise InputError(
            f"template {template.name!r} at difficulty {difficulty}",
            f"another question after {len(seen)} different ones",
            "ask for fewer, or for a greater difficulty",
        )
    seen.add(draft.question)
    source = f"template/{template.name}"
    return Problem(
        problem_id=record_id_of(source, draft.question),
        source=source,
        split=split,
        kind=ProblemKind.ANSWER,
        question=draft.question,
        answer=draft.answer,
        solution=draft.solution,
        subject=template.subject,
        level=f"difficulty {difficulty}",
        license="Apache-2.0",
        origin=f"{source} seed {seed} number {index}",
    )


def _find(name: str) -> Template:
    if name not in TEMPLATES:
        near = difflib.get_close_matches(name, TEMPLATES, n=2) or list(TEMPLATES)
        raise InputError(f"template {name!r}", f"one of {', '.join(TEMPLATES)}", f"did you mean {' or '.join(near)}?")
    return TEMPLATES[name]
