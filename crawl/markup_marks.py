r"""What announces a formula in the bytes of a page, in every format the extraction reads.

Three kinds. A *sign* decides alone: no page writes `<math` or `mwe-math` by accident. A *loader* is a script that
turns delimiters into formulas; many sites load it on every page, so the page is asked for delimiters. A *hint* is a
delimiter or a command; it also stands in scripts (`\(` in regular expressions) and in code (`$$` in SQL), so its
surroundings are looked at (`crawl.markup_hints`).

The lists are cut into groups for speed alone: `ahocorasick_rs` searches a group by SIMD (Teddy) when it has at most
64 entries that open with more than three different bytes, and by memchr when they open with one to three rare ones.
Either runs at several GB/s where the plain automaton does 0.5; `benchmarks.speed` prints both.
"""

from __future__ import annotations

from enum import StrEnum

# Scripts, annotations and attributes that carry a source; output of renderers; AsciiMath, which is written between
# backquotes, so that a page that loads it is parsed.
SOURCE_SIGNS: tuple[bytes, ...] = (
    b"math/tex", b"math/latex", b"math/asciimath", b"math/mml", b"alttext=", b"data-math", b"data-latex",
    b"data-tex=", b"data-formula", b"data-equation", b"data-eq=", b"data-expr=", b"data-katex", b"data-asciimath",
    b"mjx-", b"MJXc-", b"MJXp-", b"MJX-", b"MathJax_", b'"MathJax', b'"katex', b"'katex", b"katex-html",
    b"katex-mathml", b"mwe-math", b"js-render-math", b"ltx_", b"math-container", b"sciimath", b"AM_HTML",
    b"AM_CHTML", b"ASCIIMath",
)  # fmt: skip

# Elements, classes, and images by the address of the service that draws them.
ELEMENT_SIGNS: tuple[bytes, ...] = (
    b"<math", b"<MATH", b"<m:math ", b"<m:math>", b"<mml:math", b"<tex>", b"<tex ", b"<tex-math",
    b"<latex>", b"<latex ",
    b"<d-math", b"amp-mathml", b"math-field",
    b's="math', b"s='math", b"s=math", b' math"', b"math-inline", b"math-display", b"formulaInl", b"formulaDsp",
    b'"tex"', b'"latex"',
    b"latex.php", b"codecogs", b"mimetex", b"mathtex", b"cht=tx", b"quicklatex", b"ql-cache", b"texify", b"upmath",
    b"render/math", b"math/render", b"/math/", b"tex.cgi", b"latexrender", b".latex?", b"?latex=", b"&latex=",
    b"?tex=", b"wp-latex", b"wp.com/latex", b"mathurl", b"imgmath", b"[/math]", b"[/tex]", b"[/latex]",
)  # fmt: skip

# The first letter is left off where it may be a capital.
LOADERS: tuple[bytes, ...] = (
    b"athJax", b"athjax", b"ATHJAX", b"katex", b"KaTeX", b"KATEX", b"jsMath", b"jsmath", b"temml", b"Temml",
)  # fmt: skip

# Which signs and loaders are searched for together. The cut is the fastest of some hundred tried at random on real
# pages; `benchmarks.speed` prints what it gains over one plain automaton.
_FIRST_GROUP = frozenset(
    (
        b"math/tex", b"math/latex", b"alttext=", b"data-math", b"data-tex=", b"data-formula", b"data-asciimath",
        b"mjx-", b"MJXc-", b"MJXp-", b"MathJax_", b'"katex', b"'katex", b"katex-html", b"katex-mathml", b"mwe-math",
        b"<math", b"<m:math ", b"<mml:math", b"<tex-math", b"<latex ", b"<d-math", b"amp-mathml", b"s=math",
        b' math"', b"math-display", b"formulaInl", b"mimetex", b"cht=tx", b"render/math", b"/math/", b"?tex=",
        b"imgmath", b"ATHJAX", b"KATEX", b"jsMath", b"temml", b"Temml", b'"MathJax', b"athJax", b"katex", b'"tex"',
        b"athjax",
    )
)  # fmt: skip
SEARCH_GROUPS: tuple[tuple[bytes, ...], ...] = tuple(
    tuple(mark for mark in SOURCE_SIGNS + ELEMENT_SIGNS + LOADERS if (mark in _FIRST_GROUP) is first)
    for first in (True, False)
)


class Hint(StrEnum):
    """What a hint's surroundings must show."""

    PAREN = "paren"  # \( and its \)
    BRACKET = "bracket"  # \[ and its \], around more than a citation
    ENVIRONMENT = "environment"  # \begin{..}
    COMMAND = "command"  # a listed command, ended by no letter
    DOUBLE_DOLLAR = "double-dollar"  # $$ and its $$
    DOLLAR = "dollar"  # a power or an index between single dollars
    ENTITY = "entity"  # a backslash or a dollar written as an entity


# LaTeX commands that stand in formulas and hardly anywhere else.
_COMMANDS = (
    "frac dfrac tfrac cfrac sqrt binom sum prod int iint oint lim limsup liminf sup inf max min log ln exp sin cos "
    "tan cot sec csc arcsin arccos arctan sinh cosh tanh det dim ker gcd deg arg mod pmod bmod "
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega "
    "leq geq neq le ge ne approx equiv sim simeq cong propto ll gg prec succ subset subseteq supset supseteq in "
    "notin ni cup cap setminus emptyset varnothing forall exists nexists neg land lor wedge vee oplus otimes odot "
    "times div cdot cdots ldots dots vdots ddots pm mp ast star circ bullet infty partial nabla hbar ell Re Im "
    "aleph to rightarrow leftarrow Rightarrow Leftarrow leftrightarrow Leftrightarrow mapsto longrightarrow "
    "implies iff uparrow downarrow left right big Big bigg Bigg langle rangle lfloor rfloor lceil rceil vert Vert "
    "mathbb mathbf mathcal mathfrak mathit mathrm mathsf mathscr mathtt boldsymbol operatorname text textbf "
    "displaystyle textstyle overline underline overrightarrow hat widehat tilde widetilde bar vec dot ddot "
    "overbrace underbrace stackrel overset underset quad qquad angle triangle perp parallel mid nmid therefore "
    "because square blacksquare bigcup bigcap bigoplus bigotimes rm bf cal sf"
).split()

# Everything that opens with a backslash: one first byte, found by memchr.
BACKSLASH_HINTS: dict[bytes, Hint] = {
    b"\\(": Hint.PAREN,
    b"\\[": Hint.BRACKET,
    b"\\begin{": Hint.ENVIRONMENT,
    **{b"\\" + name.encode(): Hint.COMMAND for name in _COMMANDS},
}

# Dollars, entities, and the powers and indices by which a formula between single dollars shows without a command.
OTHER_HINTS: dict[bytes, Hint] = {
    b"$$": Hint.DOUBLE_DOLLAR,
    **dict.fromkeys((b"^{", b"_{", b"^2", b"^n", b"_1$", b"_n$", b"_i$"), Hint.DOLLAR),
    **dict.fromkeys((b"&#92;", b"&#x5c;", b"&#x5C;", b"&bsol;", b"&#36;", b"&#x24;", b"&dollar;"), Hint.ENTITY),
}
