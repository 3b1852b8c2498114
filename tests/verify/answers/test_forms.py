"""The few forms the comparison knows."""

import pytest
from flint import fmpq

from verify.answers.equality import compare_values
from verify.answers.forms import fold
from verify.answers.parse import parse_answer
from verify.answers.tree import Add, Matrix, Multiply, Negate, Number, Quantity, Symbol


def n(*parts):
    return Number(fmpq(*parts))


def test_minus_goes_into_numbers():
    assert fold(Negate(Number(fmpq(1, 2), 1))) == Number(fmpq(-1, 2), 1)
    assert fold(Negate(Negate(Symbol("x")))) == Symbol("x")


def test_scientific_notation_is_one_decimal():
    assert fold(parse_answer(r"1.5 \times 10^{3}")) == Number(fmpq(1500), -2)


def test_degrees_and_percents_inside_an_expression_are_factors():
    assert compare_values(fold(parse_answer(r"\sin 30^\circ")), n(1, 2)).sameness == "equal"
    assert compare_values(fold(parse_answer(r"50\% \cdot 20")), n(10)).sameness == "equal"
    assert isinstance(fold(parse_answer(r"50\%")), Quantity)


def test_feet_and_inches_add_up():
    total = fold(Add((Quantity(n(5), (("foot", 1),)), Quantity(n(6), (("inch", 1),)))))
    assert total == Quantity(n(11, 2), (("foot", 1),))


def test_incompatible_quantities_stay_apart():
    node = Add((Quantity(n(5), (("foot", 1),)), Quantity(n(6), (("second", 1),))))
    assert fold(node) == node


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}\begin{pmatrix}0&1\\1&0\end{pmatrix}", ((2, 1), (4, 3))),
        (r"\begin{pmatrix}1&1\\0&1\end{pmatrix}^5", ((1, 5), (0, 1))),
        (r"3\begin{pmatrix}1&2\\3&4\end{pmatrix}", ((3, 6), (9, 12))),
        (r"-\begin{pmatrix}1&2\\3&4\end{pmatrix}", ((-1, -2), (-3, -4))),
        (r"\begin{pmatrix}1&2\end{pmatrix}\begin{pmatrix}3\\4\end{pmatrix}", ((11,),)),
    ],
)
def test_matrix_arithmetic_is_carried_out(text, rows):
    assert fold(parse_answer(text)) == Matrix(tuple(tuple(n(entry) for entry in row) for row in rows))


def test_matrices_that_do_not_fit_stay_a_product():
    text = r"\begin{pmatrix}1&2&3\end{pmatrix}\begin{pmatrix}1&2&3\end{pmatrix}"
    assert isinstance(fold(parse_answer(text)), Multiply)


def test_a_huge_power_of_a_matrix_is_left_alone():
    node = parse_answer(r"\begin{pmatrix}1&1\\0&1\end{pmatrix}^{1000000}")
    assert fold(node) == node
