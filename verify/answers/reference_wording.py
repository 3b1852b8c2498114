r"""What a textbook writes around the answer it gives: `Solution is: $x = 1$.`, `No solution : $\oslash$`.

In: a reference that holds no marked answer. Out: its answer where the wording leaves one reading only, else the
reference as it was. A sentence of more words, or with a second formula, may say more and stays whole.
So does a family of solutions (`x = 2t + 1`): every choice of parameters is as right, and only one could be compared.
The wordings are those of CollegeMath's textbooks (arXiv 2403.02884).
"""

from __future__ import annotations

import re

_ONE_FORMULA = re.compile(
    r"(?:(?:the|this)\s+)?[a-z]+\s+(?:is|equals)\s*:?\s*(?P<formula>\$\$[^$]+\$\$|\$[^$]+\$)\s*\.?\s*", re.IGNORECASE
)
_NOTHING = re.compile(
    r"(?P<words>no\s+solution)\s*:\s*\$\s*\\(?:oslash|emptyset|varnothing)\s*\$\s*\.?", re.IGNORECASE
)
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_PARAMETER = re.compile(r"=[^,=]*[a-zA-Z]")
_HAT = re.compile(r"\\(?:hat|in)(?![a-zA-Z])")  # \hat{t}: how these books write a parameter


def bare_reference(reference: str) -> str:
    r"""The answer without its wording.

    >>> bare_reference("Solution is: $k=4$.")
    '$k=4$'
    """
    text = reference.strip()
    if not text[:1].isalpha():
        return text
    nothing = _NOTHING.fullmatch(text)
    if nothing is not None:
        return nothing["words"]
    formula = _ONE_FORMULA.fullmatch(text)
    return text if formula is None or _is_family(formula["formula"]) else formula["formula"]


def _is_family(formula: str) -> bool:
    return _HAT.search(formula) is not None or _PARAMETER.search(_COMMAND.sub("", formula)) is not None
