"""A normal form of LaTeX, to compare formulas that are written differently but print alike.

In: LaTeX without delimiters. Out: a string; two formulas are called equal where their strings are. It is a
measure for benchmarks and near-duplicates, not something to typeset. The rules, all of them:

- white space, spacing commands, `\\displaystyle`, sizes (`\\big`), `\\limits`, `\\label`, `\\nonumber`, colours
  and classes go; so do `\\left`, `\\right` and their null delimiter;
- redundant braces go, script arguments always have them, a subscript comes before a superscript, `'` is `^{\\prime}`;
- one spelling for synonyms (`\\lt` and <, `\\ge` and `\\geq`, `\\dfrac` and `\\frac`, `\\bar` and
`\\overline`, Unicode signs
  and their commands …: `normal_form_tables`), `a \\over b` is `\\frac{a}{b}`, `\\overset{\\cdot}{x}` is `\\dot{x}`;
- upright words are compared by letters: `\\sin`, `\\mathrm{sin}`, `\\operatorname{sin}` and `\\text{sin}` are equal;
  a font is spread over its letters: `\\mathbf{AB}` is `\\mathbf{A}\\mathbf{B}`;
- what stands over or under a large operator or a word like lim is its script, over or under anything else it is not:
  `\\overset{a}{b}` is not `b^a`;
- alignment environments, and arrays with columns `rl` or `rcl` whose cells meet at relations, are one (`&` left out,
  a single row unwrapped); other arrays keep their cells,
  matrices are fences around a grid;
- `\\tag{3}` is compared as what it prints at the end of the formula: (3).

Nesting beyond `MAX_DEPTH` falls back to removing white space.
"""

from __future__ import annotations

import re
import unicodedata

from crawl.formulas import normal_form_tables as tables

MAX_DEPTH = 80
"""Groups nested deeper than any formula a person wrote; below Python's own recursion limit."""

_TOKEN = re.compile(r"\\[a-zA-Z@]+\*?|\\.|\s+|.", re.DOTALL)
_DIMENSION = re.compile(r"-?\s*[\d.]*\s*(pt|em|ex|mu|cm|mm|in)")
_LENGTH = (
    r"(?:[-+]*(?:\d+[.,]?\d*|[.,]\d+)(?:true)?(?:pt|em|ex|mu|cm|mm|in|pc|bp|dd|cc|sp|px)"
    r"|[-+]*[\d.,]*\\(?:normal)?(?:baselineskip|lineskip|jot|parskip|arraycolsep|(?:small|med|big)skipamount))"
)
_ROW_GAP = re.compile(rf"\[{_LENGTH}(?:plus{_LENGTH})?(?:minus{_LENGTH})?\]", re.IGNORECASE)
_ROW_GAP_TOKENS = 40
"""More tokens than a written length has; bounds the look ahead."""
_EQUATION_COLUMNS = re.compile(r"(?:rc?l)+|rcr")
"""Column specifications of an `eqnarray` in array's clothes."""


class _TooDeep(Exception):  # noqa: N818  (a signal, not an error)
    """Groups are nested deeper than MAX_DEPTH."""


def normal_form(latex: str) -> str:
    """The formula's normal form; equal strings mean equal formulas."""
    try:
        return _Reader(_tokens(latex)).all()
    except _TooDeep:
        return "".join(latex.split())


def _tokens(latex: str) -> list[str]:
    """Commands, braces and characters; Unicode signs spelled out, comments and white space gone."""
    found: list[str] = []
    for token in _TOKEN.findall(re.sub(r"(?<!\\)%[^\n]*\n", "", latex)):
        if len(token) == 1 and ord(token) > 127:
            found.extend(_sign_tokens(token))
        elif not token.isspace():
            found.append(token)
    return [token for token in found if token != "~"]


def _sign_tokens(char: str) -> list[str]:
    if char in tables.SIGNS:
        return [token for token in _TOKEN.findall(tables.SIGNS[char]) if not token.isspace()]
    if 0x1D400 <= ord(char) <= 0x1D7FF:
        return _alphabet_tokens(char)
    return [] if char.isspace() else [char]


_ALPHABETS = (
    ("BOLD SCRIPT", "mathcal"), ("BOLD FRAKTUR", "mathfrak"), ("SANS-SERIF", "mathsf"), ("BOLD ITALIC", "boldsymbol"),
    ("BOLD", "mathbf"), ("SCRIPT", "mathcal"), ("FRAKTUR", "mathfrak"), ("DOUBLE-STRUCK", "mathbb"),
    ("MONOSPACE", "mathtt"),
)  # fmt: skip


