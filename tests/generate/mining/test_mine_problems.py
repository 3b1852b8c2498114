"""Problems mined from pages: what is taken, what is left, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.records import Drop, Page, Problem, ProblemKind
from mathpipe.core.stage import StageContext
from mathpipe.generate.mining import MineConfig, MineDropReason, MineStage, mine_problems
from mathpipe.generate.mining.mine import mined


def page(text: str, title: str = "A page", name: str = "a") -> Page:
    return Page(record_id=name, url=f"https://a.example/{name}", host="a.example", title=title, text=text)


def pairs(text: str, title: str = "A page") -> list[tuple[str, str | None]]:
    return [(one.question, one.answer) for one in mine_problems(page(text, title))]


def reasons(text: str, title: str = "A page", **config: object) -> list[str]:
    return [one.reason for one in mined(page(text, title), MineConfig(**config)) if isinstance(one, Drop)]


EXERCISES = """# Divisors

Some words on divisors.

## Exercise 3.2

How many positive divisors does $360$ have?

### Solution

As $360 = 2^3 \\cdot 3^2 \\cdot 5$ there are $4 \\cdot 3 \\cdot 2 = 24$ of them, so $\\boxed{24}$.

## Exercise 3.3

Find the sum of the positive divisors of $12$.

### Solution

The sum is $1 + 2 + 3 + 4 + 6 + 12 = 28$.

## Further reading

