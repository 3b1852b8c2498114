"""Values of trees: enclosures of what SymPy and mpmath compute, budgets, special forms."""

import time

import mpmath
import pytest
from flint import acb, arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.verify.answers.python_trees import tree
from verify.answers import balls
from verify.answers.balls import working_precision
from verify.answers.evaluation import Evaluator, SizingEvaluator
from verify.answers.exact import NoValue, Why
from verify.answers.tree import Apply, BaseNumeral, Big, BigKind, Call, Constant, Matrix, Name, Number, Symbol, Text


def why(text, **point):
    with pytest.raises(NoValue) as caught:
        Evaluator({name: fmpq(value) for name, value in point.items()}).value(tree(text))
    return caught.value.why


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/2 + 1/3", fmpq(5, 6)),
        ("-(2 - 5) * 4", fmpq(12)),
        ("sqrt(16/25)", fmpq(4, 5)),
        ("log(8, 2)", fmpq(3)),
        ("lg(1000)", fmpq(3)),
        ("binomial(10, 3) + factorial(4)", fmpq(144)),
        ("gcd(12, 18) + lcm(4, 6)", fmpq(18)),
        ("max(1, 5/2, 2) - min(3, 1)", fmpq(3, 2)),
        ("floor(sqrt(2) * 10)", fmpq(14)),
        ("7**7**7**7 % 100", fmpq(43)),
        ("-7 % 3", fmpq(2)),
        ("Sum(k, 1, 100, k)", fmpq(5050)),
        ("Product(k, 1, 5, k)", fmpq(120)),
        ("Sum(i, 1, 4, i**2)", fmpq(30)),
        ("Sum(k, 1, 0, k)", fmpq(0)),
        ("Sum(j, 1, 3, Sum(k, 1, j, k * j))", fmpq(25)),
        ("det([[1, 2], [3, 4]])", fmpq(-2)),
        ("trace([[1, 2], [3, 4]])", fmpq(5)),
        ("i**2", fmpq(-1)),
        ("double_factorial(7) + subfactorial(4)", fmpq(114)),
        ("abs(-3) + sign(-2)", fmpq(2)),
    ],
)
def test_rational_values_are_exact(text, value):
    with working_precision(64):
        found = Evaluator().value(tree(text))
    assert balls.simplest(found) == value


expressions = st.recursive(
    st.one_of(
        st.integers(1, 20).map(str),
        st.sampled_from(["pi", "e", "1/3", "0.25"]),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
            lambda part: f"({part[0]} {part[1]} {part[2]})"
        ),
        st.tuples(
            st.sampled_from(["sqrt", "exp", "ln", "sin", "cos", "tan", "arctan", "abs", "sinh", "arcsin", "cosh"]),
            inner,
        ).map(lambda part: f"{part[0]}({part[1]})"),
        st.tuples(inner, st.integers(-3, 3)).map(lambda part: f"{part[0]}**({part[1]})"),
    ),
    max_leaves=7,
)
NAMES = {
    "sqrt": mpmath.sqrt,
    "exp": mpmath.exp,
    "ln": mpmath.log,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "arctan": mpmath.atan,
    "abs": abs,
    "sinh": mpmath.sinh,
    "arcsin": mpmath.asin,
    "cosh": mpmath.cosh,
}


@given(expressions)
@settings(max_examples=300, deadline=None)
def test_balls_hold_what_mpmath_computes(text):
    with working_precision(300), mpmath.workdps(60):
        try:
            found = balls.complex_ball(Evaluator(principal=True).value(tree(text)))
            numbers = {"pi": mpmath.pi, "e": mpmath.e, **NAMES}
            written = text.replace("1/3", "mpf(1)/3")
            expected = mpmath.mpc(eval(written, {"mpf": mpmath.mpf, **numbers}))
        except (NoValue, ZeroDivisionError, OverflowError, ValueError):
            return
        if not mpmath.isfinite(expected) or not 1e-30 < abs(expected) < 1e30:
            return
        # Python divides its own integers: those cases are only close to 15 digits.
        middle = mpmath.mpc(
            mpmath.mpf(found.real.mid().str(50, radius=False)), mpmath.mpf(found.imag.mid().str(50, radius=False))
        )
        cut = "arcsin" in text
        assert abs(middle - expected) < 1e-6 * abs(expected) or (cut and abs(mpmath.conj(middle) - expected) < 1e-6)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1/0", Why.UNDEFINED),
        ("1/(2 - 2)", Why.UNDEFINED),
        ("x + 1", Why.NOT_CLOSED),
        ("f(2)", Why.NOT_CLOSED),
        ("oo + 1", Why.SYMBOLIC),
        ("Sum(k, 1, oo, 1/k**2)", Why.SYMBOLIC),
        ("Sum(k, 1, 10**9, k)", Why.SYMBOLIC),
        ("Integral(x, 0, 1, x)", Why.SYMBOLIC),
        ("Sum(k, 5, 1, k)", Why.UNDEFINED),
        ("Sum(k, 1/2, 3, k)", Why.UNDEFINED),
        ("10**10**10**10", Why.UNDECIDED),
        ("2**10**10**10", Why.UNDECIDED),
        ("factorial(factorial(10**9))", Why.TOO_LARGE),
        ("gcd(sqrt(2), 3)", Why.UNDECIDED),
        ("[[1, 2], [3, 4]]", Why.NOT_A_VALUE),
        ("det([[1, 2, 3], [3, 4, 5]])", Why.UNDEFINED),
        ("trace(3)", Why.NOT_A_VALUE),
        ("5 % 0", Why.UNDEFINED),
        ("x < 1", Why.NOT_A_VALUE),
    ],
)
def test_what_has_no_value_says_why(text, reason):
    with working_precision(64):
        assert why(text) in {reason, Why.TOO_LARGE} if reason is Why.UNDECIDED else why(text) is reason


