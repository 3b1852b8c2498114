"""What is exported: a folder with a model's weights, or a PEFT adapter's folder and the base that it changes.

In: paths. Out: a `Source`. Nothing is downloaded: a base known by its hub name must lie in the local cache.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
_TOKENIZER = ("tokenizer.json", "tokenizer.model", "vocab.json")
_TOKENIZER_AND_TEMPLATE = (
    *_TOKENIZER,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates",
)


@dataclass(frozen=True, slots=True)
class Source:
    """`weights` is a folder in transformers' format; `adapter` the PEFT folder on top of it, or None."""

    model: Path
    weights: Path
    adapter: Path | None
    base_name: str | None = None

    @property
    def tokenizer(self) -> Path:
        """The folder whose tokenizer the policy was trained with: the adapter's where it has one."""
        own = self.adapter is not None and any((self.adapter / name).is_file() for name in _TOKENIZER)
        return self.model if own else self.weights

    def copy_tokenizer(self, folder: Path) -> None:
        """Tokenizer and chat template, byte for byte: written anew they might come out another."""
        for name in _TOKENIZER_AND_TEMPLATE:
            path = self.tokenizer / name
            if path.is_dir():
                shutil.copytree(path, folder / name)
            elif path.is_file():
                shutil.copyfile(path, folder / name)


def find_source(model: Path, base: str | None = None) -> Source:
    """Which weights `model` stands for; `base` names an adapter's base in place of what its configuration says."""
    if (model / ADAPTER_CONFIG).is_file():
        if not (model / ADAPTER_WEIGHTS).is_file():
            raise InputError(str(model), f"an adapter with {ADAPTER_WEIGHTS}", "save it as safetensors")
        name = base or str(_read_json(model / ADAPTER_CONFIG).get("base_model_name_or_path") or "")
        return Source(model, _base_folder(model, name), model, name)
    if not (model / "config.json").is_file():
        raise InputError(str(model), f"a folder with config.json or {ADAPTER_CONFIG}", "check the path")
    if base is not None:
        raise InputError("--base", f"an adapter to put on it, and {model} holds full weights", "leave --base out")
    return Source(model, model, None)


def _base_folder(model: Path, name: str) -> Path:
    if not name:
        raise InputError(str(model), "the base's name, which its configuration lacks", "give --base FOLDER")
    found = next((path for path in (Path(name), model / name) if (path / "config.json").is_file()), None)
    found = found or _cached(name)
    if found is None:
        raise InputError(
            f"base {name}", "a model folder, or a hub name in the local cache", "give its folder by --base"
        )
    if (found / ADAPTER_CONFIG).is_file():
        raise InputError(f"base {name}", "full weights, not an adapter again", "merge that adapter first")
    return found


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError):
        return None
    return folder if (folder / "config.json").is_file() else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"a readable JSON object ({error})", "mend the file") from None
    if not isinstance(value, dict):
        raise InputError(str(path), "a JSON object", "mend the file")
    return value
