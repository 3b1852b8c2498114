"""Published outputs of models as samples: JSON Lines, JSON or Parquet in the layouts that evaluation code writes.

In: a file, and the benchmark's problems where known. Out: a `PublishedOutputs` for each model in it: problems,
samples, and what the file itself says of each (its extracted answer, its verdict).

Columns are found by name; a cell may be one value or a list with one item a sample:

- ToRA and Qwen2.5-Math: `idx, question, gt, code, pred, report, score`; `code` holds whole solutions.
- DeepSeek-Math: `messages, answer, model_output, prediction, accuracy`.
- grade-school-math: one column a model, `{"solution": …, "is_correct": …}`; or rows `src, gold, pred, expected`.
- lm-evaluation-harness: `doc, target, resps, filtered_resps, exact_match`; and what else has such columns.

A row finds its problem by its question, less the instructions in lines after it; else by the number in its `idx` or
`id`, where that is a line of the benchmark with the same reference; else the problem is made from the row, and
`unmatched` counts it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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
from mathpipe.generate.problems import normal_question
from mathpipe.generate.problems.rows import Row, plain_text, read_rows
from verify import check_answer
from verify.answers.extract import AnswerKind, extract_answer, find_answer
from verify.answers.extract_blocks import fenced_blocks

_QUESTIONS = ("question", "problem", "query", "input", "instruction", "prompt")
_REFERENCES = (
    "gt gt_ans gold expected_answer ground_truth gold_answer reference_answer correct_answer target answer "
    "final_answer reference"
).split()
_TEXTS = (
    "code model_output completions completion responses response generations generation generated_text "
    "model_outputs outputs output samples resps solutions output_prediction_text predicted_solution"
).split()
_PREDICTIONS = (
    "pred preds prediction predictions predicted_answer predicted_answers extracted_answer extracted_answers "
    "filtered_resps parsed_answer output_parsed_answer model_answer"
).split()
_VERDICTS = "score scores accuracy is_correct correct expected exact_match correctness symbolic_correct".split()
_PROGRAM = re.compile(r"^(?:def \w+\(|print\(|import \w|from \w+ import)", re.MULTILINE)
_LAST_NUMBER = re.compile(r"\d{1,9}\Z")
_INSTRUCTION_LINES = 4
_IDS = ("idx", "id", "index", "doc_id")


@dataclass(slots=True)
class PublishedOutputs:
    """One model's outputs. `predictions` and `verdicts` are the file's own, by sample id."""

    model: str
    problems: list[Problem] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    predictions: dict[str, str] = field(default_factory=dict)
    verdicts: dict[str, bool] = field(default_factory=dict)
    unmatched: int = 0


@dataclass(frozen=True, slots=True)
class _Output:
    """What one row says of one sample."""

    model: str
    text: str
    prediction: str | None
    verdict: bool | None


def read_published(
    path: Path | str, problems: Iterable[Problem] | None = None, *, model: str | None = None
) -> list[PublishedOutputs]:
    """The outputs of every model in the file, in the order they appear.

    With `problems` their references count, and each model's `problems` are all of them: what the file leaves out is
    missing. Raises `InputError` for a row in which no solution or no reference is found, and where no row matches.
    """
    path = Path(path)
    benchmark = None if problems is None else _Benchmark(list(problems))
    found: dict[str, _Model] = {}
    for row in read_rows(path):
        problem = _problem_of(row, benchmark)
        for output in _outputs(row, model or path.stem):
            at = found.setdefault(output.model, _Model(PublishedOutputs(output.model), benchmark))
            at.add(row, problem, output)
    if not found:
        raise InputError(str(path), "at least one row", "check the file")
    outputs = [at.finished() for at in found.values()]
    if benchmark is not None and all(len(one.samples) and one.unmatched == len(one.samples) for one in outputs):
        raise InputError(str(path), "questions of the benchmark it is scored against", "name the benchmark it is of")
    return outputs


class _Benchmark:
    """Problems by question and by line."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self._by_question: dict[str, list[Problem]] = defaultdict(list)
        for problem in problems:
            self._by_question[normal_question(problem.question)].append(problem)
        self._asked: Counter[str] = Counter()

    def find(self, question: str | None, position: str | None, reference: str | None) -> Problem | None:
        """The problem of a row; the same question again goes to the next problem that has it."""
        for asked in _without_instructions(question or ""):
            key = normal_question(asked)
            same = self._by_question.get(key) if key else None
            if same:
                self._asked[key] += 1
                return same[(self._asked[key] - 1) % len(same)]
        number = _LAST_NUMBER.search(position or "")
        if number is None or int(number[0]) >= len(self.problems):
            return None
        at = self.problems[int(number[0])]
        if reference is None or at.answer is None:
            return None
        return at if check_answer(at.answer, reference).outcome is Outcome.CORRECT else None


