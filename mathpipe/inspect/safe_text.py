"""Page text made harmless for a screen: nothing in it can move a cursor, colour a line or turn it around.

In: any text. Out: text in which control characters (a terminal's escapes among them), bidirectional overrides,
lone surrogates and non-characters are replaced by U+FFFD. Markup is the business of whoever draws: rich's `Text`
and Jinja's escaping take these strings as they are.
"""

from __future__ import annotations

import re

# C0 and C1 but tab and newline; the bidirectional controls of "Trojan Source" (CVE-2021-42574); what XML refuses.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s+")


def visible(text: str) -> str:
    """The text with every unsafe character replaced; tabs and newlines stay."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """The text on one line: safe, every run of white space one space."""
    return visible(_SPACES.sub(" ", text)).strip()


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis for the rest."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"
