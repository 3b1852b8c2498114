r"""Sub- and superscripts, limits, accents, braces over and under, arrows with words: MathML's script elements.

In: the element and its converted children. Out: one `Piece`. Source: MathML 3, chapter 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from crawl.dom import Element
from crawl.formulas.mathml_pieces import NOTHING, Piece, Role, braced, join, script, script_braced
from crawl.formulas.mathml_tables import (
    ACCENTS_OVER,
    ACCENTS_UNDER,
    ARROWS,
    INTEGRALS,
    LARGE_OPERATORS,
    PRIMES,
    accent_character,
)

_DEGREES = ("°", "º", "∘", "○", "◦")
_SIGNS = (Role.OPERATOR, Role.LETTER)
# An operator is looked for no further than this many elements into a script: mstyle > mrow > mo.
_NEAR = 6
_BRACES = (r"\overbrace", r"\underbrace", r"\overbracket", r"\underbracket")


def scripted(base: Piece, sub: Piece, sup: Piece) -> Piece:
    """A base with scripts at its side."""
    subscript, (primes, superscript) = _sub_text(sub), _sup_text(sup)
    free = not (base.subscript and subscript) and not (base.superscript and (superscript or primes))
    if base.role is Role.SCRIPTED and not base.grouped and free:
        superscripts = base.superscript + primes + _superscript(superscript)
        return _with_scripts(base.base, base.subscript or subscript, superscripts, base)
    return _with_scripts(_base(base), subscript, primes + _superscript(superscript), base)


def _with_scripts(base: str, subscript: str, superscript: str, piece: Piece) -> Piece:
    below = "_" + script_braced(subscript) if subscript else ""
    primes = superscript[: len(superscript) - len(superscript.lstrip("'"))]
    tex = join([base, primes + below + superscript[len(primes) :]])  # 11 of 13 authors write the prime first
    limits = piece.role in (Role.FUNCTION, Role.LARGE) or (piece.role is Role.OPERATOR and piece.tall)
    role = Role.LARGE if limits else Role.SCRIPTED
    return Piece(tex=tex, role=role, base=base, subscript=subscript, superscript=superscript, tall=piece.tall,
                 delimiter=None, char="")  # fmt: skip


def _base(base: Piece) -> str:
    """What scripts hang on; in braces where they would hang on its last symbol only."""
    if base.role is Role.EMPTY or (base.role is Role.OPERATOR and not base.tex):
        return "{}"
    if base.role in (Role.SCRIPTED, Role.STACK, Role.SPACE):
        return braced(base.tex)
    if base.role is Role.ROW and len(base.parts) == 2 and base.parts[0].role is Role.SPACE:
        return base.parts[0].tex + _base(base.parts[1])
    if base.role is Role.ROW and not _is_parenthesised(base):
        return braced(base.tex)
    if base.role is Role.LETTER and not base.font and len(base.tex) > 1 and not base.tex.startswith("\\"):
        return base.tex if base.tex.replace(".", "").isdigit() else braced(base.tex)
    return base.tex


def _is_parenthesised(row: Piece) -> bool:
    """A row that one pair of delimiters encloses: TeX hangs scripts on the closing one."""
    first, last = row.parts[0], row.parts[-1]
    return first.delimiter is not None and last.delimiter is not None and last.tex != "."


def _sub_text(sub: Piece) -> str:
    if sub.role is Role.ARRAY and sub.layout is not None and len(sub.layout.columns) == 1:
        return r"\substack" + braced(r" \\ ".join("".join(cell.tex for cell in row.parts) for row in sub.parts))
    return script(sub)


def _superscript(text: str) -> str:
    return "^" + script_braced(text) if text else ""


def _sup_text(sup: Piece) -> tuple[str, str]:
    """Leading primes as apostrophes, and the rest."""
    parts = list(sup.parts) if sup.role is Role.ROW else [sup]
    primes = ""
    while parts and parts[0].char and all(char in PRIMES for char in parts[0].char) and parts[0].role in _SIGNS:
        primes += "'" * sum(PRIMES[char] for char in parts[0].char)
        parts.pop(0)
    if not primes:
        return "", _degree(sup)
    return primes, join([part.tex for part in parts]).strip()


def _degree(sup: Piece) -> str:
    if sup.char in _DEGREES and sup.role in _SIGNS:
        return r"\circ"
    return script(sup)


def under_over(node: Element, base: Piece, under: Piece, over: Piece) -> Piece:
    """A base with something under it, over it, or both."""
    if under.role is Role.EMPTY and _is_word(base) and _mark(over) in ACCENTS_OVER:
        return replace(_over(node, base, over), role=base.role, limits=base.limits)
    if _takes_limits(base):
        piece = scripted(base, under, over)
        if base.char in INTEGRALS:
            primed = piece.tex.removeprefix(base.tex)
            piece = replace(piece, tex=base.tex + r"\limits" + primed)
        return replace(piece, role=Role.LARGE, tall=True)
    if _is_name(base):
        starred = replace(base, tex=r"\operatorname*" + braced(base.body), role=Role.FUNCTION)
        return replace(scripted(starred, under, over), role=Role.LARGE, tall=True)
    children = [child.tag.rpartition(":")[2] for child in node.elements()]
    if base.char in ARROWS and base.role is Role.OPERATOR and _is_label(node, children):
        return _arrow(base, under, over)
    piece = base
    if over.role not in (Role.EMPTY, Role.SPACE):
        piece = _over(node, piece, over)
    if under.role not in (Role.EMPTY, Role.SPACE):
        piece = _under(piece, under)
    return piece


def _is_name(base: Piece) -> bool:
    """An upright name that LaTeX has no command for, or that is none of its limit functions."""
    if base.role is Role.LETTER:
        return bool(base.font) and len(base.body) > 1 and base.body.isalpha()
    return base.role is Role.FUNCTION and base.tex.startswith(r"\operatorname{")


def _is_word(base: Piece) -> bool:
    r"""A function or a name: a mark over it is an accent (`\overline{\lim}`), not a limit."""
    return base.role is Role.FUNCTION or _is_name(base)


def _mark(over: Piece) -> str:
    """The accent that the piece is, if it is a single sign."""
    return accent_character(over.char) if over.role in (Role.OPERATOR, Role.LETTER) else ""


def _takes_limits(base: Piece) -> bool:
    if base.role is Role.OPERATOR:
        return base.char in LARGE_OPERATORS or base.char in INTEGRALS
    return base.role is Role.FUNCTION and base.limits


def _is_label(node: Element, children: Sequence[str]) -> bool:
    """An arrow grows under its label, unless its author said that it must not."""
    first = next(node.elements(), None)
    if first is None:
        return False
    operator = next((inner for inner in islice(first.walk(), _NEAR) if inner.tag.rpartition(":")[2] == "mo"), first)
    if "mpadded" in children[1:]:
        return True
    return operator.get("stretchy") == "true" or operator.get("minsize") != ""


def _arrow(base: Piece, under: Piece, over: Piece) -> Piece:
    below = "[" + script(under) + "]" if under.role is not Role.EMPTY else ""
    return Piece(tex=ARROWS[base.char] + below + braced(script(over)), role=Role.OPERATOR, spaced=True, char="xarrow")


def _is_many(base: Piece) -> bool:
    return base.role in (Role.ROW, Role.FENCED) or (
        base.role is Role.LETTER and len(base.body) > 1 and "\\" not in base.body
    )


def _over(node: Element, base: Piece, over: Piece) -> Piece:
    mark = _mark(over)
    if mark in ACCENTS_OVER and not (base.role is Role.OPERATOR and base.spaced):
        narrow, wide = ACCENTS_OVER[mark]
        return _accented(wide if _stretched(node, base) else narrow, base)
    if base.role is Role.OTHER and base.char in _BRACES:
        return _with_label(base, "^", over)
    return Piece(
        tex=r"\overset" + braced(script(over)) + braced(base.tex), role=Role.OTHER, spaced=base.spaced, tall=True
    )


def _under(base: Piece, under: Piece) -> Piece:
    mark = _mark(under)
    if mark in ACCENTS_UNDER:
        return _accented(ACCENTS_UNDER[mark], base)
    if base.role is Role.OTHER and base.char in _BRACES:
        return _with_label(base, "_", under)
    return Piece(
        tex=r"\underset" + braced(script(under)) + braced(base.tex), role=Role.OTHER, spaced=base.spaced, tall=True
    )


def _stretched(node: Element, base: Piece) -> bool:
    """Whether the accent spans its base, by what its operator says, else by how long the base is."""
    children = list(node.elements())
    operator = next(
        (inner for inner in islice(children[-1].walk(), _NEAR) if inner.tag.rpartition(":")[2] == "mo"), children[-1]
    )
    stretchy = operator.get("stretchy")
    if stretchy in ("true", "false"):
        return stretchy == "true"
    return _is_many(base)


def _accented(command: str, base: Piece) -> Piece:
    body = base.tex if base.role is not Role.EMPTY else ""
    return Piece(
        tex=command + braced(body.strip()), role=Role.OTHER, char=command, tall=base.tall or command in _BRACES
    )


def _with_label(base: Piece, sign: str, label: Piece) -> Piece:
    return Piece(tex=base.tex + sign + braced(_sub_text(label)), role=Role.OTHER, tall=True)


def multiscripts(children: Sequence[Piece]) -> Piece:
    """<mmultiscripts>: pairs after the base hang on its right; pairs after <mprescripts/> on its left."""
    if not children:
        return NOTHING
    base, rest = children[0], list(children[1:])
    marks = [index for index, piece in enumerate(rest) if piece.role is Role.MARK]
    split = marks[0] if marks else len(rest)
    piece = _hang(base, rest[:split])
    before = _hang(NOTHING, rest[split + 1 :])
    if before.role is Role.EMPTY:
        return piece
    return Piece(
        tex=join([before.tex, piece.tex]), role=Role.SCRIPTED, base=join([before.tex, piece.tex]), grouped=True
    )


def _hang(base: Piece, scripts: Sequence[Piece]) -> Piece:
    piece = base
    for index in range(0, len(scripts), 2):
        sup = scripts[index + 1] if index + 1 < len(scripts) else NOTHING
        if scripts[index].role is Role.EMPTY and sup.role is Role.EMPTY:
            continue
        hung = replace(piece, grouped=False) if index == 0 else Piece(tex=piece.tex + "{}", role=Role.OTHER)
        piece = scripted(hung, scripts[index], sup)
    return piece
