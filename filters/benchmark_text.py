"""Two forms of a text in which a benchmark item is recognised.

In: text of a page or of an item. Out: lists of tokens.

- *words* form: letters and digits in lower case as they stand; punctuation, commands' backslashes and all marks go.
- *LaTeX* form: what survives a change of notation. Formulas become single letters, numbers, the names of
  functions, Greek letters and relations, and the operators `+ - = < >`; delimiters, spacing, fraction bars, braces,
  styles, Markdown marks and every sign for multiplication go. Unicode mathematics reads as the command it means.

Both are pure functions of the text, linear in its length. The method is our own; the reason for two forms is
that n-grams of words alone miss rewritten formulas, and a normal form alone would hang on guessing where a
formula begins (a `$` may be money).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from filters.word_ngrams import UNSPACED

OPERATORS = frozenset({"+", "-", "=", "<", ">", "le", "ge", "ne", "pm"})
_LETTER = rf"[^\W\d_{UNSPACED}]"
_PLAIN = re.compile(rf"{_LETTER}+|\d+|[{UNSPACED}]")

_FUNCTIONS = (
    "arccos arcsin arctan arg ceil cosh cos cot csc deg det dim exp floor gcd inf ker lcm lim ln log max min mod "
    "sec sinh sin sqrt sup tanh tan"
).split()
# A formula's delimiters. `\\[2pt]` after a line break is spacing, so a doubled backslash is read first.
_MARKS = re.compile(r"\\\\|\\\$|\$\$?|\\[()\[\]]|\n[ \t]*\n")
_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_WORDS_IN_MATH = re.compile(
    r"\\(?:text|textrm|textbf|textit|mathrm|mbox|hbox|operatorname)\*?\s*\{([^{}$\\]{0,200})\}"
)
_LAYOUT = re.compile(
    r"\\\\\[[^\]\n]{0,12}\]"  # the 2pt of a line break
    r"|\\(?:begin|end)\s{0,3}\{[^{}]{0,40}\}(?:\s{0,3}\{[lcr|@. ]{0,40}\})?"
    r"|\\(?:label|tag|hspace|vspace|phantom|vphantom|hphantom)\*?\{[^{}]{0,80}\}"
)
# These begin with what is rare and look behind after it: several times faster than the other way round.
_THOUSANDS = re.compile(r"(?:,(?<=\d,)|\{,\}(?<=\d\{,\})|\\,(?<=\d\\,)|\\!(?<=\d\\!))(?:\\!)?(?=\d{3}(?!\d))")
_QUOTATION = re.compile(r"(?:\n[ \t]{0,3}>[^\n]*){2,}")  # two lines at least: one alone may be a broken inequality
_QUOTE_MARK = re.compile(r"\n[ \t]{0,3}(?:>[ \t]?){1,8}")
_DASHES = "\u2010\u2011\u2013-"
_HYPHEN = re.compile(rf"[{_DASHES}](?<={_LETTER}{_LETTER}[{_DASHES}])(?={_LETTER}{_LETTER})")
_CAPITALS = re.compile(r"[A-Z](?<!\w[A-Z])[A-Z]{1,3}(?!\w)")  # names of points: ABC is A B C, as in a formula
_AROUND = 15  # characters looked at on either side of a name of points
_RAISED = re.compile(  # 10² is not 102, xₙ not a word: powers, indices, fractions; then double-struck letters
    "[\u00b2\u00b3\u00b9\u00bc-\u00be\u1d2c-\u1d6a\u2070-\u209c\u2150-\u215f]+|[ℂℍℕℙℚℝℤ]"
)
_PRODUCT = re.compile(rf"[\d+=<>\u2212-](?P<letters>[a-z]{{2,3}})(?!{_LETTER})")  # 3ab, +bx, =xyz
_NO_PRODUCTS = frozenset([*"am cm ft hr hrs in kg km lb lbs mg ml mm mph nd oz pm rd st th".split(), *_FUNCTIONS])
_BARE_FRACTION = re.compile(r"\\[dtc]?frac\s{0,3}(\d)\s{0,3}(\d)")  # \frac12 is one half
_NOT_EQUAL = re.compile(r"\\not\s{0,3}=")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060-\u2064\ufeff]")

_DROPPED = frozenset(
    "left right middle big bigg bigl bigr biggl biggr bigm displaystyle textstyle scriptstyle limits nolimits "
    "quad qquad enspace thinspace text textrm textbf textit textsf texttt mathrm mathbf mathit mathsf mathtt mathbb "
    "mathcal mathfrak mathscr overline mathop operatorname mbox hbox rm bf it boldsymbol bm boxed underline "
    "frac dfrac tfrac cfrac over times cdot ast cdots ldots dots dotsc dotsb vdots ddots circ degree "
    "prime lvert rvert vert mid lbrace rbrace lbrack rbrack langle rangle lfloor rfloor lceil rceil hline newline "
    "noindent nonumber notag displaylimits allowbreak color".split()
)
_ALIASES = {
    "leq": "le", "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne", "lt": "<", "gt": ">",
    "varepsilon": "epsilon", "varphi": "phi", "vartheta": "theta", "rightarrow": "to", "longrightarrow": "to",
    "implies": "Rightarrow", "Longrightarrow": "Rightarrow", "iff": "Leftrightarrow", "land": "wedge",
    "Longleftrightarrow": "Leftrightarrow", "lor": "vee", "lnot": "neg", "emptyset": "varnothing", "pmod": "mod",
    "bmod": "mod", "dbinom": "binom", "tbinom": "binom", "subseteq": "subset", "dotsm": "dots",
    "bigcup": "cup", "bigcap": "cap",
}  # fmt: skip
_SYMBOLS = {
    "≤": "le", "⩽": "le", "≥": "ge", "⩾": "ge", "≠": "ne", "−": "-", "–": "-", "±": "pm", "√": "sqrt", "∞": "infty",
    "∑": "sum", "∏": "prod", "∫": "int", "∂": "partial", "∇": "nabla", "∈": "in", "∉": "notin", "∪": "cup",
    "∩": "cap", "⊂": "subset", "⊆": "subset", "∅": "varnothing", "∀": "forall", "∃": "exists", "¬": "neg",
    "∧": "wedge", "∨": "vee", "→": "to", "⟶": "to", "⇒": "Rightarrow", "⟹": "Rightarrow", "⇔": "Leftrightarrow",
    "⟺": "Leftrightarrow", "↔": "leftrightarrow", "≡": "equiv", "≈": "approx", "∼": "sim", "≅": "cong", "⊥": "perp",
    "∥": "parallel",
    "∠": "angle", "△": "triangle", "∘": "", "·": "", "⋅": "", "×": "", "÷": "div", "∣": "", "↦": "mapsto",
    "⊕": "oplus", "⋆": "star", "∤": "nmid", "⊗": "otimes", "⊢": "vdash", "∖": "setminus", "∝": "propto", "∗": "",
}  # fmt: skip


_NUMBER = r"\d+(?:\.\d+)?"
_GREEK = "\u0370-\u03ff"  # one letter a token, as in a formula
_LETTERS = rf"[^\W\d_{UNSPACED}{_GREEK}]+"
_REST = rf"{_NUMBER}|[{UNSPACED}{_GREEK}]|[{re.escape(''.join(_SYMBOLS))}+\-=<>]"
_IN_TEXT = re.compile(rf"\\[a-zA-Z]+|\\.|{_LETTERS}|{_REST}", re.DOTALL)
_IN_MATH = re.compile(rf"\\[a-zA-Z]+|\\.|(?:{'|'.join(_FUNCTIONS)})(?![a-z])|{_LETTERS[:-1]}|{_REST}", re.DOTALL)


def plain_words(text: str) -> list[str]:
    """The words form: letters, digits and single Han or kana characters, in lower case."""
    return _PLAIN.findall(text.lower())


class LatexForm:
    """The LaTeX form; remembers what each spelling reads as, up to a bound."""

    def __init__(self) -> None:
        self._readings = _Readings()

    def tokens(self, text: str) -> list[str]:
        """Tokens in order, operators (`OPERATORS`) among them."""
        return list(filter(None, map(self._readings.__getitem__, _raw_tokens(text))))


def _raw_tokens(text: str) -> list[str]:
    raw: list[str] = []
    for segment, mathematics in segments(_cleaned(text)):
        if not mathematics:
            raw += _IN_TEXT.findall(_in_words(segment))
            continue
        for index, piece in enumerate(_WORDS_IN_MATH.split(segment)):
            raw += _IN_TEXT.findall(_in_words(piece)) if index % 2 else _IN_MATH.findall(piece)
    return raw


class _Readings(dict[str, str]):
    """Spelling to token; an empty token is dropped."""

    def __missing__(self, raw: str) -> str:
        token = _reading(raw)
        if len(self) < 1 << 18 and len(raw) <= 64:
            self[raw] = token
        return token


def _reading(raw: str) -> str:
    if raw.startswith("\\"):
        name = raw[1:]
        if not name.isalpha() or name in _DROPPED or name.lower() in _DROPPED:
            return ""
        return _ALIASES.get(name, name).lower()
    if raw[0].isalnum():  # a number may hold a point
        return _greek(raw) if len(raw) == 1 and not raw.isascii() else raw.lower()
    if raw in OPERATORS:
        return raw
    return _SYMBOLS.get(raw, "").lower()


def _greek(letter: str) -> str:
    name = unicodedata.name(letter, "")
    if name.startswith("GREEK ") and " LETTER " in name and " WITH " not in name:
        word = name.rsplit(" ", 1)[-1].lower()
        return "lambda" if word == "lamda" else word
    return letter.lower()


def _cleaned(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _RAISED.sub(r" \g<0> ", _INVISIBLE.sub("", text)))
    text = _QUOTATION.sub(_unquoted, f"\n{text}")
    if "\\" in text:
        text = _NOT_EQUAL.sub(r"\\ne ", _LAYOUT.sub(" ", text))
        text = _BARE_FRACTION.sub(r" \1 \2 ", text)
    return _THOUSANDS.sub("", text)


def _unquoted(quotation: re.Match[str]) -> str:
    return _QUOTE_MARK.sub("\n", quotation[0])


def _in_words(text: str) -> str:
    return _PRODUCT.sub(_factors, _CAPITALS.sub(_spaced, _HYPHEN.sub(" ", text)))


def _factors(product: re.Match[str]) -> str:
    """A product of letters in plain text, apart as in a formula; 5cm is a length."""
    letters = product["letters"]
    return product[0] if letters in _NO_PRODUCTS else f"{product[0][0]} {' '.join(letters)}"


def _spaced(name: re.Match[str]) -> str:
    """The letters apart, unless what stands around is in capitals too: then it is a word of a loud sentence."""
    before = name.string[max(0, name.start() - _AROUND) : name.start()].rpartition("\n")[2]
    after = name.string[name.end() : name.end() + _AROUND].partition("\n")[0]
    return " ".join(name[0]) if any(map(str.islower, before + after)) else name[0]


def segments(text: str) -> Iterator[tuple[str, bool]]:
    """Pieces of the text in order, with whether each is a formula. One pass; an unclosed formula is text.

    A single `$` opens only before a non-blank and closes only after one and not before a digit (the rule of Pandoc's
    `tex_math_dollars`), so that amounts of money are words; a blank line ends every formula.
    """
    start, closing, opened = 0, "", 0
    for mark in _MARKS.finditer(text):
        sign = mark[0]
        if closing:
            if sign == closing and (sign != "$" or _may_close(text, mark.start())):
                yield text[start:opened], False
                yield text[opened + len(sign) : mark.start()], True
                start, closing = mark.end(), ""
            elif sign.startswith("\n"):
                closing = ""
            elif closing == "$" and sign == "$" and _may_open(text, mark.end()):
                opened = mark.start()
        elif sign in _CLOSING and (sign != "$" or _may_open(text, mark.end())):
            closing, opened = _CLOSING[sign], mark.start()
    yield text[start:], False


def _may_open(text: str, after: int) -> bool:
    return after < len(text) and not text[after].isspace()


def _may_close(text: str, at: int) -> bool:
    return not text[at - 1].isspace() and not text[at + 1 : at + 2].isdigit()


_STATEMENT_HEAD = re.compile(r"^\s*(?:noncomputable\s+)?(?:theorem|lemma|example|def|abbrev)\s+[^\s({\[:]*")
_STATEMENT_TAIL = re.compile(r":=\s*(?:by)?\s*(?:sorry|begin)?\s*$")


def formal_statement(statement: str) -> str:
    """A Lean statement without its name and without `:= by`: renamed, it is the same statement."""
    return _STATEMENT_TAIL.sub("", _STATEMENT_HEAD.sub("", statement))


def is_unspaced(token: str) -> bool:
    """Whether the token is one character of a script written without spaces."""
    return len(token) == 1 and _UNSPACED_CHARACTER.match(token) is not None


def has_unspaced(text: str) -> bool:
    """Whether the text holds any such character."""
    return not text.isascii() and _UNSPACED_CHARACTER.search(text) is not None


_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
