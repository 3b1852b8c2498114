"""A page as a plain Python tree: parsed once by Lexbor, then copied out, so that nothing walks a DOM it edits.

In: HTML text. Out: `Element` nodes that own their children; text nodes are plain `str`.

The copy goes through Lexbor's own serialisation, which is well formed whatever the page was: every tag closed,
every attribute in double quotes, `<` and `>` escaped outside raw text. One regular expression reads it back. That
is over ten times faster than asking the DOM for its nodes one by one, and no DOM object outlives `parse_html`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from resiliparse.parse.html import HTMLTree

from crawl.limits import DEFAULT_LIMITS, ExtractionError, ExtractionFailure, ExtractionLimits


@dataclass(slots=True, eq=False)
class Element:
    """One element: lower-case tag, attributes as written, children in order (elements and text)."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def get(self, name: str, default: str = "") -> str:
        """The attribute's value, or the default."""
        return self.attrs.get(name, default)

    @property
    def classes(self) -> list[str]:
        """The class attribute, split at white space."""
        return self.attrs.get("class", "").split()

    def elements(self) -> Iterator[Element]:
        """Child elements, text left out."""
        return (child for child in self.children if isinstance(child, Element))

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order, without recursion."""
        stack: list[Element] = [self]
        while stack:
            node = stack.pop()
            yield node
            if node.children:  # an exact class test in a list is a third faster than isinstance in a generator
                stack += [child for child in node.children[::-1] if child.__class__ is Element]

    def text(self) -> str:
        """All text below, joined as it stands, without recursion."""
        pieces: list[str] = []
        stack: list[Element | str] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                pieces.append(node)
            else:
                stack.extend(reversed(node.children))
        return "".join(pieces)


_VOID = frozenset(
    "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
"""Elements that Lexbor serialises without an end tag."""

_SERIALISED = re.compile(
    r"<(script|style|xmp|iframe|noembed|noframes|plaintext)((?: [^>]*)?)>(.*?)</\1>"  # 1-3: raw text
    r"|<!--.*?-->|<[!?][^>]*>"
    r"|</([^>]*)>"  # 4: end tag
    r"|<([^\s>]+)([^>]*)>"  # 5, 6: start tag, attributes
    r"|([^<]+)",  # 7: text
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r'([^\s="]+)(?:="([^"]*)")?')
_NO_TAG = re.compile(r"<(?=[a-zA-Z][a-zA-Z0-9:_.-]*[^a-zA-Z0-9:_.\-\s/>])")
"""A less-than sign that authors of formulas left unescaped (`\\(a<b\\)`): no tag's name ends so."""
_MATHML_PREFIX = re.compile(r"<(/?)(?:mml|m):(?=[a-z])", re.IGNORECASE)
"""XML's prefix on MathML, which an HTML parser takes for a part of the name."""
_TEMPLATE = re.compile(r"<(/?)template\b", re.IGNORECASE)
_MAX_TEMPLATES = 50
"""Lexbor recurses over nested templates and overflows its stack (100,000 do); no real page comes near this."""


def parse_html(text: str, limits: ExtractionLimits = DEFAULT_LIMITS) -> Element:
    """The page's tree below `<html>`; raises `ExtractionError` for a page beyond the limits."""
    if len(text) > limits.max_chars:
        raise ExtractionError(
            ExtractionFailure.TOO_LARGE,
            f"a page of {len(text)} characters",
            f"at most {limits.max_chars} are read",
            "raise max_chars or drop the page",
        )
    if text.count("<template") + text.count("<TEMPLATE") > _MAX_TEMPLATES:
        text = _TEMPLATE.sub(r"<\1x-template", text)
    if ":math" in text:
        text = _MATHML_PREFIX.sub(r"<\1", text)
    text = _NO_TAG.sub("&lt;", text.replace("\x00", ""))
    serialised = str(HTMLTree.parse(text).document)
    return _read_back(serialised, limits)


def _read_back(serialised: str, limits: ExtractionLimits) -> Element:
    """The tree of a serialisation that Lexbor wrote."""
    root = Element("#document")
    stack = [root]
    children = root.children
    count = 0
    for match in _SERIALISED.finditer(serialised):
        kind = match.lastindex
        if kind == 7:
            children.append(_decoded(match[7]))
        elif kind in (5, 6):
            count += 1
            tag = match[5].lower()
            node = Element(tag, _attributes(match[6]))
            children.append(node)
            if tag not in _VOID:
                stack.append(node)
                children = node.children
                if len(stack) > limits.max_depth or count > limits.max_elements:
                    raise _refused(len(stack), limits)
        elif kind == 4:
            if len(stack) > 1:
                stack.pop()
                children = stack[-1].children
        elif kind == 3:
            children.append(Element(match[1], _attributes(match[2]), [match[3]] if match[3] else []))
    return next((child for child in root.elements() if child.tag == "html"), root)


def _refused(depth: int, limits: ExtractionLimits) -> ExtractionError:
    if depth > limits.max_depth:
        return ExtractionError(
            ExtractionFailure.TOO_DEEP,
            "a page with elements nested without end",
            f"at most {limits.max_depth} levels are read",
            "raise max_depth or drop the page",
        )
    return ExtractionError(
        ExtractionFailure.TOO_MANY_ELEMENTS,
        f"a page of more than {limits.max_elements} elements",
        f"at most {limits.max_elements} are read",
        "raise max_elements or drop the page",
    )


def _decoded(text: str) -> str:
    """Undo the five escapes that the serialisation writes."""
    if "&" not in text:
        return text
    text = text.replace("&nbsp;", "\xa0").replace("&lt;", "<").replace("&gt;", ">")
    return text.replace("&quot;", '"').replace("&amp;", "&")


def _attributes(source: str) -> dict[str, str]:
    """The attributes of a start tag; the first of a name counts."""
    if not source:
        return {}
    if "&" not in source:
        return {name: value for name, value in _ATTRIBUTE.findall(source) if name != "/"}
    return {name: _decoded(value) for name, value in _ATTRIBUTE.findall(source) if name != "/"}
