r"""What a LaTeX command, a sign or a plain word stands for: the vocabulary of the lexer.

Tables only. A command maps to the kind of its token and the token's text; commands that only set type are in
`IGNORED`, commands whose group is opened as if it stood there bare in `TEXT_WRAPPERS` and `MATH_WRAPPERS`.
"""

from __future__ import annotations

from enum import Enum, auto


class Kind(Enum):
    """Kinds of tokens."""

    NUMBER = auto()
    NAME = auto()  # one letter, or a Greek one: a variable, e, i
    WORD = auto()
    FUNCTION = auto()
    CONSTANT = auto()
    OPERATOR = auto()  # + - * / ^ _ ! ' pm mp mod
    RELATION = auto()
    NEGATION = auto()  # \not
    OPEN = auto()
    CLOSE = auto()
    BAR = auto()  # | and ‖, which open and close
    SEPARATOR = auto()  # , ; and the end of a row
    JOIN = auto()  # and, or
    CONDITION = auto()  # if, where, for
    COLON = auto()
    CELL = auto()  # &
    FRACTION = auto()
    OVER = auto()
    ROOT = auto()
    BIG = auto()
    BEGIN = auto()
    FINISH = auto()
    ACCENT = auto()
    SHAPE = auto()  # angle, triangle
    NUMBER_SET = auto()
    SET_OPERATOR = auto()
    EMPTY_SET = auto()
    CURRENCY = auto()
    PERCENT = auto()
    DEGREE = auto()
    DOTS = auto()
    ARROW = auto()
    MODULUS = auto()  # (mod n)
    OTHER = auto()
    END = auto()


def _table(kind: Kind, entries: str) -> dict[str, tuple[Kind, str]]:
    """`name` or `name:text` entries, all of one kind."""
    pairs = (entry.split(":") if len(entry) > 1 else [entry] for entry in entries.split())
    return {pair[0]: (kind, pair[-1]) for pair in pairs}


FUNCTION_WORDS = _table(
    Kind.FUNCTION,
    "sin cos tan cot sec csc sinh cosh tanh coth sech csch arcsin arccos arctan arccot arcsec arccsc arcsinh arccosh "
    "arctanh asin:arcsin acos:arccos atan:arctan arcsinh asinh:arcsinh acosh:arccosh atanh:arctanh tg:tan ctg:cot "
    "arctg:arctan arcctg:arccot cosec:csc ln log lg exp gcd lcm max min det sgn:sign sign abs floor ceil factorial "
    "binomial binom:binomial Re:re Im:im arg tr:trace cbrt GCD:gcd LCM:lcm hcf:gcd Arg:arg",
)
# Plain names of these are functions only before an opening bracket: they are words or units too.
CALLED_ONLY = frozenset(
    "gcd lcm max min det sign sgn abs floor ceil factorial binomial binom Re Im arg tr sec".split()
)

_GREEK = (
    "alpha beta gamma delta epsilon varepsilon:epsilon zeta eta theta vartheta:theta iota kappa lambda mu nu xi rho "
    "varrho:rho sigma varsigma:sigma tau upsilon phi varphi:phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma "
    "Upsilon Phi Psi Omega"
)
GREEK_WORDS = frozenset("alpha beta gamma delta epsilon theta lambda mu rho sigma tau phi psi omega".split())

COMMANDS: dict[str, tuple[Kind, str]] = {
    **_table(
        Kind.FUNCTION,
        "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot ln log lg exp gcd lcm max min det "
        "arg Re:re Im:im tg:tan ctg:cot sgn:sign cosec:csc arctg:arctan arcsec arccsc sech csch Arg:arg",
    ),
    **_table(Kind.NAME, _GREEK + " ell hbar imath:i jmath:j partial nabla wp"),
    **_table(Kind.CONSTANT, "pi infty:infinity infin:infinity"),
    **_table(Kind.OPERATOR, "cdot:* times:* ast:* cdotp:* div:/ pm mp bmod:mod mod plus:+ prime:'"),
    **_table(
        Kind.RELATION,
        "le:<= leq:<= leqslant:<= leqq:<= ge:>= geq:>= geqslant:>= geqq:>= lt:< gt:> ne:!= neq:!= approx:~ simeq:~ "
        "doteq:~ approxeq:~ in notin ni:in subset subseteq:subset equiv cong:equiv parallel perp:perpendicular "
        "sim:similar propto:proportional mid:divides doteqdot:~ coloneqq:= eq:= nmid:notdivides",
    ),
    **_table(Kind.OPEN, "lbrace:\\{ lbrack:[ lfloor lceil langle:< lparen:( lvert lVert"),
    **_table(Kind.CLOSE, "rbrace:\\} rbrack:] rfloor rceil rangle:> rparen:) rvert rVert"),
    **_table(Kind.BAR, "vert:| Vert:||"),
    **_table(Kind.FRACTION, "frac dfrac:frac tfrac:frac cfrac:frac binom dbinom:binom tbinom:binom"),
    **_table(Kind.OVER, "over choose atop:over"),
    **_table(Kind.ROOT, "sqrt surd:root cuberoot fourthroot"),
    **_table(Kind.BIG, "sum prod:product int:integral lim:limit"),
    **_table(Kind.ACCENT, "overline bar vec hat widehat tilde widetilde overrightarrow overleftrightarrow dot ddot"),
    **_table(Kind.SHAPE, "angle:∠ triangle:△ measuredangle:∠ bigtriangleup:△ odot:⊙ square:□ overparen:⌒"),
    **_table(Kind.SET_OPERATOR, "cup:union cap:intersection setminus:difference backslash:difference bigcup:union "
                                "bigcap:intersection smallsetminus:difference"),
    **_table(Kind.EMPTY_SET, "emptyset varnothing"),
    **_table(Kind.DEGREE, "circ degree"),
    **_table(Kind.DOTS, "ldots dots cdots dotsc dotsb vdots"),
    **_table(Kind.ARROW, "to rightarrow longrightarrow"),
    **_table(Kind.MODULUS, "pmod pod"),
    **_table(Kind.JOIN, "lor:or vee:or land:and wedge:and"),
    **_table(Kind.NEGATION, "not"),
    **_table(
        Kind.CURRENCY,
        "dollar textdollar:dollar pounds:gbp textsterling:gbp euro texteuro:euro EUR:euro yen:yuan",
    ),
    **_table(Kind.SEPARATOR, "newline:row cr:row tabularnewline:row"),
    "colon": (Kind.COLON, ":"),
}  # fmt: skip

