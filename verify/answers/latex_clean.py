"""Brings the letters of an answer into one alphabet: Unicode signs become LaTeX, double backslashes single ones.

In: any text. Out: text in which every mathematical sign is ASCII or a LaTeX command, in time linear in its length.
Characters are folded one at a time: compatibility normalisation of a whole string is not linear in the length of its
runs of combining marks (Unicode Standard Annex 15).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵃᵇᶜᵈᵉᵏᵐᵖᵗˣʸᶻᵀ", "0123456789+-()niabcdekmptxyzT", strict=True))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼ", "0123456789+-aeoxhklmnpstij", strict=True))
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "﹣": "-", "＋": "+", "∗": "*", "＊": "*",
    "×": r"\times ", "✕": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∙": r"\cdot ", "•": r"\cdot ",
    "÷": r"\div ", "⁄": "/", "∕": "/", "±": r"\pm ", "∓": r"\mp ", "√": r"\surd ", "∛": r"\cuberoot ",
    "∜": r"\fourthroot ", "∞": r"\infty ", "≤": r"\le ", "⩽": r"\le ", "≦": r"\le ", "≥": r"\ge ", "⩾": r"\ge ",
    "≧": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "≃": r"\approx ", "≅": r"\cong ", "≡": r"\equiv ",
    "∼": r"\sim ", "∝": r"\propto ", "∥": r"\parallel ", "⊥": r"\perp ", "∈": r"\in ", "∉": r"\notin ",
    "⊂": r"\subset ", "⊆": r"\subset ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∅": r"\emptyset ",
    "⌀": r"\emptyset ", "∣": r"\mid ", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ", "→": r"\to ", "°": r"^\circ ",
    "º": r"^\circ ", "˚": r"^\circ ", "′": "'", "″": "''", "’": "'", "‘": "'", "“": '"', "”": '"', "«": '"',
    "»": '"', "…": r"\ldots ", "⋯": r"\ldots ", "∠": r"\angle ", "△": r"\triangle ", "Δ": r"\Delta ",
    "⟨": r"\langle ", "⟩": r"\rangle ", "〈": r"\langle ", "〉": r"\rangle ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "‖": r"\|",
    "ℝ": r"\mathbb{R}", "ℚ": r"\mathbb{Q}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "ℂ": r"\mathbb{C}", "∧": r"\land ", "∨": r"\lor ", "∂": r"\partial ", "ℏ": r"\hbar ", "ℓ": r"\ell ",
    "\u2061": "", "\u200b": "", "\u200e": "", "\u200f": "", "\ufeff": "", "\u2062": " ", "\u00ad": "",
    "\u2009": r"\,", "\u202f": r"\,", "\u00a0": " ", "、": ",", "。": ".", "µ": "μ",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ϑ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho",
    "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "phi", "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "Gamma", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi",
    "Ω": "Omega", "μ": "mu",
}  # fmt: skip
_SMALL = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+|[{''.join(_SUBSCRIPTS)}]+")
_DOUBLED = re.compile(
    r"\\\\(?:d?frac|tfrac|sqrt|boxed|pi|text|left|right|cdot|times|infty|theta|begin|mathrm|mathbb|pm|leq?|geq?|"
    r"circ|sin|cos|tan|log|ln|cup|cap|in|alpha|beta|lambda|binom|overline|\(|\)|\[|\]|[{}%$])(?![a-zA-Z])"
)
_SINGLE = re.compile(r"(?<!\\)(?:\\\\)*\\(?=[a-zA-Z{}()\[\]%$])")
_AREA = re.compile(r"(?<=\d)\s?(mm|cm|dm|km|m|ft|in)(?=[²³](?!\w))")  # 9 m² is no product
_MODULES = re.compile(r"\b(?:np|numpy|math|sympy|sp)\.(?=[a-z])")
_MARKUP = re.compile(r"</?(?:b|i|em|strong|sub|sup|p|br|span|div|code)\s*/?>", re.IGNORECASE)
_MARKDOWN = re.compile(r"(\*\*|\*|__|_|`+|\"|')(?P<inside>[^*_`\"]+)\1", re.DOTALL)


def clean(text: str) -> str:
    """The text in ASCII and LaTeX commands, without the markup around it. Letters of other alphabets stay."""
    text = text.strip()
    if not text.isascii():
        text = _SMALL.sub(_ordinary_size, _AREA.sub(r"\\text{ \1}", text))
        text = "".join(map(_folded, text))
    if "\\\\" in text and _DOUBLED.search(text) and not _SINGLE.search(text):
        text = text.replace("\\\\", "\\")
    if text and text[0] in "*_`\"'<":
        text = _without_markup(text)
    return _MODULES.sub("", text) if "." in text else text


def _without_markup(text: str) -> str:
    text = _MARKUP.sub("", text).strip()
    around = _MARKDOWN.fullmatch(text.rstrip(" .,"))
    return around["inside"].strip() if around else text


def _ordinary_size(found: re.Match[str]) -> str:
    run = found[0]
    if run[0] in _SUPERSCRIPTS:
        return "^{" + "".join(_SUPERSCRIPTS[sign] for sign in run) + "}"
    return "_{" + "".join(_SUBSCRIPTS[sign] for sign in run) + "}"


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    """One character in its plain form."""
    if character < "\x80":
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    if character in _GREEK:
        return f"\\{_GREEK[character]} "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    plain = unicodedata.normalize("NFKC", character)
    if plain == character:
        return " " if character.isspace() else character
    if "⁄" in plain:  # a vulgar fraction such as ¾
        above, below = plain.split("⁄")
        return rf"\frac{{{above}}}{{{below}}}" if below else f"{above}/"
    return "".join(map(_folded, plain)) if len(plain) < 4 else plain
