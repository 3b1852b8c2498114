"""How much of the published reference answers is read, where the shared data is at hand."""

import json

import pytest

from benchmarks.shared_data import shared_data
from verify.answers.parse import ParseError, parse_answer


def rows(name):
    folder = shared_data()
    if folder is None:
        pytest.skip("the shared data is not here")
    return [
        json.loads(line)
        for line in (folder / "benchmarks" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]


def last_box(solution):
    start = max(solution.rfind(r"\boxed"), solution.rfind(r"\fbox"))
    opening = solution.find("{", start)
    if opening < 0 or opening > start + 8:
        return solution[start:].split("$")[0].split(" ", 1)[1]
    depth = 0
    for index in range(opening, len(solution)):
        depth += (solution[index] == "{") - (solution[index] == "}")
        if depth == 0:
            return solution[opening + 1 : index]
    return solution[opening + 1 :]


REFERENCES = {
    "math_test": lambda row: [last_box(row["solution"])],
    "math500_test": lambda row: [row["answer"]],
    "olympiadbench": lambda row: row["final_answer"] or [],
    "minerva_math": lambda row: [last_box(row["solution"])],
    "college_math": lambda row: [row["answer"]],
    "gsm8k_test": lambda row: [row["answer"].split("####")[1].strip()],
    "amc23": lambda row: [str(row["answer"])],
    "aime24": lambda row: [str(row["answer"])],
    "svamp_test": lambda row: [str(row["Answer"])],
    "asdiv_test": lambda row: [row["answer"]],
    "mawps_test": lambda row: [str(row["target"])],
    "cmath_test": lambda row: [row["golden"]],
    "sat_test": lambda row: [row["Answer"]],
}
# What is left in college_math is mostly explanations in sentences.
UNREAD = {"olympiadbench": 1, "college_math": 340, "asdiv_test": 20}


@pytest.mark.parametrize("name", REFERENCES)
def test_published_answers_are_read(name):
    references = [reference for row in rows(name) for reference in REFERENCES[name](row)]
    unread = [reference for reference in references if not is_read(reference)]
    assert len(unread) <= UNREAD.get(name, 0), unread[:20]


def is_read(text):
    try:
        parse_answer(text)
    except ParseError:
        return False
    return True
