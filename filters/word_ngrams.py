"""Words of a text as 64-bit codes, and hashes of every run of n words: the ground of duplicates and benchmarks.

In: text. Out: numpy arrays of uint64. A word's code is BLAKE2b-64 of its spelling under a salt; the hash of a
run is a polynomial of the codes (Karp and Rabin 1987) in uint64 with an odd base, finished by the mixer of
MurmurHash3, so that every bit can be used. The values depend on the text alone: no process, no hash seed.

Scripts written without spaces (Han, kana) count one character as one word. LaTeX commands are words.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Han, one word a character
_WORD = re.compile(rf"\\[a-zA-Z]+|[^\W\d_{UNSPACED}]+|\d+|[{UNSPACED}]")

_BASE = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd and 5 mod 8: its powers have the longest period
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)  # finalizer of MurmurHash3 (Appleby, public domain)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)
_REMEMBERED_WORDS = 1 << 18  # about 40 MB; words follow Zipf's law, so more would rarely be asked again
_REMEMBERED_LETTERS = 64  # longer "words" are data, not worth remembering


class WordCodes(dict[str, int]):
    """Codes of words, remembered up to a bound; `codes[word]` always answers."""

    def __init__(self, salt: bytes = b"") -> None:
        super().__init__()
        self._salt = salt

    def __missing__(self, word: str) -> int:
        code = int.from_bytes(
            blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8, salt=self._salt).digest(), "little"
        )
        if len(self) < _REMEMBERED_WORDS and len(word) <= _REMEMBERED_LETTERS:
            self[word] = code
        return code

    def of(self, words: list[str]) -> Codes:
        """Codes of the words in order."""
        return np.fromiter(map(self.__getitem__, words), np.uint64, count=len(words))


def words_of(text: str) -> list[str]:
    """Words, numbers and LaTeX commands of the text in lower case; punctuation is no word."""
    return _WORD.findall(text.lower())


def run_hashes(codes: Codes, length: int) -> Codes:
    """Hash of every run of `length` codes, in the order they begin; empty where the text is shorter."""
    count = len(codes) - length + 1
    if count <= 0:
        return np.empty(0, np.uint64)
    total = codes[:count].copy()
    for offset in range(1, length):
        total *= _BASE
        total += codes[offset : offset + count]
    return mixed(total)


def mixed(values: Codes) -> Codes:
    """A bijection after which every input bit moves every output bit."""
    values = values ^ (values >> _SHIFT)
    values = values * _MIX_1
    values ^= values >> _SHIFT
    values = values * _MIX_2
    return values ^ (values >> _SHIFT)
