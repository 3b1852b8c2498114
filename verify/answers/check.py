"""`check_answer`: whether a candidate answers as the reference does. Total: any two objects give a verdict.

In: reference and candidate, each an answer in any delimiters or a whole solution. Out: a `Verdict` that says why.
The common case ends at equal text or equal numbers; then both are read into trees and compared (`compare`), in this
process and within budgets; what only SymPy may know (integrals, limits, infinite sums) is asked of a child process
that is killed at its limit (`symbolic`).
"""

from __future__ import annotations

import re
import time
from functools import lru_cache

from flint import fmpq, fmpz

from mathpipe.core.records import Outcome, Verdict
from verify.answers.compare import compare
from verify.answers.equality import Sameness
from verify.answers.extract import find_answer
from verify.answers.extract_found import AnswerKind
from verify.answers.judgement import Match, Reason, different, same
from verify.answers.parse import ParseError, other_reading, parse_answer
from verify.answers.reference_wording import bare_reference
from verify.answers.symbolic import compare_symbolically
from verify.answers.text_answers import choice_of, is_time, is_time_of_day, letter_of, normal_words, without_wrappers
from verify.answers.tree import Node, Quantity, Text

MAX_ANSWER_CHARACTERS = 20_000
_CACHED_CHARACTERS = 300
_WHOLE_CHARACTERS = 60
_SENTENCE_CHARACTERS = 400
_GUESSED = (AnswerKind.NUMBER, AnswerKind.FORMULA)  # the last value of a prose, for want of anything better
_NUMBER = re.compile(r"([+-]?)(?:(\d{1,40})(?:\.(\d{1,40}))?|\.(\d{1,40}))\.?")
_SPACING = re.compile(
    r"\\left(?![a-zA-Z])|\\right(?![a-zA-Z])|\\displaystyle(?![a-zA-Z])|\\[,;:! ]|[\s~$]+|\\\(|\\\)|\\\[|\\\]"
)
_DIGITS_APART = re.compile(r"\d[\s~]+\d")
_FRACTIONS = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
# Signs and operators are no words and would be lost.
_ONLY_WORDS = re.compile(r"(?=.*[^\W\d_]{2})[\w\s.,;:'’\"!?()-]*", re.DOTALL)
_LONG_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{3,}")
_WORDY = re.compile(r"[A-Za-z]{2}")


def check_answer(reference: str, candidate: str, *, timeout_seconds: float = 2.0) -> Verdict:
    """Whether `candidate` says the same as `reference`.

    Never raises. `timeout_seconds` bounds the symbolic part, which runs in a child process; all before it is bounded
    by the size of what is read and the bits of what is computed (milliseconds).
    """
    started = time.perf_counter()
    outcome, reason, detail = _judge(reference, candidate, timeout_seconds)
    return Verdict(outcome, detail, time.perf_counter() - started, reason)


def _judge(reference: object, candidate: object, timeout_seconds: float) -> tuple[Outcome, Reason, str]:
    if not isinstance(reference, str) or not isinstance(candidate, str):
        kinds = f"{type(reference).__name__} and {type(candidate).__name__}"
        return Outcome.NO_ANSWER, Reason.NOT_TEXT, f"reference and candidate must be text, not {kinds}"
    # A subclass may compare as it pleases: only its characters count.
    reference, candidate = str.__str__(reference), str.__str__(candidate)
    expected, given = _reference_in(reference), _answer_in(candidate)
    if expected is None:
        return Outcome.NO_ANSWER, Reason.UNREADABLE_REFERENCE, "the reference holds no answer"
    if given is None:
        return Outcome.NO_ANSWER, Reason.NO_ANSWER_FOUND, "the candidate holds no answer"
    if max(len(expected), len(given)) > MAX_ANSWER_CHARACTERS:
        long = Reason.UNREADABLE_REFERENCE if len(expected) > MAX_ANSWER_CHARACTERS else Reason.TOO_LONG
        return Outcome.NO_ANSWER, long, f"an answer of more than {MAX_ANSWER_CHARACTERS} characters is not read"
    match = _same_text(expected, given) or _same_text(expected, candidate) or _same_number(expected, given)
    if match is None:
        return _judge_read(expected, given, timeout_seconds)
    return _outcome(match)


def _outcome(match: Match) -> tuple[Outcome, Reason, str]:
    return (Outcome.CORRECT if match.equal else Outcome.WRONG), match.reason, match.detail


@lru_cache(maxsize=4096)
def _short_answer_in(text: str) -> str | None:
    found = find_answer(text)
    if (found is None or found.kind in _GUESSED) and len(text) <= _WHOLE_CHARACTERS and _reads_whole(text):
        return text.strip()
    return found.text if found is not None else None


def _reads_whole(text: str) -> bool:
    """Whether a short text is an answer as it stands: a formula, a time; prose may be read as words only."""
    node = _read(text)
    if _LONG_WORD.search(text):
        return isinstance(node, Quantity)
    return is_time_of_day(node.words) if isinstance(node, Text) else isinstance(node, Node)


def _reference_in(text: str) -> str | None:
    """The answer that a reference holds; a sentence without a mark is one as a whole, less a textbook's wording."""
    found = find_answer(text)
    if found is None or (found.kind in _GUESSED and len(text) <= _SENTENCE_CHARACTERS):
        return bare_reference(text) or None
    return found.text


def _answer_in(text: str) -> str | None:
    """The answer that a text holds; references come again and again, so short ones are remembered."""
    if len(text) <= _CACHED_CHARACTERS:
        return _short_answer_in(text)
    found = find_answer(text)
    return found.text if found is not None else None


# --- without reading ---------------------------------------------------------------------------------------------


