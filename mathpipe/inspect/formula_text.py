r"""A formula as a line of Unicode that a terminal shows: `\frac{1}{2}x^2` as `1/2 x²`.

In: TeX of models and pages nobody checked. Out: text. The TeX is read by the converter of `formulas.py`; its tree is
written down in order, with Unicode's raised and lowered signs where they exist and `^(…)`, `_(…)` where not. A box
becomes ⟦…⟧, rows of a matrix are parted by semicolons, lines of an alignment stay lines. What cannot be converted
stays TeX.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element

from mathpipe.inspect.formulas import BOXED, formula_tree
from mathpipe.inspect.safe_text import visible

_RAISED = str.maketrans("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-−=()aeijknx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑᵢⱼₖₙₓ")
_AS_IS_RAISED = frozenset("∘′″*†")
_SPACED = frozenset("=+-−±∓<>≤≥≠≈≡∼≅∝×⋅·÷∈∉⊂⊆⊃⊇∪∩∧∨→←↔⇒⇐⇔↦∣⟹⟺⟶")
_OPENING = frozenset("([{⟨⌊⌈|")
_INVISIBLE = frozenset("\u2061\u2062\u2063\u2064")
_ROOT_SIGNS = frozenset("√∛∜")
_ROOTS = {"3": "∛", "4": "∜"}
_ACCENTS = {"―": "overline", "‾": "overline", "¯": "overline", "→": "vec", "^": "hat", "˙": "dot", "~": "tilde"}
_NARROWEST_GAP_EM = 0.15
_LARGE = (*"∑∏∫∮⋃⋂", "lim", "max", "min", "sup", "inf")
_ATOM = re.compile(r"[\d.,]+|\w[⁰¹²³⁴-⁹₀-₉ⁿⁱ]*|[⟦(].*[⟧)]")


def formula_text(latex: str, *, display: bool = False) -> str:
    """The formula in Unicode, or its TeX where it cannot be converted; one line unless it has several itself."""
    tree = formula_tree(latex, display=display)
    if tree is None:
        return visible(latex).strip()
    lines = (" ".join(line.split()) for line in _written(tree).splitlines())
    return "\n".join(line for line in lines if line)


def _written(node: Element) -> str:
    if node.get("class") == BOXED:
        return f"⟦{_row(node).strip()}⟧"
    writer = _WRITERS.get(node.tag)
    return writer(node) if writer is not None else _row(node)


def _row(node: Element) -> str:
    """The children in order; a sign between two terms has a blank on each side, before one term none."""
    children = list(node)
    if not children:
        return node.text or ""
    if len(children) == 1 and children[0].tag == "mo":
        return children[0].text or ""  # {,} and {+} stand without blanks
    written = ""
    for place, child in enumerate(children):
        if child.tag == "mo" or (child.text or "") in _SPACED:
            thousands = child.text == "," and _goes_on(written, children[place + 1 :])
            written = written + "," if thousands else _with_sign(written, child.text or "")
        elif child.tag == "mtable" and place and children[place - 1].tag == "mo":
            written += _matrix(child)
        elif child.tag == "mfrac" and _is_term(written):
            written += " " + _written(child)
        else:
            term = _written(child)
            parts = (
                bool(place) and children[place - 1].tag == "mfrac" and (term[:1].isalnum() or term[:1] in _ROOT_SIGNS)
            )
            written += (" " if parts else _apart(written, child)) + term + " " * _is_large(child)
    return written


def _goes_on(before: str, following: Sequence[Element]) -> bool:
    """Whether a comma parts thousands: 10,000."""
    return (
        before[-1:].isdigit() and bool(following) and following[0].tag == "mn" and len(following[0].text or "") == 3
    )


def _is_large(node: Element) -> bool:
    """Whether it is a sum, an integral or a limit with its bounds."""
    return node.tag.startswith(("msub", "munder")) and (node[0].text or "") in _LARGE


def _with_sign(before: str, sign: str) -> str:
    if sign in _INVISIBLE:
        return before
    if sign in {",", ";"}:
        return before + sign + " "
    if sign not in _SPACED:
        return before + sign
    is_first = not before.strip() or before.rstrip()[-1] in _OPENING | _SPACED
    return before + sign if is_first else f"{before.rstrip()} {sign} "


def _apart(before: str, child: Element) -> str:
    """A blank between a name of several letters (sin, max) and what it stands beside."""
    named = child.tag == "mi" and len(child.text or "") > 1 and (child.text or "").isalpha()
    if named and before and before[-1].isalnum():
        return " "
    letters = before[len(before.rstrip("abcdefghijklmnopqrstuvwxyz")) :]
    return " " if len(letters) > 1 and letters in _FUNCTIONS and child.tag != "mo" else ""


_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln exp lim max min gcd".split()
)


def _is_term(before: str) -> bool:
    return bool(before) and (before[-1].isalnum() or before[-1] in ")]")


def _fraction(node: Element) -> str:
    above, below = (_written(child).strip() for child in node[:2])
    if node.get("linethickness") == "0":
        return f"{above} choose {below}"
    return f"{_grouped(above)}/{_grouped(below)}"


def _grouped(text: str) -> str:
    return text if _ATOM.fullmatch(text) and (text[0] != "(" or _is_bracketed(text)) else f"({text})"


def _is_bracketed(text: str) -> bool:
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place < len(text) - 1:
            return False
    return True


def _over(node: Element) -> str:
    base, sign = _written(node[0]).strip(), _written(node[1]).strip()
    if node.tag == "mover" and sign in _ACCENTS:
        return f"{_ACCENTS[sign]}({base})"
    return base + _raised(sign)


def _scripts(node: Element) -> str:
    """Base, index, exponent: the same three in msubsup and munderover."""
    base, below, above = (_written(child).strip() for child in node[:3])
    return base + _lowered(below) + _raised(above)


def _under(node: Element) -> str:
    return _written(node[0]).strip() + _lowered(_written(node[1]).strip())


def _raised(text: str) -> str:
    if text and set(text) <= _AS_IS_RAISED:
        return text.replace("∘", "°")
    return _script(text, "^", _RAISED)


def _lowered(text: str) -> str:
    return _script(text, "_", _LOWERED)


def _script(text: str, mark: str, letters: dict[int, int]) -> str:
    tight = text.replace(" ", "")
    if tight and all(ord(letter) in letters for letter in tight):
        return tight.translate(letters)
    return f"{mark}{text}" if len(text) == 1 else f"{mark}({text})" if text else ""


def _root(node: Element) -> str:
    if node.tag == "mroot":
        degree = _written(node[1]).strip()
        return (_ROOTS.get(degree) or _raised(degree) + "√") + _grouped(_written(node[0]).strip())
    return "√" + _grouped(_row(node).strip())


def _rows(table: Element) -> Sequence[Sequence[str]]:
    return [[_written(cell).strip() for cell in row] for row in table]


def _matrix(table: Element) -> str:
    return "; ".join(", ".join(cells) for cells in _rows(table))


def _lines(table: Element) -> str:
    return "\n".join(
        " ".join(filter(None, (cells[0], *map(_continued, cells[1:])))) for cells in _rows(table) if cells
    )


def _continued(cell: str) -> str:
    """A cell such as `=1` right of another one."""
    return f"{cell[0]} {cell[1:].lstrip()}" if cell and cell[0] in _SPACED else cell


def _space(node: Element) -> str:
    width = node.get("width", "").removesuffix("em")
    return " " if width.replace(".", "", 1).isdigit() and float(width) >= _NARROWEST_GAP_EM else ""


_WRITERS: dict[str, Callable[[Element], str]] = {
    "mfrac": _fraction,
    "msup": _over,
    "mover": _over,
    "msub": _under,
    "munder": _under,
    "msubsup": _scripts,
    "munderover": _scripts,
    "msqrt": _root,
    "mroot": _root,
    "mtable": _lines,
    "mspace": _space,
    "mphantom": lambda _: "",
}
