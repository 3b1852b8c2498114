"""What a person asked to see, as an address holds it: `/pages?host=a.example&min_score=0.5&sort=score`.

In: the query part of an address. Out: a `Filter`, the SQL condition that it is, and addresses again. A value that
cannot be meant is an `InputError`; what is left out lets everything through.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from unicodedata import normalize
from urllib.parse import parse_qsl, urlencode

from mathpipe.core.errors import InputError
from mathpipe.inspect.safe_text import visible

SORTS = {"score": "score", "length": "length", "formulas": "formulas", "host": "host", "title": "title"}
MAX_VALUE_CHARACTERS = 2_000
MAX_WORDS = 24  # each is looked for in every title that the ones before it leave
_RANGES = ("score", "length", "formulas")
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Every field is what an address holds under this name; empty means that it does not matter."""

    q: str = ""
    text: str = ""
    host: str = ""
    under: str = ""
    language: str = ""
    format: str = ""
    fate: str = ""
    min_score: str = ""
    max_score: str = ""
    min_length: str = ""
    max_length: str = ""
    min_formulas: str = ""
    max_formulas: str = ""
    sort: str = ""
    order: str = ""

    @property
    def column(self) -> str:
        """The column of the index that pages are sorted by."""
        return SORTS.get(self.sort, "number")

    @property
    def descending(self) -> bool:
        """Scores, lengths and formulas begin with the most unless told otherwise, the rest with the first."""
        return self.order == "down" or (not self.order and self.sort in _RANGES)

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return any(getattr(self, field.name) for field in fields(self) if field.name not in ("sort", "order"))

    def but(self, **changes: object) -> Filter:
        """The filter with other values."""
        return replace(self, **{name: str(value) for name, value in changes.items()})

    def values(self) -> dict[str, str]:
        """What is set, in the order of the fields."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name))}

    def address(self, path: str, **more: object) -> str:
        """An address of this server with the filter in it."""
        query = urlencode({**self.values(), **{name: str(value) for name, value in more.items()}})
        return f"{path}?{query}" if query else path

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL over the index's pages, and its parameters."""
        parts, parameters = ["true"], dict[str, Any]()
        for name in ("host", "language", "fate"):
            if value := getattr(self, name):
                parts.append(f"{name} = ${name}")
                parameters[name] = "" if value == "none" and name == "language" else value
        if self.under:
            parts.append("starts_with(url, $under)")
            parameters["under"] = self.under
        if self.format:
            parts.append("list_contains(string_split(formats, ' '), $format)")
            parameters["format"] = "" if self.format == "none" else self.format
        for column in _RANGES:
            self._add_range(column, parts, parameters)
        if self.text:
            parts.append("number IN (SELECT number FROM matches)")  # the catalog brings them along
        for place, word in enumerate(dict.fromkeys(_WORD.findall(normalize("NFC", self.q)))):
            parts.append(
                f"contains(searched, lower($word{place}))"
            )  # both by DuckDB: Python lowers some letters else
            parameters[f"word{place}"] = word
        return " AND ".join(parts), parameters

    def _add_range(self, column: str, parts: list[str], parameters: dict[str, Any]) -> None:
        low, high = getattr(self, f"min_{column}"), getattr(self, f"max_{column}")
        if low:
            parts.append(f"{column} >= $min_{column}")
            parameters[f"min_{column}"] = float(low)
        if high:  # a page without a score has none below a limit either
            parts.append(f"{column} <= $max_{column}" + (" AND score >= 0" if column == "score" else ""))
            parameters[f"max_{column}"] = float(high)


def parse_query(query: str) -> dict[str, str]:
    """Names and values of an address's query or of a form; the last of several of one name counts."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=60, encoding="utf-8", errors="replace")
    except ValueError as error:
        raise InputError("the address", "at most 60 values", "leave some out") from error
    for name, value in pairs:
        if len(value) > MAX_VALUE_CHARACTERS:
            raise InputError(visible(name)[:40], f"at most {MAX_VALUE_CHARACTERS:,} characters", "shorten it")
    return dict(pairs)


def filter_of(values: dict[str, str]) -> Filter:
    """The filter among the values; other names are left alone."""
    known = {field.name: values.get(field.name, "").strip() for field in fields(Filter)}
    for column in _RANGES:
        for name in (f"min_{column}", f"max_{column}"):
            _check_number(name, known[name])
    for name in ("q", "text"):
        if len(_WORD.findall(known[name])) > MAX_WORDS:
            raise InputError(f"{name}={visible(known[name])[:40]}", f"at most {MAX_WORDS} words", "leave some out")
    _check_choice("sort", known["sort"], list(SORTS))
    _check_choice("order", known["order"], ["up", "down"])
    return Filter(**known)


def _check_number(name: str, value: str) -> None:
    if value and not re.fullmatch(r"-?\d{1,15}(\.\d{1,20})?(e-?\d{1,2})?|\.\d{1,20}", value):
        raise InputError(f"{name}={visible(value)[:40]}", "a number", "mend it or leave it out")


def _check_choice(name: str, value: str, valid: Sequence[str]) -> None:
    if value and value not in valid:
        raise InputError(f"{name}={visible(value)[:40]}", f"one of {', '.join(valid)}", "mend it or leave it out")
