from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from mathpipe.generate.problems import GYM_TASKS, TEMPLATES, generate_problems, gym_problems
from mathpipe.generate.problems.drafts import bracketed, leading, reduced, signed, written
from verify import check_answer, extract_answer


@pytest.mark.parametrize("difficulty", [1, 3, 5])
@pytest.mark.parametrize("name", TEMPLATES)
def test_the_solution_ends_in_the_answer_and_questions_differ(name: str, difficulty: int) -> None:
    problems = list(generate_problems(name, 40, seed=3, difficulty=difficulty))
    assert len({problem.question for problem in problems}) == len({problem.problem_id for problem in problems}) == 40
    for problem in problems:
        assert extract_answer(problem.solution or "") == problem.answer
        assert check_answer(problem.answer or "", problem.solution or "").outcome is Outcome.CORRECT


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_seed_gives_the_same_problems_and_more_begin_with_them(name: str) -> None:
    ten = list(generate_problems(name, 10, seed=7, difficulty=2))
    assert ten == list(islice(generate_problems(name, 20, seed=7, difficulty=2), 10))
    assert ten != list(generate_problems(name, 10, seed=8, difficulty=2))


def test_one_problem_of_a_seed_is_known_by_heart() -> None:
    [problem] = generate_problems("linear-equation", 1, seed=1, difficulty=3)
    assert problem.question == "Solve for $n$: $6n - 36 = -2n - 38$."
    assert (problem.answer, problem.level, problem.subject) == (r"-\frac{1}{4}", "difficulty 3", "algebra")


def plain(text: str) -> str:
    return text.replace("\\cdot", "*").replace("$", "")


def test_arithmetic_is_what_python_computes() -> None:
    for problem in generate_problems("arithmetic", 50, seed=2, difficulty=4):
        expression = plain(problem.question.removeprefix("Compute ").removesuffix("."))
        assert eval(expression) == int(problem.answer or "")


def test_a_linear_system_is_solved_by_its_answer() -> None:
    for problem in generate_problems("linear-system", 30, seed=2, difficulty=4):
        x, y = eval(problem.answer or "")
        for equation in problem.question.split("$")[3::2]:
            left, right = equation.split(" = ")
            for letter, value in (("x", x), ("y", y)):
                left = left.replace(f"-{letter}", f"-1{letter}") if left.startswith(f"-{letter}") else left
                left = left.replace(f" {letter}", f" 1{letter}")
                left = f"1{left}" if left.startswith(letter) else left
                left = left.replace(letter, f"*({value})")
            assert eval(left) == int(right)


def test_a_template_that_is_exhausted_says_so() -> None:
    with pytest.raises(InputError, match="another question after"):
        list(generate_problems("quadratic", 100_000, difficulty=1))


def test_unknown_templates_and_difficulties_are_refused() -> None:
    with pytest.raises(InputError, match="linear-equation"):
        list(generate_problems("linear-equations", 1))
    with pytest.raises(InputError, match="1 to 5"):
        list(generate_problems("arithmetic", 1, difficulty=6))


@given(st.fractions(max_denominator=50))
def test_terms_are_written_with_one_sign(value: Fraction) -> None:
    assert signed(value)[0] == ("-" if value < 0 else "+")
    assert written(value).count("-") <= 1
    assert bracketed(value).startswith("(") == (value < 0)


def test_terms_as_people_write_them() -> None:
    assert (leading(-1, "x"), leading(1, "x"), signed(-3, "y"), signed(1, "y")) == ("-x", "x", "- 3y", "+ y")
    assert (reduced(4, 6), reduced(2, 3)) == (r"\frac{4}{6} = \frac{2}{3}", r"\frac{2}{3}")


def test_a_gym_task_with_a_scorer_of_its_own_is_refused() -> None:
    with pytest.raises(InputError, match="scorer of their own"):
        list(gym_problems("sudoku", 1))


@pytest.mark.parametrize("task", GYM_TASKS)
def test_gym_tasks_give_the_same_problems_that_can_be_judged(task: str) -> None:
    pytest.importorskip("reasoning_gym", reason="the package reasoning-gym is not installed")
    problems = list(gym_problems(task, 5, seed=11))
    assert problems
    assert problems == list(gym_problems(task, 5, seed=11))
    for problem in problems:
        assert check_answer(problem.answer or "", problem.answer or "").outcome is Outcome.CORRECT
        assert check_answer(problem.answer or "", "123454321/7").reason != "unreadable-reference"


def test_gym_settings_make_problems_harder_and_wrong_ones_are_named() -> None:
    pytest.importorskip("reasoning_gym", reason="the package reasoning-gym is not installed")
    [problem] = gym_problems("chain_sum", 1, settings={"min_terms": 6, "max_terms": 6})
    assert problem.question.count(" + ") + problem.question.count(" - ") == 5
    with pytest.raises(InputError, match="settings of chain_sum"):
        list(gym_problems("chain_sum", 1, settings={"terms": 6}))
