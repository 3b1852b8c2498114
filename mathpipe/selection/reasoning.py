"""Classes of equal reasoning: solutions that say the same steps, whatever the spacing and markup.

In: solutions of one problem in one form. Out: for each the class it belongs to, led by the class's shortest member.
Rejection sampling that keeps every right sample mostly repeats the easy ones (Yuan et al., arXiv 2308.01825).

Equal: the same words, numbers and operators once case, markup, delimiters and spacing are gone; numbers and names
stay, for another number is another step. Nearly equal: at least `near_equal` of the word triples in common (Jaccard)
and the same set of numbers. Candidates come from MinHash (Broder 1997, by datasketch); the exact share decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from datasketch import MinHash, MinHashLSH

from mathpipe.core.records import Sample, record_id_of

_SHINGLE = 3
# 32 bands of 4 rows: two solutions that share 0.8 of their triples meet in a band with probability 1 - 10^-7.
_BANDS, _ROWS = 32, 4
_SEED = 1

_SPELLINGS = (
    (re.compile(r"\\[dtc]frac(?![a-z])"), r"\\frac"),
    (re.compile(r"\\(?:cdot|times)(?![a-z])|[×·⋅]"), "*"),
    (re.compile(r"\\div(?![a-z])|÷"), "/"),
    (re.compile(r"\\(?:left|right|displaystyle|quad|qquad)(?![a-z])|\\[,;:! ()\[\]]|\$|\*\*|__|[`#]"), " "),
    (re.compile(r"(?<=\d)(?:,|\{,\})(?=\d{3}(?!\d))"), ""),
    (re.compile("−"), "-"),
)
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\\?[^\W\d_]+(?:'[^\W\d_]+)?|[-+*/=<>^%!≤≥≠√]|_")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Reasoning:
    """A solution's text as far as it counts."""

    text: str

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Words in lower case, numbers without separators, operators; punctuation and markup are gone."""
        text = self.text.casefold()
        for pattern, spelling in _SPELLINGS:
            text = pattern.sub(spelling, text)
        return tuple(_TOKEN.findall(text))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """All numbers in it."""
        return frozenset(token for token in self.tokens if _NUMBER.fullmatch(token))

    @cached_property
    def triples(self) -> frozenset[tuple[str, ...]]:
        """Runs of three tokens; the whole of a shorter text."""
        last = max(1, len(self.tokens) - _SHINGLE + 1)
        return frozenset(self.tokens[at : at + _SHINGLE] for at in range(last))

    def is_near(self, other: Reasoning, share: float) -> bool:
        """Whether the two reason alike."""
        if self.numbers != other.numbers:
            return False
        common = len(self.triples & other.triples)
        return common >= share * (len(self.triples) + len(other.triples) - common)


def reasoning_classes(samples: Sequence[Sample], near_equal: float) -> dict[str, str]:
    """Class identifier by sample id. The class is named after its leader's tokens: stable across runs."""
    ordered = sorted(samples, key=lambda one: (one.completion_tokens, len(one.text), one.sample_id))
    leaders: dict[str, Reasoning] = {}
    index = MinHashLSH(params=(_BANDS, _ROWS), num_perm=_BANDS * _ROWS)
    classes: dict[str, str] = {}
    for sample in ordered:
        reasoning = Reasoning(sample.text)
        name = record_id_of(sample.problem_id, sample.form, *reasoning.tokens)
        if name not in leaders:
            sketch = _sketch(reasoning)
            # The leaders' order decides where several are near: the shortest comes first.
            near = set(index.query(sketch))
            alike = (at for at, one in leaders.items() if at in near and one.is_near(reasoning, near_equal))
            leader = next(alike, None)
            if leader is None:
                leaders[name] = reasoning
                index.insert(name, sketch)
            name = leader or name
        classes[sample.sample_id] = name
    return classes


def _sketch(reasoning: Reasoning) -> MinHash:
    sketch = MinHash(num_perm=_BANDS * _ROWS, seed=_SEED)
    sketch.update_batch([" ".join(triple).encode("utf-8", errors="surrogatepass") for triple in reasoning.triples])
    return sketch
