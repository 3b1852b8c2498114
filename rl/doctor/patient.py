"""The model that is examined: its folder, configurations, tokenizer and the headers of its weights.

In: a folder in transformers' format, or a hub name in the local cache (nothing is downloaded). Out: a `Patient`.
No weight is read here and no model is put into memory: the architecture is built without storage.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from rl.doctor.stored_weights import Stored, StoredWeights, open_weights

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "tokenizer_config.json")
_OTHER_HEADS = ("embed_out.weight", "output_layer.weight")  # what families call it in their files
LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Architecture:
    """What transformers would build from the configuration: parameters by name with their shapes."""

    embedding: str
    head: str | None
    parameters: dict[str, tuple[int, ...]]
    renamed_on_load: bool


@dataclass(frozen=True)
class Patient:
    """A model's folder, loaded as far as checks need it. `config` is the language model's part."""

    folder: Path
    config: Any
    whole_config: Any
    config_json: dict[str, Any]
    generation_json: dict[str, Any] | None
    tokenizer_json: dict[str, Any]
    tokenizer: Any | None
    tokenizer_error: str
    weights: StoredWeights | None

    @cached_property
    def architecture(self) -> Architecture | None:
        """Names and shapes, or None for a model that transformers has no code for."""
        return _architecture(self.whole_config)

    @property
    def tied(self) -> bool:
        """Whether the head is to be the embedding."""
        own = getattr(self.whole_config, "tie_word_embeddings", None)
        return bool(own if own is not None else getattr(self.config, "tie_word_embeddings", False))

    @property
    def embedding(self) -> Stored | None:
        """The input embedding as stored."""
        names = self.architecture
        return None if self.weights is None or names is None else self.weights.resolve(names.embedding)

    @property
    def head(self) -> Stored | None:
        """The head as stored, tied or not; None where there is none in the files."""
        names = self.architecture
        if self.weights is None or names is None or names.head is None:
            return None
        stored = self.weights.resolve(names.head)
        others = [item for name, item in self.weights.tensors.items() if name.endswith(_OTHER_HEADS)]
        return stored or (others[0] if len(others) == 1 else None)

    @property
    def rows(self) -> int:
        """Rows of the embedding: the stored tensor's, or as the configuration says."""
        stored = self.embedding
        return stored.shape[0] if stored is not None else int(self.config.vocab_size)

    def config_key(self, name: str) -> tuple[str, ...]:
        """Where config.json holds a value of the language model: at the top, or inside text_config."""
        inner = self.config_json.get("text_config")
        return ("text_config", name) if isinstance(inner, dict) else (name,)


def load_patient(model: str | Path) -> Patient:
    """Everything but the weights' numbers."""
    folder = _folder(str(model))
    from transformers import AutoConfig

    config_json = read_json(folder / "config.json")
    try:
        whole = AutoConfig.from_pretrained(folder, local_files_only=True)
    except LOAD_ERRORS as error:
        raise InputError(
            str(folder), f"a configuration that transformers loads ({one_line(error)})", "mend config.json"
        ) from None
    generation = folder / "generation_config.json"
    tokenizer, why = _tokenizer(folder)
    settings = folder / "tokenizer_config.json"
    return Patient(
        folder=folder,
        config=whole.get_text_config(),
        whole_config=whole,
        config_json=config_json,
        generation_json=read_json(generation) if generation.is_file() else None,
        tokenizer_json=read_json(settings) if settings.is_file() else {},
        tokenizer=tokenizer,
        tokenizer_error=why,
        weights=open_weights(folder),
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"a readable JSON object ({one_line(error)})", "mend the file") from None
    if not isinstance(value, dict):
        raise InputError(str(path), "a JSON object", "mend the file")
    return value


def one_line(error: BaseException) -> str:
    """An error's text, short."""
    return " ".join(str(error).split())[:200]


def load_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer as transformers makes it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def _folder(model: str) -> Path:
    path = Path(model)
    if (path / "config.json").is_file():
        return path
    if (path / "adapter_config.json").is_file():
        raise InputError(
            model, "a whole model, not an adapter", f"merge it first: mathpipe export {model} OUT --as merged"
        )
    if path.exists():
        raise InputError(model, "a folder with config.json", "check the path")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(model, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError):
        raise InputError(
            model, "a model's folder, or a hub name in the local cache", f"check it, or fetch it: hf download {model}"
        ) from None
    if not (cached / "config.json").is_file():
        raise InputError(model, "a cached model with config.json", f"fetch all of it: hf download {model}")
    return cached


def _tokenizer(folder: Path) -> tuple[Any | None, str]:
    """Without files of its own a folder has none: transformers would make an empty one."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        return None, "the folder holds no tokenizer"
    try:
        return load_tokenizer(folder), ""
    except LOAD_ERRORS as error:
        return None, one_line(error)


def _architecture(config: Any) -> Architecture | None:
    import torch

    builder: Any = import_module("transformers").AutoModelForCausalLM
    config = copy.deepcopy(config)
    config.get_text_config().pad_token_id = None  # one without a row, a finding of its own, stops the building
    try:
        with torch.device("meta"):
            model = builder.from_config(config)
        table, head = model.get_input_embeddings(), model.get_output_embeddings()
    except LOAD_ERRORS:
        return None
    names = {id(module): f"{name}.weight" for name, module in model.named_modules(remove_duplicate=False)}
    if id(table) not in names:
        return None
    parameters = {name: tuple(weight.shape) for name, weight in model.named_parameters()}
    return Architecture(names[id(table)], names.get(id(head)), parameters, _renamed(str(config.model_type)))


def _renamed(model_type: str) -> bool:
    """Whether transformers gives this family's stored tensors other names or shapes as it loads them."""
    mapping: Any = import_module("transformers.conversion_mapping")
    return bool(mapping.get_checkpoint_conversion_mapping(model_type))
