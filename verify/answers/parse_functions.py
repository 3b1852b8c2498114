r"""The second rung: functions, fractions, roots, sums, integrals, limits, derivatives.

Rules of notation: the argument of a function without parentheses is what follows up to a sign, another function or a
parenthesis (`\sin 2x \cos x` is sin(2x) cos(x)); `\sin^2 x` is (sin x)^2 and `\sin^{-1} x` the arc sine; the body of
a sum or limit is the product that follows, that of an integral reaches to its `dx`.
"""

from __future__ import annotations

from abc import abstractmethod

from flint import fmpq

from verify.answers.latex_commands import Kind
from verify.answers.parse_atoms import Atoms
from verify.answers.parse_error import ParseReason
from verify.answers.tree import (
    Apply,
    Big,
    BigKind,
    Bracketed,
    Call,
    Constant,
    Derivative,
    Divide,
    Multiply,
    Negate,
    Node,
    Number,
    Power,
    Relation,
    Symbol,
)

_INVERSES = {
    "sin": "arcsin", "cos": "arccos", "tan": "arctan", "cot": "arccot", "sec": "arcsec", "csc": "arccsc",
    "sinh": "arcsinh", "cosh": "arccosh", "tanh": "arctanh",
}  # fmt: skip
_OF_SEVERAL = frozenset({"gcd", "lcm", "max", "min"})
_TWO_ARGUMENTS = frozenset({"binomial", "log", "mod", "root"})
# A parenthesised argument makes these unknown functions; others are functions of a single letter (`u(t)`, but
# `P(1+r)` is a product), those of the second row of a single numeral too (`I(0)`).
_ALWAYS_FUNCTIONS = frozenset("fg")
_FUNCTION_LETTERS = frozenset("hFGHPQWpqr")
_FACTOR_LETTERS = frozenset("abcdkmnxyzt")  # before a numeral in parentheses these are factors
_GREEK_FUNCTIONS = {"Gamma": "gamma", "zeta": "zeta"}
_ONE = Number(fmpq(1))
_AFTER_DIFFERENTIAL = frozenset({Kind.END, Kind.RELATION, Kind.CLOSE, Kind.SEPARATOR, Kind.OPERATOR})
_D = ((Kind.NAME, "d"),)


