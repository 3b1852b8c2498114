"""Four short word lists, and the token that stands for the words of each.

In: a lower-case word. Out: its class. Why: a seed of a thousand pages from six hosts teaches a classifier those
hosts' vocabulary, not mathematics. A token shared by all mathematical words carries what is learnt from the words of
one host over to words that the seed never showed. The lists (`filters/terms/*.txt`) are English and were written by
hand; words on learning (gradient, policy) and numerals were added after a look at which pages failed. What the lists
bring on hosts held out is printed by `python -m benchmarks.classifier`.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files


class WordClass(StrEnum):
    """Token of a class; a digit first, since no word begins with one."""

    MATHEMATICS = "0m"  # theorem, polynomial: mathematics wherever it stands
    SHARED = "0s"  # function, field: mathematics' and others'
    COMPUTING = "0c"  # file, server
    LETTER = "0l"  # a word of one letter: a variable, mostly
    OTHER = "0w"  # any other word


_LISTS = {
    WordClass.MATHEMATICS: "mathematics.txt",
    WordClass.SHARED: "shared.txt",
    WordClass.COMPUTING: "computing.txt",
}


@lru_cache(maxsize=1)
def listed_words() -> dict[str, str]:
    """Each listed word with its token; a word of the function list is its own token."""
    tokens = {word: word for word in _words("function.txt")}
    for word_class, name in _LISTS.items():
        tokens.update(dict.fromkeys(_words(name), word_class.value))
    return tokens


@lru_cache(maxsize=1)
def lists_digest() -> str:
    """Digest of the lists: a model trained with others must not be used with these."""
    lines = "\n".join(f"{word} {token}" for word, token in sorted(listed_words().items()))
    return blake2b(lines.encode(), digest_size=8).hexdigest()


def token_of(word: str) -> str:
    """The token that stands for a lower-case word."""
    listed = listed_words().get(word)
    if listed is not None:
        return listed
    return WordClass.LETTER if len(word) == 1 else WordClass.OTHER


def _words(name: str) -> list[str]:
    text = files("filters").joinpath("terms", name).read_text(encoding="utf-8")
    return [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
