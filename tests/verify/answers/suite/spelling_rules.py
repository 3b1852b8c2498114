"""Rules that respell LaTeX without touching its meaning: delimiters, spacing, macros' other names, Unicode.

Each takes the LaTeX of a whole answer and its kind and gives the new spelling, or None where it does not apply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Respell = Callable[[str, str], str | None]
VALUES = frozenset({"value"})
MATHEMATICS = frozenset({"value", "relation", "region", "set", "point", "matrix", "ratio"})
EVERYTHING = MATHEMATICS | {"quantity", "words", "choice", "other"}


@dataclass(frozen=True)
class SpellingRule:
    """A named respelling."""

    name: str
    apply: Respell


def _wrap(template: str, kinds: frozenset[str] = EVERYTHING) -> Respell:
    """Puts the answer into a template; not twice into delimiters."""

    def apply(text: str, kind: str) -> str | None:
        delimited = re.search(r"\$|\\\(|\\\[|boxed|begin\{(?!pmatrix)|\*\*|\n|answer|#|\.$", text.replace(r"\$", ""))
        return template.replace("@", text) if kind in kinds and not delimited else None

    return apply


def _swap(
    pattern: str,
    replacement: str | Callable[[re.Match[str]], str],
    kinds: frozenset[str] = EVERYTHING,
    *,
    once: bool = False,
) -> Respell:
    """Replaces a regular expression, everywhere or at its first place."""

    def apply(text: str, kind: str) -> str | None:
        return re.sub(pattern, replacement, text, count=int(once)) if kind in kinds else None

    return apply


def _grouped(separator: str) -> Respell:
    """Thousands separators in integers of four digits and more; not inside lists, where a comma means something."""

    def apply(text: str, kind: str) -> str | None:
        if kind not in ("value", "quantity"):
            return None
        return re.sub(r"(?<![\d.^_{])\d{4,}(?![\d.}])", lambda m: f"{int(m[0]):,}".replace(",", separator), text)

    return apply


def _superscripts(text: str, kind: str) -> str | None:
    """Exponents of digits by Unicode superscripts."""
    small = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"\^\{(\d+)\}", lambda m: m[1].translate(small), text) if kind in MATHEMATICS else None


def _bare_arguments(text: str, kind: str) -> str | None:
    r"""`\sin\left(x\right)` as `\sin x` where nothing follows that could be drawn in."""
    return re.sub(r"(\\(?:sin|cos|tan|ln))\\left\((\w|\d+)\\right\)(?=$| [+-]|\})", r"\1 \2", text)


def _slashes(text: str, kind: str) -> str | None:
    r"""`\frac{3}{4}` as `3/4`, alone or as a term of a sum."""
    return re.sub(r"(?:^|(?<=[+-] ))\\frac\{(\d+|[a-z])\}\{(\d+|[a-z])\}(?=$| [+-])", r"\1/\2", text)


def _divided(sign: str) -> Respell:
    """A fraction that is the whole answer by a sign of division between parentheses."""

    def apply(text: str, kind: str) -> str | None:
        found = re.fullmatch(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", text)
        return f"({found[1]}){sign}({found[2]})" if found and kind in VALUES else None

    return apply


def _named(letter: str) -> Respell:
    """A prefix `k = ` before a number that has no equation, delimiters or sentence of its own."""

    def apply(text: str, kind: str) -> str | None:
        plain = re.fullmatch(r"-?[\d.,{}]+|\\frac\{\d+\}\{\d+\}|.*(\\sqrt|\\pi).*", text)
        free = not re.search(r"(?<![\\a-z])[a-z](?![a-z])|[=$\n]|\\\(|\\\[|boxed|answer|\.$", text)
        return f"{letter} = {text}" if kind in VALUES and plain and free else None

    return apply


def _gsm8k(text: str, kind: str) -> str | None:
    """`#### 18`: the mark is used with plain numbers."""
    return f"#### {text}" if re.fullmatch(r"-?[\d.,]*\d|[A-E]|\\\$\d+", text) else None


FRACTION = r"\\frac(?=\{)"
NOT_COMMAND = r"(?<![\\a-zA-Z])"
_TABLE: dict[str, Respell] = {
    # whole answers
    "dollars": _wrap("$@$"),
    "double dollars": _wrap("$$@$$"),
    "round delimiters": _wrap(r"\(@\)"),
    "square delimiters": _wrap(r"\[@\]"),
    "box": _wrap(r"\boxed{@}"),
    "box in dollars": _wrap(r"$\boxed{@}$"),
    "box in display": _wrap("\\[\n\\boxed{@}\n\\]"),
    "box with blanks": _wrap(r"\boxed{ @ }"),
    "box and a period": _wrap(r"\boxed{@}."),
    "fbox": _wrap(r"\fbox{$@$}"),
    "sentence": _wrap(r"The answer is $\boxed{@}$."),
    "sentence without a box": _wrap(r"The answer is $@$."),
    "final answer": _wrap(r"Final Answer: The final answer is $@$. I hope it is correct."),
    "hence": _wrap("After some algebra we get the result.\nHence the answer is $\\boxed{@}$."),
    "GSM8K mark": _gsm8k,
    "Markdown bold": _wrap("**$@$**"),
    "answer line": _wrap("Answer: $@$"),
    "period": _wrap("@."),
    "period after dollars": _wrap("$@$."),
    "blank in front": _wrap(" @"),
    "blank behind": _wrap("@ "),
    "line break behind": _wrap("@\n"),
    "blanks around": _wrap("   @   "),
    "thin space behind": _wrap(r"@\,"),
    "quad behind": _wrap(r"@\quad", MATHEMATICS),
    "control space in front": _wrap(r"\ @", MATHEMATICS),
    "tie in front": _wrap("~@", MATHEMATICS),
    "negative space in front": _wrap(r"\!@", MATHEMATICS),
    "display style": _wrap(r"\displaystyle @", MATHEMATICS),
    "text style": _wrap(r"\textstyle @", MATHEMATICS),
    "display style and braces": _wrap(r"\displaystyle{@}", MATHEMATICS),
    "braces": _wrap("{@}", VALUES),
    "double braces": _wrap("{{@}}", VALUES),
    "parentheses": _wrap("(@)", VALUES),
    "sized parentheses": _wrap(r"\left(@\right)", VALUES),
    "big parentheses": _wrap(r"\bigl(@\bigr)", VALUES),
    "bold": _wrap(r"\mathbf{@}", VALUES),
    "colour": _wrap(r"\color{blue}{@}", MATHEMATICS),
    "text colour": _wrap(r"\textcolor{red}{@}", MATHEMATICS),
    "align": _wrap(r"\begin{align*}@\end{align*}", MATHEMATICS),
    "equation": _wrap("\\begin{equation}\n@\n\\end{equation}", MATHEMATICS),
    "prefix x": _named("x"),
    "prefix k": _named("k"),
    "prefix theta": _named(r"\theta"),
    "prefix of an area": _named("A"),
    # fractions
    "dfrac": _swap(FRACTION, r"\\dfrac"),
    "tfrac": _swap(FRACTION, r"\\tfrac"),
    "cfrac": _swap(FRACTION, r"\\cfrac"),
    "fraction of digits without braces": _swap(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2"),
    "fraction with half its braces": _swap(r"\\frac\{(\d)\}\{", r"\\frac\1{"),
    "fraction with blanks": _swap(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\\frac{ \1 }{ \2 }"),
    "over": _swap(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"{\1 \\over \2}"),
    "slash": _slashes,
    "division between parentheses": _divided("/"),
    "division sign": _divided(r" \div "),
    "Unicode division sign": _divided("÷"),
    # products
    "times": _swap(r"\\cdot", r"\\times", MATHEMATICS),
    "star": _swap(r" \\cdot ", "*", MATHEMATICS),
    "starred macro": _swap(r"\\cdot", r"\\ast", MATHEMATICS),
    "middle dot": _swap(r" \\cdot ", "·", MATHEMATICS),
    "dot operator": _swap(r" \\cdot ", "⋅", MATHEMATICS),
    "Unicode times": _swap(r" \\cdot ", "×", MATHEMATICS),
    "dot before a letter": _swap(r"(\d)([a-z])(?![a-z])", r"\1 \\cdot \2", MATHEMATICS),
    "star before a letter": _swap(r"(?<![\d.])(\d)([a-z])(?![a-z])", r"\1*\2", MATHEMATICS),
    # powers and roots
    "exponent without braces": _swap(r"\^\{(\d)\}", r"^\1"),
    "exponent of a letter without braces": _swap(r"\^\{([a-z])\}", r"^\1"),
    "exponent with blanks": _swap(r"\^\{", r"^{ ", MATHEMATICS),
    "exponent with a space before": _swap(r"\^\{", r" ^{", MATHEMATICS),
    "exponent in double braces": _swap(r"\^\{(\w+)\}", r"^{{\1}}", MATHEMATICS),
    "Unicode superscripts": _superscripts,
    "starred power": _swap(r"(?<=[a-z\d)])\^\{(\d+)\}", r"**\1", VALUES),
    "root of a digit without braces": _swap(r"\\sqrt\{(\d)\}", r"\\sqrt\1"),
    "root of a digit after a blank": _swap(r"\\sqrt\{(\d)\}", r"\\sqrt \1"),
    "root with its index": _swap(r"\\sqrt\{", r"\\sqrt[2]{"),
    "Unicode root": _swap(r"\\sqrt\{(\d+|[a-z])\}", r"√(\1)"),
    "plain root": _swap(r"\\sqrt\{(\d+|[a-z])\}", r"sqrt(\1)", VALUES),
    "Unicode cube root": _swap(r"\\sqrt\[3\]\{(\d+)\}", r"∛(\1)"),
    # brackets
    "sizes dropped": _swap(r"\\(left|right)(?=[()\[\]|\\])", ""),
    "sizes of parentheses": _swap(r"\\left\(([^()]*)\\right\)", r"\\big(\1\\big)"),
    "bigger sizes": _swap(r"\\left\(([^()]*)\\right\)", r"\\Bigl(\1\\Bigr)"),
    "named bars": _swap(r"\\left\|([^|]*)\\right\|", r"\\lvert \1\\rvert"),
    "vertical bars": _swap(r"\\left\|([^|]*)\\right\|", r"\\vert \1\\vert "),
    "named braces": _swap(r"\\left\\\{([^{}]*)\\right\\\}", r"\\lbrace \1\\rbrace"),
    "plain braces": _swap(r"\\left\\\{([^{}\\]*)\\right\\\}", r"{\1}"),
    # signs
    "Unicode minus": _swap(r"-", "−", MATHEMATICS),
    "en dash": _swap(r"^-(?=\d)", "–", VALUES),
    "leading plus": _swap(r"^(?=\d+$)", "+", VALUES),
    "minus in braces": _swap(r"^-", "{-}", VALUES),
    "blank after the minus": _swap(r"^-", "- ", VALUES),
    "Unicode plus-minus": _swap(r"\\pm(?![a-z])", "±"),
    "leq": _swap(r"\\le(?![a-z])", r"\\leq"),
    "leqslant": _swap(r"\\le(?![a-z])", r"\\leqslant"),
    "Unicode at most": _swap(r"\\le(?![a-z])", "≤"),
    "plain at most": _swap(r"\\le(?![a-z])", "<="),
    "geq": _swap(r"\\ge(?![a-z])", r"\\geq"),
    "geqslant": _swap(r"\\ge(?![a-z])", r"\\geqslant"),
    "Unicode at least": _swap(r"\\ge(?![a-z])", "≥"),
    "plain at least": _swap(r"\\ge(?![a-z])", ">="),
    "lt": _swap(r"<(?!=)", r"\\lt", frozenset({"relation"})),
    "gt": _swap(r">(?!=)", r"\\gt", frozenset({"relation"})),
    "ne": _swap(r"\\neq", r"\\ne"),
    "not equal by not": _swap(r"\\neq", r"\\not="),
    "Unicode not equal": _swap(r"\\neq", "≠"),
    "plain not equal": _swap(r"\\neq", "!="),
    "double equals": _swap(r"(?<=[\w}] )=(?= )", "==", frozenset({"relation"})),
    "alignment mark": _swap(r"(?<=[\w}] )=(?= )", "&=", frozenset({"relation"})),
    "Unicode infinity": _swap(r"\\infty", "∞"),
    "plus infinity": _swap(r"(?<=, )\\infty", r"+\\infty", frozenset({"region"})),
    "Unicode union": _swap(r"\\cup", "∪"),
    "union as a letter": _swap(r" \\cup ", " U ", frozenset({"region"})),
    "membership": _swap(r"^(?=\\left[\[(])", r"x \\in ", frozenset({"region"})),
    # names
    "Unicode pi": _swap(r"\\pi(?![a-z])", "π"),
    "pi in braces": _swap(r"\\pi(?![a-z])", r"{\\pi}"),
    "roman i": _swap(NOT_COMMAND + r"i(?![a-zA-Z])", r"\\mathrm{i}", VALUES),
    "roman e": _swap(NOT_COMMAND + r"e(?=\^)", r"\\mathrm{e}", VALUES),
    "exp": _swap(NOT_COMMAND + r"e\^\{([^{}]*)\}", r"\\exp\\left(\1\\right)", VALUES),
    "letter in braces": _swap(NOT_COMMAND + r"([xyz])(?![a-zA-Z{])", r"{\1}", frozenset({"value", "relation"})),
    "italic letter": _swap(NOT_COMMAND + r"([xyz])(?![a-zA-Z{])", r"\\mathit{\1}", frozenset({"value"}), once=True),
    "mathematical italic x": _swap(NOT_COMMAND + r"x(?![a-zA-Z])", "𝑥", frozenset({"value", "relation"})),
    "sine by operatorname": _swap(r"\\sin(?![a-z])", r"\\operatorname{sin}"),
    "cosine by operatorname": _swap(r"\\cos(?![a-z])", r"\\operatorname{cos}"),
    "roman sine": _swap(r"\\sin(?=\\left)", r"\\mathrm{sin}"),
    "plain sine": _swap(r"\\sin(?=\\left)", "sin"),
    "plain cosine": _swap(r"\\cos(?=\\left)", "cos"),
    "plain logarithm": _swap(r"\\ln(?=\\left)", "ln"),
    "logarithm with base e": _swap(r"\\ln(?![a-z])", r"\\log_e"),
    "logarithm with base e in braces": _swap(r"\\ln(?![a-z])", r"\\log_{e}"),
    "base of digits without braces": _swap(r"\\log_\{(\d)\}", r"\\log_\1"),
    "base ten by its name": _swap(r"\\log_\{10\}", r"\\lg"),
    "inverse tangent by exponent": _swap(r"\\arctan(?![a-z])", r"\\tan^{-1}"),
    "inverse sine by exponent": _swap(r"\\arcsin(?![a-z])", r"\\sin^{-1}"),
    "arctg": _swap(r"\\arctan(?![a-z])", r"\\operatorname{arctan}"),
    "argument without parentheses": _bare_arguments,
    "blank before the argument": _swap(r"(\\(?:sin|cos|tan|ln))\\left\(", r"\1 \\left(", VALUES),
    "dbinom": _swap(r"\\binom", r"\\dbinom"),
    "tbinom": _swap(r"\\binom", r"\\tbinom"),
    "choose": _swap(r"\\binom\{([^{}]*)\}\{([^{}]*)\}", r"{\1 \\choose \2}"),
    # matrices and collections
    "square matrix": _swap("pmatrix", "bmatrix"),
    "array matrix": _swap(
        r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", r"\\left(\\begin{array}{cc}\1\\end{array}\\right)"
    ),
    "row spacing": _swap(r" \\\\ ", r" \\\\[2pt] ", frozenset({"matrix"})),
    "rows on lines": _swap(r" \\\\ ", "\\\\\\\\\n", frozenset({"matrix"})),
    "trailing row end": _swap(r"(?<!\\\\) \\end\{pmatrix\}", r" \\\\ \\end{pmatrix}"),
    "thin spaces after commas": _swap(r", ", r",\\, ", frozenset({"set", "point", "region"})),
    "no spaces after commas": _swap(r"(?<![\d]), ", ",", frozenset({"set", "point", "region"})),
    "quads after commas": _swap(r", ", r",\\quad ", frozenset({"set"})),
    "and": _swap(r"^([^,{}()]+), ([^,{}()]+)$", r"\1 \\text{ and } \2", frozenset({"set"})),
    "or": _swap(r"^([^,{}()]+), ([^,{}()]+)$", r"\1 \\text{ or } \2", frozenset({"set"})),
    "colon by its macro": _swap(":", r"\\colon ", frozenset({"ratio"})),
    "blanks around the colon": _swap(":", " : ", frozenset({"ratio"})),
    # numerals
    "thousands by commas in braces": _grouped("{,}"),
    "thousands by commas": _grouped(","),
    "thousands by commas and negative spaces": _grouped(r",\!"),
    "thousands by thin spaces": _grouped(r"\,"),
    "thousands by blanks": _grouped(" "),
    "decimal comma in braces": _swap(r"^(-?\d+)\.(\d+)$", r"\1{,}\2", VALUES),
    "leading zero left out": _swap(r"^(-?)0\.(\d+)$", r"\1.\2", VALUES),
    "digits in braces": _swap(r"^(-?)(\d+)$", r"\1{\2}", VALUES),
    "roman digits": _swap(r"^(\d+)$", r"\\mathrm{\1}", VALUES),
    "digits in text": _swap(r"^(-?\d+)$", r"\\text{\1}", VALUES),
    "full-width digits": _swap(r"^(\d)$", lambda m: chr(ord(m[1]) + 0xFEE0), VALUES),
    # spacing
    "no blanks": _swap(r"(?<=[\d}a-z)]) ([+\-]) ", r"\1", MATHEMATICS),
    "thin spaces round plus": _swap(r" \+ ", r"\\,+\\,", MATHEMATICS),
    "double blanks": _swap(r" ([+\-=]) ", r"  \1  ", MATHEMATICS),
    "line break inside": _swap(r" \+ ", "\n+ ", MATHEMATICS),
    # units and words
    "roman unit": _swap(r"\\text\{ ", r"\\mathrm{~", frozenset({"quantity"})),
    "mbox": _swap(r"\\text\{", r"\\mbox{", frozenset({"quantity", "words"})),
    "textnormal": _swap(r"\\text\{", r"\\textnormal{", frozenset({"quantity", "words"})),
    "textrm": _swap(r"\\text\{", r"\\textrm{", frozenset({"quantity", "words", "choice"})),
    "bold words": _swap(r"\\text\{", r"\\textbf{", frozenset({"words", "choice"})),
    "plain words": _swap(r"\\text\{([^{}]*)\}", r"\1", frozenset({"quantity", "words", "choice"})),
    "thin space before the unit": _swap(r" (?=\\text)", r"\\,", frozenset({"quantity"})),
    "centimetres": _swap(r"\\text\{ ?cm\}$", "centimeters", frozenset({"quantity"})),
    "kilometres": _swap(r"\\text\{ ?km\}$", "kilometers", frozenset({"quantity"})),
    "kilograms": _swap(r"\\text\{ ?kg\}$", "kilograms", frozenset({"quantity"})),
    "squared unit in Unicode": _swap(r"\\text\{ ?cm\}\^2$", "cm²", frozenset({"quantity"})),
    "square unit in words": _swap(r"\\text\{ ?cm\}\^2$", "square centimeters", frozenset({"quantity"})),
    "degrees by braces": _swap(r"\^\\circ", r"^{\\circ}"),
    "degrees by their sign": _swap(r"\^\\circ", "°"),
    "degrees by their word": _swap(r"\^\\circ$", r" \\text{ degrees}"),
    "percent by its word": _swap(r"\\%$", " percent"),
    "percent unescaped": _swap(r"\\%$", "%"),
    "dollars by their word": _swap(r"^\\\$(\d+)$", r"\1 dollars"),
    "cents shown": _swap(r"^\\\$(\d+)$", r"\\$\1.00"),
    "capital first letter": _swap(r"^\\text\{([a-z])", lambda m: rf"\text{{{m[1].upper()}", frozenset({"words"})),
    "choice in parentheses": _swap(r"^([A-E])$", r"(\1)", frozenset({"choice"})),
    "choice in text": _swap(r"^([A-E])$", r"\\text{\1}", frozenset({"choice"})),
    "choice with a period": _swap(r"^([A-E])$", r"\1.", frozenset({"choice"})),
    "choice with its content": _swap(r"^([A-E])$", r"\1. x = 17", frozenset({"choice"})),
}
SPELLING_RULES = tuple(SpellingRule(name, apply) for name, apply in _TABLE.items())
