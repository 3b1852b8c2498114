"""Contenders of `benchmarks.grpo_gpu`: our learner and TRL's on one batch, with random weights made on the device.

In: a scale and an empty folder, which gets a configuration and a tokenizer but no weights. Out: `score` and `update`
to call, timed and with their peak memory by `Measured`.

Legend: T tokens read, K completion tokens.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch

from rl.planning.memory import learner_memory, total
from rl.planning.shape import model_config, shape_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.grpo_gpu import Scale

# Dense bfloat16, operations a second, by the data sheets.
RATES = {"H100": 989e12, "H200": 989e12, "A100": 312e12}
_FIRST_ID = 10
Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed, and the operations that a model of this shape needs for an update."""

    score: Call
    update: Call
    operations: float


@dataclass(frozen=True, slots=True)
class OurLearner:
    """Ours, with the plan's bytes for it."""

    work: Work
    planned_bytes: int


class Measured:
    """Medians of seconds after a round to warm up, and the peak of the rounds that were timed."""

    def __init__(self, work: Work, rounds: int) -> None:
        self._work = work
        self._seconds: dict[str, list[float]] = {"score": [], "update": []}
        for number in range(rounds + 1):
            if number == 1 and torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            for name, call in (("score", work.score), ("update", work.update)):
                seconds = _seconds(call)
                if number:
                    self._seconds[name].append(seconds)

    def found(self) -> dict[str, Any]:
        """Everything a row of the table shows."""
        device, rate, source = _device_rate()
        return {name: statistics.median(values) for name, values in self._seconds.items()} | {
            "operations": self._work.operations,
            "peak": _peak_bytes(),
            "device": device,
            "device_rate": rate,
            "rate_source": source,
        }


def our_learner(scale: Scale, folder: Path, *, master_weights: bool) -> OurLearner:
    """`rl.learner.Learner`: 8-bit moments, checkpointed layers, everything in one micro-batch."""
    from rl.grpo_config import GrpoConfig
    from rl.learner import Learner
    from rl.trajectories import TrainSequence

    save_shape(scale, folder)
    learner = {
        "dtype": scale.dtype,
        "optimizer": "adamw_8bit",
        "gradient_dtype": scale.dtype,
        "master_weights": master_weights,
        "checkpoint_activations": True,
        "micro_batch_tokens": scale.sequences * scale.length,
        "device": _device(),
    }
    values = {"name": "b", "model": str(folder), "problems": {"path": "none"}, "steps": 1, "preset": "dr_grpo"}
    config = GrpoConfig.model_validate(values | {"learner": learner})
    with random_weights():
        made = Learner(
            str(folder), config.learner, config.loss, max_length=scale.length - scale.prompt, temperature=1.0
        )
    sequences = [
        TrainSequence(prompt_ids=prompt, completion_ids=completion, advantages=(advantage,) * len(completion))
        for prompt, completion, advantage in _rows(scale, made.model.config.vocab_size)
    ]
    shape = shape_of(model_config(str(folder)), config.learner)
    parts = learner_memory(
        config, shape, step_tokens=scale.sequences * scale.length, on_gpu=torch.cuda.is_available()
    )
    work = Work(lambda: made.score(sequences), lambda: made.update(sequences), operations(scale, folder))
    return OurLearner(work, total(parts))


