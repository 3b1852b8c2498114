"""A tree in a short notation, so that a test can show text and tree side by side.

`3/2@1` is a numeral with one decimal place, `«pi»` a constant, `[2·x]` a product, `(x + 1)` a sum, `f⟨x⟩` a known and
`f@⟨x⟩` an unknown function, `5‹meter›` a quantity, `B(1, 2]` brackets, `L<1, 2>` a list, `S{1}` a set,
`M[1, 2; 3, 4]` a matrix, `"odd"` words.
"""

from verify.answers.tree import (
    Add,
    Apply,
    BaseNumeral,
    Big,
    Bracketed,
    Call,
    Congruence,
    Constant,
    Derivative,
    Divide,
    Listing,
    Matrix,
    Multiply,
    Negate,
    Node,
    Number,
    NumberSet,
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
    Text,
)


def sketch(node: Node | None) -> str:
    """The notation of a tree."""
    return "" if node is None else SKETCHES[type(node)](node)


def _joined(items, separator=", "):
    return separator.join(map(sketch, items))


def _relation(node):
    pairs = zip(node.operators, node.sides[1:], strict=True)
    return "{" + sketch(node.sides[0]) + "".join(f" {operator} {sketch(side)}" for operator, side in pairs) + "}"


def _power(node):
    grouped = isinstance(node.base, Negate | Power)
    return (
        f"({sketch(node.base)})^{sketch(node.exponent)}"
        if grouped
        else f"{sketch(node.base)}^{sketch(node.exponent)}"
    )


def _quantity(node):
    unit = " ".join(name if power == 1 else f"{name}{power}" for name, power in node.unit)
    return f"{sketch(node.value)}‹{unit}›"


def _piecewise(node):
    cases = (f"{sketch(value)} if {sketch(condition) or 'else'}" for value, condition in node.cases)
    return "P{" + "; ".join(cases) + "}"


SKETCHES = {
    Number: lambda n: str(n.value) + ("" if n.places is None else f"@{n.places}"),
    Constant: lambda n: f"«{n.name}»",
    Symbol: lambda n: n.name,
    Add: lambda n: f"({_joined(n.terms, ' + ')})",
    Negate: lambda n: "-" + sketch(n.operand),
    PlusMinus: lambda n: f"({sketch(n.left)}{'∓' if n.minus_first else '±'}{sketch(n.right)})",
    Multiply: lambda n: f"[{_joined(n.factors, '·')}]",
    Divide: lambda n: f"<{sketch(n.numerator)} / {sketch(n.denominator)}>",
    Power: _power,
    Call: lambda n: f"{n.function}⟨{_joined(n.arguments)}⟩",
    Apply: lambda n: f"{n.function}@⟨{_joined(n.arguments)}⟩",
    Big: lambda n: f"{n.kind}[{n.variable}={sketch(n.lower)}{n.side}..{sketch(n.upper)}]{sketch(n.body)}",
    Derivative: lambda n: f"D[{n.variable},{n.order}]{sketch(n.body)}",
    BaseNumeral: lambda n: f"{n.digits}#{n.base}",
    Quantity: _quantity,
    Matrix: lambda n: ("det" if n.determinant else "M") + "[" + "; ".join(map(_joined, n.rows)) + "]",
    Bracketed: lambda n: f"B{n.opening}{_joined(n.items)}{n.closing}",
    Listing: lambda n: f"L<{_joined(n.items, f'{n.joiner} ' if n.joiner in ',;' else f' {n.joiner} ')}>",
    SetOf: lambda n: "S{" + _joined(n.items) + "}",
    SetBuilder: lambda n: "S{" + sketch(n.element) + " | " + sketch(n.condition) + "}",
    NumberSet: lambda n: f"Set {n.name}",
    SetOperation: lambda n: f"{n.kind}⟨{_joined(n.parts)}⟩",
    Relation: _relation,
    Congruence: lambda n: f"{sketch(n.left)} ≡ {sketch(n.right)} mod {sketch(n.modulus)}",
    Ratio: lambda n: _joined(n.items, ":"),
    Piecewise: _piecewise,
    Text: lambda n: f'"{n.words}"',
}
