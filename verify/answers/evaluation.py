"""The value of a tree at a point, exact as long as it is rational and a ball from there on.

In: a tree and the values of its variables. Out: `fmpq`, `arb` or `acb` (see `balls`), or `NoValue`. Everything is
paid from `Evaluator.work` (about a microsecond a unit), so that no tree can take long; numbers too large to be exact
become balls, numbers too large for balls are refused.

A `Constant` is looked up among the variables first: in Σ over i the letter is the index, and a formal test replaces
pi by a number. Where the comparison of two expressions asks for it, an unknown function is a number made from its
name and its arguments' values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from flint import acb, acb_mat, arb, ctx, fmpq, fmpq_mat

from verify.answers import balls, exact
from verify.answers.balls import Value
from verify.answers.exact import NoValue, Why
from verify.answers.residues import residue
from verify.answers.tree import (
    Add,
    Apply,
    BaseNumeral,
    Big,
    BigKind,
    Call,
    Constant,
    Divide,
    Matrix,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Symbol,
)

WORK = 10_000
MAX_TERMS = 4_000
MAX_DETERMINANT = 12
_CHEAP_BITS = 2_000
_NOTHING: Mapping[str, Value] = {}


class Evaluator:
    """Evaluates trees at one point. `left_reals` says that a real expression had no real value on the way."""

    __slots__ = ("left_reals", "log_base", "opaque", "point", "principal", "work")

    def __init__(
        self,
        point: Mapping[str, Value] = _NOTHING,
        *,
        principal: bool = False,
        log_base: int | None = None,
        opaque: bool = False,
        work: float = WORK,
    ) -> None:
        self.point = point
        self.opaque = opaque  # whether an unknown function may be given made-up values
        self.principal = principal  # whether roots and powers of negative reals take their principal values
        self.log_base = log_base  # of `log` without a base; None for the natural one
        self.work = work
        self.left_reals = False

    def value(self, node: Node) -> Value:
        """The node's value here; raises `NoValue`."""
        self.work -= 1
        if self.work < 0:
            raise NoValue(Why.TOO_LONG)
        kind = type(node)
        if kind is Number:
            return node.value  # type: ignore[attr-defined, no-any-return]
        handler = _HANDLERS.get(kind)
        if handler is None:
            raise NoValue(Why.NOT_A_VALUE)
        return handler(self, node)

    def pay(self, value: Value) -> None:
        """Charges for a large exact number: whole ones are cheap to go on with, fractions need their gcd."""
        if isinstance(value, fmpq):
            bits = value.height_bits()
            if bits > _CHEAP_BITS:
                self.work -= bits / (1_000 if value.q == 1 else 50)

    def pay_for_precision(self) -> None:
        """Charges for one elementary function at many bits: 4 µs at 1,024, 400 at 20,000."""
        if ctx.prec > 512:
            self.work -= (ctx.prec / 1_024) ** 2


class SizingEvaluator(Evaluator):
    """Remembers how large and how small the numbers on the way become: `size` is the largest exponent of two."""

    __slots__ = ("size",)

    def __init__(self, *, principal: bool, log_base: int | None, opaque: bool, work: float = WORK) -> None:
        super().__init__(principal=principal, log_base=log_base, opaque=opaque, work=work)
        self.size = 0

    def value(self, node: Node) -> Value:
        """The node's value here; raises `NoValue`."""
        found = super().value(node)
        # A written 1.000…001 is not large, but its digits count.
        size = node.value.height_bits() if isinstance(node, Number) else _exponent(found)
        self.size = max(self.size, size)
        return found


def _exponent(value: Value) -> int:
    if isinstance(value, fmpq):
        return abs(value.p.bit_length() - value.q.bit_length())
    mantissa, exponent = value.abs_upper().man_exp()
    return int(abs(exponent + mantissa.bit_length())) if mantissa else 0


def _constant(at: Evaluator, node: Constant) -> Value:
    bound = at.point.get(node.name)
    if bound is not None:
        return bound
    match node.name:
        case Name.PI:
            return arb.pi()
        case Name.E:
            return arb.const_e()
        case Name.IMAGINARY:
            return acb(0, 1)
        case _:  # infinity: arctan of it has a value, but as a limit
            raise NoValue(Why.SYMBOLIC)


