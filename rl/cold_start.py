"""A tiny policy from nothing: a tokenizer and a Llama of two layers, taught made problems until it solves some.

    python -m rl.cold_start configs/tiny-policy.yaml

For demos, tests and trying a loop on a laptop, in a minute or two; not for use. In: a `ColdStartConfig`. Out: a
folder in transformers' format (heads of 64, which vLLM's CPU build needs), with a tokenizer whose digits stand alone,
our ChatML template, pad and end of text apart. The problems are the training split of made ones, the prompts
generation's own.

Legend: B sequences, L time, T tokens that are learned from, D width.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from pydantic import Field
from rich.console import Console
from torch import Tensor

from mathpipe.core.config import Config, load_config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.generate.prompts import load_prompt
from mathpipe.generate.templates import ChatTemplate, Message
from mathpipe.generate.templates.chat_template import load_template_file
from mathpipe.generation import ProblemSource, TemplateSource, problems_of
from rl.kernels import linear_cross_entropy, patch

BOS, PAD, START, END = "<s>", "<pad>", "<|im_start|>", "<|im_end|>"
_WARM_UP = 0.05
_REPORTS = 5


class ColdStartConfig(Config):
    """What is taught, to how large a model, for how long. Sizes in tokens, layers and dimensions."""

    folder: Path
    templates: TemplateSource
    prompt: str = "math-cot"
    layers: int = Field(default=2, ge=1)
    width: int = Field(default=128, ge=64, multiple_of=64)
    context_tokens: int = Field(default=512, ge=64)
    vocabulary: int = Field(default=448, ge=320)
    # Many small steps: 1,500 of 16 sequences solve a quarter of the problems, 150 of 48 hardly any.
    steps: int = Field(default=1500, ge=1)
    sequences: int = Field(default=16, ge=1)  # of a step
    learning_rate: float = Field(default=2e-3, gt=0)
    seed: int = 0


def cold_start(config: ColdStartConfig, console: Console) -> Path:
    """Make, teach and save the policy; gives back its folder. The same configuration gives the same weights."""
    started = time.perf_counter()
    source = ProblemSource(templates=config.templates, split="train")
    conversations = [_conversation(problem, config.prompt) for problem in problems_of(source)]
    tokenizer = make_tokenizer(conversations, config.vocabulary)
    examples = _examples(conversations, ChatTemplate(tokenizer, "tokenizer"), config.context_tokens)
    torch.manual_seed(config.seed)
    model = _model(config, tokenizer)
    with patch(model):
        for step, loss in enumerate(_train(model, examples, config), start=1):
            if step % max(1, config.steps // _REPORTS) == 0:
                console.print(
                    f"step {step} of {config.steps}: loss {loss:.3f}, {time.perf_counter() - started:.0f} s"
                )
    model.save_pretrained(config.folder)
    tokenizer.save_pretrained(config.folder)
    console.print(f"policy: {config.folder}")
    return config.folder


def make_tokenizer(conversations: list[list[Message]], vocabulary: int) -> Any:
    """Byte-level BPE with single digits (numbers of one length have one shape), of at most `vocabulary` entries."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    pieces = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pieces)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BOS, PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((turn.content for turns in conversations for turn in turns), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=END, pad_token=PAD)
    fast.add_special_tokens({"additional_special_tokens": [START]})
    fast.chat_template = load_template_file("chatml").jinja
    return fast


def _conversation(problem: Problem, prompt: str) -> list[Message]:
    if problem.solution is None:
        raise InputError(f"problem {problem.problem_id}", "a written solution to learn from", "use made problems")
    return [*load_prompt(prompt).messages(problem), Message("assistant", problem.solution)]


def _examples(
    conversations: list[list[Message]], template: ChatTemplate, context_tokens: int
) -> list[tuple[list[int], list[bool]]]:
    examples = [template.render_example(turns) for turns in conversations]
    longest = max(len(ids) for ids, _ in examples)
    if longest > context_tokens:
        raise InputError(
            f"context_tokens={context_tokens}",
            f"at least {longest}, the longest example",
            "raise it, or shorten prompts",
        )
    return examples


def _model(config: ColdStartConfig, tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    heads = config.width // 64
    shape = LlamaConfig(
        vocab_size=math.ceil(len(tokenizer) / 64) * 64,  # a multiple of 64, as engines and tensor cores like it
        hidden_size=config.width,
        intermediate_size=3 * config.width,
        num_hidden_layers=config.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=64,
        max_position_embeddings=config.context_tokens,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(shape)


def _train(model: Any, examples: list[tuple[list[int], list[bool]]], config: ColdStartConfig) -> Iterator[float]:
    """The loss of each step: AdamW, warm-up, then a cosine to a tenth."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    warm = max(1, int(_WARM_UP * config.steps))
    draws = _batches(len(examples), config.sequences, Random(config.seed))
    for step, chosen in enumerate(itertools.islice(draws, config.steps)):
        done = max(0, step - warm) / max(1, config.steps - warm)
        rate = min(1.0, (step + 1) / warm) * (0.55 + 0.45 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate * config.learning_rate
        ids_BL, learned_BL = _padded([examples[index] for index in chosen], model.config.pad_token_id)
        hidden_BLD = model.model(
            input_ids=ids_BL, attention_mask=(ids_BL != model.config.pad_token_id)
        ).last_hidden_state
        wanted_BL = learned_BL[:, 1:]  # the state before a token predicts it
        loss = linear_cross_entropy(hidden_BLD[:, :-1][wanted_BL], model.lm_head.weight, ids_BL[:, 1:][wanted_BL])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield loss.item()


def _batches(examples: int, size: int, draw: Random) -> Iterator[list[int]]:
    """Every example once, in a drawn order, then all again in another."""
    waiting: list[int] = []
    while True:
        while len(waiting) < size:
            waiting += draw.sample(range(examples), examples)
        yield waiting[:size]
        waiting = waiting[size:]


def _padded(examples: list[tuple[list[int], list[bool]]], pad: int) -> tuple[Tensor, Tensor]:
    longest = max(len(ids) for ids, _ in examples)
    ids_BL = torch.tensor([ids + [pad] * (longest - len(ids)) for ids, _ in examples])
    learned_BL = torch.tensor([mask + [False] * (longest - len(mask)) for _, mask in examples])
    return ids_BL, learned_BL


def main() -> None:
    """The command line: a configuration."""
    parser = argparse.ArgumentParser(prog="python -m rl.cold_start", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    cold_start(load_config(parser.parse_args().config, ColdStartConfig, ()), Console())


if __name__ == "__main__":
    main()
