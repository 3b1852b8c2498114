"""Which runs of tokens give a benchmark item away, and where they occur in a text.

In: the arrays that `build_benchmark_index` makes. Out: an index of sorted 64-bit hashes that answers `hits(text)`.

The recipe's rule (DeepSeekMath, arXiv 2402.03300): a text with a 10-gram of an item goes, and items of 3 to 9
grams are matched as a whole. What it leaves open is settled here, for each of the two forms of `benchmark_text`:

- Grams are words and numbers; punctuation is none. In Chinese and Japanese a gram of 10 words is 16 characters.
- An n-gram must hold `min_content_words` different words with a meaning of their own (or half as many different
  Han characters as it is long): numbers, single letters and function words are no evidence.
- An n-gram found in more than `max_items_per_ngram` different items is a phrase of the trade ("express your answer
  as a common fraction in lowest terms"), not one item's text.
- An item left with few n-grams or none, because it is short or nearly all formula, is matched as a whole: every
  token of the LaTeX form, operators included, in order.
- An item of fewer than `min_whole_words` words and numbers is not matched at all, and the certificate says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from filters.benchmark_grams import Reader, operand_codes, operands
from filters.benchmark_text import has_unspaced
from filters.word_ngrams import Codes, run_hashes
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError

ANCHORS = (6, 3)  # a whole item is looked for by its first tokens: 6 where it has them, else 3
_VERSION = 1
_GRAM_BITS = 25  # 2^25 bits are 4 MiB: one foreign n-gram in 20 passes at 2 million entries
_ANCHOR_BITS = 20
Arrays = Mapping[str, NDArray[Any]]


class IndexConfig(Config):
    """The rule's parameters; the defaults are the recipe's where it names one."""

    ngram: int = Field(default=10, ge=3, le=50)
    unspaced_ngram: int = Field(default=16, ge=3, le=80)
    min_content_words: int = Field(default=3, ge=1)
    max_items_per_ngram: int = Field(default=8, ge=1)
    min_whole_words: int = Field(default=3, ge=1)
    protect_solutions: bool = False  # solutions repeat stock phrases; the recipe speaks of questions


class Form(StrEnum):
    """In which form, and by what, an item was recognised."""

    WORDS = "words"
    LATEX = "latex"
    WHOLE = "whole"


class Matchable(StrEnum):
    """How an item can be recognised, the best first."""

    NGRAM = "ngram"
    WHOLE = "whole"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place in a text that gives an item away; `matched` holds the tokens in that form."""

    item: int
    form: Form
    matched: str


