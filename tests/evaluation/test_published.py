import json
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Form, Problem
from mathpipe.evaluation.differences import DifferenceKind, find_differences
from mathpipe.evaluation.published import PublishedOutputs, read_published
from mathpipe.evaluation.scoring import score
from tests.evaluation.worked_problems import problem


def read(folder: Path, *rows: object, problems: list[Problem] | None = None) -> list[PublishedOutputs]:
    path = folder / "outputs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_published(path, problems)


TORA = {"idx": 0, "question": "Q?", "gt": "18", "code": [r"It is $\boxed{18.0}$."], "pred": ["18"], "report": [None]}


def test_tora_and_qwen_rows_have_a_list_of_samples(tmp_path: Path) -> None:
    row = {**TORA, "code": [r"\boxed{18}", r"\boxed{9}"], "pred": ["18", "9"], "score": [True, False], "level": 3}
    [outputs] = read(tmp_path, row)
    assert [one.index for one in outputs.samples] == [0, 1]
    assert list(outputs.predictions.values()) == ["18", "9"]
    assert list(outputs.verdicts.values()) == [True, False]
    assert (outputs.problems[0].answer, outputs.problems[0].level, outputs.model) == ("18", "3", "outputs")


def test_deepseek_rows_ask_in_messages(tmp_path: Path) -> None:
    row = {
        "messages": [{"role": "user", "content": "Q?"}, {"role": "assistant", "content": ""}],
        "answer": ["18"],
        "model_output": r"So \boxed{18}",
        "prediction": ["18"],
        "accuracy": 1,
    }
    (tmp_path / "predictions.json").write_text(json.dumps([row]))
    [outputs] = read_published(tmp_path / "predictions.json", [problem("p", "18", "Q?")])
    assert (outputs.samples[0].problem_id, outputs.unmatched) == ("p", 0)
    assert list(outputs.verdicts.values()) == [True]


def test_a_column_a_model_makes_a_model_each(tmp_path: Path) -> None:
    row = {
        "question": "Q?",
        "ground_truth": "x\n#### 18",
        "small": {"solution": "A: 9", "is_correct": False},
        "big": {"solution": "A: 18", "is_correct": True},
    }
    small, big = read(tmp_path, row)
    assert (small.model, big.model) == ("small", "big")
    assert score(big.problems, big.samples).score("pass@1").value == 1.0
    assert score(small.problems, small.samples).score("pass@1").value == 0.0


def test_harness_rows_keep_the_question_in_a_document(tmp_path: Path) -> None:
    row = {
        "doc": {"question": "Q?", "answer": "#### 18"},
        "target": "18",
        "resps": [["It is 18."]],
        "exact_match": 1.0,
    }
    [outputs] = read(tmp_path, row)
    assert (outputs.problems[0].question, outputs.samples[0].text) == ("Q?", "It is 18.")


def test_rows_find_their_problem_by_question_else_by_line_and_reference(tmp_path: Path) -> None:
    problems = [problem("a", "18", "How many ducks?"), problem("b", "1,800", "How many geese?")]
    by_question = {**TORA, "idx": 1, "question": "how many DUCKS ?"}
    by_line = {**TORA, "idx": 1, "question": "Please solve: geese", "gt": "1800"}
    neither = {**TORA, "idx": 0, "question": "Other", "gt": "5"}
    [outputs] = read(tmp_path, by_question, by_line, neither, problems=problems)
    assert [one.problem_id for one in outputs.samples[:2]] == ["a", "b"]
    assert (outputs.unmatched, len(outputs.problems)) == (1, 3)


def test_instructions_after_the_question_do_not_hide_it(tmp_path: Path) -> None:
    row = {**TORA, "question": "Q?\nPlease reason step by step.\nUse a box.", "idx": "test-7"}
    [outputs] = read(tmp_path, row, problems=[problem("p", "18", "Q?")])
    assert outputs.unmatched == 0