def _alphabet_tokens(char: str) -> list[str]:
    """A mathematical alphanumeric as a font command around its plain letter."""
    name = unicodedata.name(char, "")
    plain = unicodedata.normalize("NFKC", char)
    inner = _sign_tokens(plain) if ord(plain[0]) > 127 else [plain]
    for word, font in _ALPHABETS:
        if word in name:
            return [f"\\{font}", "{", *inner, "}"]
    return inner


_ROW_ENDS = frozenset(["}", "\\end"])
_CELL_ENDS = _ROW_ENDS | {"&", "\\\\", "\\cr", "\\newline", "\\tabularnewline"}


class _Reader:
    """Recursive descent over tokens; depth is counted and capped."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.tags: list[str] = []

    def all(self) -> str:
        """The whole formula; stray closing braces are skipped."""
        pieces: list[str] = []
        while self.at < len(self.tokens):
            pieces.append(self.row())
            self.at += 1  # a stray closing brace or \end
        return "".join(pieces) + "".join(self.tags)

    def peek(self) -> str:
        """The next token, or an empty string."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        """The next token, consumed."""
        token = self.peek()
        self.at += 1
        return token

    def row(self, ends: frozenset[str] = _ROW_ENDS) -> str:
        """Atoms up to a closing brace, `\\end` or the end of input; a font switch holds to the end of its cell."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep
        pieces: list[str] = []
        while self.at < len(self.tokens) and self.peek() not in ends:
            token = self.peek()
            if token in ("\\over", "\\choose", "\\atop", "\\brace", "\\brack"):
                self.take()
                pieces = [_infix(token, "".join(pieces), self.row(ends))]
            elif token[1:] in tables.SWITCHES and token[0] == "\\":
                self.take()
                pieces.append(_styled(tables.SWITCHES[token[1:]], self.row(_CELL_ENDS)))
            else:
                pieces.append(self.scripted())
        self.depth -= 1
        return "".join(pieces)

    def scripted(self) -> str:
        """One atom with its scripts in a fixed order."""
        base = "" if self.peek() in ("_", "^", "'") else self.atom()
        below: list[str] = []
        above: list[str] = []
        while True:
            token = self.peek()
            if token in ("\\limits", "\\nolimits", "\\displaylimits"):
                self.take()
            elif token == "'":
                self.take()
                above.append("\\prime")
            elif token in ("_", "^"):
                self.take()
                (below if token == "_" else above).append(self.argument())
            else:
                break
        scripts = _script("_", below) + _script("^", above)
        return base + scripts

    def argument(self) -> str:
        """A group or a single atom."""
        while self.peek()[1:] in tables.DROPPED and self.peek()[:1] == "\\":
            self.take()
        return "" if self.peek() in ("}", "", "\\end") else self.atom()

    def group(self) -> str:
        """What stands between braces."""
        self.take()
        inner = self.row()
        if self.peek() == "}":
            self.take()
        return inner

    def raw_group(self) -> str:
        """The characters of a group, unread: environment names, column specifications, tags."""
        if self.peek() != "{":
            return self.take() if self.peek() not in ("}", "") else ""
        self.take()
        depth, pieces = 1, []
        while self.at < len(self.tokens):
            token = self.take()
            depth += (token == "{") - (token == "}")
            if depth == 0:
                break
            pieces.append(token)
        return "".join(pieces)

    def bracket(self) -> str | None:
        """An optional argument in square brackets, read; None where there is none."""
        if self.peek() != "[":
            return None
        try:
            end = self.tokens.index("]", self.at)
        except ValueError:
            return None
        inner = _Reader(self.tokens[self.at + 1 : end])
        inner.depth = self.depth + 1
        self.at = end + 1
        return inner.all()

    def row_gap(self) -> None:
        """Skip the space asked for after `\\\\`; a bracket that holds no length is content of the next row."""
        if _ROW_GAP.match("".join(self.tokens[self.at : self.at + _ROW_GAP_TOKENS])):
            self.at = self.tokens.index("]", self.at) + 1

    def atom(self) -> str:
        """One group, command with its arguments, or character."""
        token = self.peek()
        if token == "{":
            return self.group()
        self.take()
        if token[0] != "\\" or len(token) == 1:
            return token
        return self.command(token[1:])

    def command(self, name: str) -> str:
        """A command after its synonym has been found."""
        name = {"{": "lbrace", "}": "rbrace", "|": "Vert"}.get(name, name)
        if len(tables.SYNONYMS.get(name, name + " ")) == 1:
            return tables.SYNONYMS[name]
        name = tables.SYNONYMS.get(name, name)
        if name in ("\\", "cr", "newline", "tabularnewline"):
            self.row_gap()
            return "\\\\"
        if name in tables.DROPPED:
            if name in ("left", "right", "middle") and self.peek() == ".":
                self.take()
            return ""
        if name in tables.DROPPED_WITH_ARGUMENT:
            return self.dropped(name)
        if name in tables.FUNCTIONS:
            return "".join(f"\\text{{{char}}}" for char in name.replace("bmod", "mod"))
        if name in tables.UPRIGHT:
            return _styled("mathrm", self.argument())
        if name in tables.FONTS:
            return _styled(name, self.argument())
        return self.built(name)

    def dropped(self, name: str) -> str:
        """Skip a command's arguments; a length without braces too."""
        for _ in range(tables.DROPPED_WITH_ARGUMENT[name]):
            self.bracket()
            self.raw_group()
        if name in ("kern", "mkern", "hskip", "mskip", "raise"):
            match = _DIMENSION.match("".join(self.tokens[self.at : self.at + 12]))
            self.at += len(match[0]) if match else 0
        if name == "bbox":
            self.bracket()
        return ""

    def built(self, name: str) -> str:
        """A command with read arguments, or a plain symbol."""
        if name == "begin":
            return self.environment(self.raw_group())
        if name in ("tag", "tag*"):
            tag = re.sub(r"\\[()]|[\s{}$]", "", self.raw_group())
            tag = _Reader(_tokens(tag)).all()
            self.tags.append(tag if name == "tag*" else f"({tag})")
            return ""
        if len(name) == 1 and not name.isalpha():
            return name if name in "<>|[]*:" else f"\\{name}"
        if name in tables.BLACKBOARD:
            return f"\\mathbb{{{tables.BLACKBOARD[name]}}}"
        if name not in tables.ARGUMENTS:
            return f"\\{name} "
        return self.with_arguments(name)

    def with_arguments(self, name: str) -> str:
        """A command that takes arguments, in the spelling of the normal form."""
        option = self.bracket() if name in ("sqrt", "xrightarrow", "xleftarrow") else None
        values = [self.argument() for _ in range(tables.ARGUMENTS[name])]
        if name in ("overset", "stackrel"):
            accent = tables.ACCENT_SIGNS.get(values[0].strip())
            return f"\\{accent}{{{values[1]}}}" if accent else _stacked("^", values[0], values[1])
        if name == "underset":
            return _stacked("_", values[0], values[1])
        if name == "genfrac":
            return _fraction(values)
        if name == "not":
            return _negated(values[0].strip())
        if name in ("pmod", "pod"):
            word = "".join(f"\\text{{{char}}}" for char in "mod") if name == "pmod" else ""
            return f"({word}{values[0]})"
        if name == "binom":
            return f"(\\atop{{{values[0]}}}{{{values[1]}}})"
        if name == "substack":
            return values[0]
        optional = f"[{option}]" if option else ""
        return f"\\{name}{optional}" + "".join(f"{{{value}}}" for value in values)

    def environment(self, name: str) -> str:
        """An environment: wrapper, alignment or grid."""
        columns = ""
        if name in ("array", "darray", "tabular", "subarray", "alignat", "alignat*", "alignedat"):
            self.bracket()
            columns = self.raw_group()
        elif name in ("aligned", "gathered", "matrix*"):
            self.bracket()
        body = self.row()
        if self.peek() == "\\end":
            self.take()
            self.raw_group()
        if name in tables.WRAPPERS:
            return body
        if name in tables.ALIGNED or (_EQUATION_COLUMNS.fullmatch(columns) and _is_equations(body)):
            rows = ["".join(_split(row, "&")) for row in _split(body, "\\\\")]
            rows = [row for row in rows if row.strip()]
            return rows[0] if len(rows) == 1 else "\\rows{" + "\\\\".join(rows) + "}"
        if name in tables.GRIDS:
            opening, closing = tables.GRIDS[name]
            rows = [row.rstrip("&") for row in _split(body, "\\\\")]
            while rows and not rows[-1].strip():
                rows.pop()
            if len(rows) == 1 and not opening and not closing and "&" not in rows[0]:
                return rows[0]
            return _spaced(opening) + "\\rows{" + "\\\\".join(rows) + "}" + _spaced(closing)
        return f"\\begin{{{name}}}{body}\\end{{{name}}}"


