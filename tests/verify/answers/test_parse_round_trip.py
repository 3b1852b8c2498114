"""Whatever tree is printed as LaTeX is read back as that tree; no text makes the parser raise anything of its own."""

from flint import fmpq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from verify.answers.parse import ParseError, other_reading, parse_answer
from verify.answers.tree import (
    MAX_DEPTH,
    Add,
    Apply,
    BaseNumeral,
    Big,
    BigKind,
    Bracketed,
    Call,
    Congruence,
    Constant,
    Divide,
    Listing,
    Matrix,
    Multiply,
    Name,
    Negate,
    Node,
    Number,
    Piecewise,
    PlusMinus,
    Power,
    Quantity,
    Ratio,
    Relation,
    SetBuilder,
    SetOf,
    SetOperation,
    Symbol,
)

ATOMIC = (Number, Symbol, Constant, Apply, Bracketed, SetOf, Matrix)
CONSTANTS = {Name.PI: r"\pi", Name.E: "e", Name.IMAGINARY: "i", Name.INFINITY: r"\infty"}
OPERATORS = {"=": "=", "!=": r"\neq", "<": "<", "<=": r"\le", ">": ">", ">=": r"\geq", "~": r"\approx", "in": r"\in"}
SETS = {"union": r"\cup", "intersection": r"\cap", "difference": r"\setminus"}
PLUS_MINUS = (r"\pm", r"\mp")
ROW_END = r" \\ "
ENCLOSED = {
    "abs": (r"\left|", r"\right|"),
    "floor": (r"\lfloor ", r"\rfloor "),
    "ceil": (r"\lceil ", r"\rceil "),
    "sqrt": (r"\sqrt{", "}"),
    "norm": (r"\|", r"\|"),
}


def latex(node: Node) -> str:
    """The tree in plain LaTeX, with parentheses wherever a part is no atom."""
    return PRINTERS[type(node)](node)


def atom(node: Node) -> str:
    text = latex(node)
    return text if isinstance(node, ATOMIC) else rf"\left({text}\right)"


def number(node: Number) -> str:
    if node.places is None:
        return str(node.value.p)
    digits = str(int(node.value * 10**node.places)).rjust(node.places + 1, "0")
    return f"{digits[: -node.places]}.{digits[-node.places :]}"


def call(node: Call) -> str:
    arguments = [latex(argument) for argument in node.arguments]
    if node.function in ENCLOSED:
        opening, closing = ENCLOSED[node.function]
        return f"{opening}{arguments[0]}{closing}"
    if node.function == "root":
        return rf"\sqrt[{arguments[1]}]{{{arguments[0]}}}"
    if node.function == "binomial":
        return rf"\binom{{{arguments[0]}}}{{{arguments[1]}}}"
    if node.function == "factorial":
        return f"{atom(node.arguments[0])}!"
    if node.function == "log" and len(arguments) == 2:
        return rf"\log_{{{arguments[1]}}}\left({arguments[0]}\right)"
    return rf"\{node.function}\left({', '.join(arguments)}\right)"


def big(node: Big) -> str:
    if node.kind is BigKind.INTEGRAL:
        return rf"\int_{{{latex(node.lower)}}}^{{{latex(node.upper)}}} {atom(node.body)} \, d{node.variable}"
    if node.kind is BigKind.LIMIT:
        return rf"\lim_{{{node.variable} \to {latex(node.lower)}}} {atom(node.body)}"
    sign = "sum" if node.kind is BigKind.SUM else "prod"
    return rf"\{sign}_{{{node.variable}={latex(node.lower)}}}^{{{latex(node.upper)}}} {atom(node.body)}"


def relation(node: Relation) -> str:
    pairs = zip(node.operators, node.sides[1:], strict=True)
    return latex(node.sides[0]) + "".join(f" {OPERATORS[operator]} {latex(side)}" for operator, side in pairs)


