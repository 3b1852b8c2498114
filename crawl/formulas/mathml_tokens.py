r"""MathML token elements (mi, mn, mo, mtext, ms, mspace) as pieces of LaTeX.

In: an element whose text is the token. Out: a `Piece`. Source: MathML 3, chapter 3.2, and what KaTeX, MathJax,
Temml, pandoc and LaTeXML write into these elements.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

from crawl.dom import Element
from crawl.formulas.mathml_pieces import NOTHING, Delimiter, Piece, Role, Side, Stretch, braced, join
from crawl.formulas.mathml_tables import (
    APPLY,
    BARS,
    CLOSING,
    DELIMITERS,
    INTEGRALS,
    INVISIBLE,
    LARGE_OPERATORS,
    LIMIT_FUNCTIONS,
    OPENING,
    PLAIN_FUNCTIONS,
    SPACES,
    VARIANTS,
    Font,
    letters,
    symbols,
    unstyled,
)

_WHITE = re.compile(r"[ \t\r\n\f]+")
_TEXT_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&", "#": r"\#",
    "_": r"\_", "’": "'", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\u2212": "-",
}  # fmt: skip
_TEXT_FONTS = {
    Font.BOLD: r"\textbf", Font.BOLD_SYMBOL: r"\textbf", Font.TYPEWRITER: r"\texttt", Font.SANS: r"\textsf",
}  # fmt: skip
_NUMBER_PARTS = {",": "{,}", "\u00a0": r"\,", " ": r"\,"}
_NUMBER = re.compile(r"[0-9.]+\Z")
_LENGTH = re.compile(r"\s*([+-]?[0-9]*\.?[0-9]+)\s*([a-z%]*)")
# Widths in em of LaTeX's spaces (TeXbook, chapter 18: 3, 4 and 5 mu of 1/18 em), with the widest each stands for.
_WIDTHS = (
    (-0.05, r"\!"),
    (0.1, ""),
    (0.2, r"\,"),
    (0.25, r"\:"),
    (0.4, r"\;"),
    (0.75, r"\enspace "),
    (1.5, r"\quad "),
)
_EM_PER_UNIT = {"em": 1.0, "ex": 0.5, "mu": 1 / 18, "px": 1 / 16, "pt": 1 / 10, "": 1.0}
_NAMED_WIDTHS = {
    "veryverythinmathspace": 1 / 18, "verythinmathspace": 2 / 18, "thinmathspace": 3 / 18, "mediummathspace": 4 / 18,
    "thickmathspace": 5 / 18, "verythickmathspace": 6 / 18, "veryverythickmathspace": 7 / 18,
}  # fmt: skip
# Sizes in em of \big, \Big, \bigg, \Bigg: KaTeX writes 1.2, 1.8, 2.4, 3.0; MathJax 1.2, 1.623, 2.047, 2.470.
_SIZES = ((1.4, r"\big"), (1.9, r"\Big"), (2.45, r"\bigg"), (99.0, r"\Bigg"))
_RELATIONS = frozenset("=<>≤≥≠≈≡∼≃≅→⇒⇔⟹⟺∈∉⊂⊆⊃⊇←⟶↦∝≪≫⩽⩾∣")
_BINARY = frozenset("+-−±∓×÷⋅·∪∩∧∨⊕⊗∖∘")


def token_text(node: Element) -> str:
    """The token's characters, white space collapsed as MathML says."""
    return _WHITE.sub(" ", node.text()).strip(" \t\r\n\f")


def length_in_em(text: str) -> float | None:
    """A MathML length, or None where it is none."""
    if text in _NAMED_WIDTHS:
        return _NAMED_WIDTHS[text]
    match = _LENGTH.match(text)
    if match is None or match[2] not in _EM_PER_UNIT:
        return None
    return float(match[1]) * _EM_PER_UNIT[match[2]]


def variant_of(node: Element) -> Font | None:
    """The alphabet that the element asks for."""
    name = node.get("data-mjx-variant") or node.get("mathvariant")
    return VARIANTS.get(name.lower()) if name else None


def styled(body: str, font: Font, *, tall: bool = False) -> Piece:
    """A letter or letters in an alphabet."""
    tex = font.value + braced(body) if font else body
    return Piece(tex=tex, role=Role.LETTER, font=font, body=body, tall=tall)


def _letter(char: str, variant: Font | None) -> Piece:
    base, own = unstyled(char)
    font = variant if variant is not None and own is None else (own or Font.PLAIN)
    if own is Font.BOLD_SYMBOL and variant is Font.BOLD_SYMBOL and base.isascii():
        font = Font.BOLD  # pandoc says it twice, and says it for \mathbf
    name = symbols().get(base, base)
    is_word = base.isalpha()
    if font is Font.ROMAN and (not is_word or base.isupper() or not base.isascii()) and base in letters():
        font = Font.PLAIN  # \Gamma, \infty and their kin are upright by themselves
    elif font is Font.ROMAN and not base.isalpha():
        font = Font.PLAIN
    elif font is Font.BOLD and (not base.isascii() or not base.isalnum()):
        font = Font.BOLD_SYMBOL
    elif font in (Font.SANS, Font.TYPEWRITER, Font.FRAKTUR) and not base.isascii():
        font = Font.PLAIN
    if base == "∥":
        return operator_piece("‖")  # \| as KaTeX writes it
    if base in BARS or (not base.isascii() and name == base and not is_word):
        return operator_piece("|" if base in "|∣" else base)
    if not base.isascii() and name == base:
        return Piece(tex=rf"\text{{{base}}}", role=Role.TEXT, body=base, char=r"\text")
    return replace(styled(name, font), char=char)


