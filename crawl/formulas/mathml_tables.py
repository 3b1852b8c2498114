"""What the characters of MathML are called in LaTeX: symbols, alphabets, functions, accents, delimiters, spaces.

Method: LaTeX names from LaTeX's own fonts and amssymb; characters from Unicode's description of each. Every name
here is one that KaTeX knows. The styled alphabets (U+1D400 and on) are not listed: Unicode's data says for each
which letter it is and in which style. Tables are strings split on first use.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import cache

# "character name" pairs. A character outside this table stands for itself.
_LETTERS = """
α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa ϰ varkappa
λ lambda μ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon ϕ phi φ varphi χ chi ψ
psi ω omega ϝ digamma Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon ϒ Upsilon Φ Phi Ψ Psi Ω Omega
µ mu Ω Omega ∆ Delta ℓ ell ℏ hbar ħ hbar ℘ wp ℑ Im ℜ Re ℵ aleph ℶ beth ℷ gimel ℸ daleth ı imath ȷ jmath 𝚤 imath
𝚥 jmath ð eth ∂ partial ∇ nabla ∞ infty ∅ emptyset ⌀ varnothing ∀ forall ∃ exists ∄ nexists ∁ complement ⊤ top
⊥ perp ∠ angle ∡ measuredangle ∢ sphericalangle △ triangle ▽ triangledown □ square ◻ square ■ blacksquare ◼
blacksquare ▲ blacktriangle ▴ blacktriangle ▼ blacktriangledown ▾ blacktriangledown ◊ lozenge ⧫ blacklozenge ★
bigstar ♣ clubsuit ♢ diamondsuit ♦ diamondsuit ♡ heartsuit ♥ heartsuit ♠ spadesuit ♭ flat ♮ natural ♯ sharp £
pounds ¥ yen ® circledR Ⓢ circledS © copyright § S ¶ P † dagger ‡ ddagger ✓ checkmark ✠ maltese … ldots ⋯ cdots
⋮ vdots ⋱ ddots ∴ therefore ∵ because Ⅎ Finv ⅁ Game ╱ diagup ╲ diagdown """
_OPERATORS = """
± pm ∓ mp × times ÷ div ⋆ star ∘ circ • bullet ∙ bullet · cdot ⋅ cdot ∩ cap ∪ cup ⊎ uplus ⊓ sqcap ⊔
sqcup ∨ vee ∧ wedge ∖ setminus ≀ wr ⋄ diamond △ triangle ◃ triangleleft ▹ triangleright ⊲ lhd ⊳ rhd
⊴ unlhd ⊵ unrhd ⊕ oplus ⊖ ominus ⊗ otimes ⊘ oslash ⊙ odot ◯ bigcirc ⨿ amalg ∔ dotplus ⋒ Cap ⋓ Cup ⊼
barwedge ⊻ veebar ⩞ doublebarwedge ⊟ boxminus ⊠ boxtimes ⊡ boxdot ⊞ boxplus ⋇ divideontimes ⋉ ltimes
⋊ rtimes ⋋ leftthreetimes ⋌ rightthreetimes ⋏ curlywedge ⋎ curlyvee ⊝ circleddash ⊛ circledast ⊚
circledcirc ⊺ intercal ⊶ origof ⊷ imageof ≤ leq ≥ geq ≡ equiv ⊨ models ≺ prec ≻ succ ∼ sim ≃ simeq ≍
asymp ≈ approx ≅ cong ≠ neq ≐ doteq ∝ propto ≪ ll ≫ gg ⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ⊏
sqsubset ⊐ sqsupset ⊑ sqsubseteq ⊒ sqsupseteq ∈ in ∋ ni ∉ notin ⊢ vdash ⊣ dashv ⌣ smile ⌢ frown ∣
mid ∥ parallel ⋈ bowtie ⪯ preceq ⪰ succeq ≼ preccurlyeq ≽ succcurlyeq ⊩ Vdash ⊪ Vvdash ≦
leqq ≧ geqq ⩽ leqslant ⩾ geqslant ≲ lesssim ≳ gtrsim ⪅ lessapprox ⪆ gtrapprox ≊ approxeq ⋖ lessdot ⋗
gtrdot ⋘ lll ⋙ ggg ≶ lessgtr ≷ gtrless ⋚ lesseqgtr ⋛ gtreqless ≑ doteqdot ≓ risingdotseq ≒
fallingdotseq ∽ backsim ⋍ backsimeq ⫅ subseteqq ⫆ supseteqq ⋐ Subset ⋑ Supset ⋞ curlyeqprec ⋟
curlyeqsucc ≾ precsim ≿ succsim ≏ bumpeq ≎ Bumpeq ≖ eqcirc ≗ circeq ≜ triangleq ⊸ multimap ⋔
pitchfork ≬ between ∤ nmid ∦ nparallel ≮ nless ≯ ngtr ≰ nleq ≱ ngeq ⪇ lneq ⪈ gneq ≨ lneqq ≩ gneqq ⋦
lnsim ⋧ gnsim ⊀ nprec ⊁ nsucc ⋨ precnsim ⋩ succnsim ≁ nsim ≇ ncong ⊬ nvdash ⊭ nvDash ⊮ nVdash ⊯
nVDash ⋪ ntriangleleft ⋫ ntriangleright ⊈ nsubseteq ⊉ nsupseteq ⊊ subsetneq ⊋ supsetneq ⫋ subsetneqq
⫌ supsetneqq ∎ blacksquare ¬ neg ð eth ≔ coloneqq ≕ eqqcolon ≛ stackrel{\\star}{=} ∑ sum ∏ prod ∐
coprod ∫ int ∬ iint ∭ iiint ⨌ iiiint ∮ oint ∯ oiint ∰ oiiint ⋂ bigcap ⋃ bigcup ⨆ bigsqcup ⋁ bigvee ⋀
bigwedge ⨀ bigodot ⨂ bigotimes ⨁ bigoplus ⨄ biguplus √ surd ← leftarrow → to ↑ uparrow ↓ downarrow ↔
leftrightarrow ↕ updownarrow ↖ nwarrow ↗ nearrow ↘ searrow ↙ swarrow ⇐ Leftarrow ⇒ Rightarrow ⇑
Uparrow ⇓ Downarrow ⇔ Leftrightarrow ⇕ Updownarrow ↦ mapsto ⟼ longmapsto ↩ hookleftarrow ↪
hookrightarrow ↼ leftharpoonup ↽ leftharpoondown ⇀ rightharpoonup ⇁ rightharpoondown ⇌
rightleftharpoons ⇋ leftrightharpoons ⟵ longleftarrow ⟶ longrightarrow ⟷ longleftrightarrow ⟸
Longleftarrow ⟹ Longrightarrow ⟺ Longleftrightarrow ⇝ rightsquigarrow ↝ leadsto ⇇ leftleftarrows ⇉
rightrightarrows ⇆ leftrightarrows ⇄ rightleftarrows ⇚ Lleftarrow ⇛ Rrightarrow ↞ twoheadleftarrow ↠
twoheadrightarrow ↢ leftarrowtail ↣ rightarrowtail ↫ looparrowleft ↬ looparrowright ↭
leftrightsquigarrow ↶ curvearrowleft ↷ curvearrowright ↺ circlearrowleft ↻ circlearrowright ↰ Lsh ↱
Rsh ⇈ upuparrows ⇊ downdownarrows ↿ upharpoonleft ↾ upharpoonright ⇃ downharpoonleft ⇂
downharpoonright ↚ nleftarrow ↛ nrightarrow ⇍ nLeftarrow ⇏ nRightarrow ↮ nleftrightarrow ⇎
nLeftrightarrow ⇢ dashrightarrow ⇠ dashleftarrow ⟨ langle ⟩ rangle 〈 langle 〉 rangle ⌈ lceil ⌉ rceil
⌊ lfloor ⌋ rfloor ⟮ lgroup ⟯ rgroup ⎰ lmoustache ⎱ rmoustache ⌜ ulcorner ⌝ urcorner ⌞ llcorner ⌟
lrcorner ‖ | ⟦ llbracket ⟧ rrbracket ′ prime ‵ backprime
"""
_PLAIN = {
    "−": "-", "∗": "*", "–": "-", "‐": "-", "‑": "-", "∕": "/", "⁄": "/", "∶": ":", "﹣": "-", "＋": "+", "＝": "=",
    "＜": "<", "＞": ">", "（": "(", "）": ")", "，": ",", "\\": r"\backslash", "⧵": r"\setminus",
    "{": r"\{", "}": r"\}", "$": r"\$", "%": r"\%", "&": r"\&", "#": r"\#", "_": r"\_", "~": r"\sim",
    "^": r"\wedge",
    "′": "'", "″": "''", "‴": "'''", "⁗": "''''", "’": "'", "°": r"^{\circ}", "º": r"^{\circ}",
    "¯": r"\bar{\ }",
    "∷": "::", "⩵": "==", "⩴": "::=", "½": r"\frac{1}{2}", "⦂": ":", "∣": r"\mid", "¢": r"\text{¢}",
    "€": r"\text{€}",
    "²": "^{2}", "³": "^{3}", "¹": "^{1}", "ϴ": r"\Theta", "ƛ": r"\lambda", "☐": r"\square", "⁎": "*",
    "＊": "*",
    "⎵": r"\_", "‥": "..", "...": r"\ldots", "....": r"\ldots.", "∍": r"\ni", "∊": r"\in", "⊦": r"\vdash",
    "⪕": r"\leqslant", "⪖": r"\geqslant",
    "⟂": r"\perp", "◦": r"\circ", "○": r"\bigcirc", "●": r"\bullet", "▪": r"\blacksquare", "▫": r"\square",
    "↛": r"\nrightarrow",
    "❘": "|", "ǀ": "|", "∥": r"\parallel", "⟙": r"\top", "⨉": r"\times", "⨯": r"\times", "✕": r"\times",
    "✗": r"\times",
}  # fmt: skip

# Names that LaTeX sets upright with the spacing of a function; those of the second row take limits beneath.
PLAIN_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arg deg dim exp hom ker lg ln log".split()
)
LIMIT_FUNCTIONS = {
    "lim": r"\lim", "max": r"\max", "min": r"\min", "sup": r"\sup", "inf": r"\inf", "det": r"\det",
    "gcd": r"\gcd", "Pr": r"\Pr", "limsup": r"\limsup", "liminf": r"\liminf", "injlim": r"\injlim",
    "projlim": r"\projlim",
}  # fmt: skip
LARGE_OPERATORS = frozenset("∑∏∐⋂⋃⨆⋁⋀⨀⨂⨁⨄")
INTEGRALS = frozenset("∫∬∭⨌∮∯∰∱∲∳⨍⨏")
PRIMES = {"′": 1, "'": 1, "’": 1, "ʹ": 1, "″": 2, "‴": 3, "⁗": 4, '"': 2, "´": 1}
INVISIBLE = frozenset("\u2061\u2062\u2063\u2064\u200b\u200c\u200d\ufeff\u00ad\u2060\ufe0e\ufe0f")
APPLY = "\u2061"

OPENING = frozenset("([{⟨〈⌈⌊⟮⎰")
CLOSING = frozenset(")]}⟩〉⌉⌋⟯⎱")
BARS = frozenset("|‖∣∥")
# Delimiters as they follow \left, \right and \big.
DELIMITERS = {
    "(": "(", ")": ")", "[": "[", "]": "]", "{": r"\{", "}": r"\}", "⟨": r"\langle", "⟩": r"\rangle",
    "〈": r"\langle", "〉": r"\rangle", "⌈": r"\lceil", "⌉": r"\rceil", "⌊": r"\lfloor", "⌋": r"\rfloor",
    "|": "|",
    "∣": "|", "‖": r"\|", "∥": r"\|", "/": "/", "\\": r"\backslash", "⟮": r"\lgroup", "⟯": r"\rgroup",
    "⎰": r"\lmoustache", "⎱": r"\rmoustache", "↑": r"\uparrow", "↓": r"\downarrow", "↕": r"\updownarrow",
    "⇑": r"\Uparrow", "⇓": r"\Downarrow", "⇕": r"\Updownarrow", "<": r"\langle", ">": r"\rangle", "": ".",
}  # fmt: skip

# (for one symbol, stretched over many); the same characters serve as combining marks.
ACCENTS_OVER = {
    "^": (r"\hat", r"\widehat"), "~": (r"\tilde", r"\widetilde"), "¯": (r"\bar", r"\overline"),
    "‾": (r"\bar", r"\overline"), "―": (r"\overline", r"\overline"), "–": (r"\overline", r"\overline"),
    "→": (r"\vec", r"\overrightarrow"), "←": (r"\overleftarrow", r"\overleftarrow"),
    "↔": (r"\overleftrightarrow", r"\overleftrightarrow"), "˙": (r"\dot", r"\dot"), "¨": (r"\ddot", r"\ddot"),
    "⃛": (r"\dddot", r"\dddot"), "⃜": (r"\ddddot", r"\ddddot"), "˘": (r"\breve", r"\breve"),
    "ˇ": (r"\check", r"\widecheck"), "´": (r"\acute", r"\acute"), "`": (r"\grave", r"\grave"),
    "˚": (r"\mathring", r"\mathring"), "⏞": (r"\overbrace", r"\overbrace"),
    "⏜": (r"\overgroup", r"\overgroup"),
    "⇀": (r"\overrightharpoon", r"\overrightharpoon"), "↼": (r"\overleftharpoon", r"\overleftharpoon"),
    "⌢": (r"\overset{\frown}", r"\overset{\frown}"), "⎴": (r"\overbracket", r"\overbracket"),
}  # fmt: skip
ACCENTS_UNDER = {
    "_": r"\underline", "‾": r"\underline", "¯": r"\underline", "―": r"\underline", "–": r"\underline",
    "⏟": r"\underbrace", "→": r"\underrightarrow", "←": r"\underleftarrow", "↔": r"\underleftrightarrow",
    "~": r"\utilde", "⏝": r"\undergroup", "⎵": r"\underbracket",
}  # fmt: skip
# Other characters for the same accents: modifier letters and combining marks, as generators write them.
_ACCENT_ALIASES = {
    "ˆ": "^", "\u0302": "^", "∧": "^", "˜": "~", "\u0303": "~", "∼": "~", "ˉ": "¯", "\u0304": "¯",
    "\u0305": "‾",
    "−": "–", "-": "–", "—": "–", "─": "–", "ˍ": "_", "\u0332": "_", "\u0331": "_", "⃗": "→", "⟶": "→",
    "⃖": "←", "⟵": "←",
    "⃡": "↔", "⟷": "↔", ".": "˙", "\u0307": "˙", "·": "˙", "⋅": "˙", "\u0308": "¨", "..": "¨", "···": "⃛",
    "...": "⃛",
    "\u20db": "⃛", "\u0306": "˘", "\u030c": "ˇ", "∨": "ˇ", "\u0301": "´", "ˊ": "´", "\u0300": "`", "ˋ": "`",
    "\u030a": "˚", "⃑": "⇀", "⃐": "↼", "︷": "⏞", "︸": "⏟", "⇁": "⇀", "\u0330": "~",
}  # fmt: skip
# Arrows that grow under a label.
ARROWS = {
    "→": r"\xrightarrow", "⟶": r"\xrightarrow", "←": r"\xleftarrow", "⟵": r"\xleftarrow",
    "⇒": r"\xRightarrow",
    "⟹": r"\xRightarrow", "⇐": r"\xLeftarrow", "⟸": r"\xLeftarrow", "↔": r"\xleftrightarrow",
    "⟷": r"\xleftrightarrow", "⇔": r"\xLeftrightarrow", "⟺": r"\xLeftrightarrow", "↦": r"\xmapsto",
    "⟼": r"\xmapsto", "↪": r"\xhookrightarrow", "↩": r"\xhookleftarrow", "⇌": r"\xrightleftharpoons",
    "⇋": r"\xleftrightharpoons", "↠": r"\xtwoheadrightarrow", "↞": r"\xtwoheadleftarrow", "=": r"\xlongequal",
}  # fmt: skip

# White-space characters as LaTeX's spaces; \u2004 to \u200a are what KaTeX and MathJax write for \; \: \, and so on.
SPACES = {
    "\u00a0": "~", " ": " ", "\u2002": r"\enspace ", "\u2003": r"\quad ", "\u2004": r"\;", "\u2005": r"\:",
    "\u2006": r"\,", "\u2009": r"\,", "\u200a": "", "\u202f": r"\,", "\u205f": r"\:", "\u3000": r"\quad ",
    "\u2001": r"\quad ", "\u2000": r"\enspace ", "\u2007": "~", "\u2008": r"\,",
}  # fmt: skip


class Font(StrEnum):
    """A LaTeX alphabet command; the empty one is what LaTeX does by itself."""

    PLAIN = ""
    ROMAN = r"\mathrm"
    BOLD = r"\mathbf"
    BOLD_SYMBOL = r"\boldsymbol"
    ITALIC = r"\mathit"
    BLACKBOARD = r"\mathbb"
    CALLIGRAPHIC = r"\mathcal"
    SCRIPT = r"\mathscr"
    FRAKTUR = r"\mathfrak"
    SANS = r"\mathsf"
    TYPEWRITER = r"\mathtt"


# Values of mathvariant, MathML Core and MathJax's own.
VARIANTS = {
    "normal": Font.ROMAN, "bold": Font.BOLD, "italic": Font.PLAIN, "bold-italic": Font.BOLD_SYMBOL,
    "double-struck": Font.BLACKBOARD, "script": Font.CALLIGRAPHIC, "bold-script": Font.CALLIGRAPHIC,
    "fraktur": Font.FRAKTUR, "bold-fraktur": Font.FRAKTUR, "sans-serif": Font.SANS,
    "bold-sans-serif": Font.SANS,
    "sans-serif-italic": Font.SANS, "sans-serif-bold-italic": Font.SANS, "monospace": Font.TYPEWRITER,
    "-tex-calligraphic": Font.CALLIGRAPHIC, "-tex-bold-calligraphic": Font.CALLIGRAPHIC,
    "-tex-mathit": Font.ITALIC,
}  # fmt: skip
# Words of Unicode's names of styled letters, most telling first.
_STYLE_WORDS = (
    ("DOUBLE-STRUCK", Font.BLACKBOARD), ("FRAKTUR", Font.FRAKTUR), ("BLACK-LETTER", Font.FRAKTUR),
    ("SCRIPT", Font.CALLIGRAPHIC), ("MONOSPACE", Font.TYPEWRITER), ("SANS-SERIF", Font.SANS),
    ("BOLD ITALIC", Font.BOLD_SYMBOL), ("BOLD", Font.BOLD), ("ITALIC", Font.PLAIN), ("PLANCK", Font.PLAIN),
)  # fmt: skip


def _pairs(table: str) -> dict[str, str]:
    words = table.split()
    return {char: "\\" + name for char, name in zip(words[::2], words[1::2], strict=True)}


@cache
def symbols() -> dict[str, str]:
    """LaTeX of every character that is not simply itself."""
    return {**_pairs(_OPERATORS), **_pairs(_LETTERS), **_PLAIN}


@cache
def letters() -> frozenset[str]:
    """Characters of the symbol table that LaTeX treats as ordinary symbols, not as operators."""
    return frozenset(_pairs(_LETTERS))


@cache
def unstyled(char: str) -> tuple[str, Font | None]:
    """The plain letter behind a styled one (𝐀, ℝ, 𝑥) and its alphabet; None where the character has no style."""
    if char in symbols():
        return char, None
    decomposition = unicodedata.decomposition(char).split()
    if len(decomposition) != 2 or decomposition[0] != "<font>":
        return char, None
    name = unicodedata.name(char)
    style = next((font for word, font in _STYLE_WORDS if word in name), None)
    return chr(int(decomposition[1], 16)), style


def accent_character(mark: str) -> str:
    """One spelling for the many characters that serve as the same accent."""
    return _ACCENT_ALIASES.get(mark, mark)
