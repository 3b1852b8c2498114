"""Problems and selections as the data sets that TRL's trainers take.

In: problems, or the folder of a selection. Out: `datasets.Dataset`. Prompts are chat messages: TRL renders them with
the tokenizer's template. The columns that `verify.rewards` reads (`answer`, `statement`, `tests`) lie beside them, so
that `GRPOTrainer` hands them to our rewards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.generate.prompts import load_prompt
from mathpipe.selection.records import Layout


def problem_dataset(problems: Iterable[Problem], prompt: str = "math-cot") -> Any:
    """One row a problem for `GRPOTrainer`, asked with that prompt of ours. Raises `InputError` for no problems."""
    asked = load_prompt(prompt)
    rows = [_row(problem, [asdict(message) for message in asked.messages(problem)]) for problem in problems]
    if not rows:
        raise InputError("data set", "at least one problem", "check the source and its split")
    return dataset_class().from_list(rows)


def selection_dataset(folder: Path, layout: Layout | str) -> Any:
    """The rows that `mathpipe select` wrote below the folder: layout sft for SFTTrainer, dpo and grpo likewise."""
    shards = sorted((folder / Layout(layout)).glob("shard-*.parquet"))
    if not shards:
        raise InputError(str(folder / Layout(layout)), "a folder of shards", "run mathpipe select first")
    if not sum(pq.read_metadata(shard).num_rows for shard in shards):  # `datasets` opens no table without rows
        raise InputError(str(folder / Layout(layout)), "at least one row", "see the selection's summary.json")
    return dataset_class().from_parquet([str(shard) for shard in shards])


def dataset_class() -> Any:
    """`datasets.Dataset`; raises `InputError` where it is not installed."""
    try:
        from datasets import Dataset  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError("data set", f"datasets ({error})", "pip install datasets") from None
    return Dataset


def _row(problem: Problem, prompt: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "answer": problem.answer,
        "statement": problem.statement,
        "tests": [{"stdin": test.stdin, "expected": test.stdout} for test in problem.tests],
        "kind": problem.kind.value,
        "problem_id": problem.problem_id,
        "source": problem.source,
        "split": problem.split,
        "license": problem.license,
    }
