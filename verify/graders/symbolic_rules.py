"""What the baselines ask SymPy and Math-Verify, inside a worker that is killed at its limit.

In: (rule, reference, candidate). Out: (verdict or None, why). LaTeX is read by latex2sympy2_extended, which the
extra `audit` brings. The packages load with this module, in the worker's server: the seconds of a request are for its
answer, and on a machine that has to compile them first loading alone took more than ten.
"""

from __future__ import annotations

from typing import Any

import latex2sympy2_extended
import math_verify
import sympy


def decide(request: tuple[str, str, str]) -> tuple[bool | None, str]:
    """The handler of the worker."""
    rule, reference, candidate = request
    return _math_verify(reference, candidate) if rule == "math-verify" else _difference_is_zero(reference, candidate)


def _math_verify(reference: str, candidate: str) -> tuple[bool | None, str]:
    gold, target = _parsed(reference), _parsed(candidate)
    if not gold:
        return None, "it cannot read the reference"
    return bool(math_verify.verify(gold, target)), "math_verify.verify"


def _parsed(text: str) -> Any:
    """As its users call it: as it stands, and with the delimiters it looks for where nothing was found."""
    if "$" in text or "\\boxed" in text or "\\(" in text or "\\[" in text:
        return math_verify.parse(text)
    return math_verify.parse(text) or math_verify.parse(f"${text}$")


def _difference_is_zero(reference: str, candidate: str) -> tuple[bool | None, str]:
    """SymPy's simplification of the difference, as the rules after Minerva do."""
    try:
        first, second = (latex2sympy2_extended.latex2sympy(text) for text in (reference, candidate))
        if first == second:
            return True, "SymPy: the same expression"
        return bool(sympy.simplify(first - second) == 0), "SymPy: simplify(difference)"
    except Exception as error:  # noqa: BLE001 - SymPy raises anything; the rules take it for "not equal"
        return False, f"SymPy cannot: {type(error).__name__}"
