"""A pruned page tree as light Markdown, its formulas between dollars.

In: an element whose formulas are nodes. Out: the text, and the formulas that stand in it, in order. Headings are
`#`, lists `-` and `1.`, tables pipe tables (layout tables are read cell after cell), code is fenced and untouched, an
inline formula is `$...$`, a display formula stands on its own lines between `$$`; inside a heading or a table
cell it is
`$$...$$` on that line. In prose a literal dollar becomes `\\$` and a backquote `` \\` ``; nothing else is escaped, so
that `a_1 < a_2` stays as it is. Emphasis and link targets are left out.

The walk keeps its own stack. What a list item, quotation or cell holds is written into a frame of its own, and
indented or flattened when the frame closes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from crawl.code_blocks import code_of, is_code_block
from crawl.dom import Element
from crawl.formulas.node import FORMULA
from crawl.superscripts import Script, script_text
from crawl.tables import is_data_table, pipe_table
from mathpipe.core.records import Formula, FormulaSource

_SKIPPED = frozenset(
    "script style noscript template x-template svg math textarea select button input iframe object canvas audio "
    "video map datalist head title link meta dialog annotation".split()
)
_BLOCKS = frozenset(
    "p div section article main body html header footer aside nav figure figcaption address center form fieldset "
    "details summary dl dt dd hgroup ul ol menu dir li blockquote table thead tbody tfoot tr td th caption pre hr "
    "h1 h2 h3 h4 h5 h6 legend optgroup search d-article".split()
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_MAX_FRAMES = 24
"""Lists and quotations nested deeper are written at that depth: indentation would make the text quadratic."""
_SPACES = re.compile(r"[ \t\r\f\v\xa0\u2000-\u200a\u202f\u205f\u3000]+")
_INVISIBLE = re.compile("[\u200b\u200c\u200e\u200f\u2060\ufeff\u00ad\ufffc\x00-\x08\x0e-\x1f\x7f]")

_GLUED = re.compile(r"\d|[^\W\d_]{3}|(?!(?:st|nd|rd|th|er|es|ed|ly)\b)[^\W\d_]{2}\b", re.IGNORECASE)
_GLUED_BEFORE = re.compile(r"[^\W\d_]{3}$")
"""A word that touches a formula is set off; a suffix (`$n$th`, `$x$s`) is not."""


@dataclass(slots=True)
class _Frame:
    """Blocks finished so far, and the line being written."""

    kind: str
    blocks: list[str] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)
    marker: str = ""
    tight: bool = False

    def flush(self) -> None:
        """End the paragraph."""
        if not self.inline:
            return
        text = "".join(self.inline)
        self.inline.clear()
        lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
        paragraphs = re.sub(r"\n{2,}", "\n\n", "\n".join(lines)).strip("\n")
        if paragraphs:
            self.blocks.append(paragraphs)

    def text(self) -> str:
        """All blocks, one blank line between; items of a list without."""
        self.flush()
        return ("\n" if self.tight else "\n\n").join(self.blocks)


@dataclass(slots=True)
class _List:
    """An open list: its kind and the number of its next item."""

    ordered: bool
    number: int


@dataclass(slots=True)
class _Table:
    """An open pipe table."""

    rows: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page's text and the formulas that stand in it."""

    text: str
    formulas: list[Formula]


@dataclass(frozen=True, slots=True)
class _Exit:
    """Marks on the stack where an element ends."""

    node: Element
    frame: bool


def render(root: Element) -> Rendered:
    """The tree as text."""
    writer = _Writer()
    stack: list[Element | str | _Exit] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            writer.text(item)
        elif isinstance(item, _Exit):
            writer.close(item)
        elif item.tag == FORMULA:
            writer.formula(item)
        elif item.tag not in _SKIPPED:
            mark = writer.open(item)
            if mark is not None:
                stack.append(mark)
                stack.extend(reversed(item.children))
    return Rendered(writer.frames[0].text(), writer.formulas)


