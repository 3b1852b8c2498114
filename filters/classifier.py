"""MathClassifier: how likely a page's text is mathematics. fastText, with the settings of DeepSeekMath's recipe.

In: labelled texts to learn from, then texts. Out: a probability in [0, 1] each; a model file (`classifier.bin`,
quantised `classifier.ftz`) with a card beside it (`classifier.json`). Method: fastText supervised softmax over bags
of word n-grams (Joulin et al., arXiv 1607.01759), product quantisation (arXiv 1612.03651), settings from
arXiv 2402.03300. Memory: `(vocabulary + bucket) * dim * 4` bytes, 2.05 GB at the recipe's settings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from filters.fasttext_training import fit, library_version, quantised_copy
from filters.model_card import ModelCard, check_digest, read_card, write_card
from filters.normalise import NORMALISATION_VERSION, classifier_text
from filters.training_lines import MATH_LABEL, ClassifierConfig, epochs_for, training_lines
from filters.word_classes import lists_digest
from mathpipe.core.errors import InputError
from mathpipe.core.records import SeedPage

MODEL_FILE = "classifier.bin"
QUANTISED_FILE = "classifier.ftz"


class MathClassifier:
    """A trained model together with the card that says how it reads text."""

    def __init__(self, model: Any, card: ModelCard) -> None:
        self._model = model
        self.card = card

    @classmethod
    def train(cls, pages: Iterable[SeedPage], config: ClassifierConfig | None = None) -> MathClassifier:
        """Learn from labelled pages; the same pages in any order give the same model, byte for byte."""
        chosen = config or ClassifierConfig()
        lines = training_lines(pages, chosen)
        card = ModelCard(
            library=library_version(),
            normalisation_version=NORMALISATION_VERSION,
            word_lists=lists_digest(),
            config=chosen,
            pages=lines.pages,
            hosts=lines.hosts,
            lines=lines.per_label,
            training_digest=lines.digest,
        )
        settings = chosen.fasttext.model_copy(update={"epochs": epochs_for(len(lines.lines), chosen)})
        return cls(fit(lines.lines, settings), card)

    @classmethod
    def load(cls, path: Path | str) -> MathClassifier:
        """A saved model; raises `InputError` where the file or its card is not what it should be."""
        import fasttext

        model = Path(path)
        card = read_card(model)
        check_digest(card, model)
        try:
            return cls(fasttext.load_model(str(model)), card)
        except (ValueError, RuntimeError) as error:
            raise InputError(str(model), f"expected a fastText model: {error}", "train it again") from error

    def save(self, path: Path | str) -> None:
        """Write the model under this name and its card beside it; a reader never sees half a model."""
        model = Path(path)
        model.parent.mkdir(parents=True, exist_ok=True)
        partial = model.with_name(f".{model.name}.{os.getpid()}.part")
        try:
            self._model.save_model(str(partial))
            partial.replace(model)
        finally:
            partial.unlink(missing_ok=True)
        write_card(self.card, model)

    def score(self, texts: Sequence[str]) -> list[float]:
        """Probability of mathematics of each text of a page, formulas between dollars."""
        return self.score_lines([self.line(text) for text in texts])

    def line(self, text: str) -> str:
        """The text as this model reads it."""
        return classifier_text(text, self.card.config.normalisation)

    def score_lines(self, lines: Sequence[str]) -> list[float]:
        """Probability of mathematics of each line of `line`: a worker normalises, the node's one model scores."""
        if not lines:
            return []
        labels, probabilities = self._model.predict(list(lines), k=2)
        return [_math_of(*pair) for pair in zip(labels, probabilities, strict=True)]

    def quantise(self, *, cutoff: int = 0) -> MathClassifier:
        """The model in product-quantised form; `cutoff` above 0 keeps only that many of its rows, the longest."""
        return MathClassifier(quantised_copy(self._model, cutoff), self.card)

    @property
    def is_quantised(self) -> bool:
        """Whether this is the quantised form."""
        return bool(self._model.is_quantized())


def _math_of(labels: Sequence[str], probabilities: Sequence[float]) -> float:
    for label, probability in zip(labels, probabilities, strict=True):
        if label == MATH_LABEL:
            return min(max(float(probability), 0.0), 1.0)  # fastText's softmax may end at 1.00001
    return 0.0
