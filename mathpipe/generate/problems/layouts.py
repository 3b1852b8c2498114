"""How each benchmark's file says question, answer, solution, subject and level.

In: a `Row`. Out: `Parts`. One function a layout; a row that does not fit raises `InputError` with file and line.
The layouts are those of the files that the benchmarks' own repositories and the evaluation code of ToRA,
Qwen2.5-Math and DeepSeek-Math carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mathpipe.core.records import ProgramTest
from mathpipe.generate.problems.boxes import boxes, last_box
from mathpipe.generate.problems.rows import Row

_CALCULATION = re.compile(r"<<[^<>]*>>")  # GSM8K's notes for a calculator, within a solution
_UNIT_IN_PARENTHESES = re.compile(r"\s*\([^()]*\)\s*$")
_OPTION = re.compile(r"(?:^|\s)\(?([A-J])[).]\s")
_ALL_ASKED = re.compile(r"separated by comma")
_LEAN_COMMENT = re.compile(r"/--?|-/")
_QUESTIONS = ("question", "problem", "input", "prompt", "query", "informal_statement")
_ANSWERS = ("final_answer", "answer", "target", "gold", "gt", "golden", "expected_answer", "ground_truth")
_HASHES = "####"
_SITTING = re.compile(r"(?:12[ab]?|I+|sl)$")  # amc12a, aimeII, imosl


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a row says of its problem."""

    question: str
    answer: str | None = None
    solution: str | None = None
    statement: str | None = None
    tests: tuple[ProgramTest, ...] = ()
    subject: str | None = None
    level: str | None = None
    license: str | None = None
    split: str | None = None


def gsm8k(row: Row) -> Parts:
    """`question`, and an `answer` whose last line is `#### 18`; thousands commas go, calculator notes too."""
    solution, hashes, answer = row.text("answer").rpartition(_HASHES)
    if not hashes or not answer.strip():
        row.fail(f"an answer that ends with `{_HASHES} 18`", "mend or remove the row")
    return Parts(
        question=row.text("question"),
        answer=answer.strip().replace(",", ""),
        solution=_CALCULATION.sub("", solution).strip(),
    )


def math(row: Row) -> Parts:
    r"""`problem`, a `solution` with `\boxed{…}`, `level`, and `type` or `subject`; an `answer` column goes first."""
    question, solution = row.text("problem"), row.text("solution")
    answer = row.maybe("answer") or _boxed(question, solution)
    if answer is None:
        row.fail(r"a solution with \boxed{…}, or an answer", "mend or remove the row")
    level = row.maybe("level")
    return Parts(
        question=question,
        answer=answer,
        solution=solution,
        subject=row.maybe("subject") or row.maybe("type"),
        level=level if level is None or not level.isdecimal() else f"Level {level}",
    )


def _boxed(question: str, solution: str) -> str | None:
    """MATH's rule is the last box. Eight questions that want all values have one box for each: all are the answer."""
    if _ALL_ASKED.search(question):
        return ", ".join(dict.fromkeys(boxes(solution))) or None
    return last_box(solution)


def svamp(row: Row) -> Parts:
    """`Body` and `Question` make the question; `Answer` is a float."""
    return Parts(
        question=joined(row.text("Body"), row.text("Question")),
        answer=row.text("Answer"),
        solution=row.maybe("Equation"),
        subject=row.maybe("Type"),
    )


def asdiv(row: Row) -> Parts:
    """`body` and `question`; the unit in `9 (apples)` is no part of the answer, for the question names it."""
    answer = row.text("answer")
    return Parts(
        question=joined(row.text("body"), row.text("question")),
        answer=_UNIT_IN_PARENTHESES.sub("", answer).strip() or answer,
        solution=row.maybe("formula"),
        subject=row.maybe("solution_type"),
    )


def input_target(row: Row) -> Parts:
    """`input` and `target`: MAWPS, GSM-Hard; a `code` column is the solution."""
    return Parts(
        question=row.text("input"), answer=row.text("target"), solution=row.maybe("code"), subject=row.maybe("type")
    )


