"""Supervised fine-tuning on packed examples: the loop behind the cold start, rejection sampling and expert iteration.

    python -m rl.sft CONFIG.yaml        # an `SftRunConfig`: model and selected solutions in, policy out

In: a causal model of transformers, and examples (token ids, and which of them are learned). Out: the model, changed
in place; `run_sft` writes it in transformers' format with its tokenizer. The loss is the mean cross-entropy of a
step's learned tokens, straight from the hidden states (`rl.kernels.linear_cross_entropy`); sequences lie behind one
another without padding (`rl.packing`). On the CPU the same examples, configuration and number of threads give the
same weights.

Legend: T tokens read, K completion tokens, D width.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from mathpipe.core.config import load_config
from mathpipe.core.errors import InputError, MathpipeError
from rl.kernels import linear_cross_entropy, patch
from rl.learner.model import load_tokenizer
from rl.packed_attention import starts_of, use_packed_attention
from rl.packing import Packed, micro_batches, pack
from rl.sft_config import SftConfig, SftRunConfig
from rl.sft_examples import Example, examples_of, read_rows

_REPORTS = 5
_NOT_LEARNED = -100


@dataclass(frozen=True, slots=True)
class SftStep:
    """One optimizer step: the mean loss of its learned tokens, and how many there were."""

    loss: float
    tokens: int
    grad_norm: float
    learning_rate: float


@dataclass(frozen=True, slots=True)
class SftReport:
    """What a training came to. Losses are means over the first and the last tenth of the steps."""

    rows: int
    too_long: int
    steps: int
    learned_tokens: int
    first_loss: float
    last_loss: float
    seconds: float


def train(model: Any, examples: Sequence[Example], config: SftConfig) -> Iterator[SftStep]:
    """Teach the model in place; a step is done when it is yielded. Raises `InputError` for no examples."""
    if not examples:
        raise InputError("training", "at least one example", "keep more samples: see the selection's summary.json")
    steps = config.steps_for(len(examples))
    use_packed_attention(model)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
    )
    draws = batches(len(examples), config.sequences, Random(config.seed))
    with patch(model):
        for step, places in enumerate(itertools.islice(draws, steps)):
            rate = config.learning_rate * rate_at(step, steps, config)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            loss, tokens = _backward(model, [examples[place] for place in places], config)
            norm = torch.nn.utils.clip_grad_norm_(parameters, config.max_grad_norm)
            optimizer.step()
            yield SftStep(loss, tokens, norm.item(), rate)


def rate_at(step: int, steps: int, config: SftConfig) -> float:
    """The share of the learning rate at a step: a rising line, then a cosine to `last_rate`."""
    warm = max(1, int(config.warm_up * steps))
    done = max(0, step - warm) / max(1, steps - warm)
    fall = config.last_rate + (1 - config.last_rate) * (1 + math.cos(math.pi * done)) / 2
    return min(1.0, (step + 1) / warm) * fall


def batches(examples: int, size: int, draw: Random) -> Iterator[list[int]]:
    """Every example once, in a drawn order, then all again in another."""
    waiting: list[int] = []
    while True:
        while len(waiting) < size:
            waiting += draw.sample(range(examples), examples)
        yield waiting[:size]
        waiting = waiting[size:]


def _backward(model: Any, examples: Sequence[Example], config: SftConfig) -> tuple[float, int]:
    """The gradient of the step's mean loss: each micro-batch's sum is divided by the whole step's tokens."""
    tokens = sum(sum(example.learned) for example in examples)
    total = 0.0
    lengths = [len(example.prompt_ids) + len(example.completion_ids) - 1 for example in examples]
    for places in micro_batches(lengths, config.micro_batch_tokens):
        chosen = [examples[place] for place in places]
        packed = pack(chosen, model.device)
        learned_K = torch.tensor([flag for example in chosen for flag in example.learned], device=model.device)
        target_K = torch.where(learned_K, packed.target_K, _NOT_LEARNED)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=config.dtype == "bfloat16"):
            summed = linear_cross_entropy(
                _states(model, packed), model.lm_head.weight, target_K, ignore_index=_NOT_LEARNED, reduction="sum"
            )
        loss: Any = summed / tokens
        loss.backward()
        total += loss.item()
    return total, tokens


def _states(model: Any, packed: Packed) -> Tensor:
    """The states that predict the completions' tokens, shape (K, D)."""
    hidden_1TD = model.model(
        input_ids=packed.ids_T[None],
        position_ids=packed.positions_T[None],
        use_cache=False,
        packed_starts=starts_of(packed),
    ).last_hidden_state
    states_KD: Tensor = hidden_1TD[0].index_select(0, packed.state_K)
    return states_KD


def run_sft(config: SftRunConfig, console: Console) -> SftReport:
    """Read, teach, write; `output` appears when it is whole, `training.json` lies beside it."""
    started = time.perf_counter()
    tokenizer = load_tokenizer(config.model)
    rows = read_rows(config.data)
    examples = examples_of(rows, tokenizer, config.template, config.context_tokens)
    torch.manual_seed(config.training.seed)
    model, stored = _load(config)
    done: list[SftStep] = []
    steps = config.training.steps_for(len(examples))
    for step in train(model, examples, config.training):
        done.append(step)
        if len(done) % max(1, steps // _REPORTS) == 0:
            console.print(f"step {len(done)} of {steps}: loss {step.loss:.3f}")
    tenth = max(1, len(done) // 10)
    report = SftReport(
        rows=len(examples),
        too_long=len(rows) - len(examples),
        steps=len(done),
        learned_tokens=sum(step.tokens for step in done),
        first_loss=sum(step.loss for step in done[:tenth]) / tenth,
        last_loss=sum(step.loss for step in done[-tenth:]) / tenth,
        seconds=round(time.perf_counter() - started, 2),
    )
    save(model.to(stored), tokenizer, config.output)
    beside = config.output.parent / "training.json"
    beside.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
    console.print(f"policy: {config.output}", markup=False, highlight=False, soft_wrap=True)
    return report


def _load(config: SftRunConfig) -> tuple[Any, torch.dtype]:
    """The model in fp32 without dropout on its device, and the dtype that it is stored in."""
    from transformers import AutoModelForCausalLM

    wanted = config.training.device
    device = wanted if wanted != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(config.model, dtype="auto")
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"model {config.model}", f"a model that transformers loads ({reason})", "check it") from None
    stored = model.dtype
    return model.to(device=device, dtype=torch.float32).eval(), stored


def save(model: Any, tokenizer: Any, folder: Path) -> None:
    """Model and tokenizer in transformers' format; a folder that is there is whole."""
    unfinished = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.replace(folder)


def main() -> None:
    """The command line: a configuration."""
    parser = argparse.ArgumentParser(prog="python -m rl.sft", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("config", type=Path)
    try:
        run_sft(load_config(parser.parse_args().config, SftRunConfig), Console())
    except MathpipeError as error:
        raise SystemExit(f"mathpipe: {error}") from None


if __name__ == "__main__":
    main()
