"""Model folders as a training run leaves them: tiny weights of each family, a tokenizer, a chat template."""

from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaTokenizer

from mathpipe.generate.templates import Message
from mathpipe.generate.templates.chat_template import load_template_file
from rl.cold_start import make_tokenizer
from tests.rl.parity.models import tiny
from tests.rl.sentence_pieces import train_sentence_pieces

TEXTS = [
    "Compute 12 + 34. The answer is 46.",
    "Let x be 3. Then 2x = 6, and the answer is 6.",
    "What is 7 * 8? It is 56. The sum of 1, 2 and 3 is 6.",
    "If the triangle has sides 3, 4 and 5, its area is 6.\nThe answer is 6.",
]
PROMPT = "What is 12 + 7? Let x be 3."


def byte_level(vocabulary: int = 320) -> Any:
    """The cold start's tokenizer: byte-level BPE, single digits, ChatML."""
    return make_tokenizer([[Message("user", text)] for text in TEXTS], vocabulary)


def sentence_piece(folder: Path, *, legacy: bool = True) -> Any:
    """A tokenizer as Llama 2's: a SentencePiece model trained here, taken over by transformers."""
    folder.mkdir(parents=True, exist_ok=True)
    train_sentence_pieces(folder, TEXTS)
    tokenizer = LlamaTokenizer.from_pretrained(folder, legacy=legacy, add_bos_token=True)
    (folder / "tokenizer.model").unlink()
    (folder / "tokenizer.vocab").unlink()
    tokenizer.pad_token = "<unk>"
    tokenizer.chat_template = load_template_file("plain").jinja
    return tokenizer


def model_folder(folder: Path, family: str = "llama", tokenizer: Any = None, **changes: Any) -> Path:
    """A tiny model's folder; sizes are multiples of 32, so that every type of GGUF has them."""
    tokenizer = tokenizer or byte_level()
    sizes = {
        "vocab_size": 352,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "head_dim": 16,
        "max_position_embeddings": 256,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    model = tiny(family, **{**sizes, **changes})
    model.generation_config.temperature = 0.7
    model.generation_config.do_sample = True
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def adapter_folder(folder: Path, base: Path, **options: Any) -> Path:
    """An adapter on `base` with weights that change its output."""
    model = loaded(base)
    torch.manual_seed(3)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "init_lora_weights": False, **options}
    adapted = get_peft_model(model, LoraConfig(**settings))
    for name, weight in adapted.named_parameters():
        if "modules_to_save" in name:
            weight.data.mul_(1.1)
    adapted.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def loaded(folder: Path) -> Any:
    """The model in fp32; eager attention, for SDPA leaves Gemma 2's soft cap out."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def logits(model: Any, ids: list[int]) -> torch.Tensor:
    """Of each position, in fp32."""
    with torch.no_grad():
        value: torch.Tensor = model.eval()(torch.tensor([ids])).logits[0].float()
    return value
