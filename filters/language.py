"""Which language a page's prose is in; pages in others than those wanted are dropped.

In: pages. Out: the same with `language` (ISO 639-1, or "und" where there is too little prose to tell) and
`language_score`. Code, formulas and addresses are taken out first: they look like no language, or like English.
The detector is py3langid (Lui and Baldwin 2012, naive Bayes over byte n-grams; its model ships in the wheel);
`python -m benchmarks.language` says why it was chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from pydantic import Field

from filters.prose import prose_of
from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext

UNDETERMINED = "und"  # ISO 639-2 for "undetermined"
# py3langid tells some members of a macrolanguage apart; ISO 639-1 knows only the whole.
_ISO_639_1 = {"ary": "ar", "arz": "ar", "yue": "zh", "wuu": "zh", "nb": "no", "nn": "no", "srl": "sr"}
_LETTERS = re.compile(r"[^\W\d_]{2,}")


class LanguageDropReason(StrEnum):
    """Why a page goes at this stage."""

    OTHER_LANGUAGE = "other-language"
    UNDETERMINED = "language-undetermined"


class LanguageConfig(Config):
    """What is wanted, and how sure the detector must be."""

    allowed: tuple[str, ...] = ("en",)
    keep_undetermined: bool = True  # a page of formulas and code is not in a wrong language
    min_score: float = Field(default=0.5, ge=0, le=1)  # below it the language is undetermined
    # Letters counted in UTF-8 bytes, since a Han character says as much as several Latin letters.
    # From the table "by length" of benchmarks/language: below this, errors rise.
    min_letter_bytes: int = Field(default=100, ge=1)
    max_chars: int = Field(default=20_000, ge=100)  # of the page; the detector's time is linear in it
    max_letter_bytes: int = Field(default=3_000, ge=100)  # more adds nothing: benchmarks/language, "by length"


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """The language and the detector's confidence in it."""

    language: str
    score: float


def detect_language(text: str, config: LanguageConfig | None = None) -> DetectedLanguage:
    """The language of the text's prose; "und" with the best guess's score where that is too little or unsure."""
    chosen = config or LanguageConfig()
    words = " ".join(_LETTERS.findall(prose_of(text[: chosen.max_chars])))
    sample = words.encode("utf-8", "ignore")
    if len(sample) < chosen.min_letter_bytes:
        return DetectedLanguage(UNDETERMINED, 0.0)
    sample = sample[: chosen.max_letter_bytes]
    language, score = _identifier().classify(sample.decode("utf-8", "ignore"))
    bounded = min(max(float(score), 0.0), 1.0)
    if bounded < chosen.min_score:
        return DetectedLanguage(UNDETERMINED, bounded)
    return DetectedLanguage(_ISO_639_1.get(language, language), bounded)


class LanguageStage(Stage[Page, Page]):
    """Fills in the language; drops pages in others than the allowed ones."""

    def __init__(self, config: LanguageConfig, context: StageContext) -> None:
        self._config = config

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """Yield each page with its language, or why it goes."""
        for page in shard:
            found = detect_language(page.text, self._config)
            reason = self._reason(found.language)
            if reason is None:
                yield replace(page, language=found.language, language_score=found.score)
            else:
                yield Drop(page.record_id, reason, page.url, f"{found.language} {found.score:.2f}")

    def _reason(self, language: str) -> LanguageDropReason | None:
        if language in self._config.allowed:
            return None
        if language != UNDETERMINED:
            return LanguageDropReason.OTHER_LANGUAGE
        return None if self._config.keep_undetermined else LanguageDropReason.UNDETERMINED


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # reads a 4.6 MB model: not at import

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
