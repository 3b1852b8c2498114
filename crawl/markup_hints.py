r"""Whether a delimiter or a command in a page's bytes belongs to a formula, by what stands around it.

In: a body and the places where hints stand. Out: the first hint that holds, or none. A hint inside a script, a
style, code or a text area is passed over; `\(` must be closed, `\[` must hold more than a citation, `$$` more than
punctuation (`$$ - $$$` is a price range). A page that a renderer is loaded on needs less: any two dollars.
Where the answer is not clear the hint holds: a page parsed in vain costs milliseconds, a page lost is lost.
"""

from __future__ import annotations

import re

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from crawl.markup_marks import BACKSLASH_HINTS, OTHER_HINTS, Hint
from crawl.raw_text import prose_of

_SKIPPED = (
    (b"<script", b"</script"),
    (b"<style", b"</style"),
    (b"<code", b"</code"),
    (b"<pre", b"</pre"),
    (b"<textarea", b"</textarea"),
)
_AFTER_NAME = b" \t\r\n\f/>"
# An opening tag farther back than this is not looked for: code blocks are shorter, and a longer one costs a parse.
_LOOK_BACK_BYTES = 65536
# A page with more hints than this in skipped elements is parsed without asking on.
_MAX_CHECKS = 512
_MAX_PLACES = 20_000
_MAX_LOADER_BYTES = 2_000_000
# Bodies are searched block by block, which bounds the list of places and lets a find end the search.
_BLOCK_BYTES = 262_144
_MAX_FORMULA_BYTES = 4000
_MAX_INLINE_BYTES = 300
_CITATION = re.compile(rb"[\s\d,;.\-\xe2\x80\x93]*\\?")
_TELLING = re.compile(rb"[A-Za-z0-9\\]")
_SINGLE_DOLLARS = re.compile(rb"\$(?!\$)[^$<>]{1,300}\$")
_ENTITY_BACKSLASH = re.compile(rb"&(?:#92|#x5[cC]|bsol);(\(|\[|[A-Za-z]{2,20})")
_ENTITY_DOLLARS = re.compile(
    rb"&(?:#36|#x24|dollar);(?:&(?:#36|#x24|dollar);|(?=[^$<>]{0,300}[\\^_])[^<>]{1,300}?&(?:#36|#x24|dollar);)"
)


class HintFinder:
    """Looks for hints that hold; build it once, it keeps its automata."""

    def __init__(self) -> None:
        self._groups = (_Group(BACKSLASH_HINTS), _Group(OTHER_HINTS))

    def find(self, body: bytes) -> str | None:
        """The first hint outside scripts and code whose surroundings bear it out."""
        for group in self._groups:
            found = _first_that_holds(body, group)
            if found is not None:
                return found
        return None

    def find_for_loader(self, body: bytes) -> str | None:
        """The same where the page loads a renderer: then a pair of single dollars is enough."""
        if len(body) > _MAX_LOADER_BYTES:
            return f"{Hint.DOLLAR.value}?"
        if b"$" in body and _SINGLE_DOLLARS.search(body) and _SINGLE_DOLLARS.search(prose_of(body)):
            return Hint.DOLLAR.value
        return self.find(body)


class _Group:
    """An automaton, and the hint of each of its patterns."""

    def __init__(self, table: dict[bytes, Hint]) -> None:
        self.automaton = BytesAhoCorasick(list(table), matchkind=MatchKind.LeftmostLongest)
        self.hints = tuple(table.values())
        self.overlap = max(map(len, table)) - 1  # so that no hint is cut by the end of a block


def _first_that_holds(body: bytes, group: _Group) -> str | None:
    view = memoryview(body)
    resume = checks = places = 0
    for offset in range(0, len(body), _BLOCK_BYTES):
        block = view[offset : offset + _BLOCK_BYTES + group.overlap]
        for index, start, end in group.automaton.find_matches_as_indexes(block):
            place = offset + start
            hint = group.hints[index]
            places += 1
            if places > _MAX_PLACES:
                return "too-many-hints"
            if place < resume or not _holds(body, hint, place, offset + end):
                continue
            skipped_to = _end_of_skipped(body, place)
            if skipped_to is None:
                return hint.value
            resume = skipped_to
            checks += 1
            if checks > _MAX_CHECKS:
                return f"{hint.value}?"
    return None


def _end_of_skipped(body: bytes, place: int) -> int | None:
    """Where the skipped element around the place ends; None if the place is prose."""
    floor = max(0, place - _LOOK_BACK_BYTES)
    for opening, closing in _SKIPPED:
        opened = body.rfind(opening, floor, place)
        if opened < 0 or body[opened + len(opening)] not in _AFTER_NAME:
            continue
        if body.find(closing, opened, place) >= 0:
            continue
        end = body.find(closing, place)
        if end >= 0:
            return end
    return None


def _holds(body: bytes, hint: Hint, start: int, end: int) -> bool:
    match hint:
        case Hint.ENVIRONMENT:
            return True
        case Hint.COMMAND:
            return not body[end : end + 1].isalpha()
        case Hint.PAREN:
            return body.find(b"\\)", end + 1, end + _MAX_FORMULA_BYTES) >= 0
        case Hint.BRACKET:
            close = body.find(b"\\]", end, end + _MAX_FORMULA_BYTES)
            return close >= 0 and not _CITATION.fullmatch(body, end, close)
        case Hint.DOUBLE_DOLLAR:
            close = body.find(b"$$", end, end + _MAX_FORMULA_BYTES)
            return close >= 0 and _TELLING.search(body, end, close) is not None
        case Hint.DOLLAR:
            return _between_dollars(body, start)
        case Hint.ENTITY:
            return _entity_holds(body, start)


def _between_dollars(body: bytes, place: int) -> bool:
    """Whether the place lies between dollars that stand as a formula's do (pandoc's rule for `$`)."""
    opening = body.rfind(b"$", max(0, place - _MAX_INLINE_BYTES), place)
    closing = body.find(b"$", place, place + _MAX_INLINE_BYTES)
    if opening < 0 or closing < 0 or closing == opening + 1:
        return False
    inner = body[opening + 1 : closing]
    if inner[:1].isspace() or inner[-1:].isspace() or b"<" in inner or b">" in inner:
        return False
    return not body[closing + 1 : closing + 2].isalnum()


def _entity_holds(body: bytes, start: int) -> bool:
    """A backslash as an entity before a parenthesis or a command, or a pair of dollars around a formula."""
    backslash = _ENTITY_BACKSLASH.match(body, start)
    if backslash is not None:
        return backslash[1] in {b"(", b"["} or b"\\" + backslash[1] in BACKSLASH_HINTS
    return _ENTITY_DOLLARS.match(body, start) is not None