def piecewise(node: Piecewise) -> str:
    rows = (f"{latex(value)} & " + (latex(when) if when else r"\text{otherwise}") for value, when in node.cases)
    return rf"\begin{{cases}} {ROW_END.join(rows)} \end{{cases}}"


def matrix(node: Matrix) -> str:
    name = "vmatrix" if node.determinant else "pmatrix"
    rows = ROW_END.join(" & ".join(map(latex, row)) for row in node.rows)
    return rf"\begin{{{name}}} {rows} \end{{{name}}}"


def added(node: Add) -> str:
    terms = [latex(term) if isinstance(term, Multiply | Divide | Power) else negated(term) for term in node.terms]
    return " + ".join(terms).replace("+ -", "- ")


def negated(node: Node) -> str:
    return f"-{atom(node.operand)}" if isinstance(node, Negate) else atom(node)


PRINTERS = {
    Number: number,
    Symbol: lambda n: n.name if "_" not in n.name else n.name.replace("_", "_{") + "}",
    Constant: lambda n: CONSTANTS[n.name],
    Add: added,
    Negate: negated,
    PlusMinus: lambda n: (
        f"{atom(n.left) if n.left else ''} {chr(92)}{'mp' if n.minus_first else 'pm'} {atom(n.right)}"
    ),
    Multiply: lambda n: r" \cdot ".join(map(atom, n.factors)),
    Divide: lambda n: rf"\frac{{{latex(n.numerator)}}}{{{latex(n.denominator)}}}",
    Power: lambda n: f"{atom(n.base)}^{{{latex(n.exponent)}}}",
    Call: call,
    Apply: lambda n: rf"{n.function}\left({', '.join(map(latex, n.arguments))}\right)",
    Big: big,
    BaseNumeral: lambda n: f"{n.digits}_{{{n.base}}}",
    Quantity: lambda n: (
        rf"{atom(n.value)} \text{{ {n.unit[0][0]}}}" + (f"^{n.unit[0][1]}" if n.unit[0][1] > 1 else "")
    ),
    Matrix: matrix,
    Bracketed: lambda n: rf"\left{n.opening}{', '.join(map(latex, n.items))}\right{n.closing}",
    Listing: lambda n: ", ".join(map(latex, n.items)),
    SetOf: lambda n: r"\{" + ", ".join(map(latex, n.items)) + r"\}",
    SetBuilder: lambda n: rf"\{{{latex(n.element)} \mid {latex(n.condition)}\}}",
    SetOperation: lambda n: f" {SETS[n.kind]} ".join(map(atom, n.parts)),
    Relation: relation,
    Congruence: lambda n: rf"{latex(n.left)} \equiv {latex(n.right)} \pmod{{{latex(n.modulus)}}}",
    Ratio: lambda n: " : ".join(map(atom, n.items)),
    Piecewise: piecewise,
}

integers = st.integers(0, 10**6).map(lambda value: Number(fmpq(value)))
decimals = st.tuples(st.integers(0, 10**6), st.integers(1, 6)).map(lambda p: Number(fmpq(p[0], 10 ** p[1]), p[1]))
symbols = st.sampled_from("x y z n a b r x_1 a_n t_max".split()).map(Symbol)
leaves = st.one_of(integers, decimals, symbols, st.sampled_from([Constant(name) for name in Name]))


def several(parts, least=2):
    return st.lists(parts, min_size=least, max_size=4).map(tuple)


def grown(parts):
    one = ("sin cos tan ln lg exp arcsin sinh sqrt abs floor ceil factorial norm log").split()
    return st.one_of(
        several(parts).map(Add),
        parts.map(Negate),
        several(parts).map(Multiply),
        st.builds(Divide, parts, parts),
        st.builds(Power, parts, parts),
        st.builds(PlusMinus, st.one_of(st.none(), parts), parts, st.booleans()),
        st.builds(lambda name, part: Call(name, (part,)), st.sampled_from(one), parts),
        st.builds(Call, st.sampled_from(["root", "binomial", "log"]), st.tuples(parts, parts)),
        st.builds(Call, st.sampled_from(["gcd", "lcm", "max", "min"]), several(parts)),
        st.builds(lambda args: Apply("f", args), several(parts, least=1)),
        st.builds(
            Big, st.sampled_from([BigKind.SUM, BigKind.PRODUCT, BigKind.INTEGRAL]), st.just("k"), parts, parts, parts
        ),
        st.builds(lambda point, body: Big(BigKind.LIMIT, "k", point, None, body), parts, parts),
    )


