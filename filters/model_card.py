"""What a saved classifier says about itself: `classifier.json` beside `classifier.bin` or `classifier.ftz`.

One card serves both forms of a model; it holds the digest of each. A model whose card is missing, of another
normalisation, or whose digest differs is refused: its scores would be wrong without any sign of it.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path

from pydantic import Field, ValidationError

from filters.normalise import NORMALISATION_VERSION
from filters.training_lines import ClassifierConfig
from filters.word_classes import lists_digest
from mathpipe.core.config import Config
from mathpipe.core.errors import InputError

_CHUNK_BYTES = 1 << 20


class ModelCard(Config):
    """How the model was made, and the digests of its files."""

    library: str  # name and version of the fastText package
    normalisation_version: int
    word_lists: str  # digest of the lists the normalisation reads
    config: ClassifierConfig
    pages: dict[str, int]  # seed pages learnt from, per label
    hosts: dict[str, int]  # their hosts, per label
    lines: dict[str, int]  # training lines per label: with mixed copies, balanced
    training_digest: str  # of the lines fastText was given
    models: dict[str, str] = Field(default_factory=dict)  # file name: digest


def card_path(model: Path) -> Path:
    """Where the card of a model file lies."""
    return model.with_suffix(".json")


def digest_of_file(path: Path) -> str:
    """BLAKE2b-128 of the file's bytes."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def write_card(card: ModelCard, model: Path) -> None:
    """Add the model file's digest to the card beside it; a card of another training is replaced."""
    path = card_path(model)
    models = {model.name: digest_of_file(model)}
    if path.is_file():
        models = _models_of_same_training(path, card) | models
    content = card.model_copy(update={"models": models}).model_dump(mode="json")
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_card(model: Path) -> ModelCard:
    """The card of a model file, once it is certain that this version may use the model."""
    path = card_path(model)
    if not model.is_file():
        raise InputError(str(model), "expected a classifier model file", "train one, or set the path to it")
    if not path.is_file():
        raise InputError(str(model), f"expected its card {path.name} beside it", "copy the card along with the model")
    card = _parse(path)
    _check_normalisation(card, model)
    if model.name not in card.models:
        raise InputError(str(model), f"{path.name} does not name this file", "copy or train the model again")
    return card


def check_digest(card: ModelCard, model: Path) -> None:
    """Raise where the file's bytes are not those the card was written for."""
    if card.models[model.name] != digest_of_file(model):
        raise InputError(
            str(model), f"its bytes differ from the digest in {card_path(model).name}", "copy or train it again"
        )


def _check_normalisation(card: ModelCard, model: Path) -> None:
    if (card.normalisation_version, card.word_lists) != (NORMALISATION_VERSION, lists_digest()):
        raise InputError(
            str(model),
            f"trained on text of normalisation {card.normalisation_version} (word lists {card.word_lists}), "
            f"expected {NORMALISATION_VERSION} ({lists_digest()})",
            "train the model again with this version of mathpipe",
        )


def _parse(path: Path) -> ModelCard:
    try:
        return ModelCard.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(str(path), "expected a classifier card", "copy or train the model again") from error


def _models_of_same_training(path: Path, card: ModelCard) -> dict[str, str]:
    try:
        present = _parse(path)
    except InputError:
        return {}
    same = present.model_copy(update={"models": {}}) == card.model_copy(update={"models": {}})
    return present.models if same else {}
