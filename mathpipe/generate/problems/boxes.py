r"""The answer in a reference solution: what its last `\boxed{…}` holds.

MATH's own rule (Hendrycks et al. 2021): the last box counts, whatever comes after it. Model outputs are read by
`verify`, which knows far more; a reference written by people has a box or is a fault of the file.
"""

from __future__ import annotations

import re

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)|\\(?:boxed|fbox)\s+(?P<bare>[^\s$\\{}])")


def boxes(solution: str) -> list[str]:
    """What every box with something in it holds, in order."""
    contents = (match["bare"] or _braced(solution, match.end()) for match in _BOX.finditer(solution))
    return [content.strip() for content in contents if content is not None and content.strip()]


def last_box(solution: str) -> str | None:
    r"""The content of the last box with something in it; None without one. `\boxed 5` counts."""
    found = boxes(solution)
    return found[-1] if found else None


def _braced(text: str, start: int) -> str | None:
    """What stands between the brace at `start` and its partner; escaped braces do not count."""
    depth, at = 0, start
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            at += 2
            continue
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return text[start + 1 : at]
        at += 1
    return None