A book.
"""


def test_exercises_with_solutions_are_pairs():
    assert pairs(EXERCISES) == [
        ("How many positive divisors does $360$ have?", "24"),
        ("Find the sum of the positive divisors of $12$.", "28"),
    ]


def test_a_problem_says_where_it_stood_and_keeps_its_solution():
    first, second = mine_problems(page(EXERCISES))
    assert (first.source, first.split, first.kind) == ("mined", "train", ProblemKind.ANSWER)
    assert (first.origin, first.license) == ("https://a.example/a#problem 3.2", None)
    assert first.solution.startswith("As $360")
    assert second.solution == "The sum is $1 + 2 + 3 + 4 + 6 + 12 = 28$."


@pytest.mark.parametrize(
    "text",
    [
        "Problem. Compute $2^{10}$. Solution. Square $32$. Answer: $1024$.",
        "**Problem 1:** Compute $2^{10}$.\n\n**Answer:** $1024$",
        "Problem 1 Powers of two\n\nCompute $2^{10}$.\n\nHint: square.\n\nSolution:\n\nIt is easy.\n\nAnswer: 1024",
        "Q1. Compute $2^{10}$.\nA. $1024$",
        "### Question 7\n\nCompute $2^{10}$.\n\nShow answer\n\nAnswer: $1024$",
        "Exercice 1. Compute $2^{10}$. Corrigé. $2^{10} = 1024$.",
        "Aufgabe 1. Compute $2^{10}$. Lösung. $2^{10} = 1024$.",
    ],
)
def test_labels_of_many_kinds_are_read(text):
    ((question, answer),) = pairs(text)
    assert (question, answer) == ("Compute $2^{10}$.", "1024")


def test_a_numbered_list_is_paired_with_its_list_of_answers():
    text = (
        "# Word problems, with answers\n\n1. How many minutes are 3 hours?\n2. What is 15% of 60?\n\n## Answers\n\n"
        "1. 180 minutes\n2. $9$\n"
    )
    assert pairs(text) == [("How many minutes are 3 hours?", "180 minutes"), ("What is 15% of 60?", "$9$".strip("$"))]


def test_a_numbered_list_without_answers_counts_under_a_heading_that_says_so():
    steps = "1. Find the value of $3 + 4$.\n2. Compute $5!$ exactly."
    assert pairs(f"## How to cook\n\n{steps}") == []
    assert [answer for _, answer in pairs(f"## Exercises\n\n{steps}")] == [None, None]


def test_a_post_is_its_title_and_question_without_the_attempt():
    text = (
        "5\n\nI toss a fair coin until two heads come in a row. How many tosses do I need on average? "
        "I think it is four.\n\n"
        "## 2 Answers\n\n11\n\nLet $E$ be the number. Then $E = 1 + E/2 + F/2$. The answer is $6$.\n\n"
        "answered Aug 9 at 15:10 carla\n\n3\n\nThe answer is $4$."
    )
    ((question, answer),) = pairs(text, "Tosses until two heads - NumberFolk")
    assert question.startswith("Tosses until two heads\n\nI toss")
    assert question.endswith("on average?")
    assert answer == "6"


def test_what_posts_end_with_is_not_believed():
    text = "What is $2 + 2$?\n\n## 1 Answer\n\nIt is clear. For another case we get $3 + 3 = 6$."
    assert pairs(text, "Sums") == [("Sums\n\nWhat is $2 + 2$?", None)]


def test_an_example_counts_only_with_a_solution():
    assert pairs("Example 1. Find the root of $x - 3 = 0$.") == []
    assert len(pairs("Example 1. Find the root of $x - 3 = 0$. Solution. $x = 3$.")) == 1


def test_text_behind_an_unsolved_exercise_is_not_its_question():
    text = "Exercise 4. Compute the area of a circle with radius $2$.\n\nWe now turn to spheres, which are harder."
    assert pairs(text) == [("Compute the area of a circle with radius $2$.", None)]


def test_display_formulas_belong_to_the_question():
    text = "Exercise 4. Evaluate\n\n$$\n\\int_0^1 x\\,dx\n$$\n\nexactly.\n\nNext we turn to surfaces."
    assert pairs(text) == [("Evaluate\n\n$$\n\\int_0^1 x\\,dx\n$$\n\nexactly.", None)]


def test_a_solution_that_has_no_label_is_taken_out_of_the_question():
    text = "Problem. How wide is the pond, if half of it is 20 m? Twice the half is the whole, so it is 40 m wide."
    (problem,) = mine_problems(page(text))
    assert problem.question == "How wide is the pond, if half of it is 20 m?"
    assert problem.solution == "Twice the half is the whole, so it is 40 m wide."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Exercise 1. Prove that $\\sqrt{2}$ is irrational.", MineDropReason.NOT_CHECKABLE),
        ("Exercise 1. Why is $0! = 1$?", MineDropReason.NOT_CHECKABLE),
        ("Exercise 1. Find the area of the triangle in the figure.", MineDropReason.NEEDS_CONTEXT),
        ("Exercise 1. Compute the mean by the method of Exercise 3.", MineDropReason.NEEDS_CONTEXT),
        ("Exercise 1. (a) Find $2+2$. (b) Find $3+3$.", MineDropReason.SEVERAL_PARTS),
        ("Exercise 1. What is $2+2$? What is $3+3$?", MineDropReason.SEVERAL_PARTS),
        ("Exercise 1. Compute $2+2$ and find $3+3$.", MineDropReason.SEVERAL_PARTS),
        ("Exercise 1. The number $4$ is an even number.", MineDropReason.NO_TASK),
        ("Exercise 1. Find a friend and write them a letter.", MineDropReason.NO_MATHEMATICS),
        ("Exercise 1. Find $x$ with $2x = 4", MineDropReason.BROKEN),
        ("Exercise 1. Compute it.", MineDropReason.NO_MATHEMATICS),
        ("Exercise 1. Go.", MineDropReason.TOO_SHORT),
        ("Exercise 1. Find what `sage: factor(12)` gives for 12.", MineDropReason.CODE),
        ("Exercise 1. Find $2+2$, so the answer is $4$.", MineDropReason.LEAKS_ANSWER),
        ("Exercise 1. How long is the way? Ann goes 3 km an hour.", MineDropReason.LEAKS_ANSWER),
    ],
)
def test_what_cannot_be_asked_or_checked_is_dropped_with_its_reason(text, reason):
    assert reasons(text) == [reason]


def test_long_questions_repeated_ones_and_asked_for_answers():
    assert reasons("Exercise 1. Find " + "$x$ and $y$ with $x = y$ " * 20, max_chars=100) == [MineDropReason.TOO_LONG]
    twice = "Exercise 1. Compute $2+2$.\n\nExercise 2. Compute $2+2$."
    assert reasons(twice) == [MineDropReason.REPEATED]
    assert reasons("Exercise 1. Compute $2+2$.", require_answer=True) == [MineDropReason.NO_ANSWER]


@pytest.mark.parametrize(
    "text",
    [
        "# Signal processing\n\nQ : float\n\nQuality factor. Find the bandwidth `bw` of $3$ dB.",
        "Problem solving is an art. What is $2 + 2$?",
        "The exercise of power. Compute $2+2$.",
        "```\nQuestion: How many are 2 + 2?\nAnswer: 4\n```",
        "## Problems 6-10: counting\n\nWhat follows is harder.",
        "Theorem 1. Compute $2+2$.",
        "",
    ],
)
def test_what_is_no_exercise_gives_nothing(text):
    assert pairs(text) == []


def test_a_stage_yields_problems_and_counts_what_it_drops(tmp_path):
    stage = MineStage(MineConfig(), StageContext(files=tmp_path))
    shard = [page(EXERCISES), page("Only prose.", name="b"), page(EXERCISES, name="c")]
    given = list(stage.run(shard))
    assert [type(one) for one in given] == [Problem, Problem, Drop, Drop, Drop]
    dropped = [(one.reason, one.url) for one in given if isinstance(one, Drop)]
    assert dropped == [
        (MineDropReason.NO_PROBLEMS, "https://a.example/b"),
        (MineDropReason.REPEATED, "https://a.example/c"),
        (MineDropReason.REPEATED, "https://a.example/c"),
    ]


def test_the_same_question_has_the_same_id_wherever_it_stands():
    (one,) = mine_problems(page("Exercise 1. Compute $2+2$.", name="a"))
    (other,) = mine_problems(page("Problem 7. Compute $2+2$.", name="b"))
    assert one.problem_id == other.problem_id


PIECES = [
    "Exercise 1.",
    "## Solution",
    "Answer:",
    "1. Find $x$",
    "$$",
    "```",
    "# A",
    "\n\n",
    "How many?",
    "$2$",
    "Q:",
    "\n",
    "(a)",
]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=25).map(" ".join))
def test_any_text_is_read(text):
    for one in mined(page(text), MineConfig()):
        assert one.reason if isinstance(one, Drop) else one.question