IGNORED = frozenset(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr bigm Bigm middle displaystyle "
    "textstyle scriptstyle scriptscriptstyle limits nolimits quad qquad hline thinspace medspace negthinspace "
    "noindent null normalsize large Large small rm bf it sf tt mathstrut strut nobreak allowbreak enspace "
    "hfill mathop mathrel mathbin mathord mathopen mathclose blacksquare qed qedsymbol Box centering nonumber "
    "notag".split()
)
WIDE_SPACES = frozenset({"quad", "qquad"})
SPACES = frozenset("quad qquad thinspace medspace enspace hfill".split())
TEXT_WRAPPERS = frozenset(
    "text textbf textrm textit textnormal textsf texttt mbox hbox mathrm operatorname emph textsc textup bold "
    "textmd".split()
)
ROMAN = frozenset({"mathrm", "operatorname"})  # of one letter: a constant or a variable, not a word
MATH_WRAPPERS = frozenset(
    "boxed fbox framebox mathbf boldsymbol bm mathit mathsf mathcal mathscr mathfrak underline ensuremath mathnormal "
    "pmb mathtt cancel underbrace overbrace Boxed".split()
)
ESCAPES: dict[str, tuple[Kind, str]] = {
    "{": (Kind.OPEN, "\\{"),
    "}": (Kind.CLOSE, "\\}"),
    "|": (Kind.BAR, "||"),
    "%": (Kind.PERCENT, "%"),
    "$": (Kind.CURRENCY, "dollar"),
    "\\": (Kind.SEPARATOR, "row"),
    "&": (Kind.JOIN, "and"),
}
SYMBOLS: dict[str, tuple[Kind, str]] = {
    **_table(Kind.OPERATOR, "+ - * ** / ^ _ ! '"),
    **_table(Kind.RELATION, "= == <= >= => < > != ~"),
    **_table(Kind.OPEN, "( [ {"),
    **_table(Kind.CLOSE, ") ] }"),
    **_table(Kind.SEPARATOR, ", ;"),
    "**": (Kind.OPERATOR, "^"),
    "==": (Kind.RELATION, "="),
    "=>": (Kind.RELATION, ">="),
    "=<": (Kind.RELATION, "<="),
    "<>": (Kind.RELATION, "!="),
    ":=": (Kind.RELATION, "="),
    ":": (Kind.COLON, ":"),
    "|": (Kind.BAR, "|"),
    "||": (Kind.BAR, "||"),
    "&": (Kind.CELL, "&"),
    "%": (Kind.PERCENT, "%"),
    "...": (Kind.DOTS, "..."),
    "->": (Kind.ARROW, "->"),
    "€": (Kind.CURRENCY, "euro"),
    "£": (Kind.CURRENCY, "gbp"),
    "¥": (Kind.CURRENCY, "yuan"),
    "₹": (Kind.CURRENCY, "rupee"),
    "₽": (Kind.CURRENCY, "ruble"),
    "¢": (Kind.CURRENCY, "cent"),
}
OTHERWISE = frozenset({"otherwise", "else"})
# Plain words that always mean the same.
VOCABULARY: dict[str, tuple[Kind, str]] = {
    **_table(Kind.JOIN, "or and OR:or AND:and Or:or And:and"),
    **_table(Kind.CONDITION, "if when where for with iff whenever provided given"),
    **_table(Kind.CONSTANT, "pi infinity Infinity:infinity oo:infinity inf:infinity infty:infinity"),
    **_table(Kind.CURRENCY, "USD:dollar EUR:euro GBP:gbp"),
    **_table(Kind.OPERATOR, "mod"),
}
MINUS_WORDS = frozenset({"minus", "negative"})
UPPER_WORDS = frozenset({"YES", "ODD"})  # NO may be a segment
# Runs of three letters that are words, not products, and runs of two that are where blanks stand around them.
SHORT_WORDS = frozenset("odd yes one two six ten all any set not the are per has but can had".split())
SMALL_WORDS = frozenset("no is to by of at an as it be we sq cu am pm".split())
# Units that may touch their number; other spellings need a blank.
TOUCHING_UNITS = frozenset(
    "cm km mm kg mg ml mL dm ft lb lbs hr hrs mph kph oz yd yds min mins sec secs deg rad kmh Hz kHz kJ kW".split()
)
NO_BARE_UNITS = frozenset({"rs", "ha", "um", "cl", "dl", "in"})