def _without_instructions(question: str) -> Iterator[str]:
    """The question, and its beginnings: "Please reason step by step" often stands in lines after it."""
    lines = question.rstrip().split("\n")
    for end in range(len(lines), max(0, len(lines) - _INSTRUCTION_LINES - 1), -1):
        yield "\n".join(lines[:end])


class _Model:
    """Gathers one model's outputs."""

    def __init__(self, outputs: PublishedOutputs, benchmark: _Benchmark | None) -> None:
        self._outputs = outputs
        self._known = {} if benchmark is None else {one.problem_id: one for one in benchmark.problems}
        self._made: dict[str, Problem] = {}
        self._counts: Counter[str] = Counter()

    def add(self, row: Row, problem: Problem, output: _Output) -> None:
        """One more sample."""
        if problem.problem_id not in self._known:
            self._outputs.unmatched += 1
            self._made.setdefault(problem.problem_id, problem)
        index = self._counts[problem.problem_id]
        self._counts[problem.problem_id] += 1
        sample = _sample(row, problem, output, index)
        self._outputs.samples.append(sample)
        if output.prediction is not None:
            self._outputs.predictions[sample.sample_id] = output.prediction
        if output.verdict is not None:
            self._outputs.verdicts[sample.sample_id] = output.verdict

    def finished(self) -> PublishedOutputs:
        """The outputs, with the problems they are of."""
        return replace(self._outputs, problems=[*self._known.values(), *self._made.values()])


def _problem_of(row: Row, benchmark: _Benchmark | None) -> Problem:
    values = _flat(row.values)
    question, reference = _question(values), _first_text(values, _REFERENCES)
    position = _first_text(values, _IDS) or _position_in(values.get("src"))
    known = benchmark.find(question, position, reference) if benchmark is not None else None
    if known is not None:
        return known
    if reference is None:
        row.fail(f"a reference in one of {', '.join(_REFERENCES)}", "rename the column, or score against a benchmark")
    return Problem(
        problem_id=record_id_of(row.path.stem, question or "", position or "", reference),
        source=row.path.stem,
        split="test",
        kind=ProblemKind.ANSWER,
        question=question or f"(row {position or row.number} of {row.path.name})",
        answer=reference,
        subject=_first_text(values, ("subject", "type", "category", "subfield")),
        level=_first_text(values, ("level", "difficulty")),
        origin=f"{row.path.name}:{row.number}",
    )