values = st.recursive(leaves, grown, max_leaves=10)
points = st.builds(Bracketed, st.just("("), st.sampled_from(")]"), several(values))
relations = several(values).flatmap(
    lambda sides: st.lists(
        st.sampled_from(sorted(OPERATORS.keys() - {"in"})), min_size=len(sides) - 1, max_size=len(sides) - 1
    ).map(lambda operators: Relation(tuple(operators), sides))
)
sets = st.one_of(points, several(values).map(SetOf), st.builds(SetBuilder, symbols, relations))
rows = st.integers(1, 3).flatmap(lambda width: several(st.tuples(*[values] * width), least=1))
numerals = st.integers(2, 16).flatmap(
    lambda base: st.builds(BaseNumeral, st.text("0123456789"[:base], min_size=1, max_size=8), st.just(base))
)
units = st.sampled_from([(("meter", 1),), (("centimeter", 2),), (("dollar", 1),), (("word:apple", 1),)])
answers = st.one_of(
    values,
    relations,
    sets,
    several(st.one_of(values, relations, points)).map(Listing),
    st.builds(SetOperation, st.sampled_from(sorted(SETS)), st.tuples(sets, sets)),
    st.builds(lambda side, part: Relation(("in",), (side, part)), symbols, sets),
    st.builds(Matrix, rows, st.booleans()),
    numerals,
    several(values).map(Ratio),
    st.builds(Congruence, symbols, integers, integers),
    several(st.tuples(values, relations)).map(Piecewise),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers)
def test_a_printed_tree_is_read_back(tree):
    assert parse_answer(latex(tree)) == tree


@given(integers, units)
def test_a_printed_quantity_is_read_back(value, unit):
    name, power = unit[0]
    phrase = name.removeprefix("word:") + (f"^{power}" if power > 1 else "")
    assert parse_answer(rf"{latex(value)} \text{{ {phrase}}}") == Quantity(value, unit)


def read(text):
    try:
        return parse_answer(text)
    except ParseError:
        return None


PIECES = r"""
\frac \sqrt \text{ \mathrm{ { } ( ) [ ] \{ \} | \| , ; : . ... ^ _ ' ! % $ \$ & \\ \begin{cases} \end{cases}
\begin{pmatrix} \end{pmatrix} = < > \le \pm - + * / ** 1 2 12 1,222 0.5 .5 5. 1e5 x y f i e d dx AB \pi \infty
\sum_{k=1}^n \int_0^1 \lim_{x\to0} \sin \log_2 \ln and or if cm apples million half two twenty one a \cup \in
\mathbb{R} \emptyset \mod \pmod{7} (mod \bmod \overline{3} \dot{3} \vec{v} \mathbf{i} \angle \triangle ABC
\over \choose ^\circ ° ² √ ½ ≤ \left \right \binom \not C P _nC_k base to U min max gcd( log10( \hat{i} \quad
~ \! \, 7 \ldots \frac{d}{dx} \mid @ # " ` é 中
""".split()


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25), st.sampled_from(["", " "]))
def test_any_pieces_of_latex_are_read_or_refused(pieces, glue):
    text = glue.join(pieces)
    tree = read(text)
    assert tree is None or (isinstance(tree, Node) and tree == read(text))
    other_reading(text)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text):
    tree = read(text)
    assert tree is None or isinstance(tree, Node)


def test_depth_of_what_is_read_is_bounded():
    assert MAX_DEPTH == 80
    tree = parse_answer(r"\frac{1}{1+" * 15 + "x" + "}" * 15)
    assert isinstance(tree, Divide)