def _symbol(at: Evaluator, node: Symbol) -> Value:
    found = at.point.get(node.name)
    if found is None:
        raise NoValue(Why.NOT_CLOSED)
    return found


def _add(at: Evaluator, node: Add) -> Value:
    total = at.value(node.terms[0])
    for term in node.terms[1:]:
        total = total + at.value(term)
        at.pay(total)
    return balls.simplest(total)


def _multiply(at: Evaluator, node: Multiply) -> Value:
    product = at.value(node.factors[0])
    for factor in node.factors[1:]:
        product = product * at.value(factor)
        at.pay(product)
    return balls.simplest(product)


def _negate(at: Evaluator, node: Negate) -> Value:
    return -at.value(node.operand)


def _divide(at: Evaluator, node: Divide) -> Value:
    quotient = balls.divide(at.value(node.numerator), at.value(node.denominator))
    at.pay(quotient)
    return balls.simplest(quotient)


def _power(at: Evaluator, node: Power) -> Value:
    exponent = at.value(node.exponent)
    at.pay_for_precision()
    if isinstance(node.base, Constant) and node.base.name is Name.E and Name.E not in at.point:
        return balls.simplest(balls.exponential(exponent))
    base = at.value(node.base)
    raised = balls.power(base, exponent, principal=at.principal)
    at.pay(raised)
    return _kept(at, raised, base, exponent)


def _kept(at: Evaluator, result: Value, *arguments: Value) -> Value:
    if isinstance(result, acb):
        if not any(isinstance(argument, acb) for argument in arguments):
            at.left_reals = True
        return balls.simplest(result)
    return result


def _call(at: Evaluator, node: Call) -> Value:
    arguments = node.arguments
    at.pay_for_precision()
    special = _SPECIAL.get(node.function)
    if special is not None:
        return special(at, arguments)
    values = [at.value(argument) for argument in arguments]
    function = balls.FUNCTIONS.get(node.function)
    if function is not None and len(values) == 1:
        result = function(values[0])
    elif len(values) == 2 and node.function in _OF_TWO:
        result = _OF_TWO[node.function](values[0], values[1])
    elif values and node.function in _OF_MANY:
        result = _OF_MANY[node.function](values)
    else:
        raise NoValue(Why.NOT_A_VALUE)
    at.pay(result)
    return _kept(at, result, *values)


def _apply(at: Evaluator, node: Apply) -> Value:
    if not at.opaque:
        raise NoValue(Why.NOT_CLOSED)
    spelled = [node.function]
    for argument in node.arguments:
        value = at.value(argument)
        spelled.append(str(value) if isinstance(value, fmpq) else balls.ball(value).str(25, radius=False))
    digest = hashlib.blake2b("|".join(spelled).encode(), digest_size=8).digest()
    return fmpq(int.from_bytes(digest, "big"), 2**62)


def _big(at: Evaluator, node: Big) -> Value:
    if node.kind not in {BigKind.SUM, BigKind.PRODUCT} or node.lower is None or node.upper is None:
        raise NoValue(Why.SYMBOLIC)
    first, last = _bound(at, node.lower), _bound(at, node.upper)
    if last < first - 1:  # closed forms need not agree with "empty" there
        raise NoValue(Why.UNDEFINED)
    if last - first >= MAX_TERMS:
        raise NoValue(Why.SYMBOLIC)
    outside = at.point
    total: Value = fmpq(0 if node.kind is BigKind.SUM else 1)
    try:
        for index in range(first, last + 1):
            at.point = {**outside, node.variable: fmpq(index)}
            value = at.value(node.body)
            total = total + value if node.kind is BigKind.SUM else total * value
            at.pay(total)
    finally:
        at.point = outside
    return balls.simplest(total)


def _bound(at: Evaluator, node: Node) -> int:
    if isinstance(node, Constant) and node.name is Name.INFINITY:
        raise NoValue(Why.SYMBOLIC)
    value = at.value(node)
    if not isinstance(value, fmpq) or value.q != 1:
        raise NoValue(Why.UNDEFINED)
    return int(value.p)


def _matrix(at: Evaluator, node: Matrix) -> Value:
    if not node.determinant:
        raise NoValue(Why.NOT_A_VALUE)
    return _determinant(at, node)


