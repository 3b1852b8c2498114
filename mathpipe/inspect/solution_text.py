r"""What a model wrote, and questions, as pieces: prose, code, formulas; and text without segments cut into them.

In: text with formulas in any of the usual delimiters: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`, bare environments, and
`\boxed{…}` outside of a formula. Out: the pieces of `page_text`, or rich `Text` for a terminal. Dollars are money
more often than not in such text: `$…$` is a formula only where no blank stands inside its ends, no digit and no
calculator mark (`<<2*3=6>>`) follows, and what is between is no prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup
from rich.text import Text

from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect.formula_text import formula_text
from mathpipe.inspect.page_text import Code, Piece, Prose, Tex, render_pieces
from mathpipe.inspect.safe_text import visible

# Each formula is bounded in length and in depth of braces, so that what nothing closes costs little.
_LONGEST = 2_000
_BRACES = r"\{(?:[^{}]++|\{(?:[^{}]++|\{(?:[^{}]++|\{[^{}]*+\})*+\})*+\})*+\}"
_ENVIRONMENTS = "equation|align|gather|multline|eqnarray|flalign|alignat"
_PIECE = re.compile(
    r"(?P<fence>^`{3,})[^`\n]*\n(?P<block>.*?)(?:^(?P=fence)`*[ \t]*$|\Z)"
    r"|`(?P<code>[^`\n]++)`"
    rf"|\\\[(?P<bracket>.{{1,{_LONGEST}}}?)\\\]"
    rf"|\\\((?P<paren>.{{1,{_LONGEST}}}?)\\\)"
    rf"|\$\$(?P<dollars>[^$]{{1,{_LONGEST}}}+)\$\$"
    rf"|(?P<environment>\\begin\{{(?P<name>{_ENVIRONMENTS})\*?\}}.{{1,{_LONGEST}}}?\\end\{{(?P=name)\*?\}})"
    rf"|(?P<boxed>\\boxed\s*{_BRACES})"
    r"|\\(?P<literal>\$)"
    r"|\$(?P<inline>(?![\s<])(?:[^$\\\n]++|\\.)++)(?<![\s\\])\$(?!\d|<<)",
    re.DOTALL | re.MULTILINE,
)
_PROSE = re.compile(r"[A-Za-z]{2,}[,.]? [A-Za-z]{2,}")
_FENCE = re.compile(
    r"^(?P<fence>`{3,})[ \t]*(?P<language>\w*)[^`\n]*\n(?P<block>.*?)(?:^(?P=fence)`*[ \t]*$|\Z)", re.S | re.M
)
_PROGRAMS = frozenset("python py python3 lean lean4".split())
_OUTPUTS = frozenset(("output", "stdout"))


def segments_of(text: str) -> list[Segment]:
    """Text that came without segments, cut at its fenced programs and their outputs."""
    segments: list[Segment] = []
    at = 0
    for match in _FENCE.finditer(text):
        language = match["language"].lower()
        if language not in _PROGRAMS | _OUTPUTS:
            continue
        segments.append(Segment(SegmentKind.TEXT, text[at : match.start()]))
        kind = SegmentKind.OUTPUT if language in _OUTPUTS else SegmentKind.CODE
        segments.append(Segment(kind, match["block"]))
        at = match.end()
    segments.append(Segment(SegmentKind.TEXT, text[at:]))
    return [segment for segment in segments if segment.text.strip()]


def solution_pieces(text: str) -> Iterator[Piece]:
    """The text's pieces in order; what opens and does not close stays prose."""
    prose: list[str] = []
    at = 0
    for match in _PIECE.finditer(text):
        prose.append(text[at : match.start()])
        at = match.end()
        piece = _piece(match)
        if isinstance(piece, Prose):
            prose.append(piece.text)
            continue
        if written := "".join(prose):
            yield Prose(written)
        prose.clear()
        yield piece
    if written := "".join(prose) + text[at:]:
        yield Prose(written)


def _piece(match: re.Match[str]) -> Piece:
    if match["block"] is not None:
        return Code(match["block"].rstrip("\n"), block=True)
    if match["code"] is not None:
        return Code(match["code"], block=False)
    if match["literal"] is not None:
        return Prose("$")
    if match["inline"] is not None:
        inside = match["inline"]
        return Prose(match[0]) if _is_money(inside) else Tex(inside, display=False)
    if match["paren"] is not None or match["boxed"] is not None:
        return Tex((match["paren"] or match["boxed"]).strip(), display=False)
    return Tex((match["bracket"] or match["dollars"] or match["environment"]).strip(), display=True)


def _is_money(inside: str) -> bool:
    return "\\" not in inside and _PROSE.search(inside) is not None


def is_tex(answer: str) -> bool:
    """Whether an answer, which stands without delimiters, is better read as a formula."""
    return "\\" in answer or "^" in answer


def solution_markup(text: str) -> Markup:
    """The text for a page: escaped, its formulas drawn."""
    return render_pieces(list(solution_pieces(text.strip())), headings=False)


def solution_on_terminal(text: str) -> Text:
    """The text for a terminal: safe, its formulas as Unicode, several lines of one on lines of their own."""
    shown = Text()
    for piece in solution_pieces(text.strip()):
        if isinstance(piece, Prose):
            shown.append(visible(piece.text))
        elif isinstance(piece, Code):
            shown.append(visible(piece.text), style="bold")
        else:
            written = formula_text(piece.text, display=piece.display)
            own_lines = "\n" in written and bool(shown.plain) and not shown.plain.endswith("\n")
            shown.append("\n" * own_lines + written, style="cyan")
    return shown
