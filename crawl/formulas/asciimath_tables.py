r"""AsciiMath's words and signs and what they are in LaTeX.

Source: the grammar and symbol tables published at asciimath.org. Strings are split on first use; a constant written
in the table without LaTeX after it is its own LaTeX command.
"""

from __future__ import annotations

from functools import cache

# Written "word=latex" or just "word" where LaTeX's command has the same name.
_CONSTANTS = r"""
alpha beta chi delta Delta epsi=epsilon epsilon varepsilon eta gamma Gamma iota kappa lambda Lambda lamda=lambda
Lamda=Lambda mu nu omega Omega phi varphi Phi pi Pi psi Psi rho sigma Sigma tau theta vartheta Theta upsilon xi
Xi zeta *=cdot **=ast ***=star //=/ \\=backslash setminus xx=times times |><=ltimes ltimes ><|=rtimes rtimes
|><|=bowtie bowtie -:=div div divide=div @=circ circ o+=oplus oplus ox=otimes otimes o.=odot odot sum prod
^^=wedge wedge ^^^=bigwedge bigwedge vv=vee vee vvv=bigvee bigvee nn=cap cap nnn=bigcap bigcap uu=cup cup
uuu=bigcup bigcup dagger ddagger cdot ast star != ne=ne neq=ne lt gt <= le leq=le >= ge geq=ge mlt=ll ll mgt=gg
gg -<=prec prec >-=succ succ -<==preceq preceq >-==succeq succeq in !in=notin notin sub=subset subset sup=supset
supset sube=subseteq subseteq supe=supseteq supseteq -==equiv equiv ~==cong cong ~~=approx approx ~=sim sim
prop=propto propto neg not=neg implies=Rightarrow iff=Leftrightarrow AA=forall forall EE=exists exists _|_=bot
bot TT=top top |--=vdash vdash |===models models int oint del=partial partial grad=nabla nabla +-=pm pm -+=mp mp
O/=emptyset emptyset oo=infty infty aleph /_=angle angle /_\=triangle triangle ...=ldots ldots cdots vdots ddots
|...|=ldots |cdots|=cdots diamond square frown quad qquad |__=lfloor lfloor __|=rfloor rfloor |~=lceil lceil
~|=rceil rceil CC NN QQ RR ZZ :.=therefore therefore :'=because because dim=dim uarr=uparrow uparrow
darr=downarrow downarrow rarr=rightarrow rightarrow ->=to to >->=rightarrowtail rightarrowtail
->>=twoheadrightarrow twoheadrightarrow >->>=twoheadrightarrowtail |->=mapsto mapsto larr=leftarrow leftarrow
harr=leftrightarrow leftrightarrow rArr=Rightarrow Rightarrow lArr=Leftarrow Leftarrow hArr=Leftrightarrow
Leftrightarrow =>=Rightarrow <=>=Leftrightarrow prime ell hbar Re Im
"""
_SPECIAL = {
    "!=": r"\ne", "<=": r"\le", ">=": r"\ge", "//": "/", "CC": r"\mathbb{C}", "NN": r"\mathbb{N}",
    "QQ": r"\mathbb{Q}", "RR": r"\mathbb{R}", "ZZ": r"\mathbb{Z}", ">->>": r"\twoheadrightarrow",
    "lt": "<", "gt": ">",
    "-=": r"\equiv", "~=": r"\cong", "-<=": r"\preceq", ">-=": r"\succeq", "|==": r"\models",
    "=>": r"\Rightarrow",
    "<=>": r"\Leftrightarrow", "lt=": r"\le", "gt=": r"\ge", "if": r"\text{ if }", "and": r"\text{ and }",
    "or": r"\text{ or }", "otherwise": r"\text{ otherwise }", "'": "'", "dx": "dx", "dy": "dy",
    "dz": "dz", "dt": "dt",
    "\\ ": r"\ ", "quad": r"\quad", "diamond": r"\diamond", "|": "|",
}  # fmt: skip

