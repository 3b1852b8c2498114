"""The licence that a page states: what it says about itself, never what it is.

In: the page's elements, before formulas are marked, and its URL. Out: a short name (`CC-BY-SA-4.0`), the URL or words
that the page gives where these are not known, or None where it states nothing. Read are, from the firmest to the
weakest: `<link rel="license">`; `<meta>` of dcterms.license and its kin; JSON-LD `license`; `<a rel="license">`,
microdata and RDFa; Stack Exchange's link to its licensing page; and `rel="copyright"` and dc.rights where they name a
known licence. Among links in the body the last one to a known licence counts: it is the footer's, those before it
credit pictures.

A page without a statement is not free: copyright holds unless something says otherwise. A statement may be wrong, and
a link may be about something else on the page, such as a picture. A link in running text to a licence is no statement
and is not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import Any
from urllib.parse import urljoin

from crawl.dom import Element
from crawl.licence_names import licence_of_url, licence_of_words

_MAX_CHARS = 300  # of a URL or words kept as they are; the longest real one seen has 118
_MAX_JSON_CHARS = 500_000
_MAX_JSON_NODES = 2_000
_MAX_TEXT_STEPS = 100
_ADDRESS = re.compile(r"https?://[^\s<>\"]+$", re.IGNORECASE)
_LICENCE_NAMES = frozenset(
    "license licence dc.license dc.rights.license dcterms.license dcterms.rights.license "
    "dcterms:license dct:license cc:license xhv:license schema:license".split()
)
_RIGHTS_NAMES = frozenset("dc.rights dcterms.rights dc:rights dcterms:rights dct:rights rights copyright".split())
_NOTHING = frozenset(("none", "null", "true", "false", "active", "unknown", "undefined"))
_STACK_EXCHANGE = "/help/licensing"
# What a JSON-LD object describes beside the page itself; a licence in it is that thing's.
_OTHER_THINGS = ("image", "video", "audio", "media", "software", "person", "organization", "photograph")
_TELLING = frozenset(("rel", "itemprop", "property"))


class _Firmness(IntEnum):
    """How plainly a statement is about the page; lower is firmer."""

    LINK = 0
    META = 1
    JSON_LD = 2
    BODY = 3
    PLATFORM = 4
    RIGHTS = 5
    NOT_KNOWN = 6  # a link in the body whose licence is not known here


def page_licence(nodes: Iterable[Element], url: str = "") -> str | None:
    """The firmest statement among the page's elements, as a short name; `url` resolves relative links."""
    found: dict[_Firmness, str] = {}
    for node in nodes:
        attrs = node.attrs
        if (
            not _TELLING.isdisjoint(attrs)
            or node.tag in ("meta", "script")
            or (node.tag == "a" and _STACK_EXCHANGE in attrs.get("href", ""))
        ):
            for firmness, value in _statements(node, url):
                if firmness in (_Firmness.BODY, _Firmness.PLATFORM, _Firmness.NOT_KNOWN):
                    found[firmness] = value
                else:
                    found.setdefault(firmness, value)
    return found[min(found)] if found else None


def _statements(node: Element, url: str) -> list[tuple[_Firmness, str]]:
    """What one element states; most state nothing."""
    if node.tag == "meta":
        return _meta(node, url)
    if node.tag == "script":
        if "ld+json" not in node.get("type").lower():
            return []
        return _named(_Firmness.JSON_LD, *(_name(text, url) for text in _json_ld(node.text())))
    relations = node.get("rel").lower().split()
    if "license" in relations or "licence" in relations:
        return _linked(node, url)
    if "copyright" in relations:
        return _named(_Firmness.RIGHTS, _known(_value(node), url))
    if _is_licence_property(node):
        return _linked(node, url) if "href" in node.attrs else _named(_Firmness.BODY, _name(_value(node), url))
    if node.tag == "a" and _STACK_EXCHANGE in node.get("href"):
        return _named(_Firmness.PLATFORM, _known(node.get("href"), url))
    return []


def _is_licence_property(node: Element) -> bool:
    """Microdata's `itemprop="license"` and RDFa's `property="cc:license"`."""
    return "license" in node.get("itemprop").lower().split() or not _LICENCE_NAMES.isdisjoint(
        node.get("property").lower().split()
    )