def _flat(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """lm-evaluation-harness keeps the benchmark's row in `doc`."""
    doc = values.get("doc")
    return {**doc, **values} if isinstance(doc, Mapping) else values


def _question(values: Mapping[str, Any]) -> str | None:
    messages = values.get("messages")
    if isinstance(messages, list):
        asked = [one.get("content") for one in messages if isinstance(one, dict) and one.get("role") == "user"]
        if asked and isinstance(asked[-1], str):
            return asked[-1]
    return _first_text(values, _QUESTIONS)


def _position_in(source: object) -> str | None:
    """`file.jsonl[17].model` names line 17."""
    text = source if isinstance(source, str) else ""
    return text.partition("[")[2].partition("]")[0] or None


def _first_text(values: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        value = values.get(name)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
            value = ", ".join(value)
        if value is not None and not isinstance(value, list | dict) and plain_text(value).strip():
            return plain_text(value).strip()
    return None


def _outputs(row: Row, model: str) -> Iterator[_Output]:
    nested = {
        name: value
        for name, value in row.values.items()
        if isinstance(value, dict) and value.keys() >= {"solution", "is_correct"}
    }
    if nested:
        for name, value in nested.items():
            yield _Output(name, str(value["solution"]), None, _truth(value.get("is_correct")))
        return
    texts = _cells(row, _TEXTS)
    predictions, verdicts = _cells(row, _PREDICTIONS), _cells(row, _VERDICTS)
    if not texts:  # the only text is what others call the prediction
        texts, predictions = predictions, []
    if not texts:
        row.fail(f"a solution in one of {', '.join((*_TEXTS, *_PREDICTIONS))}", "rename the column")
    name = row.maybe("model") or _model_in(row.maybe("src")) or model
    for index, text in enumerate(texts):
        yield _Output(name, _text(text), _at(predictions, index, _prediction), _at(verdicts, index, _truth))


def _cells(row: Row, names: Sequence[str]) -> list[Any]:
    """The first column of these names that the row has, as a list with one item a sample."""
    for name in names:
        value = row.values.get(name)
        if value is None:
            continue
        while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
            value = value[0]  # lm-evaluation-harness: one list a request
        return value if isinstance(value, list) else [value]
    return []


def _at(cells: Sequence[Any], index: int, read: Any) -> Any:
    return read(cells[index]) if index < len(cells) else None


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        value = next((value[name] for name in ("text", "content", "output") if name in value), "")
    return "" if value is None else plain_text(value)


def _prediction(value: Any) -> str | None:
    if isinstance(value, list):
        value = ", ".join(map(plain_text, value))
    return None if value is None else plain_text(value)


def _truth(value: Any) -> bool | None:
    """A verdict; other numbers than 0 and 1 are none."""
    if isinstance(value, bool | int | float):
        return bool(value) if value in (0, 1) else None
    words = {"true": True, "yes": True, "false": False, "no": False}
    return words.get(value.strip().lower()) if isinstance(value, str) else None


def _model_in(source: str | None) -> str | None:
    """`file.jsonl[17].model` names the model."""
    return source.rpartition("].")[2] if source and "]." in source else None


def _sample(row: Row, problem: Problem, output: _Output, index: int) -> Sample:
    text, form = _with_output(output.text, output.prediction)
    return Sample(
        sample_id=record_id_of(row.path.name, output.model, problem.problem_id, index),
        problem_id=problem.problem_id,
        form=form,
        index=index,
        seed=0,
        model=output.model,
        text=text,
        segments=[Segment(SegmentKind.TEXT, text)],
        finish=Finish.STOP,
        prompt_tokens=0,
        completion_tokens=0,
        answer=output.prediction,
    )


def _with_output(text: str, prediction: str | None) -> tuple[str, Form]:
    """A finished program whose output the file keeps apart gets it back: it is what the program answers."""
    blocks = fenced_blocks(text)
    if any(block.is_output for block in blocks):
        return text, Form.TOOL_INTEGRATED
    bare = not blocks and _is_program(text)
    if not bare and not any(block.is_program for block in blocks):
        return text, Form.CHAIN_OF_THOUGHT
    text = f"```python\n{text.strip()}\n```" if bare else text
    finished = text.rstrip().endswith("```") and len(fenced_blocks(text)) == text.count("```") // 2
    if prediction is not None and finished and _is_output(prediction) and extract_answer(text) is None:
        text = f"{text.rstrip()}\n```output\n{prediction}\n```"
    return text, Form.PROGRAM


def _is_output(prediction: str) -> bool:
    """Whether a prediction may be what a program printed: an answer as it stands, not a piece of its text."""
    found = find_answer(prediction)
    return found is not None and found.kind is AnswerKind.WHOLE


def _is_program(text: str) -> bool:
    """Whether all of a text is a Python program that defines or prints something."""
    if not _PROGRAM.search(text):
        return False
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
