"""A page's text as units, and what the head of a unit says.

In: light Markdown. Out: `Unit`s in order: headings, list items, display formulas, listings, paragraphs. A paragraph
that holds several labels ("Problem. … Solution. …") is cut before each. Labels are known in English, French, German
and Spanish; a word is one only with a number or with punctuation after it, so "Problem solving is" is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathpipe.generate.mining.records import Mark, Unit

_WORDS: dict[Mark, str] = {
    Mark.PROBLEM: r"exercises?|problems?|questions?|puzzle|task|exercices?|problèmes?|aufgaben?|übung(?:en)?"
    r"|ejercicios?|problemas?|practice(?: problems?| exercises?)?",
    Mark.EXAMPLE: r"(?:worked )?examples?|exemples?|beispiele?|ejemplos?",
    Mark.SOLUTION: r"(?:full |detailed |model )?solutions?|proof|corrigés?|lösung(?:en)?|solución|soluciones",
    Mark.ANSWER: r"(?:final |short |correct )?answers?(?: key)?|ans|réponses?|antwort(?:en)?|respuestas?",
    Mark.HINT: r"hints?|indications?|hinweise?|pistas?|strategy|comments?",
    Mark.OTHER: r"theorem|lemma|proposition|corollary|definition|remarks?|notes?|warning|conclusion|summary"
    r"|references?|exercise \w+ in",
}
_LABEL = "|".join(f"(?P<{mark.name}>{words})" for mark, words in _WORDS.items())
_DECORATION = r"[\s>*_]*"
_NUMBER = r"(?P<number>\d+(?:[.\-]\d+)*[a-z]?|[IVX]{1,5}|[A-Z])"
# "Exercise 3.2.", "**Solution:**", "Problem 4 (easy)", "Answer" alone on its line.
_HEAD = re.compile(
    rf"{_DECORATION}(?:{_LABEL})\b(?:\s+(?:to|of|for)\s+(?:the\s+)?(?:exercise|problem|question)\b)?"
    rf"[\s#№]*(?:{_NUMBER}\b)?{_DECORATION}(?:\((?P<note>[^()\n]{{1,60}})\))?{_DECORATION}"
    rf"(?P<stop>[.:–—)\]-]*)[*_]*(?=[\s,$\\]|$)",
    re.IGNORECASE,
)
_ONE_LETTER = re.compile(rf"{_DECORATION}(?P<letter>[QA])\s*(?P<number>\d*)\s*[.:)]{_DECORATION}")
_INNER = re.compile(
    r"(?<=[.?!:)$])[ ]+(?=\**(?:(?:Solution|Answer|Corrigé|Réponse|Lösung|Antwort|Solución|Respuesta)\**[.:]"
    r"|(?:Exercise|Problem|Exercice|Aufgabe|Ejercicio)(?: \d+(?:\.\d+)*)?\**[.:]))"
)
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s{0,3}(?:(?P<number>\d{1,3})[.)]|[-*+•])\s+(?P<text>\S.*)", re.DOTALL)
_BUTTON = re.compile(r"(?:show|reveal|hide|see|click|view|tap)\b.{0,40}|copy|print|share|tweet", re.IGNORECASE)
_PLURALS = frozenset(
    "exercises problems questions exercices problèmes aufgaben übungen ejercicios problemas practice".split()
)
_SHORT_LINE = 90  # characters: a label's line with a title but without punctuation, "Problem 4 Rolling Dice"


def units_of(text: str) -> Iterator[Unit]:
    """The units of a page in order. A formula that nothing closes ends at a blank line, a listing with the page."""
    block: list[str] = []
    fence = formula = False
    for line in text.splitlines():
        bare = line.strip()
        if fence or bare.startswith("```"):
            if not bare.startswith("```"):
                block.append(line)
                continue
            yield from [Unit("\n".join(block), is_code=True)] if fence else _prose(block)
            block, fence, formula = [], not fence, False
        elif bare == "$$":
            if formula:
                yield Unit("\n".join([*block, line]))
                block = []
            else:
                yield from _prose(block)
                block = [line]
            formula = not formula
        elif not bare:
            yield from _prose(block)
            block, formula = [], False
        elif not formula and _begins(line):
            yield from _prose(block)
            block = [line]
        else:
            block.append(line)
    yield from [Unit("\n".join(block), is_code=True)] if fence else _prose(block)


def _begins(line: str) -> bool:
    """Whether a unit begins with the line, though no blank line is before it."""
    return bool(_HEADING.fullmatch(line.strip()) or _ITEM.match(line)) or _starts_label(line.strip())


def _prose(lines: list[str]) -> Iterator[Unit]:
    text = "\n".join(lines).strip("\n")
    if not text.strip():
        return
    heading = _HEADING.fullmatch(lines[0].strip())
    if heading is not None:
        yield Unit(heading[2].strip(" *_#"), level=len(heading[1]))
        yield from _prose(lines[1:])
        return
    item = _ITEM.fullmatch(text)
    for number, part in enumerate(_INNER.split(item["text"] if item is not None else text)):
        first = item if number == 0 else None
        yield Unit(part.strip(), number=(first["number"] or "") if first else "", is_item=first is not None)


def _starts_label(line: str) -> bool:
    mark, _, rest = mark_of(Unit(line))
    return mark is not None and (not rest or rest != line)


def is_furniture(unit: Unit) -> bool:
    """What a page's buttons say."""
    return _BUTTON.fullmatch(unit.text.strip()) is not None


def mark_of(unit: Unit) -> tuple[Mark | None, str, str]:
    """(mark, number, what follows it). Without a mark: (None, "", the text)."""
    if unit.is_code:
        return None, "", unit.text
    letter = _ONE_LETTER.match(unit.text)
    if letter is not None:
        return (Mark.PROBLEM if letter["letter"] == "Q" else Mark.ANSWER), letter["number"], unit.text[letter.end() :]
    head = _HEAD.match(unit.text)
    if head is None:
        return None, "", unit.text
    mark = next(mark for mark in _WORDS if head[mark.name])
    if head["number"] and "-" in head["number"] and head[mark.name].lower().endswith("s"):
        return Mark.OTHER, "", unit.text  # "Problems 6-10: Counting": the heading of some
    word, number, rest = head[mark.name].lower(), head["number"] or "", unit.text[head.end() :].strip()
    if unit.level and not number and not head["stop"] and (word in _PLURALS or _is_list_of_answers(mark, word)):
        return (Mark.PROBLEMS if mark is Mark.PROBLEM else Mark.ANSWERS), "", rest
    alone = not rest or bool(head["stop"]) or "**" in unit.text[: head.end()] or (unit.level > 0 and rest[0] == ",")
    titled = bool(number) and (unit.level > 0 or ("\n" not in unit.text and len(unit.text) <= _SHORT_LINE))
    if not (alone or titled) or not unit.text.lstrip(" *_>")[:1].isupper():
        return None, "", unit.text
    return mark, number, rest


def _is_list_of_answers(mark: Mark, word: str) -> bool:
    return mark in (Mark.ANSWER, Mark.SOLUTION) and (word.endswith(("s", "en", "key")))
