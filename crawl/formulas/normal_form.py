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
- alignment environments, and arrays with columns `rl` or `rcl`, are one (`&` left out, a single row unwrapped),
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

    def row(self) -> str:
        """Atoms up to a closing brace, `\\end` or the end of input."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _TooDeep
        pieces: list[str] = []
        while self.at < len(self.tokens) and self.peek() not in ("}", "\\end"):
            token = self.peek()
            if token in ("\\over", "\\choose", "\\atop", "\\brace", "\\brack"):
                self.take()
                pieces = [_infix(token, "".join(pieces), self.row())]
            elif token[1:] in tables.SWITCHES and token[0] == "\\":
                self.take()
                pieces.append(_styled(tables.SWITCHES[token[1:]], self.row()))
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
            self.bracket()
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
        if name not in tables.ARGUMENTS:
            return f"\\{name} "
        return self.with_arguments(name)

    def with_arguments(self, name: str) -> str:
        """A command that takes arguments, in the spelling of the normal form."""
        option = self.bracket() if name in ("sqrt", "xrightarrow", "xleftarrow") else None
        values = [self.argument() for _ in range(tables.ARGUMENTS[name])]
        if name in ("overset", "stackrel"):
            accent = tables.ACCENT_SIGNS.get(values[0].strip())
            return f"\\{accent}{{{values[1]}}}" if accent else f"{values[1]}^{{{values[0]}}}"
        if name == "underset":
            return f"{values[1]}_{{{values[0]}}}"
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
        if name in tables.ALIGNED or _EQUATION_COLUMNS.fullmatch(columns):
            rows = [row for row in _rows(body, drop="&") if row.strip()]
            return rows[0] if len(rows) == 1 else "\\rows{" + "\\\\".join(rows) + "}"
        if name in tables.GRIDS:
            opening, closing = tables.GRIDS[name]
            rows = [row.rstrip("&") for row in _rows(body)]
            while rows and not rows[-1].strip():
                rows.pop()
            if len(rows) == 1 and not opening and not closing and "&" not in rows[0]:
                return rows[0]
            return _spaced(opening) + "\\rows{" + "\\\\".join(rows) + "}" + _spaced(closing)
        return f"\\begin{{{name}}}{body}\\end{{{name}}}"


_ROW_PIECE = re.compile(r"\\\\|\\.|[^\\]", re.DOTALL)


def _rows(body: str, drop: str = "") -> list[str]:
    """The rows of an environment's body; what stands in braces belongs to an environment inside."""
    rows: list[list[str]] = [[]]
    depth = 0
    for piece in _ROW_PIECE.findall(body):
        depth += (piece == "{") - (piece == "}")
        if depth <= 0 and piece == "\\\\":
            rows.append([])
        elif depth > 0 or piece != drop:
            rows[-1].append(piece)
    return ["".join(row) for row in rows]


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