_ROW_PIECE = re.compile(r"\\\\|\\.|[^\\]", re.DOTALL)


def _split(body: str, sign: str) -> list[str]:
    """The body cut at a sign; what stands in braces belongs to an environment inside."""
    parts: list[list[str]] = [[]]
    depth = 0
    for piece in _ROW_PIECE.findall(body):
        depth += (piece == "{") - (piece == "}")
        if depth <= 0 and piece == sign:
            parts.append([])
        else:
            parts[-1].append(piece)
    return ["".join(part) for part in parts]


_PLAIN_RELATION = rf"(?:[=<>:]|\\(?:{'|'.join(sorted(tables.RELATIONS))}) )"
_SHALLOW_GROUP = r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
_RELATION = (
    rf"(?:{_PLAIN_RELATION}|\\not{_SHALLOW_GROUP}|\\x(?:right|left)arrow(?:\[[^]]*\])?{_SHALLOW_GROUP}"
    rf"|\\(?:over|under)set{_SHALLOW_GROUP}\{{{_PLAIN_RELATION}\}})"
)
_RELATION_FIRST = re.compile(_RELATION)
_RELATION_LAST = re.compile(_RELATION + r"\s*\Z")


def _is_equations(body: str) -> bool:
    """Whether an array's cells meet at relations only, so that leaving out `&` makes no product of two entries."""
    met = False
    for row in _split(body, "\\\\"):
        before = ""
        for cell in filter(str.strip, _split(row, "&")):
            at_relation = bool(before and (_RELATION_FIRST.match(cell) or _RELATION_LAST.search(before)))
            if before and not at_relation:
                return False
            met = met or at_relation
            before = cell
    return met


