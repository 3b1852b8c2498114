r"""Equations that a step states: which are found, which can be checked, and what they come to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify import Outcome, PoolLimits, StepClaim, VerifierPool
from verify.step_equations import MAX_EQUATIONS, check_step, stated_equations

STATED = [
    ("So 3 + 4 = 7 cars.", [("3 + 4", "7")]),
    (r"$12 \times 3 = 36$", [(r"12 \times 3", "36")]),
    (r"12 \times 3 = 36 in all", [(r"12 \times 3", "36")]),
    ("3 x 4 = 12", [(r"3 \times 4", "12")]),
    ("10 – 3 = 7, 7 − 2 = 5.", [("10 - 3", "7"), ("7 - 2", "5")]),
    ("48/2 = <<48/2=24>>24", [("48/2", "24")]),
    ("$48/2 = $24 each, and $24*3 = $72", [("48/2", "24"), ("24*3", "72")]),
    ("so .20*50 = $10.00", [(".20*50", "10.00")]),
    ("3 + 4\n= 7\n= 10 - 3", [("3 + 4", "7"), ("3 + 4", "10 - 3")]),
    (r"$3 \cdot 4 = 12 = 13$", [(r"3 \cdot 4", "12"), (r"3 \cdot 4", "13")]),
    ("1. 3 + 4 = 7\n- 5 + 5 = 10", [("3 + 4", "7"), ("5 + 5", "10")]),
    ("It is more (3 + 4 = 7).", [("3 + 4", "7")]),
    ("(3 + 4) * 2 = 14", [("(3 + 4) * 2", "14")]),
    ("x = 3 + 4 = 7", [("3 + 4", "7")]),
    (r"\[\begin{aligned} 3+4 &= 7 \\ &= 8 - 1\end{aligned}\]", [("3+4", "7"), ("3+4", "8 - 1")]),
    (r"$\sum_{k=1}^{3} k = 6$", [(r"\sum_{k=1}^{3} k", "6")]),
    (r"$3 \cdot 4 = 12 \text{ eggs, so } 12 / 2 = 6$", [(r"3 \cdot 4", "12"), ("12 / 2", "6")]),
    (r"$90^3=729,\!000$", [("90^3", "729,000")]),
]
CARRIED_ON = [
    "2x + 3 = 7",
    "5 apples + 3 = 8",
    "5+5 = 8 apples + 2 apples",
    "20% of 50 + 10 = 20",
    "log 100 = 2",
    "f(3) = 9",
    "17 / 5 = 3 remainder 2",
    r"$17 / 5 = 3 \text{ remainder } 2$",
    r"$60\text{ miles} / 20 = 3$",
    "15 pages x 1/3 = 5 pages",
    "¾ x 3/3 = 9/12",
    "$3+4$ = 8",
    "10:30 + 2 = 12",
    "7 + 8 = 3 mod 12",
    "7 + 8 = 3 (mod 12)",
    "$7 + 8 = 3$ (mod 12)",
    r"\(7 + 8 = 3\) modulo 12",
    r"$7 + 8 = 3 \text{ (mod 12)}$",
    "```python\n1 + 1 = 3\n```",
    r"$\begin{pmatrix} 1 + 1 = 3 \\ 2 \end{pmatrix}$",
]


@pytest.mark.parametrize(("step", "equations"), STATED)
def test_equations_are_found_in_prose_and_formulas(step, equations):
    assert stated_equations(step) == equations


@pytest.mark.parametrize("step", CARRIED_ON)
def test_a_side_that_words_carry_on_is_left_out(step):
    assert stated_equations(step) == []


@pytest.mark.parametrize(
    ("step", "outcome"),
    [
        ("3 + 4 = 7 and 7 * 2 = 14", Outcome.CORRECT),
        ("3 + 4 = 7 and 7 * 2 = 15", Outcome.WRONG),
        ("3 + 4 = 8 = 2 * 4", Outcome.WRONG),
        ("10 / 3 = 3.33", Outcome.CORRECT),
        ("10 / 3 = 3", Outcome.WRONG),
        (r"$2\pi \cdot 3 = 6\pi$", Outcome.CORRECT),
        (r"$\frac{1}{2} + \frac{1}{3} = \frac{2}{5}$", Outcome.WRONG),
        (r"$\int_0^1 2t \, dt = 1$", Outcome.CORRECT),
        ("10:30 + 2 = 12:30", Outcome.NO_ANSWER),
        ("at 3:00 + 2 = 5:00 it is 3 + 2 = 5", Outcome.CORRECT),
        ("The sum is:3 + 4 = 8", Outcome.WRONG),
        (r"$7 + 8 = 3 \mod 12$", Outcome.NO_ANSWER),
        (r"$7 + 8 = 3 \pmod{12}$", Outcome.NO_ANSWER),
        (r"$15 \bmod 12 = 3$", Outcome.CORRECT),
        (r"$1000 \div 9 = 111$ remainder 1", Outcome.NO_ANSWER),
        ("$6^4 = 2^43^4$", Outcome.NO_ANSWER),  # TeX reads 2^4 3^4
        ("2^10 = 1024", Outcome.CORRECT),
        ("2^10 = 1023", Outcome.WRONG),
        ("$0.05(60 - 48) = 0.05(12) = 0.6$", Outcome.NO_ANSWER),  # a product, or a decimal that repeats
        (r"$6 \ast 8 = 7$", Outcome.NO_ANSWER),
        (r"$6 \ast 8 = 48$", Outcome.CORRECT),
        ("There are 3 cars.", Outcome.NO_ANSWER),
        ("$x = 5$ and $(x + 1)^2 = 36$", Outcome.NO_ANSWER),
        ("7 = 7 and 3 + 4 = 3 + 4", Outcome.NO_ANSWER),
        ("50 = 10", Outcome.NO_ANSWER),
        (r"$\sqrt{16} = \pm 4$", Outcome.NO_ANSWER),
        ("$f(2) = 2^2 + 1$", Outcome.NO_ANSWER),
        (r"$e = \frac{16}{5}$", Outcome.NO_ANSWER),
        ("5/20 * 100 = 25%", Outcome.NO_ANSWER),
        ("1 1/2 / 1/2 = 3", Outcome.NO_ANSWER),
        ("", Outcome.NO_ANSWER),
    ],
)
def test_a_step_is_right_where_all_that_can_be_checked_holds(step, outcome):
    assert check_step(step).outcome is outcome


def test_the_equation_that_fails_is_named():
    assert check_step("First 2 + 2 = 4, then 4 * 3 = 13.").detail == "4 * 3 = 13 does not hold"


def test_a_pool_judges_steps_and_kills_what_does_not_end():
    with VerifierPool(1, PoolLimits(seconds=20)) as pool:
        steps = ["3 + 4 = 7", "3 + 4 = 8", "words"]
        assert [pool.check(StepClaim(step)).outcome for step in steps] == [
            Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER,
        ]  # fmt: skip
        long = StepClaim(
            "\n".join(f"${number}^{{{number}}} + 1 = \\int_0^{number} e^{{t^t}} dt$" for number in range(9, 40))
        )
        assert pool.check(long, seconds=0.05).outcome is Outcome.TIMEOUT


def test_only_so_many_equations_of_a_step_are_checked():
    assert len(stated_equations("1 + 1 = 2\n" * 1000)) == MAX_EQUATIONS


@given(st.text(alphabet="0123 +-*/=().,$\\{}\n×xtimesfrac%", max_size=200) | st.text(max_size=100))
def test_any_text_gives_a_verdict(step):
    assert check_step(step).outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER)


@pytest.mark.parametrize("part", ["3 + ", "= ", "$", "\n ", "3 + 4 = ", "\\text{", "(", "x ", "\\begin{aligned}"])
def test_long_texts_are_read_in_a_pass(part):
    assert check_step(part * 20_000).outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER)


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 3))
def test_sums_hold_exactly_where_they_are_right(left, right, off):
    outcome = Outcome.WRONG if off else Outcome.CORRECT
    assert check_step(f"Then {left} + {right} = {left + right + off} eggs.").outcome is outcome
    assert check_step(f"${left} + {right} = {left + right + off}$").outcome is outcome