class _Writer:
    """Turns the walk's events into Markdown."""

    def __init__(self) -> None:
        self.frames = [_Frame("page")]
        self.lists: list[_List] = []
        self.tables: list[_Table | None] = []
        self.formulas: list[Formula] = []
        self.one_line = 0  # open headings and table cells
        self.after_formula = False

    def text(self, text: str) -> None:
        """Prose: white space folded later, dollars and backquotes escaped."""
        if "\n" in text:
            text = text.replace("\n", " ")
        if "$" in text:
            text = text.replace("$", "\\$")
        if "`" in text:
            text = text.replace("`", "\\`")
        text = _INVISIBLE.sub("", text)
        if self.after_formula and text:
            self.after_formula = False
            if _GLUED.match(text):
                text = " " + text
        self.frames[-1].inline.append(text)

    def before(self) -> str:
        """The last characters written on the current line."""
        for piece in reversed(self.frames[-1].inline):
            if piece:
                return piece[-24:]
        return ""

    def formula(self, node: Element) -> None:
        """A formula's node, with its dollars."""
        latex, display = node.get("latex"), bool(node.get("display"))
        frame = self.frames[-1]
        self.formulas.append(Formula(latex, display, FormulaSource(node.get("source"))))
        if display and not self.one_line:
            frame.flush()
            frame.blocks.append(f"$$\n{latex}\n$$")
            return
        if display:
            latex = " ".join(latex.split())
            self.formulas[-1] = Formula(latex, True, self.formulas[-1].source)
        before = self.before()
        glue = " " if before.endswith(("\\", "$")) or _GLUED_BEFORE.search(before) else ""
        mark = "$$" if display else "$"
        frame.inline.append(f"{glue}{mark}{latex}{mark}")
        self.after_formula = True

    def open(self, node: Element) -> _Exit | None:
        """Begin an element; None where it has been written as a whole."""
        tag = node.tag
        if tag in _BLOCKS:
            return self._open_block(node)
        if tag == "br":
            self.frames[-1].inline.append(" " if self.one_line else "\n")
            return None
        if tag in ("code", "kbd", "samp", "tt"):
            return self._code_span(node)
        if tag in ("sup", "sub"):
            return self._script(node)
        if tag == "q":
            self.text('"')
        elif tag == "span" and node.get("class") == "classifier":
            self.text(" : ")  # numpydoc's style sheet writes this colon
        return _Exit(node, frame=False)

    def _open_block(self, node: Element) -> _Exit | None:
        tag = node.tag
        frame = self.frames[-1]
        if tag == "pre" or is_code_block(node):
            return self._preformatted(node)
        if self.one_line:
            frame.inline.append(" ")
            return self._open_inside_line(node)
        frame.flush()
        if tag in _HEADINGS:
            self.one_line += 1
            return self._push(node, "heading", _HEADINGS[tag] + " ")
        if tag in ("ul", "ol", "menu", "dir"):
            self.lists.append(_List(tag == "ol", _start(node)))
            return self._push(node, "list") if self._room() else _Exit(node, frame=False)
        if tag == "li":
            return self._push(node, "item", self._item_marker()) if self._room() else _Exit(node, frame=False)
        if tag == "blockquote":
            return self._push(node, "quote", "> ") if self._room() else _Exit(node, frame=False)
        if tag == "hr":
            return None
        return self._open_table_part(node)

    def _open_inside_line(self, node: Element) -> _Exit | None:
        """A block inside a heading or cell is no block."""
        if node.tag == "table":
            self.tables.append(None)
        elif node.tag in ("ul", "ol", "menu", "dir"):
            self.lists.append(_List(node.tag == "ol", _start(node)))
        elif node.tag in ("td", "th", "tr") and self.tables and self.tables[-1] is not None:
            return self._open_table_part(node)
        return _Exit(node, frame=False)

    def _open_table_part(self, node: Element) -> _Exit:
        tag = node.tag
        if tag == "table":
            self.tables.append(_Table() if is_data_table(node) and self._room() else None)
        elif self.tables and (table := self.tables[-1]) is not None:
            if tag == "tr":
                table.rows.append([])
            elif tag in ("td", "th"):
                self.one_line += 1
                return self._push(node, "cell")
        return _Exit(node, frame=False)

    def _room(self) -> bool:
        return len(self.frames) < _MAX_FRAMES

    def _push(self, node: Element, kind: str, marker: str = "") -> _Exit:
        self.frames.append(_Frame(kind, marker=marker, tight=kind in ("list", "item")))
        return _Exit(node, frame=True)

    def _item_marker(self) -> str:
        if not self.lists or not self.lists[-1].ordered:
            return "- "
        self.lists[-1].number += 1
        return f"{self.lists[-1].number - 1}. "

    def close(self, mark: _Exit) -> None:
        """End an element: its frame's text goes into the frame around it."""
        tag = mark.node.tag
        if tag == "q":
            self.text('"')
        if tag in ("ul", "ol", "menu", "dir") and self.lists:
            self.lists.pop()
        if mark.frame:
            self._close_frame()
        elif tag == "table":
            self._close_table()
        elif tag in _BLOCKS:
            if self.one_line:
                self.frames[-1].inline.append(" ")
            else:
                self.frames[-1].flush()

    def _close_frame(self) -> None:
        frame = self.frames.pop()
        text = frame.text()
        parent = self.frames[-1]
        if frame.kind == "cell":
            self.one_line -= 1
            table = self.tables[-1] if self.tables else None
            if table is not None:
                if not table.rows:
                    table.rows.append([])
                table.rows[-1].append(" ".join(text.split()))
            return
        if frame.kind == "heading":
            self.one_line -= 1
            text = " ".join(text.split())
        if text:
            parent.blocks.append(_marked(text, frame))

    def _close_table(self) -> None:
        table = self.tables.pop() if self.tables else None
        if table is not None:
            text = pipe_table(table.rows)
            if text:
                self.frames[-1].flush()
                self.frames[-1].blocks.append(text)
        elif not self.one_line:
            self.frames[-1].flush()

    def _code_span(self, node: Element) -> _Exit | None:
        """Inline code as it stands; a `code` element around a formula is no code."""
        if any(child.tag == FORMULA for child in node.walk()):
            return _Exit(node, frame=False)
        code = " ".join(node.text().split())
        if code:
            longest = max((len(run) for run in re.findall(r"`+", code)), default=0)
            fence = "`" * (longest + 1)
            pad = " " if code.startswith("`") or code.endswith("`") else ""
            glue = " " if self.before().endswith(("`", "\\")) else ""
            self.frames[-1].inline.append(f"{glue}{fence}{pad}{code}{pad}{fence}")
        return None

    def _preformatted(self, node: Element) -> _Exit | None:
        """A fenced block; preformatted text that holds formulas is prose with its line breaks."""
        if any(child.tag == FORMULA for child in node.walk()):
            self.frames[-1].flush()
            return _Exit(node, frame=False)
        code = code_of(node)
        if not code.strip():
            return None
        if self.one_line:
            self.frames[-1].inline.append(" ")
            return self._code_span(node)
        frame = self.frames[-1]
        frame.flush()
        longest = max((len(run) for run in re.findall(r"`{3,}", code)), default=2)
        fence = "`" * (longest + 1)
        frame.blocks.append(f"{fence}\n{code}\n{fence}")
        return None

    def _script(self, node: Element) -> _Exit | None:
        """A superscript or subscript, unless something more than text stands in it."""
        if any(child.tag in (FORMULA, "sup", "sub", "code", "img") for child in node.walk() if child is not node):
            return _Exit(node, frame=False)
        linked = any(child.tag == "a" and child.get("href") for child in node.walk())
        kind = Script.SUP if node.tag == "sup" else Script.SUB
        written = script_text(kind, node.text(), self.before(), linked=linked)
        if written:
            self.text(written)
        return None


def _start(node: Element) -> int:
    value = node.get("start")
    return int(value) if value.isdecimal() and len(value) < 7 else 1


def _marked(text: str, frame: _Frame) -> str:
    """A frame's text with the marker of its kind."""
    if frame.kind == "heading":
        return frame.marker + text
    if frame.kind == "quote":
        return "\n".join("> " + line if line else ">" for line in text.split("\n"))
    if frame.kind == "item":
        indent = " " * len(frame.marker)
        lines = text.split("\n")
        return "\n".join([frame.marker + lines[0], *(indent + line if line else "" for line in lines[1:])])
    return text