def _stacked(sign: str, script: str, base: str) -> str:
    """What stands above or below a base: a script where the base sets its scripts there, else a thing of its own."""
    found = _LIMITS_BASE.match(base)
    word = "".join(_TEXT_LETTER.findall(base)) if _TEXT_LETTERS.fullmatch(base) else ""
    scripts = base[found.end() :] if found else ""
    if word in tables.LIMITS_WORDS or (found and not scripts):
        return f"{base}{_script(sign, [script])}"
    if sign == "^" and scripts.startswith("_{") and _is_one_group(scripts[1:]):
        return f"{base}{_script(sign, [script])}"
    if base.startswith(("\\overbrace{", "\\underbrace{")) and _is_one_group(base[base.index("{") :]):
        return f"{base}{_script(sign, [script])}"
    return f"\\{'overset' if sign == '^' else 'underset'}{{{script}}}{{{base}}}"


_TEXT_LETTER = re.compile(r"\\text\{(.)\}")
_TEXT_LETTERS = re.compile(r"(?:\\text\{.\})+")
_LIMITS_BASE = re.compile(rf"\\(?:{'|'.join(sorted(tables.LARGE_OPERATORS))}) ")


def _is_one_group(text: str) -> bool:
    """Whether the brace that opens a text closes at its end."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return at == len(text) - 1
    return False


def _spaced(fence: str) -> str:
    return f"{fence} " if fence.startswith("\\") else fence


def _script(sign: str, values: list[str]) -> str:
    inner = "".join(f"{value} " if value == "\\prime" else value for value in values)
    return f"{sign}{{{inner}}}" if inner.strip() else ""


def _infix(token: str, left: str, right: str) -> str:
    if token == "\\over":
        return f"\\frac{{{left}}}{{{right}}}"
    opening, closing = {"\\choose": ("(", ")"), "\\brace": ("\\lbrace ", "\\rbrace "), "\\brack": ("[", "]")}.get(
        token, ("", "")
    )
    return f"{opening}\\atop{{{left}}}{{{right}}}{closing}"


def _fraction(values: list[str]) -> str:
    """`\\genfrac{left}{right}{thickness}{style}{above}{below}`."""
    left, right, thickness, _, above, below = values
    if thickness.startswith("0"):
        return f"{left}\\atop{{{above}}}{{{below}}}{right}"
    return f"{left}\\frac{{{above}}}{{{below}}}{right}"


_NEGATED = {"=": "\\neq ", "\\in": "\\notin ", "\\exists": "\\nexists ", "\\equiv": "\\not{\\equiv }",
            "\\subset": "\\not{\\subset }", "|": "\\nmid ", "<": "\\nless ", ">": "\\ngtr "}  # fmt: skip


def _negated(sign: str) -> str:
    return _NEGATED.get(sign, f"\\not{{{sign}}}")


_LETTER_OR_COMMAND = re.compile(r"\\text\{[^{}]*\}|\\[a-zA-Z]+ ?|\\.|.", re.DOTALL)


def _styled(font: str, inner: str) -> str:
    """A font spread over the letters of its argument; what is no letter stays as it is."""
    name = "text" if font == "mathrm" else font
    pieces: list[str] = []
    for piece in _LETTER_OR_COMMAND.findall(inner):
        plain = len(piece) == 1 and (piece.isalnum() or ord(piece) > 127)
        greek = font == "boldsymbol" and piece.startswith("\\") and piece.endswith(" ")
        pieces.append(
            f"\\{name}{{{piece}}}" if (plain and not (name == "text" and piece.isdigit())) or greek else piece
        )
    return "".join(pieces)
