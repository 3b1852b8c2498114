"""Functions of balls: enclosures of what mpmath computes, and the conventions at the edges."""

import os
import threading

import mpmath
import pytest
from flint import acb, arb, ctx, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.answers import balls
from verify.answers.balls import working_precision
from verify.answers.exact import NoValue, Why

ORACLES = {
    "sqrt": mpmath.sqrt,
    "ln": mpmath.log,
    "exp": mpmath.exp,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "cot": mpmath.cot,
    "sec": mpmath.sec,
    "csc": mpmath.csc,
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arcsec": mpmath.asec,
    "arccsc": mpmath.acsc,
    "sinh": mpmath.sinh,
    "cosh": mpmath.cosh,
    "tanh": mpmath.tanh,
    "coth": mpmath.coth,
    "sech": mpmath.sech,
    "csch": mpmath.csch,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "gamma": mpmath.gamma,
    "zeta": mpmath.zeta,
}


def why(call):
    with pytest.raises(NoValue) as caught:
        call()
    return caught.value.why


def close(value, expected):
    """Whether a value is what mpmath says, to 40 digits."""
    ball = balls.complex_ball(value)
    found = mpmath.mpc(
        mpmath.mpf(ball.real.mid().str(60, radius=False)), mpmath.mpf(ball.imag.mid().str(60, radius=False))
    )
    return abs(found - expected) <= mpmath.mpf(10) ** -40 * max(1, abs(expected))


@pytest.mark.parametrize("name", sorted(ORACLES))
@given(value=st.fractions(min_value=-6, max_value=6, max_denominator=50))
@settings(max_examples=40, deadline=None)
def test_functions_of_rationals_are_what_mpmath_says(name, value):
    number = fmpq(value.numerator, value.denominator)
    with working_precision(256), mpmath.workdps(60):
        try:
            found = balls.FUNCTIONS[name](number)
        except NoValue as reason:
            assert reason.why in {Why.UNDEFINED, Why.UNDECIDED}  # noqa: PT017
            return
        expected = ORACLES[name](mpmath.mpf(value.numerator) / value.denominator)
        if name in {"arcsin", "arccos", "arcsec", "arccsc", "arctanh"} and isinstance(found, acb):
            # On the cuts both continuations are right.
            assert close(found, expected) or close(found.conjugate(), expected)
        else:
            assert close(found, expected)


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: balls.power(fmpq(-8), fmpq(1, 3), principal=False), -2),
        (lambda: balls.power(fmpq(-8), fmpq(2, 3), principal=False), 4),
        (lambda: balls.root(fmpq(-27), fmpq(3)), -3),
        (lambda: balls.power(fmpq(0), fmpq(0), principal=False), 1),
        (lambda: balls.power(fmpq(4), fmpq(-1, 2), principal=False), fmpq(1, 2)),
        (lambda: balls.logarithm(fmpq(8), fmpq(4)), fmpq(3, 2)),
        (lambda: balls.exponential(fmpq(0)), 1),
        (lambda: balls.natural_logarithm(fmpq(1)), 0),
        (lambda: balls.factorial(fmpq(5)), 120),
        (lambda: balls.gamma(fmpq(5)), 24),
        (lambda: balls.floor(fmpq(-7, 2)), -4),
        (lambda: balls.ceiling(fmpq(-7, 2)), -3),
        (lambda: balls.fractional_part(fmpq(-7, 2)), fmpq(1, 2)),
        (lambda: balls.modulo(fmpq(-7), fmpq(3)), 2),
        (lambda: balls.sign(fmpq(-7, 2)), -1),
        (lambda: balls.absolute(fmpq(-7, 2)), fmpq(7, 2)),
        (lambda: balls.largest([fmpq(1), fmpq(3), fmpq(2)]), 3),
        (lambda: balls.smallest([fmpq(1), fmpq(-3), fmpq(2)]), -3),
        (lambda: balls.argument(fmpq(3)), 0),
        (lambda: balls.imaginary_part(fmpq(3)), 0),
        (lambda: balls.binomial(fmpq(5), fmpq(2)), 10),
        (lambda: balls.permutations(fmpq(5), fmpq(2)), 20),
    ],
)
def test_rational_values_stay_exact(call, value):
    found = call()
    assert isinstance(found, fmpq)
    assert found == value