def _word(text: str, variant: Font | None) -> Piece:
    """An identifier of several characters: a function, or letters in an upright or other alphabet."""
    pairs = [unstyled(char) for char in text]
    own = pairs[0][1]
    if own is not None and all(style == own for _, style in pairs):
        body = join([symbols().get(base, base) for base, _ in pairs])
        return styled(body, own or Font.PLAIN)
    if not all(char.isalnum() or char in "-'. \u2006\u2009\u202f\u00a0" for char in text):
        return Piece(tex=join([symbols().get(char, char) for char in text]), role=Role.LETTER, char=text)
    if variant is Font.PLAIN:
        variant = Font.ITALIC
    if not text.isascii() and any(char.isalpha() and not char.isascii() for char in text):
        if all(char in symbols() or char.isascii() for char in text):
            return Piece(tex=join([symbols().get(char, char) for char in text]), role=Role.LETTER, char=text)
        return text_piece(text, variant)
    body = re.sub(r"[ \u2006\u2009\u202f\u00a0]", r"\\,", text)
    return styled(body, variant or Font.ROMAN)


def function_name(text: str) -> str | None:
    """LaTeX's own command for a name, however its words are spaced."""
    name = re.sub(r"[ \u2006\u2009\u202f\u00a0]", "", text)
    if name in PLAIN_FUNCTIONS:
        return "\\" + name
    return LIMIT_FUNCTIONS.get(name)


def identifier(node: Element) -> Piece:
    """<mi>"""
    text = token_text(node).strip("".join(INVISIBLE))
    variant = variant_of(node)
    if not text:
        return NOTHING
    if len(text) == 1:
        return _letter(text, variant)
    if not text[0].isalnum() and not text.isascii():
        return operator_piece(text)
    known = function_name(text)
    if known is not None and variant in (None, Font.ROMAN):
        return Piece(tex=known, role=Role.FUNCTION, char=text, limits=known in LIMIT_FUNCTIONS.values())
    piece = _word(text, variant)
    if node.get("data-mjx-texclass") == "OP" and piece.font is Font.ROMAN:
        return named_operator(piece)
    return piece


def named_operator(piece: Piece) -> Piece:
    r"""The upright name as a function: `\operatorname{name}`."""
    tex = r"\operatorname" + braced(piece.body)
    return Piece(tex=tex, role=Role.FUNCTION, char=piece.body, body=piece.body)


def number(node: Element) -> Piece:
    """<mn>"""
    text = token_text(node)
    if not text:
        return NOTHING
    variant = variant_of(node)
    pairs = [unstyled(char) for char in text]
    own = pairs[0][1]
    plain = "".join(base for base, _ in pairs)
    if own is None and variant not in (None, Font.ROMAN, Font.PLAIN):
        own = variant
    if _NUMBER.match(plain):
        return styled(plain, own or Font.PLAIN)
    if len(plain) == 1 and plain.isalpha():
        return _letter(text, variant)
    if plain.isalpha() and plain.isascii():
        return styled(plain, Font.ROMAN)
    return styled(join([_NUMBER_PARTS.get(char) or symbols().get(char, char) for char in plain]), own or Font.PLAIN)


def _delimiter(node: Element, char: str) -> Delimiter | None:
    texclass = node.get("data-mjx-texclass")
    form = node.get("form")
    marked = node.get("fence") == "true" or texclass in ("OPEN", "CLOSE")
    if char not in OPENING | CLOSING | BARS and not (marked and char in DELIMITERS):
        return None
    side = Side.EITHER
    if form == "prefix" or texclass == "OPEN" or (char in OPENING and form != "postfix"):
        side = Side.OPEN
    elif form == "postfix" or texclass == "CLOSE" or char in CLOSING:
        side = Side.CLOSE
    size = length_in_em(node.get("minsize")) if node.get("minsize") else None
    if size is not None and size > 1.0:
        return Delimiter(side, Stretch.FIXED, next(name for widest, name in _SIZES if size <= widest or widest > 9))
    stretchy = node.get("stretchy")
    if stretchy == "false" or (char in BARS and texclass == "ORD"):
        return Delimiter(side, Stretch.NEVER)
    if stretchy == "true" or marked:
        return Delimiter(side, Stretch.ALWAYS)
    return Delimiter(side, Stretch.DEFAULT)