def their_learner(scale: Scale, folder: Path) -> Work:
    """TRL's scores without gradients; then its loss, backward, clipping and torch's AdamW on weights as they are."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    save_shape(scale, folder)
    with random_weights():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, scale.dtype)).to(_device())
    rows = _rows(scale, model.config.vocab_size)

    def rollout(_: Any, __: Any) -> dict[str, Any]:
        return {
            "prompt_ids": [list(prompt) for prompt, *_ in rows],
            "completion_ids": [list(completion) for _, completion, _ in rows],
            "logprobs": [[0.0] * len(completion) for _, completion, _ in rows],
        }

    settings = GRPOConfig(
        output_dir=str(folder / "trl"),
        use_cpu=not torch.cuda.is_available(),
        bf16=False,  # the weights are bfloat16 themselves: autocast would add copies
        gradient_checkpointing=True,
        optim="adamw_torch",
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        logging_strategy="no",
        loss_type="dr_grpo",
        beta=0.0,
        learning_rate=1e-6,
        lr_scheduler_type="constant",
        num_generations=scale.sequences,
        per_device_train_batch_size=scale.sequences,
        gradient_accumulation_steps=1,
        max_completion_length=scale.length - scale.prompt,
    )
    trainer: Any = GRPOTrainer(
        model=model,
        reward_funcs=[lambda **_: [float(advantage > 0) for *_, advantage in rows]],
        args=settings,
        train_dataset=Dataset.from_list([{"prompt": "w"}]),
        processing_class=AutoTokenizer.from_pretrained(folder),
        rollout_func=rollout,
    )
    return Work(*_their_calls(trainer, scale), operations(scale, folder))


def _their_calls(trainer: Any, scale: Scale) -> tuple[Call, Call]:
    trainer.create_optimizer()
    trainer.model.gradient_checkpointing_enable({"use_reentrant": False})
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    batch = trainer._generate_and_score_completions([{"prompt": "w"}] * scale.sequences)
    batch.pop("sampling_per_token_logps", None)

    def score() -> None:
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], dim=1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], dim=1)
        with torch.no_grad():
            trainer._get_per_token_logps_and_entropies(
                trainer.model, ids, mask, batch["completion_ids"].shape[1], batch_size=scale.sequences
            )

    def update() -> None:
        trainer.compute_loss(trainer.model, batch).backward()
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()

    return score, update


# --- the model -----------------------------------------------------------------------------------------------------


def save_shape(scale: Scale, folder: Path) -> None:
    """A configuration and a tokenizer of one word a number."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen2Config

    if scale.model == "tiny":
        config: Any = Qwen2Config(
            vocab_size=512, hidden_size=64, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512, tie_word_embeddings=False,
        )  # fmt: skip
    else:
        config = model_config(scale.model)
    config.save_pretrained(folder)
    words = {"w": 0, "<pad>": 1, "<end>": 2}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>").save_pretrained(folder)


@contextmanager
def random_weights() -> Iterator[None]:
    """transformers makes weights on the device instead of reading them: 15 GB that nobody has to write."""
    from transformers import AutoConfig, AutoModelForCausalLM

    def make(folder: str | Path, *, dtype: torch.dtype, **_: Any) -> Any:
        torch.manual_seed(0)
        with torch.device(_device()):
            return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), dtype=dtype)

    with mock.patch.object(AutoModelForCausalLM, "from_pretrained", make):
        yield


def operations(scale: Scale, folder: Path) -> float:
    """Of a forward and a backward: 6 a parameter and token, and attention within each sequence."""
    from rl.learner import LearnerConfig

    shape = shape_of(model_config(str(folder)), LearnerConfig(dtype="float32"))
    linear = 6.0 * (shape.parameters - shape.embedding - shape.head) * scale.sequences * scale.length
    head = 6.0 * shape.head * scale.sequences * (scale.length - scale.prompt)
    # Scores and values: 2 operations each, half of the square is masked; the backward is two forwards.
    attention = 6.0 * shape.layers * shape.attention_width * scale.sequences * scale.length**2
    return linear + head + attention


def _rows(scale: Scale, vocabulary: int) -> list[tuple[tuple[int, ...], tuple[int, ...], float]]:
    """Prompt, completion and advantage; one group, one prompt, half of it right."""
    draw = random.Random(0)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(_FIRST_ID, vocabulary) for _ in range(count))

    prompt = ids(scale.prompt)
    return [(prompt, ids(scale.length - scale.prompt), 1.0 - 2.0 * (row % 2)) for row in range(scale.sequences)]


# --- measuring -----------------------------------------------------------------------------------------------------


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _seconds(call: Call) -> float:
    _wait()
    began = time.perf_counter()
    call()
    _wait()
    return time.perf_counter() - began


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _peak_bytes() -> int:
    """Allocated on the device; on a CPU the whole process at its largest, libraries too."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _device_rate() -> tuple[str, float, str]:
    """Name, operations a second, and where that number is from."""
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    for known, rate in RATES.items():
        if known in name:
            return name, rate, "data sheet, dense bfloat16"
    size = 512
    left = torch.randn(size, size, device=_device())
    seconds = min(_seconds(lambda: left @ left) for _ in range(5))
    return name, 2.0 * size**3 / seconds, "a product measured here"