def _meta(node: Element, url: str) -> list[tuple[_Firmness, str]]:
    content = node.get("content")
    for attribute in ("name", "property"):
        name = node.get(attribute).strip().lower()
        if name in _LICENCE_NAMES:
            return _named(_Firmness.META, _name(content, url))
        if name in _RIGHTS_NAMES:
            return _named(_Firmness.RIGHTS, _known(content, url))
    return _named(_Firmness.BODY, _name(content, url)) if _is_licence_property(node) else []


def _named(firmness: _Firmness, *names: str | None) -> list[tuple[_Firmness, str]]:
    return [(firmness, name) for name in names if name]


def _value(node: Element) -> str:
    """What the element gives: an address, else a content attribute, else its text."""
    return node.get("href") or node.get("content") or node.get("resource") or _opening_text(node)


def _opening_text(node: Element) -> str:
    """The first text below the element: thousands of nested elements, each with a page of text, cost little."""
    pieces: list[str] = []
    stack: list[Iterator[Element | str]] = [iter(node.children)]
    for _ in range(_MAX_TEXT_STEPS):
        if not stack:
            break
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif isinstance(child, str):
            pieces.append(child[: 2 * _MAX_CHARS])
        else:
            stack.append(iter(child.children))
    return "".join(pieces)


def _linked(node: Element, url: str) -> list[tuple[_Firmness, str]]:
    """What a link states: the licence its address or else its words name, or its address as it is."""
    address = node.get("href")
    known = _known(address, url) or licence_of_words(_plain(_opening_text(node)))
    if node.tag == "link":
        return _named(_Firmness.LINK, known or _kept(_absolute(_plain(address), url)))
    return _named(_Firmness.BODY, known) or _named(_Firmness.NOT_KNOWN, _kept(_absolute(_plain(address), url)))


def _known(value: str, url: str) -> str | None:
    """The licence's short name; None for anything else, such as who owns the copyright."""
    value = _plain(value)
    address = _absolute(value, url) if "/" in value and " " not in value else ""
    return (licence_of_url(address) if address else None) or licence_of_words(value)


def _name(value: str, url: str) -> str | None:
    """The short name of what stands where a licence belongs; what is not known stays as it is, if it can be kept."""
    if known := _known(value, url):
        return known
    value = _plain(value)
    if value.startswith(("//", "/", "#")) or ":" in value.partition(" ")[0]:  # javascript:, mailto:, a path
        return _kept(_absolute(value, url))
    return value if 2 < len(value) <= _MAX_CHARS and value.lower() not in _NOTHING else None


def _kept(address: str) -> str | None:
    """An address that is not known here, where it is one of the web's."""
    return address if len(address) <= _MAX_CHARS and _ADDRESS.match(address) else None


def _plain(value: str) -> str:
    """On one line, not endless, and without what a shard can't hold (a script may escape half a character)."""
    return " ".join(value[: 10 * _MAX_CHARS].encode(errors="replace").decode().split())


def _absolute(address: str, url: str) -> str:
    if address.startswith("//"):
        return f"https:{address}"
    if not address or address.startswith("#"):
        return ""
    try:
        return urljoin(url, address)
    except ValueError:
        return address


def _json_ld(text: str) -> list[str]:
    """Values of `license` of the objects that describe the page, the outermost first; none where it can't be read."""
    if "license" not in text or len(text) > _MAX_JSON_CHARS:
        return []
    try:
        queue: list[Any] = [json.loads(text)]
    except (ValueError, RecursionError):
        return []
    found: list[str] = []
    for place in range(_MAX_JSON_NODES):
        if place == len(queue):
            break
        node = queue[place]
        if isinstance(node, list):
            queue += node[:_MAX_JSON_NODES]
        elif isinstance(node, dict) and not _other_thing(node.get("@type")):
            found += _texts(node.get("license"))
            queue += [value for key, value in node.items() if key in ("@graph", "mainEntity", "mainEntityOfPage")]
    return found


def _other_thing(kind: Any) -> bool:
    names = [name.lower() for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str)]
    return any(other in name for name in names for other in _OTHER_THINGS)


def _texts(value: Any) -> list[str]:
    """`"…"`, `{"@id": "…"}`, `{"url": "…"}`, `{"name": "…"}`, or a list of these."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value[:10] if not isinstance(item, list) for text in _texts(item)]
    if isinstance(value, dict):
        return [text for key in ("@id", "url", "name") if isinstance(text := value.get(key), str)][:1]
    return []
