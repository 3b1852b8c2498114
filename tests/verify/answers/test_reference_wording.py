r"""What textbooks write around an answer; and `[x = 1, y = 2]`, which is a list of named values."""

import json

import pytest

from benchmarks.shared_data import shared_data
from mathpipe.core.records import Outcome
from verify.answers.check import check_answer
from verify.answers.judgement import Reason
from verify.answers.reference_wording import bare_reference

SYSTEM = r"Solution is: $[x=-1, y=-5, z=4]$."


@pytest.mark.parametrize(
    ("reference", "bare"),
    [
        (r"Solution is: $k=4$.", "$k=4$"),
        (r"Solution is : $\{g=60, I=90\}$", r"$\{g=60, I=90\}$"),
        ("The solution is:\n\n$$\n(1-i) \\sqrt{2}\n$$", "$$\n(1-i) \\sqrt{2}\n$$"),
        (r"The mode is $1 / 3$.", "$1 / 3$"),
        (r"No solution : $\oslash$", "No solution"),
    ],
)
def test_wording_around_one_formula_goes(reference, bare):
    assert bare_reference(reference) == bare


@pytest.mark.parametrize(
    "reference",
    [
        r"No. This would lead to $0=1$.",  # says no
        r"The mode is $1$ and the mean $2$.",
        r"The equation has solution $x=1$ if $a>0$",
        r"Solution is: $\left[\begin{array}{r}1 \\ 0\end{array}\right]$, a basis is $1$",
        r"Solution is: $[x=2 t+1, y=4 t, z=t]$",  # a family: other parameters are as right
        r"Solution is: $\left[\begin{array}{r}\hat{t} \\ 0\end{array}\right]$",
        "$x=1$",
        "18",
        "",
    ],
)
def test_whatever_may_say_more_stays_whole(reference):
    assert bare_reference(reference) == reference


@pytest.mark.parametrize(
    "candidate",
    [
        "x=-1, y=-5, z=4",
        "$z=4$, $y=-5$, $x=-1$",
        r"\boxed{(-1,-5,4)}",
        "$(x,y,z)=(-1,-5,4)$",
        r"$\begin{pmatrix}-1\\-5\\4\end{pmatrix}$",
        "[x=-1, y=-5, z=4]",
    ],
)
def test_a_solved_system_is_found_in_any_spelling(candidate):
    assert check_answer(SYSTEM, candidate).outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    "candidate",
    [
        "x=-5, y=-1, z=4",
        "(4,-5,-1)",
        "x=-1, y=-5, z=5",
        "x=-1, y=-5",
        "-1",
        r"$\begin{pmatrix}-1\\4\\-5\end{pmatrix}$",
        r"$\begin{pmatrix}-1&-5&4\end{pmatrix}$",
        r"$\begin{vmatrix}-1\\-5\\4\end{vmatrix}$",
        "no solution",
    ],
)
def test_another_solution_of_a_system_is_wrong(candidate):
    assert check_answer(SYSTEM, candidate).outcome is not Outcome.CORRECT


@pytest.mark.parametrize(
    ("reference", "candidate", "outcome"),
    [
        ("[x=1, z=3, y=2]", "(1, 2, 3)", Outcome.CORRECT),  # x, y, z is the order of a point
        ("[x=1, z=3, y=2]", "(1, 3, 2)", Outcome.WRONG),
        ("[1, 2]", "(1, 2)", Outcome.WRONG),  # intervals, as before
        ("[k=4]", "4", Outcome.CORRECT),
        ("[x=1, x=2]", "x=1, x=2", Outcome.WRONG),  # no names of several values: left as it was
        (r"No solution : $\oslash$", r"\emptyset", Outcome.CORRECT),
        (r"No solution : $\oslash$", "0", Outcome.WRONG),
    ],
)
def test_named_values_in_brackets_are_a_list(reference, candidate, outcome):
    assert check_answer(reference, candidate).outcome is outcome


def test_a_list_is_no_column_where_nobody_names_the_entries():
    assert check_answer("1, 2", r"\begin{pmatrix}1\\2\end{pmatrix}").outcome is Outcome.WRONG


def test_279_references_of_college_math_are_not_read():
    data = shared_data()
    if data is None:
        pytest.skip("the shared data is not here")
    rows = (data / "benchmarks" / "college_math.jsonl").read_text(encoding="utf-8").splitlines()
    references = [json.loads(row)["answer"] for row in rows]
    unread = [one for one in references if check_answer(one, "0").reason == Reason.UNREADABLE_REFERENCE]
    assert (len(references), len(unread)) == (2818, 279)