# --- calls that look at their arguments' form --------------------------------------------------------------------


def _log(at: Evaluator, arguments: tuple[Node, ...]) -> Value:
    values = [at.value(argument) for argument in arguments]
    if len(values) == 1 and at.log_base is None:
        result = balls.natural_logarithm(values[0])
    else:
        result = balls.logarithm(values[0], values[1] if len(values) == 2 else fmpq(at.log_base or 10))
    return _kept(at, result, *values)


def _common_log(at: Evaluator, arguments: tuple[Node, ...]) -> Value:
    value = at.value(arguments[0])
    return _kept(at, balls.logarithm(value, fmpq(10)), value)


def _mod(at: Evaluator, arguments: tuple[Node, ...]) -> Value:
    modulus = at.value(arguments[1])
    if isinstance(modulus, fmpq) and modulus == 0:
        raise NoValue(Why.UNDEFINED)
    try:
        return balls.modulo(at.value(arguments[0]), modulus)
    except NoValue as reason:
        if reason.why not in {Why.TOO_LARGE, Why.UNDECIDED} or not isinstance(modulus, fmpq) or modulus.q != 1:
            raise
    return residue(arguments[0], int(modulus.p))


def _determinant_of(at: Evaluator, arguments: tuple[Node, ...]) -> Value:
    if not isinstance(arguments[0], Matrix):
        raise NoValue(Why.NOT_A_VALUE)
    return _determinant(at, arguments[0])


def _determinant(at: Evaluator, matrix: Matrix) -> Value:
    size = len(matrix.rows)
    if size != len(matrix.rows[0]):
        raise NoValue(Why.UNDEFINED)
    if size > MAX_DETERMINANT:
        raise NoValue(Why.TOO_LARGE)
    entries = [[at.value(entry) for entry in row] for row in matrix.rows]
    at.work -= size**3
    rational = [[entry for entry in row if isinstance(entry, fmpq)] for row in entries]
    if all(len(row) == size for row in rational):
        if sum(entry.height_bits() for row in rational for entry in row) > exact.MAX_BITS:
            raise NoValue(Why.TOO_LARGE)
        return fmpq_mat(rational).det()
    return balls.simplest(acb_mat([[balls.complex_ball(entry) for entry in row] for row in entries]).det())


def _trace(at: Evaluator, arguments: tuple[Node, ...]) -> Value:
    matrix = arguments[0]
    if not isinstance(matrix, Matrix) or len(matrix.rows) != len(matrix.rows[0]):
        raise NoValue(Why.NOT_A_VALUE)
    total: Value = fmpq(0)
    for place, row in enumerate(matrix.rows):
        total = total + at.value(row[place])
    return balls.simplest(total)


_OF_TWO: dict[str, Callable[[Value, Value], Value]] = {
    "root": balls.root,
    "binomial": balls.binomial,
    "permutations": balls.permutations,
}


def _rational(values: list[Value]) -> list[fmpq]:
    found = [value for value in values if isinstance(value, fmpq)]
    if len(found) < len(values):
        raise NoValue(Why.UNDECIDED)
    return found


_OF_MANY: dict[str, Callable[[list[Value]], Value]] = {
    "max": balls.largest,
    "min": balls.smallest,
    "gcd": lambda values: exact.greatest_divisor(_rational(values)),
    "lcm": lambda values: exact.least_multiple(_rational(values)),
    "double_factorial": lambda values: exact.double_factorial(_rational(values)[0]),
    "subfactorial": lambda values: exact.subfactorial(_rational(values)[0]),
}

_SPECIAL: dict[str, Callable[[Evaluator, tuple[Node, ...]], Value]] = {
    "log": _log,
    "lg": _common_log,
    "mod": _mod,
    "det": _determinant_of,
    "trace": _trace,
}

_HANDLERS: dict[type[Node], Callable[[Evaluator, Any], Value]] = {
    Constant: _constant,
    Symbol: _symbol,
    Add: _add,
    Negate: _negate,
    Multiply: _multiply,
    Divide: _divide,
    Power: _power,
    Call: _call,
    Apply: _apply,
    Big: _big,
    BaseNumeral: lambda _, node: exact.numeral(node.digits, node.base),
    Matrix: _matrix,
}
