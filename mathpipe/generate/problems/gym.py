"""Problems from the package `reasoning-gym` (arXiv 2505.24760, Apache-2.0), which is optional.

In: a task's name, a seed, a count, the task's own settings. Out: `Problem` records. Only tasks whose answer is one
mathematical value are taken: those with many right answers have scorers of their own, and a verifier of answers would
call right ones wrong.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind, record_id_of

GYM_TASKS: tuple[str, ...] = (
    "basic_arithmetic",
    "chain_sum",
    "complex_arithmetic",
    "count_bits",
    "count_primes",
    "decimal_arithmetic",
    "decimal_chain_sum",
    "dice",
    "fraction_simplification",
    "gcd",
    "gsm_symbolic",
    "lcm",
    "leg_counting",
    "number_sequence",
    "polynomial_multiplication",
    "products",
    "simple_equations",
    "simple_geometry",
)
_PACKAGE = "reasoning_gym"
_HASHES = "####"


def gym_problems(
    task: str, count: int, *, seed: int = 0, split: str = "train", settings: Mapping[str, Any] | None = None
) -> Iterator[Problem]:
    """Up to `count` problems of a task: a question that comes again is left out. The same seed, the same problems.

    Raises `InputError` where the package is missing, for a task that is not in `GYM_TASKS`, and for settings that the
    task refuses.
    """
    if task not in GYM_TASKS:
        near = difflib.get_close_matches(task, GYM_TASKS, n=1)
        repair = f"did you mean {near[0]}?" if near else "its answers are judged by a scorer of their own"
        raise InputError(f"reasoning-gym task {task!r}", f"one of {', '.join(GYM_TASKS)}", repair)
    if find_spec(_PACKAGE) is None:
        raise InputError("reasoning-gym", "the package to be installed", 'install it: pip install "reasoning-gym"')
    create: Any = importlib.import_module(_PACKAGE).create_dataset
    try:
        dataset = create(task, size=count, seed=seed, **(settings or {}))
    except (TypeError, ValueError, AssertionError) as error:
        raise InputError(f"settings of {task}", f"what the task takes ({error})", "see its config class") from None
    seen: set[str] = set()
    for index in range(count):
        entry = dataset[index]
        if entry["question"] not in seen:
            seen.add(entry["question"])
            yield _problem(task, seed, index, split, entry)


def _problem(task: str, seed: int, index: int, split: str, entry: Mapping[str, Any]) -> Problem:
    source, question, facts = f"reasoning-gym/{task}", entry["question"].strip(), entry.get("metadata") or {}
    steps = str(facts.get("answer_cot") or "").rpartition(_HASHES)[0].strip()
    return Problem(
        problem_id=record_id_of(source, question),
        source=source,
        split=split,
        kind=ProblemKind.ANSWER,
        question=question,
        answer=str(entry["answer"]).strip(),
        solution=steps or None,
        subject=task,
        level=_level(facts.get("difficulty")),
        license="Apache-2.0",
        origin=f"{source} seed {seed} number {index}",
    )


def _level(difficulty: object) -> str | None:
    if isinstance(difficulty, Mapping):
        return ", ".join(f"{name} {value}" for name, value in difficulty.items()) or None
    return None if difficulty is None else str(difficulty)
