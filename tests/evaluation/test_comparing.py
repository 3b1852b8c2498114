import pytest

from mathpipe.core.errors import InputError
from mathpipe.evaluate import compare, score
from tests.evaluation.worked_problems import boxed, problem


def test_flips_are_listed_and_tested_overall_and_by_subject() -> None:
    problems = [problem(str(at), "1", subject="even" if at % 2 == 0 else "odd") for at in range(8)]
    left = score(problems, [one for at in range(8) for one in boxed(str(at), "1" if at == 0 else "2")], name="old")
    right = score(
        problems, [one for at in range(8) for one in boxed(str(at), "1" if 0 < at < 7 else "2")], name="new"
    )
    result = compare(left, right)
    assert (result.overall.gained, result.overall.lost, result.overall.problems) == (6, 1, 8)
    assert result.overall.p_value == pytest.approx(16 / 128)
    assert (result.overall.left, result.overall.right) == (1 / 8, 6 / 8)
    assert [(one.name, one.gained, one.lost) for one in result.subjects] == [("even", 3, 1), ("odd", 3, 0)]
    first = result.flips[0]
    assert (first.problem_id, first.left, first.right) == ("0", 1.0, 0.0)
    assert len(result.flips) == 7


def test_only_problems_that_both_have_scored_are_compared() -> None:
    left = score([problem("a", "1"), problem("b", None)], [*boxed("a", "1"), *boxed("b", "1")])
    right = score([problem("a", "1"), problem("b", "1"), problem("c", "1")], boxed("a", "1"))
    result = compare(left, right)
    assert (result.overall.problems, result.only_left, result.only_right) == (1, 0, 2)
    with pytest.raises(InputError, match="the same problems"):
        compare(left, score([problem("z", "1")], boxed("z", "1")))


def test_samples_of_unlike_number_compare_by_their_share() -> None:
    left = score([problem("a", "1")], boxed("a", "1", "2"))
    right = score([problem("a", "1")], boxed("a", "1"))
    assert compare(left, right).flips[0].right == 1.0
