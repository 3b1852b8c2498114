"""What an answer is once it has been read: a tree of frozen nodes. The parser makes it, the comparison reads it.

Nothing here is simplified: `2+2` stays an `Add`. Nodes are hashable and compare by structure. Exact rationals are
`flint.fmpq`. Every node is immutable and small; the parser bounds their number and depth (`MAX_NODES`, `MAX_DEPTH`),
so recursion over a tree is safe in Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flint import fmpq

MAX_NODES = 4_000  # a 60 x 60 matrix is refused, a 20 x 20 one is read
MAX_DEPTH = 80  # below Python's recursion limit by far; answers of people stay under 15


@dataclass(frozen=True, slots=True)
class Node:
    """Any part of an answer."""


# --- values ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Number(Node):
    """An exact rational. `places` counts the digits written after the decimal point, None where none was written.

    A mixed number, a repeating decimal and a numeral in scientific `e` notation are Numbers too (places None for
    the first two; for `1.50e3` the value is 1500 and places is -1: the last digit written stands for tens).
    """

    value: fmpq
    places: int | None = None


class Name(StrEnum):
    """Constants that every reader of mathematics knows."""

    PI = "pi"
    E = "e"
    IMAGINARY = "i"
    INFINITY = "infinity"


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """pi, e, the imaginary unit, infinity. `e` and `i` are Constants also where a page means a variable."""

    name: Name


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """A variable: `x`, `x_1`, `alpha`, `A'`, `AB` (a segment). No backslash, subscript after `_`."""

    name: str


@dataclass(frozen=True, slots=True)
class Add(Node):
    """A sum of two or more terms; a difference is an Add with a Negate."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Negate(Node):
    """Minus."""

    operand: Node


@dataclass(frozen=True, slots=True)
class PlusMinus(Node):
    """`left ± right`, or `± right` with left None; `minus_first` for ∓."""

    left: Node | None
    right: Node
    minus_first: bool = False


@dataclass(frozen=True, slots=True)
class Multiply(Node):
    """A product of two or more factors."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Divide(Node):
    """A quotient, however it is written."""

    numerator: Node
    denominator: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    """base ^ exponent."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A known function (`FUNCTIONS`): `sqrt`, `root` (x, n), `log` (x, base), `binomial` (n, k), `abs`, `sin`, …"""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Apply(Node):
    """An unknown function of arguments: `f(x)`, `P(A)`."""

    function: str
    arguments: tuple[Node, ...]


# Names a Call may hold. One argument unless noted.
FUNCTIONS = frozenset(
    "sqrt root abs ln log lg exp sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc "
    "sinh cosh tanh coth sech csch arcsinh arccosh arctanh "
    "factorial double_factorial subfactorial binomial permutations gamma zeta floor ceil fractional_part sign "
    "conjugate re im arg gcd lcm max min mod det trace transpose norm".split()
)  # two arguments: root log binomial permutations mod; two or more: gcd lcm max min


class BigKind(StrEnum):
    """Operators with a bound variable."""

    SUM = "sum"
    PRODUCT = "product"
    INTEGRAL = "integral"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Big(Node):
    """Σ, Π, ∫, lim of `body` over `variable`. Bounds are None where not written; a limit's point is `lower`,
    `side` is "+" or "-" for a one-sided one."""

    kind: BigKind
    variable: str
    lower: Node | None
    upper: Node | None
    body: Node
    side: str = ""


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """d^order body / d variable^order."""

    variable: str
    order: int
    body: Node


@dataclass(frozen=True, slots=True)
class BaseNumeral(Node):
    """`204_5`: digits (most significant first, may hold letters and one point) in a base from 2 to 36."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Quantity(Node):
    """A value with a unit. `unit` is canonical: sorted (name, exponent) pairs, see `verify.answers.units`.

    Percent, currency and degrees are units: ("percent", 1), ("dollar", 1), ("degree", 1).
    """

    value: Node
    unit: tuple[tuple[str, int], ...]


# --- answers that are more than one value ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    """Rows of equal length; a column vector has one entry a row. `determinant` for vmatrix and |…|."""

    rows: tuple[tuple[Node, ...], ...]
    determinant: bool = False


@dataclass(frozen=True, slots=True)
class Bracketed(Node):
    """Two or more items between brackets: a point, a vector or an interval; the comparison decides.

    `opening` is one of ( [ < ] and `closing` one of ) ] > [ (`]a,b[` is an open interval). One item in round or
    square brackets is just that item.
    """

    opening: str
    closing: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Listing(Node):
    """Items without brackets: `1, 2 and 3`, `x=1 or x=2`, `a=1; b=2`. `joiner` is "," "and" "or" or ";"."""

    items: tuple[Node, ...]
    joiner: str = ","


@dataclass(frozen=True, slots=True)
class SetOf(Node):
    """`{a, b}`; the empty set has no items."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class SetBuilder(Node):
    """`{element | condition}`; conditions joined by commas or "and" are a Listing."""

    element: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class NumberSet(Node):
    """R, Q, Z, N, C, or R+ and the like: "R+" positive, "R-" negative, "Z+", "R*" without zero, "R>=0"."""

    name: str


@dataclass(frozen=True, slots=True)
class SetOperation(Node):
    """`union`, `intersection` or `difference` of two or more sets."""

    kind: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Relation(Node):
    """A chain: `sides[0] operators[0] sides[1] operators[1] …`.

    Operators: = != < <= > >= ~ (≈, ≃, ≐) in notin subset equiv parallel perpendicular similar proportional divides.
    """

    operators: tuple[str, ...]
    sides: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Congruence(Node):
    """`left ≡ right (mod modulus)`; left is None for a bare `3 (mod 7)`; several residues are a Listing."""

    left: Node | None
    right: Node
    modulus: Node


@dataclass(frozen=True, slots=True)
class Ratio(Node):
    """`3:4:5`. A clock time `4:30` is a Ratio too; "a.m." and "p.m." make it a Text."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Piecewise(Node):
    """(value, condition) pairs; condition None for "otherwise"."""

    cases: tuple[tuple[Node, Node | None], ...]


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Words: `\\text{Evelyn}`, `odd`, `4:30 p.m.`; whitespace folded, case and punctuation kept."""

    words: str