# Functions set upright; those with a second form take the next expression as their argument whatever it is.
FUNCTIONS = frozenset(
    "sin cos tan sec csc cot arcsin arccos arctan sinh cosh tanh coth exp log ln det dim gcd min max lim sup inf"
    " Lim Sin Cos Tan Arcsin Arccos Arctan Sinh Cosh Tanh Log Ln sech csch lcm lub glb mod liminf limsup ker deg"
    " Pr arg hom f g".split()
) - {"sup"}
NAMED_FUNCTIONS = {
    "f": "f", "g": "g",
    "sech": r"\operatorname{sech}", "csch": r"\operatorname{csch}", "lcm": r"\operatorname{lcm}",
    "lub": r"\operatorname{lub}", "glb": r"\operatorname{glb}", "mod": r"\bmod", "Lim": r"\lim",
    "Sin": r"\sin",
    "Cos": r"\cos", "Tan": r"\tan", "Arcsin": r"\arcsin", "Arccos": r"\arccos", "Arctan": r"\arctan",
    "Sinh": r"\sinh", "Cosh": r"\cosh", "Tanh": r"\tanh", "Log": r"\log", "Ln": r"\ln",
}  # fmt: skip

# One argument: what stands before and after it in LaTeX.
UNARY = {
    "sqrt": (r"\sqrt{", "}"), "hat": (r"\hat{", "}"), "bar": (r"\overline{", "}"),
    "overline": (r"\overline{", "}"),
    "vec": (r"\vec{", "}"), "dot": (r"\dot{", "}"), "ddot": (r"\ddot{", "}"), "ul": (r"\underline{", "}"),
    "underline": (r"\underline{", "}"), "tilde": (r"\tilde{", "}"), "ubrace": (r"\underbrace{", "}"),
    "underbrace": (r"\underbrace{", "}"), "obrace": (r"\overbrace{", "}"), "overbrace": (r"\overbrace{", "}"),
    "overarc": (r"\overgroup{", "}"), "overparen": (r"\overgroup{", "}"), "cancel": (r"\cancel{", "}"),
    "abs": (r"\left|", r"\right|"), "norm": (r"\left\|", r"\right\|"),
    "floor": (r"\left\lfloor ", r"\right\rfloor"),
    "ceil": (r"\left\lceil ", r"\right\rceil"), "Abs": (r"\left|", r"\right|"), "bb": (r"\mathbf{", "}"),
    "mathbf": (r"\mathbf{", "}"), "sf": (r"\mathsf{", "}"), "mathsf": (r"\mathsf{", "}"),
    "bbb": (r"\mathbb{", "}"),
    "mathbb": (r"\mathbb{", "}"), "cc": (r"\mathcal{", "}"), "mathcal": (r"\mathcal{", "}"),
    "tt": (r"\mathtt{", "}"),
    "mathtt": (r"\mathtt{", "}"), "fr": (r"\mathfrak{", "}"), "mathfrak": (r"\mathfrak{", "}"),
    "rm": (r"\mathrm{", "}"),
    "mathrm": (r"\mathrm{", "}"), "it": (r"\mathit{", "}"), "mathit": (r"\mathit{", "}"),
}  # fmt: skip
BINARY = {
    "frac": r"\frac{%s}{%s}", "root": r"\sqrt[%s]{%s}", "stackrel": r"\overset{%s}{%s}",
    "overset": r"\overset{%s}{%s}",
    "underset": r"\underset{%s}{%s}", "color": "%.0s%s", "class": "%.0s%s", "id": "%.0s%s",
}  # fmt: skip
TEXT_WORDS = frozenset({"text", "mbox"})

LEFT = {
    "(": "(",
    "[": "[",
    "{": r"\{",
    "(:": r"\langle ",
    "<<": r"\langle ",
    "langle": r"\langle ",
    "{:": ".",
    "|:": "|",
}
RIGHT = {
    ")": ")",
    "]": "]",
    "}": r"\}",
    ":)": r"\rangle ",
    ">>": r"\rangle ",
    "rangle": r"\rangle ",
    ":}": ".",
    ":|": "|",
}
# Underneath and above rather than at the side, as LaTeX does by itself for these.
ESCAPED = {"#": r"\#", "$": r"\$", "%": r"\%", "&": r"\&", "_": r"\_", "^": r"\wedge", "{": r"\{", "}": r"\}"}


@cache
def constants() -> dict[str, str]:
    """LaTeX of every constant."""
    table: dict[str, str] = {}
    for entry in _CONSTANTS.split():
        word, mark, name = entry.rpartition("=")
        if mark and word and name.isalpha():
            table[word] = "\\" + name
        elif entry.isalpha():
            table[entry] = "\\" + entry
    return {**table, **_SPECIAL}


@cache
def words() -> tuple[dict[str, None], int]:
    """Everything the lexer knows, as a set that keeps its order, and the length of the longest."""
    known = dict.fromkeys([*constants(), *FUNCTIONS, *UNARY, *BINARY, *TEXT_WORDS, *LEFT, *RIGHT])
    return known, max(map(len, known))
