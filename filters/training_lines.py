"""From labelled pages to the lines fastText learns from: chosen, normalised, mixed, balanced, shuffled.

In: seed pages in any order. Out: `__label__math …` and `__label__other …` lines, in an order that depends on their
content alone. What is done, and why:

- *Chosen*: a source that is about mathematics also holds contents lists, release notes and programming. A math
  page counts only if it shows formulas or enough mathematical words; a page in another language not at all, since
  the word lists could tell it from nothing.
- *Mixed*: each math page is added again with other pages' prose between its own. A page is mathematics by the
  mathematics it holds, whatever else it talks of; without these the classifier learns the hosts' style.
- *Balanced*: fastText has no class weights, so the lines of the smaller class are repeated.
- *Shuffled*: fastText reads in order and does not shuffle.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pydantic import Field

from filters.fasttext_training import FastTextSettings
from filters.language import UNDETERMINED, detect_language
from filters.normalise import Normalisation, classifier_text
from filters.word_classes import WordClass, token_of
from mathpipe.core.config import Config
from mathpipe.core.errors import StageError
from mathpipe.core.records import SeedLabel, SeedPage

LABEL_PREFIX = "__label__"
MATH_LABEL = LABEL_PREFIX + SeedLabel.MATH
_MIN_MIXED_WORDS = 20


class ClassifierConfig(Config):
    """How the classifier is trained."""

    fasttext: FastTextSettings = FastTextSettings()
    normalisation: Normalisation = Normalisation()
    # A small seed is read more often than `fasttext.epochs` times, until that many lines were read: three epochs of
    # two hundred lines leave every score near one half. A seed of 4,000 lines or more is not touched by this.
    min_lines_read: int = Field(default=12_000, ge=0)
    # Pages in other languages are not learnt from; pages whose language cannot be told are. None takes all.
    languages: tuple[str, ...] | None = ("en",)
    min_pages_per_label: int = Field(default=20, ge=1)
    # A math page must show that many formulas, or that share of words of the two mathematical lists.
    min_formulas: int = Field(default=2, ge=0)
    min_term_share: float = Field(default=0.15, ge=0, le=1)
    mixed_copies: int = Field(default=1, ge=0)
    mixed_share: float = Field(default=0.5, ge=0, lt=1)  # of a mixed copy that is other pages' prose
    mixed_words: int = Field(default=600, ge=1)  # of the math page that go into a mixed copy
    max_repeats: int = Field(default=20, ge=1)  # of a line, for balance
    seed: int = 1


@dataclass(frozen=True, slots=True)
class TrainingLines:
    """Lines in training order, and what they were made of."""

    lines: list[str]
    pages: dict[str, int]  # per label, after the choice
    hosts: dict[str, int]
    per_label: dict[str, int]
    digest: str


@dataclass(frozen=True, slots=True)
class _Example:
    key: bytes
    host: str
    label: SeedLabel
    tokens: str


def training_lines(pages: Iterable[SeedPage], config: ClassifierConfig) -> TrainingLines:
    """The lines to train on; raises where a label has too few pages."""
    examples = _chosen(pages, config)
    counts = Counter(example.label.value for example in examples)
    _check_counts(counts, config)
    lines = [_line(example.label, example.tokens) for example in examples]
    lines += _mixed(examples, config)
    balanced = _balanced(lines, config.max_repeats)
    digest = blake2b(digest_size=16)
    for line in balanced:
        digest.update(f"{line}\n".encode("utf-8", "replace"))
    return TrainingLines(
        lines=balanced,
        pages=dict(sorted(counts.items())),
        hosts=_hosts(examples),
        per_label=dict(
            sorted(Counter(line.partition(" ")[0].removeprefix(LABEL_PREFIX) for line in balanced).items())
        ),
        digest=digest.hexdigest(),
    )


def _per_label(lines: Sequence[str]) -> dict[str, int]:
    counts = Counter(line.partition(" ")[0].removeprefix(LABEL_PREFIX) for line in lines)
    return dict(sorted(counts.items()))


def _hosts(examples: Sequence[_Example]) -> dict[str, int]:
    return {label.value: len({example.host for example in examples if example.label is label}) for label in SeedLabel}


def epochs_for(lines: int, config: ClassifierConfig) -> int:
    """How often the lines are read."""
    return max(config.fasttext.epochs, -(-config.min_lines_read // max(1, lines)))


def _chosen(pages: Iterable[SeedPage], config: ClassifierConfig) -> list[_Example]:
    chosen: dict[bytes, _Example] = {}
    for page in pages:
        tokens = classifier_text(page.text, config.normalisation)
        if not tokens or not _speaks(page, config.languages):
            continue
        if page.label is SeedLabel.MATH and not shows_mathematics(page.text, page.formula_count, config):
            continue
        key = _digest(config.seed, page.label, tokens)
        # The same text from two hosts is one example; the smaller host name makes the choice independent of order.
        if key not in chosen or page.host < chosen[key].host:
            chosen[key] = _Example(key, page.host, page.label, tokens)
    return [chosen[key] for key in sorted(chosen)]


def _speaks(page: SeedPage, languages: Sequence[str] | None) -> bool:
    return languages is None or detect_language(page.text).language in {UNDETERMINED, *languages}


def shows_mathematics(text: str, formula_count: int, config: ClassifierConfig) -> bool:
    """Whether a page shows enough formulas, or enough words of mathematics, to be learnt from as such."""
    if formula_count >= config.min_formulas:
        return True
    words = [word for word in text[: config.normalisation.max_chars].lower().split() if word.isalpha()]
    terms = sum(token_of(word) in {WordClass.MATHEMATICS, WordClass.SHARED} for word in words)
    # Twenty words are added to the count so that a title of two words does not pass for a page of mathematics.
    return terms >= config.min_term_share * (len(words) + 20)


def _check_counts(counts: Counter[str], config: ClassifierConfig) -> None:
    for label in SeedLabel:
        if counts[label.value] < config.min_pages_per_label:
            raise StageError(
                "classifier seed",
                f"expected at least {config.min_pages_per_label} usable pages of label {label.value!r}, "
                f"got {counts[label.value]}",
                "add labelled pages, or lower min_pages_per_label",
            )


def _line(label: SeedLabel, tokens: str) -> str:
    return f"{LABEL_PREFIX}{label.value} {tokens}"


def _mixed(examples: Sequence[_Example], config: ClassifierConfig) -> list[str]:
    others = [example for example in examples if example.label is SeedLabel.OTHER]
    lines: list[str] = []
    for example in examples:
        if example.label is not SeedLabel.MATH:
            continue
        choice = random.Random(example.key)  # its own generator: a page more or less leaves the other pages' mixes
        for _ in range(config.mixed_copies):
            own = _window(example.tokens.split(" "), config.mixed_words, choice)
            share = config.mixed_share
            foreign = max(_MIN_MIXED_WORDS, round(len(own) * share / (1 - share)))
            other = choice.choice(others).tokens.split(" ")
            lines.append(_line(SeedLabel.MATH, " ".join(own + _window(other, foreign, choice))))
    return lines


def _window(tokens: list[str], length: int, choice: random.Random) -> list[str]:
    start = choice.randrange(max(1, len(tokens) - length + 1))
    return tokens[start : start + length]


def _balanced(lines: list[str], max_repeats: int) -> list[str]:
    """Lines in the order of their digests, those of the smaller class repeated until both weigh about the same."""
    math = [line for line in lines if line.startswith(f"{MATH_LABEL} ")]
    other = [line for line in lines if not line.startswith(f"{MATH_LABEL} ")]
    larger = max(len(math), len(other))
    keyed: list[tuple[bytes, str]] = []
    for group in (math, other):
        for index, line in enumerate(group):
            repeats = min(max_repeats, larger // len(group) + (index < larger % len(group)))
            keyed.extend((_digest(copy, line), line) for copy in range(repeats))
    return [line for _, line in sorted(keyed)]


def _digest(*parts: object) -> bytes:
    text = "\x00".join(str(part) for part in parts)
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()
