"""Benchmark items as other people would write them, and their planting in real pages.

In: an item's text. Out: the text rewritten, or a page with it between two of its paragraphs. It tests the search
of `filters.benchmark_index`, so it shares no table and no code with it: what one forgets the other does not.

Formulas are told from money by what they hold: a `$…$` without backslash, `^`, `_`, brace, relation or lone letter
stays as it is. All choices come from a passed `random.Random`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from random import Random

from mathpipe.core.records import Page


class Rewrite(StrEnum):
    """How an item was changed before it was planted."""

    VERBATIM = "verbatim"
    LATEX = "latex"  # other delimiters, \\frac and \\dfrac exchanged, synonyms, braces, \\left and \\right, spacing
    UNICODE = "unicode"  # formulas as plain text with Unicode signs
    MARKDOWN = "markdown"  # emphasis, quoting, hard line breaks, a heading, escaped dollars
    SPACING = "spacing"  # case, punctuation, white space


_FORMULA = re.compile(r"\$\$(?P<a>[^$]+)\$\$|\$(?P<b>[^$]+)\$|\\\((?P<c>.+?)\\\)|\\\[(?P<d>.+?)\\\]", re.DOTALL)
_LOOKS_LIKE_FORMULA = re.compile(r"[\\^_{}=<>]|^\s*[a-zA-Z]\s*$|^[^a-zA-Z]*[a-zA-Z]\b[^a-zA-Z]*$|^[\d\s.,+*/()-]+$")

_LATEX_EXCHANGES = (
    (re.compile(r"\\(?:dfrac|tfrac)\b"), r"\\FRAC"),
    (re.compile(r"\\frac\b"), r"\\dfrac"),
    (re.compile(r"\\FRAC"), r"\\frac"),
    (re.compile(r"(\\d?frac)\{(\d)\}\{(\d)\}"), r"\1\2\3"),
    (re.compile(r"\\leq?\b"), r"\\leqslant "),
    (re.compile(r"\\geq?\b"), r"\\geqslant "),
    (re.compile(r"\\neq?\b"), r"\\not="),
    (re.compile(r"\\ldots\b"), r"\\dots "),
    (re.compile(r"\\cdot\b"), r"\\times "),
    (re.compile(r"\^([a-z0-9])"), r"^{\1}"),
    (re.compile(r"_([a-z0-9])"), r"_{\1}"),
    (re.compile(r"\\(?:left|right)(?![a-z])"), r""),
    (re.compile(r"(?<![\\a-z])\(([^()]{1,40})\)"), r"\\left(\1\\right)"),
    (re.compile(r"\s*(?<![{&<>=^_(])(?<!\\not)([=+<>])(?![=])\s*"), r" \\, \1 \\; "),
    (re.compile(r"\\text\b"), r"\\mathrm"),
)
_UNICODE_SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "theta": "θ", "lambda": "λ", "mu": "μ", "pi": "π",
    "sigma": "σ", "omega": "ω", "phi": "φ", "Delta": "Δ", "Omega": "Ω", "epsilon": "ε", "le": "≤", "leq": "≤",
    "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "times": "×", "cdot": "·", "div": "÷", "pm": "±", "infty": "∞",
    "sum": "∑", "prod": "∏", "int": "∫", "in": "∈", "cup": "∪", "cap": "∩", "to": "→", "rightarrow": "→",
    "angle": "∠", "triangle": "△", "circ": "°", "ldots": "…", "dots": "…", "cdots": "⋯", "equiv": "≡",
    "approx": "≈", "sqrt": "√", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "perp": "⊥", "mid": "∣",
    "nmid": "∤", "Sigma": "Σ", "star": "⋆", "subset": "⊂", "forall": "∀", "exists": "∃", "pmod": "mod",
    "bmod": "mod",
}  # fmt: skip
_RAISED = str.maketrans("0123456789n+-", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ⁺⁻")
_LOWERED = str.maketrans("0123456789n+-", "₀₁₂₃₄₅₆₇₈₉ₙ₊₋")
_SIMPLE_POWER = re.compile(r"\^(?:\{([\dn+-]{1,4})\}|([\dn]))")
_SIMPLE_INDEX = re.compile(r"_(?:\{([\dn+-]{1,4})\}|([\dn]))")
_INNERMOST: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"(\1)/(\2)"),
    (re.compile(r"\\[dt]?binom\s*\{([^{}]*)\}\s*\{([^{}]*)\}"), r"(\1 \\binom \2)"),
    (re.compile(r"\\sqrt\s*\{([^{}]*)\}"), r"√(\1)"),
    (re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|operatorname|boxed)\s*\{([^{}]*)\}"), r" \1 "),
    (re.compile(r"\\begin\s*\{array\}\s*\{[^{}]*\}|\\(?:begin|end|hspace|vspace)\*?\s*\{[^{}]*\}"), " "),
    (re.compile(r"\^\s*\{([^{}]*)\}"), r"^(\1)"),
    (re.compile(r"_\s*\{([^{}]*)\}"), r"_(\1)"),
)
_LEFT_OVER: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\\[dt]?frac\s*(\d)\s*(\d)"), r"\1/\2"),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad|limits)(?![a-z])|\\[,;:!\\ ]|[&~]"), " "),
    (re.compile(r"\\mathbb\s*\{?([RNZQC])\}?"), lambda found: "ℝℕℤℚℂ"["RNZQC".index(found[1])]),
    (re.compile(r"\\(?:mathcal|mathfrak|mathrm|mathbf|mathbb|boldsymbol|underline|overline|rm|bf)(?![a-z])"), ""),
    (re.compile(r"\^\s*\\circ"), "°"),
    (re.compile(r"\^?\s*\\prime|'"), "′"),
    (re.compile(r"\\([a-zA-Z]+)"), lambda found: _UNICODE_SIGNS.get(found[1], found[1]) + " "),
    (re.compile(r"-"), "−"),
    (re.compile(r"\\[%$#&{}|]"), lambda found: found[0][1]),
)


def rewritten(text: str, rewrite: Rewrite, random: Random) -> str:
    """The text as someone else might have put it on a page."""
    if rewrite is Rewrite.LATEX:
        return _with_formulas(text, lambda formula: _other_delimiters(_other_latex(formula), random), str)
    if rewrite is Rewrite.UNICODE:
        return _with_formulas(text, _as_unicode, str)
    if rewrite is Rewrite.MARKDOWN:
        return _quoted(_with_formulas(text, lambda formula: f"${formula}$", lambda words: _emphasised(words, random)))
    if rewrite is Rewrite.SPACING:
        return _with_formulas(text, _spread, lambda words: _reset(words, random))
    return text


def rewritten_statement(statement: str, rewrite: Rewrite, random: Random) -> str | None:
    """A Lean statement in another file: under another name, broken elsewhere. None where a writing does not apply."""
    if rewrite is Rewrite.SPACING:
        renamed = re.sub(r"^(\s*(?:theorem|lemma))\s+\S+", r"\1 another_name", statement)
        return re.sub(r"\s+", lambda _: random.choice((" ", "  ", "\n    ")), renamed)
    if rewrite is Rewrite.MARKDOWN:
        return f"```lean4\n{statement}\n```"
    return statement if rewrite is Rewrite.VERBATIM else None


def planted(page: Page, text: str, random: Random) -> Page:
    """The page with the text between two of its paragraphs."""
    paragraphs = page.text.split("\n\n")
    place = random.randrange(len(paragraphs) + 1)
    return replace(page, text="\n\n".join([*paragraphs[:place], text, *paragraphs[place:]]))


def _with_formulas(text: str, formula: Callable[[str], str], words: Callable[[str], str]) -> str:
    pieces: list[str] = []
    start = 0
    for found in _FORMULA.finditer(text):
        inner = next(group for group in found.groups() if group is not None)
        if _LOOKS_LIKE_FORMULA.search(inner):
            pieces += [words(text[start : found.start()]), formula(inner)]
            start = found.end()
    return "".join([*pieces, words(text[start:])])


def _other_latex(formula: str) -> str:
    for pattern, replacement in _LATEX_EXCHANGES:
        formula = pattern.sub(replacement, formula)
    return formula


def _other_delimiters(formula: str, random: Random) -> str:
    return random.choice((f"\\({formula.strip()}\\)", f"\\[{formula}\\]", f"${formula.strip()}$"))


def _as_unicode(formula: str) -> str:
    """Plain text: simple powers and indices raised and lowered, fractions with a bar, signs for commands."""
    formula = _SIMPLE_POWER.sub(lambda found: (found[1] or found[2]).translate(_RAISED), formula)
    formula = _SIMPLE_INDEX.sub(lambda found: (found[1] or found[2]).translate(_LOWERED), formula)
    for _ in range(6):  # formulas nest no deeper than that in the benchmarks
        for pattern, replacement in _INNERMOST:
            formula = pattern.sub(replacement, formula)
    for pattern, change in _LEFT_OVER:
        formula = pattern.sub(change, formula)
    return formula.replace("{", "").replace("}", "").strip()


def _emphasised(words: str, random: Random) -> str:
    """Every seventh word or so in bold, italics or code; dollars escaped as a Markdown writer must."""
    pieces = re.split(r"(\s+)", words.replace("$", "\\$"))
    return "".join(
        random.choice(("**{}**", "*{}*", "_{}_", "__{}__")).format(piece)
        if piece.isalnum() and random.random() < 0.15
        else piece
        for piece in pieces
    )


def _quoted(text: str) -> str:
    """A heading, then the text as a quotation broken hard after about sixty characters."""
    lines: list[str] = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > 60:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "### Problem 7\n\n" + "\n".join(f"> {line}" for line in lines)


def _spread(formula: str) -> str:
    return "$" + re.sub(r"(?<![\\a-zA-Z])([=+<>,()-])", r" \1  ", formula).strip() + "$"


def _reset(words: str, random: Random) -> str:
    def mark(found: re.Match[str]) -> str:
        return random.choice(("", found[0], " " + found[0], ";"))

    changed = re.sub(r"(?<=[^\W\d])[.,;:!?](?=\s|$)", mark, words).replace("’", "'").replace('"', "“")
    changed = re.sub(r" +", lambda _: random.choice((" ", "  ", "\n", "\u00a0", "\t")), changed)
    return random.choice((changed.upper(), changed.lower(), changed.title()))
