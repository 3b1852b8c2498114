"""Drafts of problems from a page: labelled exercises, numbered lists with answers, questions with posts that answer.

In: a page. Out: `Draft`s in the order of the page. What belongs to a question is read narrowly: the labelled
paragraph and the formulas in it, more only where a solution is labelled too and so says where the question ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mathpipe.core.records import Page
from mathpipe.generate.mining.records import Draft, Mark, Unit
from mathpipe.generate.mining.units import is_furniture, mark_of, units_of

_SITE = re.compile(r"\s+[-–—|·]\s+[^-–—|·]{2,40}$")  # " - Mathematics Stack Exchange"
_ANSWERS_HEADING = re.compile(r"(?:\d+\s+Answers?|Answers?\s*\(\d+\)|Accepted Answer)", re.IGNORECASE)
_POST_END = re.compile(r"(?:answered|asked|edited|commented)\b.{0,80}\d.*", re.IGNORECASE)
_VOTES = re.compile(r"[-+]?\d{1,4}|✓|share|cite|follow|add a comment", re.IGNORECASE)
_CONTINUES = re.compile(r"[a-z(,;]|\$\$")


def drafts_of(page: Page) -> Iterator[Draft]:
    """All drafts of the page."""
    units = list(units_of(page.text))
    at = next((n for n, unit in enumerate(units) if unit.level and _ANSWERS_HEADING.fullmatch(unit.text)), None)
    if at is not None and at > 0:
        yield _post(page, units[:at], units[at + 1 :])
        return
    yield from _Reader(page.title).read(units)


def _post(page: Page, asked: list[Unit], answered: list[Unit]) -> Draft:
    """A question with its first answer: the accepted one, or the one with most votes, stands first on such sites."""
    draft = Draft("post", title=_SITE.sub("", page.title.strip()), is_post=True)
    for unit in asked:
        draft.has_code |= unit.is_code
        if not _is_furniture(unit) and not (unit.level and unit.text.strip() in page.title):
            draft.question.append(unit.text)
    for unit in answered:
        if _POST_END.fullmatch(unit.text.strip()) or (unit.level and draft.solution):
            break
        if not _is_furniture(unit):
            draft.solution.append(unit.text)
    return draft


def _is_furniture(unit: Unit) -> bool:
    text = unit.text.strip()
    return bool(is_furniture(unit) or _VOTES.fullmatch(text) or _POST_END.fullmatch(text))


def _item_draft(unit: Unit) -> Draft:
    return Draft(f"item {unit.number}", unit.number, from_list=True, question=[unit.text])


class _Reader:
    """Reads units one by one and closes a draft where the next thing begins."""

    def __init__(self, title: str) -> None:
        self._drafts: list[Draft] = []
        self._now: Draft | None = None
        self._part = Mark.PROBLEM
        self._list: Mark | None = self._listed(title)
        self._items: list[Draft] = []  # of a numbered list under any heading: problems if a list of answers follows
        self._loose = False  # text between the question's own paragraph and a solution's label

    @staticmethod
    def _listed(title: str) -> Mark | None:
        mark = mark_of(Unit(title.strip(), level=1))[0] if title else None
        return Mark.PROBLEMS if mark is Mark.PROBLEMS else None

    def read(self, units: list[Unit]) -> list[Draft]:
        for unit in units:
            if is_furniture(unit):
                continue
            mark, number, rest = mark_of(unit)
            if mark is None:
                self._plain(unit)
            elif mark in (Mark.PROBLEMS, Mark.ANSWERS):
                self._close()
                if mark is Mark.ANSWERS and self._list is None:
                    self._drafts += self._items
                self._items, self._list = [], mark
            elif mark in (Mark.PROBLEM, Mark.EXAMPLE):
                self._open(unit, mark, number, rest)
            elif mark is Mark.OTHER:
                self._close()
            else:
                self._turn(mark, number, "" if unit.level else rest)
        self._close()
        return self._drafts

    def _open(self, unit: Unit, mark: Mark, number: str, rest: str) -> None:
        self._close()
        self._list = None
        label = f"{mark} {number}".strip()
        alone = mark is Mark.EXAMPLE or unit.text.lstrip(" *_>")[:1] == "Q"  # "Q: float" names a parameter
        self._now = Draft(label, number, unit.level, needs_solution=alone)
        self._part, self._loose = Mark.PROBLEM, False
        # Behind a heading's label stands a title, and behind a number without a stop: "Problem 4 Rolling Dice".
        if unit.level or (number and re.search(rf"{number}[*_\s]+{re.escape(rest)}$", unit.text)):
            self._now.title = rest
        elif rest:
            self._now.question.append(rest)

    def _turn(self, mark: Mark, number: str, rest: str) -> None:
        """A solution, answer or hint of the draft at hand, or of an earlier one by its number."""
        if self._now is None or (number and self._now.number and number != self._now.number):
            earlier = [draft for draft in self._drafts if number and draft.number == number]
            self._close()
            self._now = earlier[-1] if earlier else None
        self._part = mark
        self._add(rest)

    def _add(self, text: str) -> None:
        if self._now is None or not text:
            return
        parts = {Mark.PROBLEM: self._now.question, Mark.SOLUTION: self._now.solution, Mark.ANSWER: self._now.answer}
        if self._part in parts:
            parts[self._part].append(text)

    def _plain(self, unit: Unit) -> None:
        if unit.level:
            self._heading(unit)
        elif unit.number and self._list is not None:
            self._item(unit)
        elif unit.number and self._now is None:
            self._items = [] if unit.number == "1" else self._items
            self._items.append(_item_draft(unit))
        elif self._now is not None:
            self._text(self._now, unit)

    def _heading(self, unit: Unit) -> None:
        if self._now is None or self._now.level == 0 or unit.level <= self._now.level:
            self._close()
            self._list = None
        elif self._part is Mark.PROBLEM:
            self._part = Mark.OTHER  # a heading inside the problem's section ends the question

    def _text(self, draft: Draft, unit: Unit) -> None:
        if unit.is_code:
            draft.has_code |= self._part is Mark.PROBLEM
            return
        if draft.from_list and not unit.text.startswith("$$"):
            self._close()
            return
        text = f"- {unit.text}" if unit.is_item else unit.text
        if self._part is Mark.PROBLEM and draft.question and draft.level == 0:
            self._loose |= not (_CONTINUES.match(text) or draft.question[-1].startswith("$$"))
            if self._loose:
                draft.question.append(f"\x00{text}")
                return
        self._add(text)

    def _item(self, unit: Unit) -> None:
        """A numbered item under "Exercises" or under "Answers"."""
        self._close()
        if self._list is Mark.PROBLEMS:
            self._now = _item_draft(unit)
            self._part = Mark.PROBLEM
            return
        asked = [draft for draft in self._drafts if draft.number == unit.number and not draft.answer]
        if asked:
            self._now, self._part = asked[-1], Mark.ANSWER
            self._now.answer.append(unit.text)

    def _close(self) -> None:
        """Text that may or may not be the question's (marked) is so only where a solution is labelled after it."""
        draft, self._now = self._now, None
        if draft is None:
            return
        known = bool(draft.solution or draft.answer)
        draft.question = [text.lstrip("\x00") for text in draft.question if known or not text.startswith("\x00")]
        if all(draft is not one for one in self._drafts) and (known or not draft.needs_solution):
            self._drafts.append(draft)
