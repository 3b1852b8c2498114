"""Programs coloured by what their words are, for a terminal and for a page.

In: a program and its language. Out: rich `Text`, or `Markup` whose spans carry a class each. Pygments parts the words
(through rich); programs that no lexer knows, and very long ones, come back plain.
"""

from __future__ import annotations

from functools import cache

from markupsafe import Markup
from rich.style import Style
from rich.syntax import Syntax, SyntaxTheme
from rich.text import Text

from mathpipe.inspect.safe_text import visible

# A lexer's expressions may backtrack: what is longer is no program that a person reads for its colours.
MAX_CHARACTERS = 20_000
_PLAIN = Style()
# From the particular to the general: a token's type is a path such as ("Literal", "String", "Doc").
_STYLES = {
    "Comment": ("comment", Style(italic=True, dim=True)),
    "Keyword": ("keyword", Style(color="magenta")),
    "String": ("string", Style(color="green")),
    "Number": ("number", Style(color="cyan")),
    "Function": ("name", Style(color="blue")),
    "Class": ("name", Style(color="blue")),
    "Builtin": ("name", Style(color="blue")),
    "Word": ("keyword", Style(color="magenta")),  # and, or, not, in
}
_CLASSES = {style: name for name, style in _STYLES.values()}


class _ByKind(SyntaxTheme):
    def get_style_for_token(self, token_type: tuple[str, ...]) -> Style:
        return next((_STYLES[part][1] for part in map(str, token_type) if part in _STYLES), _PLAIN)

    def get_background_style(self) -> Style:
        return _PLAIN


def highlighted(program: str, language: str = "python") -> Text:
    """The program for a terminal: safe, its last line feed left out."""
    shown = visible(program.replace("\r\n", "\n")).strip("\n")
    if len(shown) > MAX_CHARACTERS:
        return Text(shown)
    coloured = Syntax("", language, theme=_theme()).highlight(shown)
    coloured.rstrip()
    return Text(coloured.plain, spans=[span for span in coloured.spans if span.style in _CLASSES])


def highlighted_markup(program: str, language: str = "python") -> Markup:
    """The program for a page: escaped, a span of a class around what has a colour."""
    text = highlighted(program, language)
    parts: list[Markup] = []
    at = 0
    for span in sorted(text.spans, key=lambda span: span.start):
        parts.append(Markup("{}").format(text.plain[at : span.start]))
        name = _CLASSES[Style.parse(span.style) if isinstance(span.style, str) else span.style]
        parts.append(Markup('<span class="{}">{}</span>').format(name, text.plain[span.start : span.end]))
        at = span.end
    parts.append(Markup("{}").format(text.plain[at:]))
    return Markup("").join(parts)


@cache
def _theme() -> SyntaxTheme:
    return _ByKind()
