"""Train the classifier from the run's seed pages.

In: all seed pages, gathered. Out: no records; `classifier.bin` (and `classifier.ftz` when asked for) with their card
`classifier.json` in the step's folder of files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from filters.classifier import MODEL_FILE, QUANTISED_FILE, MathClassifier
from filters.training_lines import ClassifierConfig
from mathpipe.core.records import Drop, SeedPage
from mathpipe.core.stage import Stage, StageContext

_FLOAT_BYTES = 4
_DICTIONARY_BYTES = 30_000_000 * 4 + 80 * 2**20  # fastText's word table (30 million slots) and its entries
_LINE_BYTES_PER_CHAR = 4  # a character of a page becomes at most this, with mixed copies and balance: measured 2.6


class TrainClassifierConfig(ClassifierConfig):
    """The classifier's settings, and whether to write the quantised form as well."""

    quantise: bool = False


class TrainClassifierStage(Stage[SeedPage, Any]):
    """All seed pages to one model; refuses a seed in which a class is missing or too small."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: TrainClassifierConfig, context: StageContext) -> None:
        self._config = config
        self._files = context.files

    @classmethod
    def memory_bytes(cls, config: TrainClassifierConfig, input_rows: int) -> int:
        """The input matrix, fastText's dictionary, and the training lines."""
        settings = config.fasttext
        matrix = (settings.bucket + input_rows) * settings.dim * _FLOAT_BYTES
        lines = input_rows * config.normalisation.max_chars * _LINE_BYTES_PER_CHAR
        return matrix + _DICTIONARY_BYTES + lines

    def run(self, shard: Iterable[SeedPage]) -> Iterator[Any | Drop]:
        """Consume the shard; nothing goes on as records, the model is written as files."""
        settings = ClassifierConfig.model_validate(self._config.model_dump(exclude={"quantise"}))
        classifier = MathClassifier.train(shard, settings)
        self._files.mkdir(parents=True, exist_ok=True)
        classifier.save(self._files / MODEL_FILE)
        if self._config.quantise:
            classifier.quantise().save(self._files / QUANTISED_FILE)
        yield from ()