def _same_text(expected: str, given: str) -> Match | None:
    if (expected == given or normal_text(expected) == normal_text(given)) and normal_text(expected):
        return same("the same text", Reason.SAME_TEXT)
    return None


@lru_cache(maxsize=4096)
def normal_text(text: str) -> str:
    """The text without delimiters, spacing commands and blanks; blanks between words stay."""
    opened = _FRACTIONS.sub(r"\\frac", text)
    if _WORDY.search(without_commands(opened)) or _DIGITS_APART.search(opened):
        return " ".join(_SPACING.sub(" ", opened).split()).rstrip(".")
    return _SPACING.sub("", opened).rstrip(".")


def without_commands(text: str) -> str:
    """The text less its LaTeX commands."""
    return re.sub(r"\\[a-zA-Z]+", "", text)


def _same_number(expected: str, given: str) -> Match | None:
    one, other = _plain_number(expected), _plain_number(given)
    if one is None or other is None:
        return None
    if one == other:
        return same("the same number")
    # A decimal may be rounded: only whole numbers are settled here.
    if one.q == 1 and "." not in expected and "." not in given:
        return different("another number")
    return None


@lru_cache(maxsize=4096)
def _plain_number(text: str) -> fmpq | None:
    found = _NUMBER.fullmatch(text.strip(" $"))
    if found is None:
        return None
    sign, whole, decimals, bare = found.groups()
    places = decimals or bare or ""
    value = fmpq(fmpz(int((whole or "") + places)), fmpz(10) ** len(places))
    return -value if sign == "-" else value


# --- by reading --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2048)
def _read_short(text: str) -> Node | ParseError:
    try:
        return parse_answer(text)
    except ParseError as error:
        return error


def _read(text: str) -> Node | ParseError:
    if len(text) <= _CACHED_CHARACTERS:
        return _read_short(text)
    return _read_short.__wrapped__(text)


def _judge_read(expected: str, given: str, timeout_seconds: float) -> tuple[Outcome, Reason, str]:
    first, second = _read(expected), _read(given)
    if isinstance(first, Node) and isinstance(second, Node):
        if is_time(expected.strip(" $")) and is_time(given.strip(" $")):
            return _outcome(different("another time of day"))
        match = compare(first, second)
        if match.equal:
            return _outcome(match)
    else:
        match = _unread(expected, given, first, second)
    second_look = _read_otherwise(expected, given) or _as_choice(expected, given, timeout_seconds)
    if second_look is not None:
        return second_look
    if isinstance(first, Node) and isinstance(second, Node) and match.sameness is Sameness.UNKNOWN:
        return _judge_symbolically(first, second, match, timeout_seconds)
    if match.reason in (Reason.UNREADABLE_REFERENCE, Reason.UNREADABLE_CANDIDATE):
        return Outcome.NO_ANSWER, match.reason, match.detail
    return _outcome(match)


def _unread(expected: str, given: str, first: Node | ParseError, second: Node | ParseError) -> Match:
    """At least one could not be read as mathematics; they may still be the same words."""
    opened = [without_wrappers(text) for text in (expected, given)]
    if all(map(_ONLY_WORDS.fullmatch, opened)) and normal_words(opened[0]) == normal_words(opened[1]):
        return same("the same words")
    if isinstance(first, ParseError):
        return Match(Sameness.UNKNOWN, Reason.UNREADABLE_REFERENCE, f"the reference cannot be read: {first}")
    return Match(Sameness.UNKNOWN, Reason.UNREADABLE_CANDIDATE, f"the candidate cannot be read: {second}")


def _read_otherwise(expected: str, given: str) -> tuple[Outcome, Reason, str] | None:
    """`5,15` may be a decimal or a list: equal in one reading is equal."""
    first, second = other_reading(expected), other_reading(given)
    if first is None and second is None:
        return None
    for one in (_read(expected), first):
        for other in (_read(given), second):
            if isinstance(one, Node) and isinstance(other, Node) and (match := compare(one, other)).equal:
                return _outcome(match)
    return None


def _as_choice(expected: str, given: str, timeout_seconds: float) -> tuple[Outcome, Reason, str] | None:
    """One of the two is a choice: by its letter where the reference is one, else by what stands beside the letter."""
    wanted, offered = choice_of(expected), choice_of(given)
    letter = letter_of(expected)
    if wanted is None and offered is None:
        named = letter_of(given) if " " in given.strip() else None  # "option C"
        return _letters(letter, named) if letter and named else None
    if letter is not None and offered is not None:
        return _letters(letter, offered.letter)
    if wanted is not None:
        if wanted.content and offered is not None and offered.content and wanted.letter == offered.letter:
            return _judge(wanted.content, offered.content, timeout_seconds)
        answered = letter_of(given) or (offered.letter if offered else None)
        if answered is not None:
            return _letters(wanted.letter, answered)
        return _judge(wanted.content, given, timeout_seconds) if wanted.content else None
    return _judge(expected, offered.content, timeout_seconds) if offered and offered.content else None


def _letters(wanted: str, given: str) -> tuple[Outcome, Reason, str]:
    if wanted.upper() == given.upper():
        return _outcome(same(f"choice {wanted}"))
    return _outcome(different(f"choice {given}, not {wanted}"))


def _judge_symbolically(
    first: Node, second: Node, match: Match, timeout_seconds: float
) -> tuple[Outcome, Reason, str]:
    comparison = compare_symbolically(first, second, timeout_seconds=timeout_seconds)
    if comparison.sameness is Sameness.EQUAL:
        return Outcome.CORRECT, Reason.EQUAL, comparison.how
    if comparison.sameness is Sameness.DIFFERENT:
        return Outcome.WRONG, Reason.DIFFERENT, comparison.how
    return Outcome.WRONG, Reason.NOT_SHOWN_EQUAL, f"{match.detail}; {comparison.how}"