def test_nodes_that_are_no_values_are_refused():
    for node in (Text("odd"), Call("unheard", (Number(fmpq(1)),)), Call("sqrt", ())):
        with pytest.raises(NoValue) as caught:
            Evaluator().value(node)
        assert caught.value.why is Why.NOT_A_VALUE


def test_numerals_and_determinants_are_values():
    assert Evaluator().value(BaseNumeral("204", 5)) == 54
    rows = ((Number(fmpq(1)), Number(fmpq(2))), (Number(fmpq(3)), Number(fmpq(4))))
    assert Evaluator().value(Matrix(rows, determinant=True)) == -2
    with working_precision(64):
        irrational = (
            (Call("sqrt", (Number(fmpq(2)),)), Number(fmpq(0))),
            (Number(fmpq(5)), Call("sqrt", (Number(fmpq(2)),))),
        )
        assert balls.ball(Evaluator().value(Matrix(irrational, determinant=True))).contains(2)


def test_symbols_take_their_values_and_bound_ones_their_own():
    point = {"x": fmpq(3), "k": fmpq(100)}
    assert Evaluator(point).value(tree("x**2 + Sum(k, 1, x, k)")) == 15
    at = Evaluator(point)
    at.value(tree("Sum(k, 1, 3, k)"))
    assert at.point == point


def test_a_sum_whose_body_fails_leaves_the_point_as_it_was():
    at = Evaluator({"x": fmpq(1)})
    with pytest.raises(NoValue):
        at.value(tree("Sum(k, 0, 3, 1/k)"))
    assert at.point == {"x": fmpq(1)}


def test_unknown_functions_depend_on_name_and_values_alone():
    at = Evaluator({"x": fmpq(2)}, opaque=True)
    with working_precision(128):
        assert at.value(tree("f(x + 1)")) == at.value(tree("f(3)"))
        assert at.value(tree("f(sqrt(2) * sqrt(3))")) == at.value(tree("f(sqrt(6))"))
        assert at.value(tree("f(x)")) != at.value(tree("f(3)"))
        assert at.value(tree("f(x)")) != at.value(tree("g(x)"))
        assert at.value(Apply("f", (Symbol("x"), Symbol("x")))) != at.value(tree("f(x)"))


def test_leaving_the_reals_is_noted_unless_something_imaginary_is_written():
    for text, left in [
        ("sqrt(-2)", True),
        ("ln(-2)**2", True),
        ("sqrt(-2)**2", True),
        ("i * sqrt(2)", False),
        ("2", False),
    ]:
        at = Evaluator()
        with working_precision(64):
            at.value(tree(text))
        assert at.left_reals is left, text


def test_log_without_a_base_reads_as_it_is_told():
    with working_precision(64):
        assert Evaluator(log_base=10).value(tree("log(100)")) == 2
        assert isinstance(Evaluator().value(tree("log(100)")), arb)


def test_i_is_imaginary_unless_it_is_an_index():
    with working_precision(64):
        assert isinstance(Evaluator().value(Constant(Name.IMAGINARY)), acb)
    body = Constant(Name.IMAGINARY)
    assert Evaluator().value(Big(BigKind.SUM, "i", Number(fmpq(1)), Number(fmpq(4)), body)) == 10


@pytest.mark.parametrize(
    "text",
    [
        "Sum(j, 1, 3000, Sum(k, 1, 3000, j * k))",
        "Sum(k, 1, 3000, Sum(j, 1, k, 1/j))",
        "Product(k, 1, 4000, 2**1000 + k)",
        "Sum(k, 1, 4000, 1/factorial(k))",
        " + ".join(f"1/(3**{40 * k} + {k})" for k in range(1, 99)),
        "9**9**9 + 8**8**8",
        "binomial(10**6, 5 * 10**5)",
        "(((2**1000)**1000)**1000)**1000",
    ],
)
def test_hostile_trees_end_soon(text):
    node = tree(text)
    started = time.perf_counter()
    with working_precision(64):
        try:
            Evaluator().value(node)
        except NoValue:
            pass
    assert time.perf_counter() - started < 3


def test_sizes_count_the_largest_number_and_the_longest_numeral():
    def size(text):
        at = SizingEvaluator(principal=False, log_base=None, opaque=False)
        with working_precision(64):
            at.value(tree(text))
        return at.size

    assert size("1 + 1/10**100") == pytest.approx(332, abs=2)
    assert size("1." + "0" * 99 + "1 * 3") == pytest.approx(333, abs=2)
    assert size("sqrt(2) + 1") < 4
    assert size("10**10**10 - 1") > 3 * 10**10
