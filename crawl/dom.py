"""A page as a plain Python tree: parsed once by Lexbor, then copied out, so that nothing walks a DOM it edits.

In: HTML text. Out: `Element` nodes that own their children; text nodes are plain `str`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


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
            stack.extend(child for child in reversed(node.children) if isinstance(child, Element))

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