def operator_piece(char: str, delimiter: Delimiter | None = None) -> Piece:
    """An operator by its characters."""
    char = unicodedata.normalize("NFC", char)  # a slash struck through as a character of its own
    struck = unicodedata.normalize("NFD", char)
    if len(struck) == 2 and struck[1] == "\u0338" and char not in symbols():
        base = symbols().get(struck[:-1], struck[:-1])
        return Piece(tex=r"\not" + base, role=Role.OPERATOR, char=char, spaced=True)
    known = symbols()
    tex = (
        known[char]
        if char in known
        else join([known.get(one, one) for one in char if one not in INVISIBLE | {"\u0338"}])
    )
    if delimiter is not None and char == "|":
        tex = "|"
    if not tex.isascii():
        tex = r"\text{" + "".join(_TEXT_ESCAPES.get(one, one) for one in char) + "}"
    spaced = bool(char) and (char[0] in _RELATIONS or (char in _BINARY))
    return Piece(
        tex=tex,
        role=Role.OPERATOR,
        char=char,
        delimiter=delimiter,
        spaced=spaced and delimiter is None,
        limits=char in LARGE_OPERATORS,
        tall=char in LARGE_OPERATORS or char in INTEGRALS,
    )


def _is_letter(char: str) -> bool:
    return char.isalpha() and unicodedata.category(char) not in ("Lm", "Sk")


def operator(node: Element) -> Piece:
    """<mo>"""
    raw = token_text(node)
    text = raw.strip("".join(INVISIBLE))
    if not text:
        delimiter = _delimiter(node, "")
        return (
            Piece(role=Role.OPERATOR, delimiter=delimiter)
            if delimiter
            else Piece(role=Role.EMPTY, apply=APPLY in raw)
        )
    if text.strip("".join(SPACES)) == "":
        return space_piece(text)
    if (
        len(text) > 1
        and text.replace(" ", "").replace("\u2006", "").isalpha()
        and text.isascii() | ("\u2006" in text)
    ):
        return _operator_word(text)
    if len(text) == 1 and text not in symbols() and (_is_letter(text) or unstyled(text)[1] is not None):
        return _letter(text, variant_of(node) or Font.ROMAN)
    piece = operator_piece(text, _delimiter(node, text))
    if variant_of(node) in (Font.BOLD, Font.BOLD_SYMBOL):
        return styled(piece.tex, Font.BOLD_SYMBOL)
    return piece


def _operator_word(text: str) -> Piece:
    known = function_name(text)
    if known is not None:
        return Piece(tex=known, role=Role.FUNCTION, char=text, limits=known in LIMIT_FUNCTIONS.values())
    if text == "mod":
        return Piece(tex=r"\bmod", role=Role.OPERATOR, char=text, spaced=True)
    return named_operator(styled(text.replace(" ", r"\,").replace("\u2006", r"\,"), Font.ROMAN))


def space_piece(text: str) -> Piece:
    """White-space characters as a space of LaTeX."""
    if "\u2063" in text:
        return Piece(tex=r"\!", role=Role.SPACE)  # KaTeX's negative thin space
    if "\u2005\u200a" in text:
        return Piece(tex=r"\;", role=Role.SPACE)  # KaTeX's thick space is these two
    return Piece(tex="".join(SPACES.get(char, "") for char in text), role=Role.SPACE)


def text_piece(text: str, font: Font | None = None) -> Piece:
    r"""Words as `\text{…}`."""
    body = "".join(_TEXT_ESCAPES.get(char, " " if char in SPACES else char) for char in text if char not in INVISIBLE)
    command = _TEXT_FONTS.get(font, r"\text") if font else r"\text"
    if font is Font.PLAIN and font is not None:
        command = r"\textit"
    return Piece(tex=command + braced(body), role=Role.TEXT, body=body, char=command)


def text(node: Element) -> Piece:
    """<mtext>"""
    content = _WHITE.sub(" ", node.text())
    if not content:
        return NOTHING
    pairs = [unstyled(char) for char in content]
    own = {style for base, style in pairs if base.isalnum()}
    if len(own) == 1 and None not in own:
        return text_piece("".join(base for base, _ in pairs), own.pop())
    if not content.strip("".join(SPACES) + "".join(INVISIBLE)):
        return space_piece(content)
    return text_piece(content, variant_of(node))


def quoted(node: Element) -> Piece:
    """<ms>: a string literal with its quotes."""
    left, right = node.get("lquote", '"'), node.get("rquote", '"')
    return text_piece(left + token_text(node) + right)


def space(node: Element) -> Piece:
    """<mspace>"""
    if node.get("linebreak") == "newline":
        return Piece(tex=r"\\", role=Role.SPACE)
    width = length_in_em(node.get("width"))
    if width is None or abs(width) < 0.1:  # narrower than half a thin space: struts and kerns
        return NOTHING
    tex = next((name for widest, name in _WIDTHS if width <= widest), r"\qquad ")
    return Piece(tex=tex, role=Role.SPACE) if tex else NOTHING
