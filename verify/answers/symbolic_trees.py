"""Trees as SymPy expressions and back. No text is parsed on the way.

In: a tree and what is assumed of its symbols. Out: a SymPy expression, or `NoValue` for what has none or would be too
large; a SymPy expression as a tree again, None for what our trees cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy
from flint import fmpq, fmpz
from sympy.core.function import AppliedUndef

from verify.answers.balls import working_precision
from verify.answers.equality import exact_rational
from verify.answers.evaluation import SizingEvaluator
from verify.answers.exact import NoValue, Why
from verify.answers.traits import Traits, traits_of
from verify.answers.tree import (
    Add,
    Apply,
    BaseNumeral,
    Big,
    BigKind,
    Call,
    Constant,
    Derivative,
    Divide,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Power,
    Symbol,
)

_LARGEST_BITS = 20_000
_CONSTANTS = {Name.PI: sympy.pi, Name.E: sympy.E, Name.IMAGINARY: sympy.I, Name.INFINITY: sympy.oo}
_NAMES = {value: name for name, value in _CONSTANTS.items()}

# One-to-one in both directions.
_SAME: dict[str, Callable[..., sympy.Expr]] = {
    "ln": sympy.log,
    "exp": sympy.exp,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "cot": sympy.cot,
    "sec": sympy.sec,
    "csc": sympy.csc,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "arcsec": sympy.asec,
    "arccsc": sympy.acsc,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "coth": sympy.coth,
    "sech": sympy.sech,
    "csch": sympy.csch,
    "arcsinh": sympy.asinh,
    "arccosh": sympy.acosh,
    "arctanh": sympy.atanh,
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "re": sympy.re,
    "im": sympy.im,
    "arg": sympy.arg,
    "conjugate": sympy.conjugate,
    "factorial": sympy.factorial,
    "binomial": sympy.binomial,
    "gamma": sympy.gamma,
    "zeta": sympy.zeta,
    "max": sympy.Max,
    "min": sympy.Min,
}
_SPELLED = {function: name for name, function in _SAME.items()}
_OTHERS: dict[str, Callable[..., sympy.Expr]] = {
    "sqrt": sympy.sqrt,
    "root": sympy.root,
    "log": sympy.log,  # the natural one, where no base is written
    "lg": lambda value: sympy.log(value, 10),
    "arccot": lambda value: sympy.pi / 2 - sympy.atan(value),
    "fractional_part": lambda value: value - sympy.floor(value),
    "double_factorial": sympy.factorial2,
    "subfactorial": sympy.subfactorial,
    "permutations": lambda n, k: sympy.factorial(n) / sympy.factorial(n - k),
    "mod": sympy.Mod,
}


class Converter:
    """Converts trees; the same symbol stays the same."""

    def __init__(self, traits: Traits, assumptions: Mapping[str, bool]) -> None:
        self._assumptions = assumptions
        self._whole = traits.whole
        self._bound: dict[str, sympy.Symbol] = {}

    def symbol(self, name: str) -> sympy.Symbol:
        """The SymPy symbol for a name that is not bound."""
        if name in self._whole:
            return sympy.Symbol(name, integer=True, positive=True)
        return sympy.Symbol(name, **self._assumptions)

    def convert(self, node: Node) -> sympy.Expr:
        """The SymPy expression; raises `NoValue`."""
        match node:
            case Number(value):
                return sympy.Rational(int(value.p), int(value.q))
            case Constant(name):
                return self._bound.get(name.value, _CONSTANTS[name])
            case Symbol(name):
                return self._bound.get(name) or self.symbol(name)
            case Add(terms):
                return sympy.Add(*map(self.convert, terms))
            case Multiply(factors):
                return sympy.Mul(*map(self.convert, factors))
            case Negate(operand):
                return -self.convert(operand)
            case Divide(numerator, denominator):
                return self.convert(numerator) / self.convert(denominator)
            case _:
                return self._convert_more(node)

    def _convert_more(self, node: Node) -> sympy.Expr:
        match node:
            case Power(base, exponent):
                return self._power(node, base, exponent)
            case Call(function, arguments):
                known = _SAME.get(function) or _OTHERS.get(function)
                _refuse_if_large(node)
                if known is None:
                    raise NoValue(Why.SYMBOLIC)
                return known(*map(self.convert, arguments))
            case Apply(function, arguments):
                return sympy.Function(function)(*map(self.convert, arguments))
            case Big():
                return self._big(node)
            case Derivative(variable, order, body):
                return sympy.Derivative(self.convert(body), (self.symbol(variable), order))
            case BaseNumeral():
                return self.convert(Number(_rational(node)))
            case _:
                raise NoValue(Why.NOT_A_VALUE)

    def _power(self, node: Node, base: Node, exponent: Node) -> sympy.Expr:
        _refuse_if_large(node)
        return self.convert(base) ** self.convert(exponent)

    def _big(self, node: Big) -> sympy.Expr:
        lower, upper = (None if bound is None else self.convert(bound) for bound in (node.lower, node.upper))
        index = self._index(node)
        outside = self._bound
        self._bound = {**outside, node.variable: index}
        body = self.convert(node.body)
        self._bound = outside
        match node.kind, lower, upper:
            case BigKind.INTEGRAL, None, None:
                return sympy.Integral(body, index)
            case BigKind.LIMIT, point, None if point is not None:
                return sympy.Limit(
                    body, index, point, node.side or "+-" if point not in {sympy.oo, -sympy.oo} else "-"
                )
            case (_, None, _) | (_, _, None) | (BigKind.LIMIT, _, _):
                raise NoValue(Why.UNDEFINED)
            case BigKind.INTEGRAL, _, _:
                return sympy.Integral(body, (index, lower, upper))
            case BigKind.SUM, _, _:
                return sympy.Sum(body, (index, lower, upper))
            case _:
                return sympy.Product(body, (index, lower, upper))

    def _index(self, node: Big) -> sympy.Symbol:
        if node.kind in {BigKind.SUM, BigKind.PRODUCT}:
            return sympy.Dummy(node.variable, integer=True)
        if node.kind is BigKind.INTEGRAL and node.lower is None:
            return self.symbol(node.variable)
        return sympy.Dummy(node.variable, real=True)


def _rational(node: Node) -> fmpq:
    value = exact_rational(node)
    if value is None:
        raise NoValue(Why.UNDEFINED)
    return value


def _refuse_if_large(node: Node) -> None:
    """SymPy would compute `10^(10^10)` and `(10^9)!` to the last digit."""
    traits = traits_of(node)
    if traits.symbols or traits.symbolic:
        return
    sizing = SizingEvaluator(principal=True, log_base=None, opaque=True)
    try:
        with working_precision(64):
            sizing.value(node)
    except NoValue as reason:
        if reason.why is Why.TOO_LARGE:
            raise
    if sizing.size > _LARGEST_BITS:
        raise NoValue(Why.TOO_LARGE)


# --- back again --------------------------------------------------------------------------------------------------


def read_back(expression: sympy.Expr) -> Node | None:
    """The expression as a tree; None where it holds what trees cannot say (unevaluated integrals, cases)."""
    try:
        return _read(expression)
    except NoValue:
        return None


def _read(expression: sympy.Expr) -> Node:
    if expression in _NAMES:
        return Constant(_NAMES[expression])
    if expression == -sympy.oo:
        return Negate(Constant(Name.INFINITY))
    if isinstance(expression, sympy.Rational):
        return Number(fmpq(fmpz(int(expression.p)), fmpz(int(expression.q))))
    if isinstance(expression, sympy.Symbol) and not isinstance(expression, sympy.Dummy):
        return Symbol(expression.name)
    parts = tuple(map(_read, expression.args))
    match expression:
        case sympy.Add():
            return Add(parts)
        case sympy.Mul():
            return Multiply(parts)
        case sympy.Pow():
            return Power(*parts)
        case _:
            return _read_function(expression, parts)


def _read_function(expression: sympy.Expr, parts: tuple[Node, ...]) -> Node:
    name = _SPELLED.get(expression.func)
    if name is not None and parts:
        return Call(name, parts)
    if isinstance(expression, AppliedUndef):
        return Apply(expression.func.__name__, parts)
    raise NoValue(Why.SYMBOLIC)
