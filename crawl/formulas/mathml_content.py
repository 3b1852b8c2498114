r"""Content MathML (apply, ci, cn and their operators) as pieces of LaTeX.

In: an element of content markup and its converted children. Out: one `Piece`. Source: MathML 3, chapter 4; the
operators that pages use. An operator without a rule here is written as a function of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from crawl.dom import Element
from crawl.formulas.mathml_pieces import NOTHING, Piece, Role, braced, join, script_braced
from crawl.formulas.mathml_tokens import function_name, identifier, number

_INFIX = {
    "plus": "+", "eq": "=", "neq": r"\neq", "lt": "<", "gt": ">", "leq": r"\leq", "geq": r"\geq",
    "equivalent": r"\equiv", "approx": r"\approx", "and": r"\wedge", "or": r"\vee", "implies": r"\implies",
    "in": r"\in", "notin": r"\notin",
    "subset": r"\subseteq", "prsubset": r"\subset", "union": r"\cup", "intersect": r"\cap",
    "setdiff": r"\setminus", "compose": r"\circ", "tendsto": r"\to", "rem": r"\bmod",
    "cartesianproduct": r"\times", "vectorproduct": r"\times",
    "scalarproduct": r"\cdot",
}  # fmt: skip
_CONSTANTS = {
    "pi": r"\pi", "infinity": r"\infty", "exponentiale": "e", "imaginaryi": "i", "emptyset": r"\emptyset",
    "eulergamma": r"\gamma", "true": r"\text{true}", "false": r"\text{false}", "integers": r"\mathbb{Z}",
    "reals": r"\mathbb{R}", "rationals": r"\mathbb{Q}", "naturalnumbers": r"\mathbb{N}", "complexes": r"\mathbb{C}",
    "primes": r"\mathbb{P}",
}  # fmt: skip
_FENCED = {
    "abs": ("|", "|"),
    "floor": (r"\lfloor ", r"\rfloor"),
    "ceiling": (r"\lceil ", r"\rceil"),
    "card": ("|", "|"),
}
_BIG = {"sum": r"\sum", "product": r"\prod", "int": r"\int", "limit": r"\lim"}
_QUALIFIERS = frozenset({"bvar", "lowlimit", "uplimit", "degree", "logbase", "condition", "domainofapplication"})
_LOOSE = frozenset({"plus", "minus", "sum", "int"})  # need parentheses as a factor or under a power


def apply(node: Element, parts: Sequence[Piece]) -> Piece:
    """<apply>: an operator, what qualifies it, and its arguments."""
    children = list(node.elements())
    if not children or len(children) != len(parts):
        return NOTHING
    operator = local(children[0])
    named = {
        local(child): part for child, part in zip(children[1:], parts[1:], strict=True) if local(child) in _QUALIFIERS
    }
    arguments = [part for child, part in zip(children[1:], parts[1:], strict=True) if local(child) not in _QUALIFIERS]
    handler = _APPLICATIONS.get(operator)
    if operator in _BIG:
        tex = _big(operator, named, arguments)
    elif operator in _INFIX:
        tex = f" {_INFIX[operator]} ".join(part.tex for part in arguments)
    elif operator in _FENCED and arguments:
        tex = join([_FENCED[operator][0], arguments[0].tex, _FENCED[operator][1]])
    elif handler is not None and arguments:
        tex = handler(arguments, named)
    else:
        name = function_name({"ln": "ln", "gcd": "gcd"}.get(operator, operator)) or parts[0].tex or operator
        tex = join([name, "(", ", ".join(part.tex for part in arguments), ")"])
    return Piece(tex=tex.strip(), role=Role.OTHER, char=operator)


def local(node: Element) -> str:
    """The tag without its namespace prefix."""
    return node.tag.rpartition(":")[2].lower()


def _factor(part: Piece) -> str:
    return f"({part.tex})" if part.char in _LOOSE else part.tex


def _times(arguments: Sequence[Piece], _: dict[str, Piece]) -> str:
    texts = [_factor(part) for part in arguments]
    out = texts[:1]
    for text in texts[1:]:
        out.append(rf" \cdot {text}" if text[:1].isdigit() else text)
    return join(out)


def _minus(arguments: Sequence[Piece], _: dict[str, Piece]) -> str:
    if len(arguments) == 1:
        return "-" + _factor(arguments[0])
    return f"{arguments[0].tex} - {_factor(arguments[1])}"


def _divide(arguments: Sequence[Piece], _: dict[str, Piece]) -> str:
    return r"\frac" + "".join(braced(part.tex) for part in arguments[:2])


def _power(arguments: Sequence[Piece], _: dict[str, Piece]) -> str:
    base = arguments[0]
    simple = base.role is not Role.OTHER or base.char == ""
    text = base.tex if simple else f"({base.tex})"
    return text + "^" + script_braced(arguments[1].tex) if len(arguments) > 1 else text


def _root(arguments: Sequence[Piece], named: dict[str, Piece]) -> str:
    degree = named["degree"].tex if "degree" in named else ""
    return r"\sqrt" + (f"[{degree}]" if degree not in ("", "2") else "") + braced(arguments[0].tex)


def _derivative(sign: str) -> Callable[[Sequence[Piece], dict[str, Piece]], str]:
    def written(arguments: Sequence[Piece], named: dict[str, Piece]) -> str:
        variable = named["bvar"].tex if "bvar" in named else "x"
        return join([r"\frac" + braced(sign) + braced(join([sign, " ", variable])), arguments[0].tex])

    return written


def _big(operator: str, named: dict[str, Piece], arguments: Sequence[Piece]) -> str:
    """A sum, product, integral or limit with its range."""
    variable, low = (named[key].tex if key in named else "" for key in ("bvar", "lowlimit"))
    high = named["uplimit"].tex if "uplimit" in named else ""
    equals = {"int": "", "limit": r"\to "}.get(operator, "=")
    below = low if operator == "int" else join([variable, equals, low]) if variable and low else variable or low
    if "condition" in named and not low:
        below = named["condition"].tex
    scripts = ("_" + script_braced(below) if below else "") + ("^" + script_braced(high) if high else "")
    body = join([part.tex for part in arguments])
    return join([_BIG[operator], scripts, " ", body, rf"\,d{variable}" if operator == "int" and variable else ""])


_APPLICATIONS: dict[str, Callable[[Sequence[Piece], dict[str, Piece]], str]] = {
    "times": _times,
    "minus": _minus,
    "divide": _divide,
    "quotient": _divide,
    "power": _power,
    "root": _root,
    "factorial": lambda arguments, _: _factor(arguments[0]) + "!",
    "not": lambda arguments, _: join([r"\neg ", arguments[0].tex]),
    "conjugate": lambda arguments, _: r"\overline" + braced(arguments[0].tex),
    "transpose": lambda arguments, _: arguments[0].tex + "^T",
    "exp": lambda arguments, _: "e^" + script_braced(arguments[0].tex),
    "diff": _derivative("d"),
    "partialdiff": _derivative(r"\partial"),
}


def constant(node: Element) -> Piece:
    """An empty element that names a constant."""
    return Piece(tex=_CONSTANTS[local(node)], role=Role.LETTER)


def numeral(node: Element, _: Sequence[Piece]) -> Piece:
    """<cn>, whose <sep/> divides a fraction's parts or a number from its exponent."""
    texts = [child.strip() for child in node.children if isinstance(child, str) and child.strip()]
    if len(texts) == 2 and node.get("type") == "rational":
        return Piece(tex=rf"\frac{{{texts[0]}}}{{{texts[1]}}}")
    if len(texts) == 2 and node.get("type") == "e-notation":
        return Piece(tex=rf"{texts[0]} \times 10^{{{texts[1]}}}")
    return number(node)


def name(node: Element, parts: Sequence[Piece]) -> Piece:
    """<ci> and <csymbol>: a name, perhaps in presentation markup."""
    return parts[0] if parts else identifier(node)


CONTENT: dict[str, Callable[[Element, list[Piece]], Piece]] = {
    "apply": apply,
    "reln": apply,
    "ci": name,
    "csymbol": name,
    "cn": numeral,
    **dict.fromkeys(_CONSTANTS, lambda node, _: constant(node)),
}
