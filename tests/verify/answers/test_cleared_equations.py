"""Equations with their denominators multiplied out: exact, nothing cancelled, small."""

import pytest

from verify.answers.cleared_equations import same_when_cleared
from verify.answers.forms import fold
from verify.answers.parse import parse_answer
from verify.answers.tree import Relation


def cleared(one: str, other: str) -> bool:
    first, second = fold(parse_answer(one)), fold(parse_answer(other))
    assert isinstance(first, Relation)
    assert isinstance(second, Relation)
    found = same_when_cleared(first, second)
    assert found is same_when_cleared(second, first)
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [("xy=12", "y=12/x"), ("x^2 y=3", "y=3x^{-2}"), ("F=ma", "a=F/m"), ("PV=nRT", "V=nRT/P"), ("6xy=72", "y=12/x"),
     (r"A=\pi r h", r"h=\frac{A}{\pi r}"), ("1/f=1/u+1/v", "uv=fu+fv"), ("a/b=c/d", "b/a=d/c"), ("y=1/x^2", "yx^2=1"),
     ("xy-x=1", "y=1+1/x")],
)  # fmt: skip
def test_a_constant_multiple_of_one_polynomial_is_one_equation(one: str, other: str) -> None:
    assert cleared(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("xy=12", "y=12x"), ("xy=12", "y=13/x"), ("xy=12", "y=-12/x"), ("xy=12", "yz=12/x"), ("a/b=c/d", "ac=bd"),
     (r"A=\pi r h", r"h=\frac{A\pi}{r}")],
)  # fmt: skip
def test_another_polynomial_is_another_equation(one: str, other: str) -> None:
    assert not cleared(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("xy=0", "y=0/x"), ("xy=x", "y=x/x"), ("xy=x^2", "y=x^2/x"), ("xy=0", "y=0"), ("xy=xz", "y=xz/x"),
     ("xy^2=y", "xy=y/y")],
)  # fmt: skip
def test_a_polynomial_that_its_denominator_divides_is_refused(one: str, other: str) -> None:
    assert not cleared(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1/x=1/2", "x=2"), ("x=y/y", "x=1"), ("y(x-1)=1", "y=1/(x-1)"), (r"xy=\sqrt{z}", r"y=\sqrt{z}/x"),
     ("x/y=x/y", "xy/(xy)=1"), ("y=x/0", "y=x")],
)  # fmt: skip
def test_what_is_out_of_scope_is_refused(one: str, other: str) -> None:
    assert not cleared(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("x^{30}y=1", "y=1/x^{30}"), ("y(a+b+c+d)^{20}=x", "(a+b+c+d)^{20}=x/y"), ("9^{9999}xy=1", "9^{9999}y=1/x")],
)
def test_what_would_be_large_is_refused(one: str, other: str) -> None:
    assert not cleared(one, other)
