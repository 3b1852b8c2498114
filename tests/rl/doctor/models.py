"""A healthy tiny model, and ways to break a copy of it: each gives it exactly one ailment."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from mathpipe.generate.templates import Message
from rl.cold_start import make_tokenizer

TEXTS = [
    "Compute 12 + 34. The answer is 46.",
    "Let x be 3. Then 2x = 6, and the answer is 6.",
    "If the triangle has sides 3, 4 and 5, its area is 6.\nThe answer is 6.",
]
BOS, PAD, START, END = range(4)
ROWS = 384
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"


def save_healthy(folder: Path, *, tied: bool = True, dtype: torch.dtype = torch.float32, rows: int = ROWS) -> Path:
    """One layer of Llama, 64 wide, with the cold start's tokenizer."""
    tokenizer = make_tokenizer([[Message("user", text)] for text in TEXTS], 320)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=rows,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=512,
        tie_word_embeddings=tied,
        bos_token_id=BOS,
        eos_token_id=END,
        pad_token_id=PAD,
    )
    LlamaForCausalLM(config).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def broken(healthy: Path, folder: Path, ailment: Any) -> Path:
    """A copy with one thing wrong."""
    shutil.copytree(healthy, folder)
    ailment(folder)
    return folder


def edit(path: Path, **values: Any) -> None:
    """Set values of a JSON file; None removes."""
    whole = json.loads(path.read_text())
    for key, value in values.items():
        if value is None:
            whole.pop(key, None)
        else:
            whole[key] = value
    path.write_text(json.dumps(whole))


def configs(folder: Path, **values: Any) -> None:
    """Set values of both configurations."""
    edit(folder / "config.json", **values)
    edit(folder / "generation_config.json", **values)


def tensors(folder: Path, change: Any, name: str = "model.safetensors") -> None:
    """Change the weights; `change` gets and may alter the dictionary of tensors."""
    found = load_file(folder / name)
    change(found)
    save_file(found, folder / name, metadata={"format": "pt"})


def template(folder: Path, change: Any) -> None:
    """Rewrite the chat template."""
    path = folder / "chat_template.jinja"
    path.write_text(change(path.read_text()))


def tokenizer(folder: Path, change: Any) -> None:
    """Change tokenizer.json as data."""
    path = folder / "tokenizer.json"
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))


def writes_bos(state: dict[str, Any]) -> None:
    """A post-processor that puts BOS in front of every text."""
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    bos = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    state["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [bos, sequence],
        "pair": [bos, sequence, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [BOS], "tokens": ["<s>"]}},
    }


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file's content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def added(folder: Path, *names: str) -> None:
    """Give the tokenizer more tokens than the model has rows."""
    one = AutoTokenizer.from_pretrained(folder)
    one.add_tokens(list(names))
    one.save_pretrained(folder)