class BenchmarkIndex:
    """Sorted hashes of n-grams and of whole items; comes from `build_index`, or `load` from its file."""

    def __init__(self, config: IndexConfig, names: Sequence[tuple[str, str]], arrays: Arrays) -> None:
        self.config = config
        self.names = list(names)  # (benchmark, item id) by item number
        self._arrays: dict[str, Any] = dict(arrays)
        self._reader = Reader()
        self._grams = _HashTable(arrays["gram_hashes"], _GRAM_BITS)
        self._wholes = _Wholes(arrays)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables in memory."""
        tables = sum(array.nbytes for array in self._arrays.values())
        return int(tables + self._grams.sieve_bytes + self._wholes.sieve_bytes)

    def hit(self, text: str) -> Hit | None:
        """The first hit, or None for a text that gives no item away."""
        return next(self.hits(text), None)

    def hits(self, text: str) -> Iterator[Hit]:
        """All hits: by words, by the LaTeX form, then whole items; each item at most once a form."""
        lengths = [self.config.ngram, self.config.unspaced_ngram] if has_unspaced(text) else [self.config.ngram]
        tokens, codes = self._reader.words(text)
        for item, start, length in self._gram_hits(codes, lengths):
            yield Hit(item, Form.WORDS, " ".join(tokens[start : start + length]))
        tokens, codes = self._reader.latex(text)
        for item, start, length in self._gram_hits(operand_codes(codes), lengths):
            yield Hit(item, Form.LATEX, " ".join(operands(tokens)[start : start + length]))
        for item, start, length in self._wholes.found(codes):
            yield Hit(item, Form.WHOLE, " ".join(tokens[start : start + length]))

    def _gram_hits(self, codes: Codes, lengths: list[int]) -> Iterator[tuple[int, int, int]]:
        seen: set[int] = set()
        for length in lengths:
            for start, place in self._grams.found(run_hashes(codes, length)):
                item = int(self._arrays["gram_items"][place])
                if item not in seen:
                    seen.add(item)
                    yield item, start, length

    def matchable(self, item: int) -> Matchable:
        """How the item of that number can be recognised."""
        return list(Matchable)[int(self._arrays["matchable"][item])]

    def save(self, path: Path) -> None:
        """Write the index; the same items and config give the same bytes."""
        text = "\x1e".join([self.config.model_dump_json(), *("\x1f".join(pair) for pair in self.names)])
        header = np.frombuffer(text.encode(), np.uint8)
        with path.open("wb") as file:
            np.savez(file, version=np.array([_VERSION]), header=header, **self._arrays)

    @classmethod
    def load(cls, path: Path) -> BenchmarkIndex:
        """Read an index that `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            version = int(arrays.pop("version")[0])
            config, *names = arrays.pop("header").tobytes().decode().split("\x1e")
        except (OSError, EOFError, ValueError, KeyError, IndexError, BadZipFile) as error:
            raise InputError(
                str(path), f"a benchmark index ({error})", "build it again from the benchmark files"
            ) from error
        if version != _VERSION:
            raise InputError(str(path), f"an index of version {_VERSION}, not {version}", "build it again")
        pairs = [(name.split("\x1f")[0], name.split("\x1f")[1]) for name in names]
        return cls(IndexConfig.model_validate_json(config), pairs, arrays)


class _HashTable:
    """Sorted hashes behind a sieve of bits, which turns most foreign hashes away at one memory access."""

    def __init__(self, hashes: NDArray[Any], bits: int) -> None:
        self._hashes: Codes = hashes.astype(np.uint64)
        self._shift = np.uint64(64 - bits)
        flags = np.zeros(1 << bits, np.bool_)
        flags[self._hashes >> self._shift] = True
        self._sieve = np.packbits(flags, bitorder="little")
        self.sieve_bytes = self._sieve.nbytes

    def found(self, hashes: Codes) -> Iterator[tuple[int, int]]:
        """Position in `hashes` and place in the table of every hash that is in the table."""
        bits = hashes >> self._shift
        passing = (self._sieve[bits >> np.uint64(3)] >> (bits & np.uint64(7)).astype(np.uint8)) & 1
        likely = np.flatnonzero(passing)
        places = np.searchsorted(self._hashes, hashes[likely])
        for position, place in zip(likely.tolist(), places.tolist(), strict=True):
            if place < len(self._hashes) and self._hashes[place] == hashes[position]:
                yield position, place


class _Wholes:
    """Items matched as a whole: by their first tokens, then by the hash of the whole run."""

    def __init__(self, arrays: Arrays) -> None:
        self._items: dict[tuple[int, int], int] = {}
        self._lengths: dict[int, dict[int, set[int]]] = {size: {} for size in ANCHORS}
        columns = ("whole_sizes", "whole_anchors", "whole_lengths", "whole_hashes", "whole_items")
        for size, anchor, length, value, item in zip(*(arrays[name].tolist() for name in columns), strict=True):
            self._lengths[size].setdefault(anchor, set()).add(length)
            self._items.setdefault((length, value), item)
        self._anchors = {
            size: _HashTable(np.array(sorted(known), np.uint64), _ANCHOR_BITS)
            for size, known in self._lengths.items()
        }
        self.sieve_bytes = sum(table.sieve_bytes for table in self._anchors.values())

    def found(self, codes: Codes) -> Iterator[tuple[int, int, int]]:
        """Item, start and length of every whole item in the codes."""
        for size, anchors in self._anchors.items():
            hashes = run_hashes(codes, size)
            for start, _ in anchors.found(hashes):
                for length in sorted(self._lengths[size][int(hashes[start])]):
                    run = run_hashes(codes[start : start + length], length)
                    item = self._items.get((length, int(run[0]))) if len(run) else None
                    if item is not None:
                        yield item, start, length
