r"""Extraction on published solutions: GSM8K generations with labels, MATH's solutions, ToRA's transcripts."""

import json
import os
from pathlib import Path

import pytest

from verify.answers.extract import AnswerKind, find_answer

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("MATHPIPE_SHARED_DATA", _BESIDE))

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data folder; set MATHPIPE_SHARED_DATA")


def rows(name):
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def plain(number):
    return number.replace(",", "").rstrip(".")


def test_all_labels_of_the_gsm8k_generations_follow_from_the_extracted_number():
    labelled = rows("graders/openai_gsm8k_5276_labelled_generations.jsonl")
    wrong = []
    for row in labelled:
        found = find_answer(row["pred"])
        equal = found is not None and plain(found.text) == plain(row["gold"])
        if equal != bool(row["expected"]):
            wrong.append(row["src"])
    assert len(labelled) == 5_276
    assert wrong == []


def last_box(solution):
    """The last box by counting braces, as MATH's own scorer does."""
    at = max(solution.rfind("\\boxed"), solution.rfind("\\fbox"))
    if solution.startswith("\\boxed ", at):
        return solution[at + 7 :].split("$")[0].strip()
    opening, depth = solution.index("{", at), 0
    for place in range(opening, len(solution)):
        depth += (solution[place] == "{") - (solution[place] == "}")
        if depth == 0:
            return solution[opening + 1 : place].strip()
    return None


def test_the_last_box_of_maths_solutions_is_found_but_where_several_are_joined():
    differing = []
    for row in rows("benchmarks/math_test.jsonl"):
        found = find_answer(row["solution"])
        if found.kind is AnswerKind.SEVERAL_BOXES:
            differing.append(found.text)
            assert found.text.endswith(last_box(row["solution"]))
        else:
            assert found.text == last_box(row["solution"])
    assert len(differing) == 10  # five list both roots, the others the same value twice or two answers


def test_toras_transcripts_give_its_predictions():
    differing = []
    for row in rows("outputs/tora-70b-v1.0.gsm8k.jsonl"):
        found = find_answer(row["code"][0])
        answer = "" if found is None else found.text
        for sign in (",", "\\%", "\\$", "{", "}"):
            answer = answer.replace(sign, "")
        if answer.removesuffix(".0").strip() not in (row["pred"][0], row["pred"][0].removesuffix(".0")):
            differing.append((answer, row["pred"][0]))
    # A fraction, here less its braces; and a program that never ran, from which ToRA took a piece of a docstring.
    assert [answer for answer, _ in differing] == ["\\frac84013", ""]
