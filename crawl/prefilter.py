"""Whether a page is worth parsing, from its raw bytes: formula markup first, then the words of plain mathematics.

In: a body as it lies in the archive. Out: a `Decision` with what was seen. Markup is looked for in the whole body
(`crawl.markup_marks`, `crawl.markup_hints`); a page without any is scored by mined n-grams (`crawl.ngrams`).
A page in UTF-16 is transcoded first; every other encoding of the web extends ASCII, in which all markup is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ahocorasick_rs import BytesAhoCorasick, MatchKind

from crawl.charset import decode_html
from crawl.markup_hints import HintFinder
from crawl.markup_marks import LOADERS, SEARCH_GROUPS
from crawl.ngrams import NgramScorer, NgramTable
from mathpipe.core.config import Config

# Bodies are searched block by block: a sign near the start ends the search, and a hostile page made of signs cannot
# fill the memory with matches. The overlap is longer than any sign.
_BLOCK_BYTES = 262_144
_OVERLAP_BYTES = 32
_LOADERS = frozenset(LOADERS)


class DecisionKind(StrEnum):
    """Why a page is parsed, or that it is not."""

    MARKUP = "markup"
    NGRAMS = "ngrams"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Decision:
    """The prefilter's answer: `evidence` is the mark or the strongest n-grams, `score` the n-grams' probability."""

    kind: DecisionKind
    evidence: str = ""
    score: float = 0.0

    @property
    def note(self) -> str:
        """What a page's provenance says of it."""
        return f"{self.kind}:{self.evidence}" if self.kind is DecisionKind.MARKUP else f"{self.kind}:{self.score:.2f}"


class PrefilterConfig(Config):
    """Which of the two ways in are open, and how easily the second opens."""

    markup: bool = True
    ngrams: bool = True
    threshold: float | None = None  # None: the threshold mined with the n-grams


class Prefilter:
    """Decides page by page; build it once a worker."""

    def __init__(self, ngrams: NgramTable | None = None, config: PrefilterConfig | None = None) -> None:
        config = config or PrefilterConfig()
        self._markup = config.markup
        self._scorer = NgramScorer(ngrams) if ngrams is not None and config.ngrams else None
        self._threshold = config.threshold
        if self._threshold is None and ngrams is not None:
            self._threshold = ngrams.threshold
        self._marks = tuple(
            (BytesAhoCorasick(group, matchkind=MatchKind.LeftmostLongest), group) for group in SEARCH_GROUPS
        )
        self._hints = HintFinder()

    def decide(self, body: bytes) -> Decision:
        """Parse or leave; the evidence names the sign, the hint, or the score."""
        if 0 in body[:64]:
            body = decode_html(body)[0].encode("utf-8", "replace")
        if self._markup:
            evidence = self._find_markup(body)
            if evidence:
                return Decision(DecisionKind.MARKUP, evidence, 1.0)
        if self._scorer is None or self._threshold is None:
            return Decision(DecisionKind.NONE)
        score = self._scorer.score(body)
        kind = DecisionKind.NGRAMS if score >= self._threshold else DecisionKind.NONE
        return Decision(kind, "", score)

    def _find_markup(self, body: bytes) -> str | None:
        loader = False
        view = memoryview(body)
        for offset in range(0, len(body), _BLOCK_BYTES):
            block = view[offset : offset + _BLOCK_BYTES + _OVERLAP_BYTES]
            for automaton, group in self._marks:
                for index, _, _ in automaton.find_matches_as_indexes(block):
                    mark = group[index]
                    if mark not in _LOADERS:
                        return mark.decode()
                    loader = True
        return self._hints.find_for_loader(body) if loader else self._hints.find(body)
