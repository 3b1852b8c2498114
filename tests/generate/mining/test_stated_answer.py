"""The answer a page states: taken where it is clear, None where it is not."""

import pytest

from mathpipe.generate.mining.stated_answer import at_the_end, boxed, said, stated_answer, value


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("$10x - 2$", "10x - 2"),
        ("$\\frac{1}{2\\sqrt{x-1}}$.", "\\frac{1}{2\\sqrt{x-1}}"),
        ("**42**", "42"),
        ("12 metres", "12 metres"),
        ("\\$5.40", "\\$5.40"),
        ("1,200", "1,200"),
        ("4/15 or about 26.7%", "4/15"),
        ("0.18 or 18%", "0.18"),
        ("$x = 5$", "x = 5"),
        ("$f(2) = 4 + 1 = 5$", "5"),
        ("$$\nx^2\n$$", "x^2"),
        ("Twenty-three. Most people guess more.", None),
        ("$3$ or $4$, as you like", "3"),
        ("$x > 3$", None),
        ("$1, 2, \\dots$", None),
        ("yes", None),
        ("$a$ and $b$", None),
        ("", None),
    ],
)
def test_a_value_is_a_formula_or_a_number_with_a_unit(text, answer):
    assert value(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So $\\boxed{24}$.", "24"),
        ("$\\boxed{\\frac{1}{2}}$", "\\frac{1}{2}"),
        ("$\\boxed{3}$ and again $\\boxed{3}$", "3"),
        ("$\\boxed{3}$ or $\\boxed{4}$", None),
        ("$\\boxed{3", None),
        ("$\\boxed{}$", None),
        ("no box", None),
    ],
)
def test_a_box_counts_if_all_say_the_same(text, answer):
    assert boxed(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Hence the answer is $6$. Check it.", "6"),
        ("Final answer: 3.5 km.", "3.5 km"),
        ("**Answer:** $-\\frac{102}{(3x+4)^3}$", "-\\frac{102}{(3x+4)^3}"),
        ("The answer is four pairs, that is eight tosses.", None),
        ("The answer is $4$. No, the answer is $6$.", None),
        ("24 correct answers * 2 points/answer = 48 points.", None),
        ("Nothing is said.", None),
    ],
)
def test_a_statement_counts_if_a_value_follows(text, answer):
    assert said(text) == answer


@pytest.mark.parametrize(
    ("solution", "question", "answer"),
    [
        ("The sum is $1 + 2 = 3$.", "Find the sum.", "3"),
        ("We get $7$.", "How many?", "7"),
        ("Thus $x = 3$.", "Find $x$.", "x = 3"),
        ("Thus $x = 3$.", "How many roots are there?", None),
        ("The least value is 3, achieved when $x = 1$.", "Find the least value of $x$.", None),
        ("Then $y = 2$ and $z = 3$.", "Find $z$.", None),
        ("So the plane is $x + y = 0$.", "Find the plane.", None),
        ("It is $2 + 2 = 4$ and so on, as one sees.", "What is $2+2$?", None),
        ("So $36 - 19 = 17 = x$.", "Find $x$.", None),
        ("$a < b = c$ holds for $a < 3$.", "Find it.", None),
    ],
)
def test_the_end_of_a_solution_counts_where_it_says_one_thing(solution, question, answer):
    assert at_the_end(solution, question) == answer


def test_a_box_that_is_doubtful_is_not_made_up_for():
    assert stated_answer("", "", "Either $\\boxed{3}$ or $\\boxed{4}$, so $1 + 3 = 4$.") is None


def test_an_answers_own_entry_goes_before_the_solution():
    assert stated_answer("Find $x$.", "$5$", "So $x = 6$.") == "5"
    assert stated_answer("Find $x$.", "see the book", "So $x = 6$.") is None
