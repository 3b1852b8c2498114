"""Repairs of configurations and tokenizers. Each changes a copy's files and says what it changed.

A tokenizer is edited through transformers and saved anew, for its facts are spread over several files; that it then
still reads mathematics as before is checked again on the copy. Files that older releases wrote beside it, which would
contradict the new ones, are removed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rl.doctor.patient import load_tokenizer, read_json

_PAD_NAMES = (
    "<pad>",
    "[PAD]",
    "<|pad|>",
    "<|padding|>",
    "<|finetune_right_pad_id|>",
    "<|vision_pad|>",
    "<|endoftext|>",
    "<|reserved_special_token_0|>",
)
_NEW_PAD = "<|pad|>"
_OF_LOADING = ("is_local", "local_files_only")  # how it was loaded here is nothing of the tokenizer's
_LEGACY = ("special_tokens_map.json", "added_tokens.json")


@dataclass(frozen=True, slots=True)
class SetValue:
    """One value of a JSON file; a file that is not there is left alone."""

    file: str
    key: tuple[str, ...]
    value: Any

    def apply(self, copy: Path) -> str:
        """Write it."""
        if not (copy / self.file).is_file():
            return f"{self.file}: not there, nothing to change"
        old = set_value(copy / self.file, self.key, self.value)
        return f"{self.file}: {'.'.join(self.key)} {json.dumps(old)} -> {json.dumps(self.value)}"


@dataclass(frozen=True, slots=True)
class GivePad:
    """A pad token of its own: one that the vocabulary has and nothing uses, else a new one."""

    taken: frozenset[int]
    config_key: tuple[str, ...]

    def apply(self, copy: Path) -> str:
        """Choose and set it, in the tokenizer and in both configurations."""
        tokenizer = load_tokenizer(copy)
        known = tokenizer.get_vocab()
        free = [name for name in _PAD_NAMES if name in known and known[name] not in self.taken]
        name = free[0] if free else _NEW_PAD if _NEW_PAD not in known else "<|mathpipe_pad|>"
        tokenizer.add_special_tokens({"pad_token": name})
        save_tokenizer(tokenizer, copy)
        chosen = int(tokenizer.pad_token_id)
        set_value(copy / "config.json", self.config_key, chosen)
        if (copy / "generation_config.json").is_file():
            set_value(copy / "generation_config.json", ("pad_token_id",), chosen)
        how = "which nothing uses" if free else "new"
        return f"tokenizer, config.json, generation_config.json: pad token {name} ({how}), id {chosen}"


@dataclass(frozen=True, slots=True)
class SetEos:
    """The tokenizer's end of text."""

    token: str

    def apply(self, copy: Path) -> str:
        """Set it."""
        tokenizer = load_tokenizer(copy)
        old, tokenizer.eos_token = tokenizer.eos_token, self.token
        save_tokenizer(tokenizer, copy)
        return f"tokenizer: eos_token {old} -> {self.token}"


@dataclass(frozen=True, slots=True)
class MarkSpecial:
    """Tokens that a template uses are special ones, so that their spelling in people's text can be told apart."""

    tokens: tuple[str, ...]

    def apply(self, copy: Path) -> str:
        """Add them to the tokenizer's extra special tokens."""
        tokenizer = load_tokenizer(copy)
        tokenizer.add_special_tokens(
            {"additional_special_tokens": list(self.tokens)}, replace_extra_special_tokens=False
        )
        save_tokenizer(tokenizer, copy)
        return f"tokenizer: {', '.join(self.tokens)} marked as special"


@dataclass(frozen=True, slots=True)
class LeaveBosToTemplate:
    """The tokenizer writes BOS no more: its template does."""

    bos: str

    def apply(self, copy: Path) -> str:
        """Take BOS out of the post-processor."""
        from tokenizers import Tokenizer

        tokenizer = load_tokenizer(copy)
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        state["post_processor"] = _without(state["post_processor"], self.bos)
        tokenizer.add_bos_token = False
        tokenizer.backend_tokenizer.post_processor = Tokenizer.from_str(json.dumps(state)).post_processor
        save_tokenizer(tokenizer, copy)
        return (
            f"tokenizer: puts {self.bos} in front of a text no more, the template does; "
            "a prompt without the template must begin with it"
        )


@dataclass(frozen=True, slots=True)
class BosIntoTemplate:
    """The template writes BOS in front."""

    def apply(self, copy: Path) -> str:
        """Put it there."""
        tokenizer = load_tokenizer(copy)
        tokenizer.chat_template = '{{- bos_token or "" -}}' + str(tokenizer.chat_template)
        save_tokenizer(tokenizer, copy)
        return f"chat template: begins with {tokenizer.bos_token}"


def set_value(path: Path, key: Sequence[str], value: Any) -> Any:
    """Write one value into a JSON file; gives back the one it had."""
    whole = read_json(path)
    place = whole
    for part in key[:-1]:
        place = place.setdefault(part, {})
    old = place.get(key[-1])
    place[key[-1]] = value
    path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return old


def save_tokenizer(tokenizer: Any, copy: Path) -> None:
    """All its files, in the form of the transformers at hand."""
    for name in _OF_LOADING:
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.save_pretrained(copy)
    for name in _LEGACY:
        (copy / name).unlink(missing_ok=True)


def _without(processor: dict[str, Any] | None, token: str) -> dict[str, Any] | None:
    """The post-processor without that special token, in a sequence or alone."""
    if processor is None:
        return None
    if processor["type"] == "Sequence":
        return {**processor, "processors": [_without(part, token) for part in processor["processors"]]}
    if processor["type"] != "TemplateProcessing":
        return processor
    kept = {
        name: [piece for piece in processor[name] if piece.get("SpecialToken", {}).get("id") != token]
        for name in ("single", "pair")
    }
    return {**processor, **kept}