def test_odd_roots_of_negative_reals_are_real_unless_principal_values_are_asked_for():
    with working_precision(128):
        assert isinstance(balls.power(fmpq(-2), fmpq(1, 3), principal=False), arb)
        principal = balls.power(fmpq(-8), fmpq(1, 3), principal=True)
        assert isinstance(principal, acb)
        assert close(principal, mpmath.mpc(1, mpmath.sqrt(3))) or principal.imag > 1.7


def test_a_negative_root_and_logarithm_leave_the_reals():
    with working_precision(64):
        assert isinstance(balls.square_root(fmpq(-2)), acb)
        assert isinstance(balls.square_root(arb(-2)), acb)
        assert isinstance(balls.natural_logarithm(fmpq(-2)), acb)
        assert isinstance(balls.FUNCTIONS["arcsin"](fmpq(2)), acb)
        assert isinstance(balls.FUNCTIONS["arccosh"](fmpq(1, 2)), acb)


def test_roots_of_a_ball_around_zero_enclose_both_sides():
    tiny = arb(0, "1e-20")
    with working_precision(64):
        assert balls.square_root(tiny).contains(acb(0, "1e-10"))
        assert balls.square_root(tiny).contains(acb("1e-10"))
        cube = balls.power(tiny, fmpq(1, 3), principal=False)
        assert cube.contains(arb("1e-7"))
        assert cube.contains(arb("-1e-7"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: balls.divide(fmpq(1), fmpq(0)),
        lambda: balls.power(fmpq(0), fmpq(-2), principal=False),
        lambda: balls.power(fmpq(0), fmpq(-1, 2), principal=False),
        lambda: balls.natural_logarithm(fmpq(0)),
        lambda: balls.logarithm(fmpq(5), fmpq(1)),
        lambda: balls.gamma(fmpq(-2)),
        lambda: balls.factorial(fmpq(-1)),
        lambda: balls.zeta(fmpq(1)),
        lambda: balls.floor(acb(1, 1)),
        lambda: balls.largest([fmpq(1), acb(0, 1)]),
    ],
)
def test_what_does_not_exist_is_undefined(call):
    assert why(call) is Why.UNDEFINED


@pytest.mark.parametrize(
    "call",
    [
        lambda: balls.divide(fmpq(1), arb(0, 1)),
        lambda: balls.floor(arb(3, "0.1")),
        lambda: balls.sign(arb(0, 1)),
        lambda: balls.natural_logarithm(arb(0, 1)),
        lambda: balls.argument(acb(arb(0, 1), arb(0, 1))),
    ],
)
def test_what_a_ball_leaves_open_is_undecided(call):
    assert why(call) is Why.UNDECIDED


@pytest.mark.parametrize(
    "call",
    [
        lambda: balls.power(fmpq(2), fmpq(10) ** 1000, principal=False),
        lambda: balls.exponential(fmpq(10) ** 40),
        lambda: balls.factorial(arb(10) ** 40),
        lambda: balls.zeta(fmpq(10**6)),
        lambda: balls.power(arb(2).sqrt(), arb(10) ** 40, principal=False),
    ],
)
def test_what_would_be_too_large_is_refused(call):
    assert why(call) is Why.TOO_LARGE


def test_large_factorials_have_balls():
    with working_precision(64):
        assert balls.factorial(fmpq(100_000)) < balls.factorial(fmpq(100_001))
        assert balls.binomial(fmpq(10**9), fmpq(5 * 10**8)) > 10**1000


def test_the_precision_is_put_back_even_after_a_fault():
    before = ctx.prec
    inside = []

    def fail():
        with working_precision(777):
            inside.append(ctx.prec)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert inside == [777]
    assert ctx.prec == before


def test_threads_take_turns_with_the_precision():
    seen: list[bool] = []

    def work(bits: int) -> None:
        for _ in range(200):
            with working_precision(bits):
                root = arb(2).sqrt()
                seen.append(ctx.prec == bits and root.rel_accuracy_bits() >= bits - 4)

    before = ctx.prec
    threads = [threading.Thread(target=work, args=(bits,)) for bits in (64, 200, 1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 600
    assert all(seen)
    assert ctx.prec == before


def test_a_forked_child_is_not_held_up_by_a_lock_of_its_parents_threads():
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with working_precision(100):
            held.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    child = os.fork()
    if child == 0:
        with working_precision(64):
            os._exit(0)
    _, status = os.waitpid(child, 0)
    done.set()
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
