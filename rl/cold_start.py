"""A tiny policy from nothing: a tokenizer and a Llama of two layers, taught made problems until it solves some.

    python -m rl.cold_start configs/tiny-policy.yaml

For demos, tests and trying a loop on a laptop, in a minute or two; not for use. In: a `ColdStartConfig`. Out: a
folder in transformers' format (heads of 64, which vLLM's CPU build needs), with a tokenizer whose digits stand alone,
our ChatML template, pad and end of text apart. The problems are the training split of made ones, the prompts
generation's own; `rl.sft` does the teaching.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from rich.console import Console

from mathpipe.core.config import Config, load_config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.generate.prompts import load_prompt
from mathpipe.generate.templates import ChatTemplate, Message
from mathpipe.generate.templates.chat_template import load_template_file
from mathpipe.generation import ProblemSource, TemplateSource, problems_of
from rl.sft import save, train
from rl.sft_config import SftConfig
from rl.sft_examples import Example, example_of

BOS, PAD, START, END = "<s>", "<pad>", "<|im_start|>", "<|im_end|>"
_REPORTS = 5


class ColdStartConfig(Config):
    """What is taught, to how large a model, for how long. Sizes in tokens, layers and dimensions.

    `worked` is the share of texts that show their steps; the others guess, up to `off` beside the truth. A policy
    that learned from both answers in both ways, and GRPO has something to choose.
    """

    folder: Path
    templates: TemplateSource
    worked: float = Field(default=1.0, ge=0, le=1)
    off: int = Field(default=9, ge=1)
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
    rng = random.Random(config.seed)
    conversations = [
        _conversation(
            problem, config.prompt, None if rng.random() < config.worked else rng.randint(-config.off, config.off)
        )
        for problem in problems_of(source)
    ]
    tokenizer = make_tokenizer(conversations, config.vocabulary)
    examples = _examples(conversations, ChatTemplate(tokenizer, "tokenizer"), config.context_tokens)
    torch.manual_seed(config.seed)
    model = _model(config, tokenizer).to("cuda" if torch.cuda.is_available() else "cpu")
    teaching = SftConfig(
        steps=config.steps, sequences=config.sequences, learning_rate=config.learning_rate, seed=config.seed
    )
    for step, done in enumerate(train(model, examples, teaching), start=1):
        if step % max(1, config.steps // _REPORTS) == 0:
            seconds = time.perf_counter() - started
            console.print(f"step {step} of {config.steps}: loss {done.loss:.3f}, {seconds:.0f} s")
    save(model, tokenizer, config.folder)
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


def _conversation(problem: Problem, prompt: str, off: int | None) -> list[Message]:
    """The problem with its solution, or with a guess so far off."""
    if problem.solution is None or problem.answer is None:
        raise InputError(f"problem {problem.problem_id}", "a written solution to learn from", "use made problems")
    text = problem.solution
    if off is not None:
        if not problem.answer.lstrip("-").isdecimal():
            raise InputError(
                f"worked below 1: answer {problem.answer}", "whole numbers to guess", "use other templates"
            )
        text = text.splitlines()[-1].replace(problem.answer, str(int(problem.answer) + off))
    return [*load_prompt(prompt).messages(problem), Message("assistant", text)]


def _examples(conversations: list[list[Message]], template: ChatTemplate, context_tokens: int) -> list[Example]:
    examples = [template.render_example(turns) for turns in conversations]
    longest = max(len(ids) for ids, _ in examples)
    if longest > context_tokens:
        raise InputError(
            f"context_tokens={context_tokens}",
            f"at least {longest}, the longest example",
            "raise it, or shorten prompts",
        )
    return [example_of(ids, learned) for ids, learned in examples]


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


def main() -> None:
    """The command line: a configuration."""
    parser = argparse.ArgumentParser(prog="python -m rl.cold_start", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    cold_start(load_config(parser.parse_args().config, ColdStartConfig, ()), Console())


if __name__ == "__main__":
    main()
