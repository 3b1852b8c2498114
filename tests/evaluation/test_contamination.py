import json
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop
from mathpipe.evaluation.contamination import find_contamination, training_texts, without_contamination
from mathpipe.evaluation.scoring import score
from tests.evaluation.worked_problems import boxed, problem

DUCKS = "Janet's ducks lay sixteen eggs per day and she eats three of them for breakfast every morning before work."
TRAIN = "A train leaves the old station at nine and travels eighty kilometers through green valleys until noon."


def test_a_problem_in_the_training_set_is_found_and_scored_apart() -> None:
    problems = [problem("a", "1", DUCKS), problem("b", "2", TRAIN)]
    found = find_contamination(
        problems, ["nothing here", f"Exercise 7. {DUCKS.upper()} Solution."], training_set="web"
    )
    assert list(found.by_problem) == ["a"]
    assert found.by_problem["a"].startswith("words: ")
    report = score(problems, [*boxed("a", "1"), *boxed("b", "5")], contaminated=found)
    assert report.contamination is not None
    assert (report.contamination.problems, report.contamination.texts) == (1, 2)
    assert (report.score("pass@1").value, report.contamination.clean_scores[0].value) == (0.5, 0.0)
    assert report.records[0].contaminated == found.by_problem["a"]


def test_problems_with_one_question_are_found_together() -> None:
    problems = [problem("a", "1", DUCKS), problem("b", "1", DUCKS)]
    assert set(find_contamination(problems, [DUCKS]).by_problem) == {"a", "b"}


def test_generated_problems_are_kept_apart_from_the_benchmark() -> None:
    mine = [problem("x", "1", f"Note: {DUCKS}"), problem("y", "1", TRAIN), problem("z", "1", "Compute 1 + 1.")]
    first, second, third = without_contamination(mine, [problem("a", "1", DUCKS)])
    assert isinstance(first, Drop)
    assert first.record_id == "x"
    assert (second, third) == (mine[1], mine[2])


def test_texts_come_from_text_columns_and_chats(tmp_path: Path) -> None:
    rows = [
        {"question": "Q", "solution": "S"},
        {"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}]},
        {"prompt": [{"role": "user", "content": "P"}], "completion": "C"},
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert list(training_texts(tmp_path)) == ["Q\n\nS", "U\n\nA", "C\n\nP"]
    (tmp_path / "train.jsonl").write_text('{"numbers": 3}\n')
    with pytest.raises(InputError, match="one of the columns"):
        list(training_texts(tmp_path))
    with pytest.raises(InputError, match="path of the training set"):
        list(training_texts(tmp_path / "absent"))