def test_a_row_finds_its_problem_by_the_number_in_its_id(tmp_path: Path) -> None:
    row = {**TORA, "question": "something else", "idx": "sat-test-1", "gt": "C"}
    [outputs] = read(tmp_path, row, problems=[problem("p", "18", "Q?"), problem("q", "(C) 7", "R?")])
    assert outputs.samples[0].problem_id == "q"


def test_numbers_other_than_0_and_1_are_no_verdicts(tmp_path: Path) -> None:
    [outputs] = read(tmp_path, {**TORA, "score": [-1.25]}, {**TORA, "score": [1.0]}, {**TORA, "score": ["False"]})
    assert list(outputs.verdicts.values()) == [True, False]


def test_a_harness_document_with_a_solution_is_no_model(tmp_path: Path) -> None:
    row = {"doc": {"problem": "Q?", "solution": r"\boxed{18}"}, "target": "18", "resps": [[r"\boxed{18}"]]}
    [outputs] = read(tmp_path, row)
    assert (outputs.model, outputs.problems[0].question) == ("outputs", "Q?")


def test_the_same_question_again_is_the_next_problem_that_has_it(tmp_path: Path) -> None:
    problems = [problem("a", "1", "Q?"), problem("b", "1", "Q?")]
    [outputs] = read(tmp_path, TORA, TORA, problems=problems)
    assert [one.problem_id for one in outputs.samples] == ["a", "b"]


def test_outputs_of_another_benchmark_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name the benchmark it is of"):
        read(tmp_path, TORA, problems=[problem("a", "5", "Another?")])


def test_a_program_gets_back_the_output_that_the_file_keeps_apart(tmp_path: Path) -> None:
    fenced = {**TORA, "code": ["```python\nprint(9 * 2)\n```"]}
    bare = {**TORA, "code": ["def solution():\n    return 9 * 2\n\nprint(solution())"]}
    torn = {
        **TORA,
        "code": ['```python\n"""A set with 500 pieces, and one"""\nprint(1)\n```'],
        "pred": ['setwith500piecesonthefloor,anotherone.Howmanydoeshepickup?"""'],
    }
    for row, text in ((fenced, "```output\n18\n```"), (bare, "```output\n18\n```"), (torn, "print(1)\n```")):
        [outputs] = read(tmp_path, row)
        assert outputs.samples[0].text.endswith(text)
        assert outputs.samples[0].form is Form.PROGRAM


def test_a_row_without_solution_or_reference_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"outputs.jsonl, line 1: a solution in one of code"):
        read(tmp_path, {"question": "Q?", "gt": "1"})
    with pytest.raises(InputError, match="line 1: a reference in one of gt"):
        read(tmp_path, {"question": "Q?", "completion": "1"})


def test_differences_say_what_differs_and_why(tmp_path: Path) -> None:
    asks = "What percent?"
    rows = [
        TORA,
        {**TORA, "question": asks, "code": [r"\boxed{18\%}"]},
        {**TORA, "question": "R?", "code": [r"It is 18. No, \boxed{7}"]},
        {**TORA, "question": "S?", "code": [r"\boxed{18}"], "score": [False]},
        {**TORA, "question": "T?", "code": [r"\boxed{18}"], "score": [True]},
    ]
    [outputs] = read(tmp_path, *rows)
    differences = find_differences(outputs, score(outputs.problems, outputs.samples))
    assert [one.kind for one in differences] == [
        DifferenceKind.VERDICT,
        DifferenceKind.ANSWER,
        DifferenceKind.SPELLING,
        DifferenceKind.SPELLING,
    ]
    assert (differences[0].theirs, differences[0].ours) == ("wrong: 18", "correct: 18")
    assert differences[1].why.startswith("another place of the text was read")
    assert differences[2].why == "their extraction drops the zeros after the point"
    assert differences[3].why == "their extraction drops the percent sign, the question asks for a percentage"