def olympiad(row: Row) -> Parts:
    """`final_answer` is a list; several belong together, as in `x = 1, 2`. The unit stands in the question."""
    answers = [
        part.strip().strip("$").strip() if part.count("$") == 2 else part for part in row.texts("final_answer")
    ]
    context = row.maybe("context")
    solutions = row.values.get("solution")
    return Parts(
        question=joined(context, row.text("question")) if context else row.text("question"),
        answer=", ".join(answers),
        solution="\n\n".join(row.texts("solution")) if solutions else None,
        subject=row.maybe("subfield"),
        level=row.maybe("answer_type"),
    )


def college(row: Row) -> Parts:
    """`question`, `answer`, and each row's own `license`."""
    topic = row.maybe("data_topic")
    return Parts(
        question=row.text("question"),
        answer=row.text("answer"),
        subject=topic.rpartition(".")[2] if topic else None,
        license=row.maybe("license"),
    )


def competition(row: Row) -> Parts:
    """`problem` and `answer`: AMC and AIME."""
    return Parts(question=row.text("problem"), answer=row.text("answer"), solution=row.maybe("solution"))


def cmath(row: Row) -> Parts:
    """`question` and `golden` in Chinese, by school grade."""
    return Parts(question=row.text("question"), answer=row.text("golden"), level=f"grade {row.text('grade')}")


def options(row: Row) -> Parts:
    """`options` as `A) … B) …` and a letter in `Answer`; the answer keeps what the option says beside its letter."""
    text, letter = row.text("options"), row.text("Answer").strip("() ")
    contents = _options(text)
    if letter not in contents:
        row.fail(f"an Answer among the options {', '.join(contents) or '(none found)'}", "mend or remove the row")
    listed = "\n".join(f"({name}) {content}" for name, content in contents.items())
    return Parts(question=f"{row.text('question')}\n{listed}", answer=f"({letter}) {contents[letter]}")


def _options(text: str) -> dict[str, str]:
    """Letters A, B, C … in order, each with what follows; a letter out of order belongs to the option before it."""
    found: list[re.Match[str]] = []
    for match in _OPTION.finditer(text):
        if match[1] == chr(ord("A") + len(found)):
            found.append(match)
    ends = [match.start() for match in found[1:]] + [len(text)]
    return {match[1]: text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}


def lean(row: Row) -> Parts:
    """A Lean 4 `formal_statement` under its `header`; the question is the informal one."""
    header, statement = row.maybe("header"), row.text("formal_statement")
    informal = _LEAN_COMMENT.sub(" ", row.maybe("informal_prefix") or row.maybe("informal_statement") or "").strip()
    split = row.maybe("split")
    return Parts(
        question=informal or statement,
        statement=f"{header}\n\n{statement}" if header else statement,
        solution=row.maybe("formal_proof"),
        subject=_family(row.maybe("name")),
        split=split,
    )


def _family(name: str | None) -> str | None:
    """miniF2F names its sources: `mathd_algebra_182` is `mathd_algebra`, `amc12a_2019_p21` is `amc`."""
    words = (name or "exercise").split("_")
    if words[0] == "exercise":  # ProofNet: a number in a book
        return None
    return "_".join(words[:2]) if words[0] == "mathd" else _SITTING.sub("", words[0])


def generic(row: Row) -> Parts:
    r"""Any file with usual column names; the answer may stand after `####` or in the last box of a solution."""
    question = next((text for name in _QUESTIONS if (text := row.maybe(name))), None)
    if question is None:
        row.fail(
            f"one of the columns {', '.join(_QUESTIONS)} (the row has {', '.join(sorted(row.values))})",
            "rename the column, or name a benchmark whose layout the file has",
        )
    solution = row.maybe("solution")
    answer = next((text for name in _ANSWERS if (text := row.maybe(name))), None)
    if answer is not None and _HASHES in answer:
        solution, _, answer = answer.rpartition(_HASHES)
        answer, solution = answer.strip().replace(",", ""), solution.strip()
    return Parts(
        question=question,
        answer=answer or (last_box(solution) if solution else None),
        solution=solution,
        subject=row.maybe("subject") or row.maybe("type"),
        level=row.maybe("level"),
        license=row.maybe("license"),
    )


def joined(first: str, second: str) -> str:
    """Two parts of a question as one; a missing full stop between them is added."""
    first = first.strip()
    return f"{first}{'' if first.endswith(('.', '?', '!', ',', ':', ';')) else '.'} {second.strip()}"
