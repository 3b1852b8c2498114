"""The page's title: `<title>`, else its first heading, else `og:title`.

In: the parsed page, before formulas are marked. Out: one line of text.
"""

from __future__ import annotations

from collections.abc import Iterable

from crawl.dom import Element

_MAX_CHARS = 500


def page_title(nodes: Iterable[Element]) -> str:
    """The title on one line, at most 500 characters; empty where the page has none. `nodes`: the page's elements."""
    heading = social = ""
    for node in nodes:
        if node.tag == "title" and not node.attrs:  # an SVG's title, if it comes first, carries an id
            title = _line(node.text())
            if title:
                return title
        elif node.tag == "h1" and not heading:
            heading = _line(node.text())
        elif node.tag == "meta" and node.get("property") == "og:title" and not social:
            social = _line(node.get("content"))
    return heading or social


def _line(text: str) -> str:
    return " ".join(text.split())[:_MAX_CHARS]
