r"""The answer that a page states for a problem, by rules; None wherever one could doubt.

In: an answer's or a solution's text. Out: the answer as it stands (LaTeX without its dollars), or None. The rules:

1. the last `\boxed{…}`, if all boxes hold the same;
2. "Answer: …", "the answer is …", where what follows is a value: one formula, or a number with a unit;
3. a text that is nothing but a value (an answer's own entry);
4. a solution whose last words are a formula `… = value`, or "is $value$" / "= value" at the very end.

A value is closed: no relation, no text in it, no dots, not longer than 80 characters. What follows "or about", "≈" is
left out: the exact value stands before it. These rules are for references, so they are stricter than those of
`verify`, which read what a model says; this package must not know `verify`.
"""

from __future__ import annotations

import re

_MAX = 80
_BOX = re.compile(r"\\boxed\s*\{")
_SAID = re.compile(
    r"\b(?:final answer|correct answer|the answer|answer|réponse|antwort|respuesta)\b\**\s*(?:is|:|est|ist|es)\**"
    r"\s*(?=(\S.*))",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"(?<![\\$])\$([^$]+)\$(?!\$)|\$\$([^$]+)\$\$")
_NUMBER = r"[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*/\s*\d+)?"
_UNIT = r"(?:\s*(?:%|\\%|°|[a-zA-Zµ]+(?:\^?[23²³]|/[a-z]+)?(?:\s[a-z]{1,12}){0,2}))?"
_PLAIN = re.compile(rf"(?:\\?[$€£]\s?)?{_NUMBER}{_UNIT}")
_APPROXIMATE = re.compile(
    r"\s*(?:,\s*)?(?:\(?\b(?:or\s+)?(?:about|approximately|roughly|approx\.?|or(?=\s*[\d$\\]))|≈|\\approx).*",
    re.DOTALL,
)
_NOT_CLOSED = re.compile(
    r"\\(?:text|mbox|quad|dots|cdots|ldots|vdots|label|tag|ref|begin|end|implies|Rightarrow|to|approx|sim|leq?|geq?"
    r"|neq?|equiv"
    r"|in|subset\w*|forall|exists|mathrm\{[a-z]{4,})(?![a-zA-Z])|[<>≤≥≈…]|\.\.\.|:"
)
_EQUALS = re.compile(r"(?<![<>!:=\\])=(?!=)")
_LAST = re.compile(r"(?:\$\$([^$]+)\$\$|(?<!\\)\$([^$]+)\$)\s*[.!]?\s*$")
_LAST_SENTENCE = re.compile(r"[^.!?]{0,300}$")
_ASIDE = re.compile(
    r"\b(?:when|where|if|for|at|achieved|occurs?|namely|follows|since|because|equality|attained|with)\b",
    re.IGNORECASE,
)
_LINKED = re.compile(
    r"(?:\bis|\bequals|\bget|\bobtain|\bgives|\bgiving|=|:|\bare|\btherefore|\bso|\bhence|\bthus)[,:]?\s*$", re.I
)


def stated_answer(question: str, answer: str, solution: str, *, is_post: bool = False) -> str | None:
    """What the page says the answer is. `is_post`: of people's posts only boxes and plain statements are believed."""
    if answer.strip():
        return boxed(answer) or said(answer) or value(answer)
    found = boxed(solution) or said(solution)
    if found is not None or is_post or "\\boxed" in solution:
        return found
    return value(solution) or at_the_end(solution, question)


def boxed(text: str) -> str | None:
    """The one thing that is boxed."""
    contents = {_braced(text, box.end()) for box in _BOX.finditer(text)}
    only = contents.pop() if len(contents) == 1 else None
    return only.strip() or None if only is not None and len(only) <= 2 * _MAX else None


def _braced(text: str, start: int) -> str | None:
    depth = 1
    for at in range(start, min(len(text), start + 400)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[start:at]
    return None


def said(text: str) -> str | None:
    """The last "answer is …" that a value follows; None where two of them differ."""
    found = {value(_first_sentence(match[1])) for match in _SAID.finditer(text)}
    return found.pop() if len(found) == 1 else None


def _first_sentence(text: str) -> str:
    """Up to a full stop outside formulas and numbers."""
    inside = False
    for at, sign in enumerate(text):
        inside ^= sign == "$" and text[at - 1 : at] != "\\"
        if not inside and sign in ".;!" and not text[at + 1 : at + 2].isalnum():
            return text[:at]
    return text


def value(text: str) -> str | None:
    """The text's value, if it is nothing but one: a formula (of a chain its last side), or a number and unit."""
    if len(text) > 3 * _MAX:
        return None
    bare = text.strip().strip("*_ \n").removesuffix(".").strip("*_ \n")
    formula = _FORMULA.fullmatch(bare)
    if formula is None:
        bare = _APPROXIMATE.sub("", bare).rstrip(" ,(")
        formula = _FORMULA.fullmatch(bare)
    if formula is not None:
        return closed((formula[1] or formula[2]).strip())
    return bare if _PLAIN.fullmatch(bare) and len(bare) <= _MAX // 2 else None


def closed(latex: str) -> str | None:
    """A formula that is a value. `x = 5` stays whole, so that `y = 5` is told from it; a chain does not."""
    sides = [side.strip().rstrip(" .,;\\") for side in _EQUALS.split(latex)]
    last = sides[-1]
    if not last or len(last) > _MAX or _NOT_CLOSED.search(last) or "&" in last or "\\\\" in last:
        return None
    if last.count("{") != last.count("}") or last.count("(") != last.count(")"):
        return None
    if len(sides) == 2 and re.fullmatch(r"[a-zA-Z](?:\([a-z]\))?", sides[0]):
        return f"{sides[0]} = {last}"
    return last


def at_the_end(solution: str, question: str) -> str | None:
    """The value at the very end: `… = value`, or a formula after "is", "we get" and their like.

    Not where the last sentence has several equations or says when something holds ("… is 3, achieved when $x = 1$"),
    and `x = value` only where the question asks for x.
    """
    end = _LAST.search(solution)
    if end is None:
        return None
    latex = (end[1] or end[2]).strip()
    before = solution[: end.start()]
    sides = _EQUALS.split(latex)
    if len(sides) == 1 and not _LINKED.search(before):
        return None
    sentence = _LAST_SENTENCE.search(before)
    if sentence is not None and (_ASIDE.search(sentence[0]) or "=" in sentence[0]):
        return None
    if len(sides) == 2 and (sides[1].strip(" .,;") == "0" or not _is_asked(sides[0].strip(), question)):
        return None
    found = closed(latex)
    return found if found is not None and not re.fullmatch(r"[a-zA-Z]", found) else None


def _is_asked(side: str, question: str) -> bool:
    """A left side of one letter must be what is asked for; anything longer is a computation."""
    if not re.fullmatch(r"[a-zA-Z](?:_\w)?", side):
        return True
    asked = rf"(?:find|determine|compute|calculate|evaluate|what is|value of|solve for)\s+\$\s*{side}\s*[$=.]"
    return (
        re.search(asked, question, re.IGNORECASE) is not None or re.search(r"\bsolve\b", question, re.I) is not None
    )
