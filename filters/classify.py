"""Score every page with the classifier, and let those go on that are mathematics.

In: pages. Out: pages with `math_score`, or a `Drop` with the score. Each worker normalises its own pages; the model
lives once a node (`mathpipe.core.node_service`) and is asked in batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path

from pydantic import Field

from filters.classifier import MODEL_FILE, QUANTISED_FILE, MathClassifier
from filters.model_card import read_card
from filters.normalise import classifier_text
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.node_service import shared
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext

SIDE = "classifier"


class ClassifyDropReason(StrEnum):
    """Why a page goes at this stage."""

    NOT_MATH = "not-math"


class ClassifyConfig(Config):
    """Which model, and from which score a page is mathematics."""

    model: Path | None = None  # None: the one that the step `classifier` trained
    threshold: float = Field(default=0.5, ge=0, le=1)
    batch_size: int = Field(default=256, ge=1)
    quantised: bool = False


class ClassifyStage(Stage[Page, Page]):
    """Fills in `math_score`; drops pages below the threshold."""

    def __init__(self, config: ClassifyConfig, context: StageContext) -> None:
        self._config = config
        self._path = config.model or _trained(context, quantised=config.quantised)
        card = read_card(self._path)
        self.trained = card.config  # how the model was
        self._key = f"classifier-{card.models[self._path.name]}"

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """Yield each page with its score, or why it goes."""
        model = shared(self._key, partial(MathClassifier.load, self._path))
        pages = iter(shard)
        while batch := list(islice(pages, self._config.batch_size)):
            lines = [classifier_text(page.text, self.trained.normalisation) for page in batch]
            for page, score in zip(batch, model.score_lines(lines), strict=True):
                if score >= self._config.threshold:
                    yield replace(page, math_score=score)
                else:
                    yield Drop(page.record_id, ClassifyDropReason.NOT_MATH, page.url, f"math score {score:.3f}")


def _trained(context: StageContext, *, quantised: bool) -> Path:
    name = QUANTISED_FILE if quantised else MODEL_FILE
    if SIDE not in context.sides:
        raise InputError(
            "classify",
            f"expected a model path or the side {SIDE!r}",
            "set classify.model or run that step",
        )
    try:
        return context.sides[SIDE].file(name)
    except FileNotFoundError as error:
        raise InputError(
            f"step {SIDE}",
            f"expected the file {name}",
            "set classifier.quantise, or leave classify.quantised off",
        ) from error
