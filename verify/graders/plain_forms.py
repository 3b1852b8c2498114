"""The plain forms that the baselines compare: LaTeX with its styles, units and signs taken off.

In: an answer. Out: a string. The kind of clean-up that the MATH benchmark's release and its successors do (Hendrycks
et al. 2021; Lewkowycz et al. 2022, appendix), written anew from their descriptions: it drops what may matter (units,
a percent sign), which is why these rules are baselines and not rewards.
"""

from __future__ import annotations

import re

_DELIMITERS = re.compile(r"\\[()\[\]]|\$+")
_SPACING = re.compile(r"\\(?:[,;:! ]|q?quad(?![a-zA-Z]))|~")
_STYLES = re.compile(r"\\(?:left|right|displaystyle|bigl|bigr|big|Big)(?![a-zA-Z])")
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|mbox|textrm|operatorname)\s*\{([^{}]*)\}")
_UNIT_TEXT = re.compile(r"(?<=[\d}.])\s*\\(?:text|mathrm|mbox|textrm)\s*\{[^{}]*\}(?:\^\{?\d\}?)?")
_FRACTION = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
_SHORT_FRACTION = re.compile(r"\\frac\s*(\d)\s*(\d)")
_HALF_SHORT_FRACTION = re.compile(r"\\frac\s*(\d)\s*\{")
_SHORT_ROOT = re.compile(r"\\sqrt\s*(\w)")
_SIMPLE_QUOTIENT = re.compile(r"(-?\d+)/(\d+)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DEGREES = re.compile(r"\^\s*\{?\\circ\}?|\\degree")
_WORDS = re.compile(
    r"\b(?:degrees?|dollars?|cents?|percent|points?|feet|foot|inch(?:es)?|units?|square|cubic|cm|meters?|miles?|hours?|"
    r"minutes?|seconds?|days?|mph|students?|people|ways?)\b"
)


def plain_form(answer: str) -> str:
    """The answer as the rules of the MATH family compare it."""
    text = answer.replace("\n", " ").replace("\\\\", "\\").replace("\\$", "")
    text = _DELIMITERS.sub("", text)
    text = _STYLES.sub("", _SPACING.sub(" ", text))
    text = _UNIT_TEXT.sub("", text)
    text = _TEXT.sub(r"\1", text)
    text = _DEGREES.sub("", text).replace("\\%", "").replace("%", "")
    text = _FRACTION.sub(r"\\frac", text)
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text)
    text = _HALF_SHORT_FRACTION.sub(r"\\frac{\1}{", text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    text = _WORDS.sub("", text)
    text = _THOUSANDS.sub("", text.replace("{,}", ","))
    whole = _SIMPLE_QUOTIENT.fullmatch(text.strip())
    if whole:
        text = f"\\frac{{{whole[1]}}}{{{whole[2]}}}"
    text = text.replace(" ", "").rstrip(".")
    name, equals, value = text.partition("=")
    text = value if equals and len(name) <= 2 else text
    return "0" + text if text.startswith(".") else text


def as_float(text: str) -> float | None:
    """The value of a plain decimal, with a percent sign divided away."""
    cleaned = text.strip().replace(",", "").replace("\\%", "%").replace("$", "").replace("\\", "")
    try:
        return float(cleaned[:-1]) / 100 if cleaned.endswith("%") else float(cleaned)
    except ValueError:
        return None


def items_of(text: str) -> list[str] | None:
    """What stands between the brackets of a tuple, interval or set; None for anything else."""
    if len(text) > 2 and text[0] in "([{" and text[-1] in ")]}" and "," in text:
        return [item.strip() for item in text[1:-1].split(",")]
    return None