class Functions(Atoms):
    """Whatever takes arguments."""

    @abstractmethod
    def begins_factor(self) -> bool:
        """Whether the next token begins a factor that may follow without a sign."""

    # --- known functions -------------------------------------------------------------------------------------------

    def function(self) -> Node:
        """A known function, its exponent and subscript, and its argument."""
        name = self.take().text
        exponent: Node | None = None
        base: Node | None = None
        while self.at(Kind.OPERATOR, "^", "_"):
            if self.take().text == "^":
                with self.deeper():
                    exponent = self.exponent()
            elif name == "log":
                base = self.argument_of_subscript()
            else:
                raise self.error(ParseReason.NOT_MATHEMATICS, f"expected the argument of {name}")
        if name == "log" and base is None:
            base = self._attached_base()
        if exponent is not None and name in _INVERSES and exponent == Negate(_ONE):
            name, exponent = _INVERSES[name], None
        value = self._call(name, self._argument_of_function(name), base)
        return value if exponent is None else Power(value, exponent)

    def _attached_base(self) -> Node | None:
        """`log10(x)`, `log2(x)`: digits between the name and a parenthesis."""
        token = self.token
        if token.kind is Kind.NUMBER and not token.spaced and self.peek().text == "(" and not self.peek().spaced:
            self.take()
            return token.node
        return None

    def argument_of_subscript(self) -> Node:
        """What stands below a function: a numeral whole (`log_10`), else as TeX takes it."""
        return self.number() if self.at(Kind.NUMBER) else self.argument()

    def exponent(self) -> Node:
        """What stands above: a numeral whole (`x^10`), a sign before it, a group, or one sign."""
        if self.at(Kind.OPERATOR, "-", "+"):
            sign = self.take().text
            value = self.exponent()
            return Negate(value) if sign == "-" else value
        if self.at(Kind.NUMBER):
            token = self.take()
            if token.node is not None:
                return token.node
        return self.argument()

    def _call(self, name: str, arguments: tuple[Node, ...], base: Node | None) -> Node:
        if name == "cbrt":
            return Call("root", (*arguments, Number(_ONE.value * 3)))
        if base is not None:
            arguments = (*arguments, base)
        if name not in _OF_SEVERAL and len(arguments) != 1 and not (name in _TWO_ARGUMENTS and len(arguments) == 2):
            raise self.error(ParseReason.NOT_MATHEMATICS, f"{len(arguments)} arguments for {name}")
        if name == "lg" and base is not None:
            name = "log"
        return Call(name, arguments)

    def _argument_of_function(self, name: str) -> tuple[Node, ...]:
        if self.at(Kind.OPEN, "(", "[") or (name in _OF_SEVERAL and self.at(Kind.OPEN)):
            return self.unpacked(self.parenthesised())
        with self.deeper(self.waiting):
            return self.unpacked(self._bare_argument()) if name in _OF_SEVERAL else (self._bare_argument(),)

    def _bare_argument(self) -> Node:
        """Factors up to a sign, a function, a parenthesis."""
        negative = self.accept(Kind.OPERATOR, "-")
        if not (self.begins_factor() or self.at(Kind.BAR) or self.at(Kind.RELATION, "divides")):
            raise self.error(ParseReason.INCOMPLETE, "expected the argument of a function")
        factors = [self.power()]
        while self.begins_factor() and not self._ends_argument(factors[-1]):
            factors.append(self.power())
        if self.at(Kind.OPERATOR, "/") and self.peek().kind is Kind.NUMBER and self._is_short(factors):
            self.take()
            factors = [Divide(_product(factors), self.power())]
        value = _product(factors)
        return Negate(value) if negative else value

    def _ends_argument(self, last: Node) -> bool:
        token = self.token
        if isinstance(last, Call):
            return True
        if token.kind in (Kind.FUNCTION, Kind.OPEN, Kind.BAR, Kind.BIG, Kind.WORD):
            return token.text != "{"
        return token.kind is Kind.NAME and token.text == "e" and self.peek()[:2] == (Kind.OPERATOR, "^")

    def _is_short(self, factors: list[Node]) -> bool:
        """`\\sin π/6` means the sine of π/6."""
        return len(factors) == 1 and isinstance(factors[0], Constant)

    def accented(self) -> Node:
        r"""A name with a mark, or the function it names: `\dot{x}(t)`."""
        value = self.accent()
        return self.applied(value) or value

    # --- unknown functions -----------------------------------------------------------------------------------------

    def applied(self, name: Node) -> Node | None:
        """The name applied to the parenthesis behind it, where that is no product; None otherwise."""
        if not isinstance(name, Symbol) or not self.at(Kind.OPEN, "(") or self.token.spaced:
            return None
        head = name.name.rstrip("'").split("_")[0]
        if head in _GREEK_FUNCTIONS and head == name.name:
            return Call(_GREEK_FUNCTIONS[head], self.unpacked(self.parenthesised()))
        start = self.index
        inside = self.parenthesised()
        arguments = self.unpacked(inside)
        if self._is_application(head, name.name, inside):
            return self._counted(name.name, arguments) or Apply(name.name, arguments)
        # A factor after all: kept, since reading it again at every level would take exponential time.
        self.brackets_read[start] = (inside, self.index)
        self.index = start
        return None

    def _is_application(self, head: str, name: str, inside: Node) -> bool:
        if isinstance(inside, Bracketed) and inside.closing == ")":
            return True
        if head in _ALWAYS_FUNCTIONS or name.endswith("'") or head in ("phi", "psi"):
            return True
        if not isinstance(inside, Symbol | Number | Constant | Relation):
            return False
        return head in _FUNCTION_LETTERS or isinstance(inside, Symbol) or head not in _FACTOR_LETTERS

    def _counted(self, name: str, arguments: tuple[Node, ...]) -> Node | None:
        """`C(n, k)` and `P(n, k)` of letters, or of whole numbers that can be chosen from."""
        if name not in ("C", "P") or len(arguments) != 2:
            return None
        top, bottom = arguments
        if isinstance(top, Number) and isinstance(bottom, Number):
            if top.value < bottom.value or top.value.q != 1 or bottom.value.q != 1 or top.places or bottom.places:
                return None
        elif not isinstance(top, Symbol) or not isinstance(bottom, Symbol | Number):
            return None
        return Call("binomial" if name == "C" else "permutations", arguments)

    def chosen(self) -> Node:
        """`_nC_k`, `{}_{10}P_3`."""
        self.expect(Kind.OPERATOR, "_")
        top = self.argument_of_subscript()
        kind = self.expect(Kind.NAME, "C", "P").text
        self.expect(Kind.OPERATOR, "_")
        return Call("binomial" if kind == "C" else "permutations", (top, self.argument_of_subscript()))

    # --- fractions and roots ---------------------------------------------------------------------------------------

    def fraction(self) -> Node:
        r"""`\frac`, `\binom`; `\frac{d}{dx}` is a derivative."""
        name = self.token.text
        derivative = self._derivative() if name == "frac" else None
        if derivative is not None:
            return derivative
        self.take()
        above = self.argument()
        below = self.argument()
        return Divide(above, below) if name == "frac" else Call("binomial", (above, below))

    def _derivative(self) -> Node | None:
        r"""`\frac{d}{dx} …`, `\frac{dy}{dx}`, `\frac{d^2y}{dx^2}`; None for other fractions."""
        if self.peek().text != "{" or self.peek(2)[:2] not in _D:
            return None
        start = self.index
        self.index += 3
        order = self._order()
        function = self.name() if self.at(Kind.NAME) else None
        if not (self.accept(Kind.CLOSE, "}") and self.accept(Kind.OPEN, "{") and self.token[:2] in _D):
            self.index = start
            return None
        self.take()
        variable = self.take().text if self.at(Kind.NAME) else ""
        if not variable or self._order() != order or not self.accept(Kind.CLOSE, "}"):
            self.index = start
            return None
        if function is not None:
            return Derivative(variable, order, function)
        with self.deeper(self.waiting):
            return Derivative(variable, order, self.product())

    def _order(self) -> int:
        if self.at(Kind.OPERATOR, "^"):
            self.take()
            braced = self.accept(Kind.OPEN, "{")
            digits = self.token.text
            if not self.accept(Kind.NUMBER) or not digits.isdigit() or len(digits) > 2:
                raise self.error(ParseReason.NOT_MATHEMATICS, "expected the order of a derivative")
            if braced:
                self.expect(Kind.CLOSE, "}")
            return int(digits)
        return 1

    def root(self) -> Node:
        r"""`\sqrt{x}`, `\sqrt[3]{x}`, `\sqrt7`, `√(x)`."""
        name = self.take().text
        index: Node | None = None
        if name == "sqrt" and self.at(Kind.OPEN, "["):
            self.take()
            with self.deeper():
                index = self.expression()
            self.expect(Kind.CLOSE, "]")
        elif name in ("cuberoot", "fourthroot"):
            index = Number(_ONE.value * (3 if name == "cuberoot" else 4))
        with self.deeper():
            value = self.number() if self.at(Kind.NUMBER) else self.argument()
        return Call("sqrt", (value,)) if index is None else Call("root", (value, index))

    # --- operators with a bound variable ---------------------------------------------------------------------------

    def big(self) -> Node:
        """A sum, product, integral or limit."""
        kind = BigKind(self.take().text)
        with self.deeper(self.waiting):
            if kind is BigKind.LIMIT:
                return self._limit()
            return self._integral() if kind is BigKind.INTEGRAL else self._sum(kind)

    def _bounds(self) -> tuple[Node | None, Node | None]:
        """What stands below and above, in either order."""
        bounds: dict[str, Node] = {}
        while self.at(Kind.OPERATOR, "_", "^") and self.token.text not in bounds:
            mark = self.take().text
            bounds[mark] = self.exponent()
        return bounds.get("_"), bounds.get("^")

    def _sum(self, kind: BigKind) -> Node:
        lower, upper = self._bounds()
        match lower:
            case Relation(("=",), (Symbol() | Constant() as name, first)):
                variable = _variable_name(name)
            case _:
                what = f"expected the variable of a {kind} with its first value"
                raise self.error(ParseReason.NOT_MATHEMATICS, what)
        self.bound.append(variable)
        body = self.product()
        self.bound.pop()
        return Big(kind, variable, first, upper, body)

    def _integral(self) -> Node:
        lower, upper = self._bounds()
        outer, self.in_integral = self.in_integral, True
        body: Node = _ONE if self.at_differential() else self.expression()
        self.in_integral = outer
        if not self.at_differential():
            raise self.error(ParseReason.INCOMPLETE, "expected the variable of an integral")
        self.take()
        return Big(BigKind.INTEGRAL, self.take().text, lower, upper, body)

    def at_differential(self) -> bool:
        """Whether `dx` comes next."""
        following = self.peek()
        if self.token[:2] not in _D or following.kind is not Kind.NAME:
            return False
        return not following.spaced or self.peek(2).kind in _AFTER_DIFFERENTIAL

    def _limit(self) -> Node:
        self.expect(Kind.OPERATOR, "_")
        self.expect(Kind.OPEN, "{")
        variable = _variable_name(self.name()) if self.at(Kind.NAME) else ""
        self.expect(Kind.ARROW)
        point = self.expression()
        side = ""
        if self.accept(Kind.OPERATOR, "^"):
            braced = self.accept(Kind.OPEN, "{")
            side = self.expect(Kind.OPERATOR, "+", "-").text
            if braced:
                self.expect(Kind.CLOSE, "}")
        self.expect(Kind.CLOSE, "}")
        return Big(BigKind.LIMIT, variable, point, None, self.product(), side)

    def one_sided(self) -> bool:
        """Whether `^+` or `^{-}` comes next: the side of a limit, not an exponent."""
        ahead = 2 if self.peek().text == "{" else 1
        sign, closing = self.peek(ahead), self.peek(ahead + 1)
        return sign.kind is Kind.OPERATOR and sign.text in "+-" and closing.text == "}"


def _variable_name(name: Node) -> str:
    return name.name if isinstance(name, Symbol) else str(name.name) if isinstance(name, Constant) else ""


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Multiply(tuple(factors))
