"""A GRPO step by our trainer and by TRL's, on a CPU, side by side: the learner alone, and the whole step.

    python -m benchmarks.grpo_step [--quick]

In: nothing; a policy that `rl.cold_start` makes in half a minute, and a random Llama with a larger vocabulary.
Learner: the same trajectories are scored (as a correction for the sampler needs it) and learned from, one optimizer
step, fp32; ours scores in the pass that learns, so that there is no time of its own to show. Whole step: sampling,
verdicts, scores, update, and renewal of the sampler's weights, 16 problems in groups of 8, with `generate` in both
and with vLLM in both; ours also writes its samples, journal and probes the sampler. TRL cannot load weights into
vLLM on a CPU (its row says what happens); a second row gives it our way of loading them. Every contender of the
whole step is a process of its own on one thread; they take turns, figures are medians over rounds, by the clock and
in seconds of a core (verifiers, the same in both, run in a process that is not counted there). Out: tables, and exit
status 1 where ours is not 1.3 times as fast.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contender_process import ONE_THREAD, ContenderProcess, Took, only_answers_on_stdout
from benchmarks.random_llama import save_random_llama

GROUPS, SAMPLES, MAX_TOKENS = 16, 8, 96
SEQUENCES = GROUPS * SAMPLES
MICRO_BATCHES = (1, 4)  # a step of TRL's learner is cut into so many; the whole step takes the faster one
POLICY, WIDE, WIDE_GROUPS = "the policy (width 128, some 400 tokens)", "width 256, vocabulary 16,384", 2
LENGTHS = {"equal": (96, 96), "mixed": (8, 192)}
TARGET = 1.3
_FIRST_ID, _LAST_ID = 5, 339  # of cold_start's tokenizer: no special tokens


@dataclass(frozen=True, slots=True)
class Way:
    """A contender: its row, and what its process is told."""

    title: str
    kind: str
    engine: str


# Without vLLM TRL trusts its sampler; ours corrects for it all the same.
WAYS = {
    "transformers": [
        Way("ours", "ours", "transformers"),
        Way("ours, groups that agree dropped", "ours-dropping", "transformers"),
        Way("TRL, generate", "trl", "transformers"),
        Way("TRL with our head, generate", "trl-head", "transformers"),
    ],
    "vllm": [
        Way("ours", "ours", "vllm"),
        Way("ours, groups that agree dropped", "ours-dropping", "vllm"),
        Way("TRL, vLLM", "trl", "vllm"),
        Way("TRL, vLLM, weights loaded our way", "trl", "vllm-reload"),
        Way("TRL with our head, the same", "trl-head", "vllm-reload"),
    ],
}


class Contender:
    """A process that takes a step when it is told to. `failure` is the last line of its log where it died."""

    def __init__(self, way: Way, policy: Path, parts: int) -> None:
        self.way, self.failure = way, ""
        self._process = ContenderProcess(
            "benchmarks.grpo_step",
            ["--contender", way.kind, way.engine, str(policy), str(parts)],
            MASTER_PORT=str(free_port()),  # TRL's vLLM listens there
        )

    def step(self) -> Took | None:
        """One step; None where the process is gone."""
        took = self._process.ask({})
        if took is None:
            lines = self._process.log()
            errors = [found.group() for line in lines if (found := re.search(r"\w*Error\b.*", line))]
            self.failure = (errors or lines or ["no word"])[-1]
            if self.way.kind.startswith("ours"):
                raise SystemExit("\n".join(["ours died:", *lines[-20:]]))
        return took

    def close(self) -> None:
        """Let it end."""
        self._process.close()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, one shape")
    parser.add_argument("--contender", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contender:
        kind, engine, model, parts = asked.contender
        contend(kind, engine, Path(model), int(parts))
        return 0
    os.environ.update(ONE_THREAD)
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        policy = make_policy(Path(folder) / "policy")
        parts = [learner(POLICY, policy, lengths, GROUPS, asked.quick, console) for lengths in LENGTHS]
        if not asked.quick:
            learner(WIDE, make_wide(Path(folder) / "wide", policy), "mixed", WIDE_GROUPS, asked.quick, console)
        missed = [whole(engine, policy, parts[-1], asked.quick, console) for engine in ("transformers", "vllm")]
    return min(sum(missed), 1)


# --- models --------------------------------------------------------------------------------------------------------


def make_policy(folder: Path) -> Path:
    """A policy that writes its answers in boxes and gets some right: rewards differ within groups."""
    from mathpipe.generation import TemplateSource
    from rl.cold_start import ColdStartConfig, cold_start

    templates = TemplateSource(names=("arithmetic",), count=1200)
    return cold_start(ColdStartConfig(folder=folder, templates=templates, steps=400), Console(quiet=True))


def make_wide(folder: Path, policy: Path) -> Path:
    """Random weights with a head as large as small models have it; the tokenizer is only carried along."""
    from transformers import AutoTokenizer

    return save_random_llama(folder, AutoTokenizer.from_pretrained(policy), vocabulary=16_384, context=512)


# --- the learner ---------------------------------------------------------------------------------------------------

Rows = list[tuple[tuple[int, ...], tuple[int, ...], float]]  # prompt, completion, reward
Work = dict[str, Callable[[], object]]


def trajectories(lengths: str, groups: int) -> Rows:
    """Groups of random tokens, rewards 0 and 1."""
    rng = Random(3)
    low, high = LENGTHS[lengths]
    rows: Rows = []
    for _ in range(groups):
        prompt = tuple(rng.randrange(_FIRST_ID, _LAST_ID) for _ in range(rng.randrange(40, 80)))
        for _ in range(SAMPLES):
            completion = tuple(rng.randrange(_FIRST_ID, _LAST_ID) for _ in range(rng.randint(low, high)))
            rows.append((prompt, completion, float(rng.random() < 0.5)))
    return rows


def learner(title: str, model: Path, lengths: str, groups: int, quick: bool, console: Console) -> int:
    """The table of one shape and one kind of lengths; gives back into how many micro-batches TRL is faster."""
    import torch

    torch.set_num_threads(1)
    rows, rounds = trajectories(lengths, groups), 3 if quick else 5
    works: dict[str, Work] = {"ours": our_learner(model, rows)}
    for parts in MICRO_BATCHES:
        works[in_parts(parts)] = their_learner(model, rows, parts)
    works["TRL with our head, the same"] = their_learner(model, rows, MICRO_BATCHES[-1], head=True)
    seconds: dict[str, dict[str, list[float]]] = {name: {"score": [], "update": []} for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            for part, call in work.items():
                began = time.process_time()
                call()
                if number:  # the first round warms up
                    seconds[name][part].append(time.process_time() - began)
    table = Table("", "score", "update", "both", "ours is faster by", title_justify="left")
    table.title = f"learner: {title}, {len(rows)} sequences, {lengths} lengths, s of a core, medians of {rounds}"
    both = {name: [sum(pair) for pair in zip(*halves.values(), strict=True)] for name, halves in seconds.items()}
    for name, halves in seconds.items():
        ratio = statistics.median(other / mine for other, mine in zip(both[name], both["ours"], strict=True))
        figures = [statistics.median(values) for values in (*halves.values(), both[name])]
        table.add_row(name, *(f"{figure:.3f}" for figure in figures), f"{ratio:.2f}")
    console.print(table)
    return min(MICRO_BATCHES, key=lambda parts: statistics.median(both[in_parts(parts)]))


def in_parts(parts: int) -> str:
    return f"TRL, {parts} micro-batch{'es' if parts > 1 else ''}"


def our_learner(model: Path, rows: Rows) -> Work:
    """`Learner.update`."""
    from rl.advantages import AdvantageConfig, group_advantages
    from rl.learner import Learner, LearnerConfig, LossConfig
    from rl.trajectories import TrainSequence

    loss = LossConfig(name="grpo", options={"kl": 0.0})
    made = Learner(str(model), LearnerConfig(device="cpu"), loss, max_length=MAX_TOKENS, temperature=1.0)
    rewards = [[reward for *_, reward in rows[at : at + SAMPLES]] for at in range(0, len(rows), SAMPLES)]
    values = [value or 0.0 for group in group_advantages(rewards, AdvantageConfig()) for value in group.advantages]
    sequences = [
        TrainSequence(
            prompt_ids=prompt,
            completion_ids=completion,
            advantages=(value,) * len(completion),
            sampler_logprobs=(-1.0,) * len(completion),
        )
        for (prompt, completion, _), value in zip(rows, values, strict=True)
    ]
    return {"score": lambda: None, "update": lambda: made.update(sequences)}


def their_learner(model: Path, rows: Rows, count: int, *, head: bool = False) -> Work:
    """TRL's scores without gradients, then its loss, backward, clipping and optimizer."""
    import torch
    from datasets import Dataset
    from trl.trainer.utils import split_tensor_dict

    def rollout(_: Sequence[object], __: object) -> dict[str, Any]:
        return {
            "prompt_ids": [list(prompt) for prompt, *_ in rows],
            "completion_ids": [list(completion) for _, completion, _ in rows],
            "logprobs": [[0.0] * len(completion) for _, completion, _ in rows],
        }

    def reward(**_: object) -> list[float]:
        return [value for *_, value in rows]

    size = len(rows) // count
    asked = [{"prompt": str(number // SAMPLES)} for number in range(len(rows))]
    trainer = trl_trainer(
        model,
        [reward],
        Dataset.from_list(asked[::SAMPLES]),
        head=head,
        rollout_func=rollout,
        per_device_train_batch_size=size,
        gradient_accumulation_steps=count,
    )
    trainer.create_optimizer()
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = count
    whole = trainer._generate_and_score_completions(asked)
    whole.pop("sampling_per_token_logps")
    parts = split_tensor_dict(whole, count)

    def score() -> None:
        ids = torch.cat([whole["prompt_ids"], whole["completion_ids"]], dim=1)
        mask = torch.cat([whole["prompt_mask"], whole["completion_mask"]], dim=1)
        with torch.no_grad():
            trainer._get_per_token_logps_and_entropies(
                trainer.model, ids, mask, whole["completion_ids"].shape[1], batch_size=size
            )

    def update() -> None:
        for part in parts:
            trainer.compute_loss(trainer.model, part).backward()
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()

    return {"score": score, "update": update}


def trl_trainer(
    model: Path, rewards: list[Any], data: Any, *, head: bool, rollout_func: Any = None, **more: Any
) -> Any:
    """TRL's trainer with the settings that ours has, in fp32 on one thread."""
    from trl import GRPOConfig, GRPOTrainer

    from rl.trl_interop import policy_head_trainer

    settings = {
        "output_dir": str(model.parent / "trl"),
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_strategy": "no",
        "shuffle_dataset": False,
        "loss_type": "grpo",
        "beta": 0.0,
        "learning_rate": 1e-6,
        "lr_scheduler_type": "constant",
        "num_generations": SAMPLES,
        "max_completion_length": MAX_TOKENS,
        "vllm_importance_sampling_mode": "token_truncate",
        "vllm_importance_sampling_clip_max": 2.0,
    }
    kind = policy_head_trainer() if head else GRPOTrainer
    return kind(
        model=str(model),
        reward_funcs=rewards,
        args=GRPOConfig(**(settings | more)),
        train_dataset=data,
        rollout_func=rollout_func,
    )


# --- the whole step ------------------------------------------------------------------------------------------------


def whole(engine: str, policy: Path, parts: int, quick: bool, console: Console) -> bool:
    """The table of one engine; True where the target is missed."""
    rounds = 3 if quick else 9
    contenders = [Contender(way, policy, parts) for way in WAYS[engine]]
    took: dict[str, list[Took]] = {contender.way.title: [] for contender in contenders}
    try:
        for number in range(rounds + 1):
            for contender in contenders:
                told = None if contender.failure else contender.step()
                if told is not None and number:  # the first step warms up
                    took[contender.way.title].append(told)
    finally:
        for contender in contenders:
            contender.close()
    title = f"whole step, {engine}: {GROUPS} problems of {SAMPLES} samples, at most {MAX_TOKENS} tokens"
    return show(took, {one.way.title: one.failure for one in contenders}, f"{title}, medians of {rounds}", console)


def show(took: Mapping[str, list[Took]], failures: Mapping[str, str], title: str, console: Console) -> bool:
    """Print, and say whether the first row is not 1.3 times as fast as TRL as it is (or as near to it as runs)."""
    (ours, mine), *others = took.items()
    table = Table(
        "", "s", "s of a core", "tokens", "ours is faster by", "of a core", title=title, title_justify="left"
    )
    ratios: dict[str, list[float]] = {}
    for name, told in took.items():
        if failures[name]:
            table.add_row(name, failures[name][:90])
            continue
        columns = ("seconds", "core_seconds")
        ratios[name] = [
            statistics.median(other[column] / one[column] for other, one in zip(told, mine, strict=True))
            for column in columns
        ]
        figures = [statistics.median(one[column] for one in told) for column in columns]
        tokens = statistics.median(one["tokens"] for one in told)
        table.add_row(
            name, *(f"{figure:.2f}" for figure in figures), f"{tokens:,.0f}", *(f"{one:.2f}" for one in ratios[name])
        )
    console.print(table)
    compared = next((ratios[name] for name, _ in others if name in ratios and name.startswith("TRL")), None)
    if compared is None or ours not in ratios:
        console.print("nothing to compare: see above", highlight=False)
        return True
    console.print(
        f"ours {compared[0]:.2f} times as fast by the clock, {compared[1]:.2f} of a core (target {TARGET})",
        highlight=False,
    )
    return min(compared) < TARGET


def contend(kind: str, engine: str, policy: Path, parts: int) -> None:
    """Be a contender: a step for each line of stdin, a line of JSON for each step."""
    import torch

    torch.set_num_threads(1)
    with only_answers_on_stdout() as answers, tempfile.TemporaryDirectory() as folder:
        take = take_ours if kind.startswith("ours") else take_theirs
        for told in take(kind, engine, policy, parts, Path(folder)):
            answers.write(json.dumps(told) + "\n")


def problem_source() -> Any:
    """The problems of both."""
    from mathpipe.generation import ProblemSource, TemplateSource

    return ProblemSource(templates=TemplateSource(names=("arithmetic",), count=1200), split="train")


def take_ours(kind: str, engine: str, policy: Path, __: int, folder: Path) -> Iterator[Took]:
    """`rl.trainer.Trainer.step`."""
    from rl.grpo_config import GrpoConfig
    from rl.trainer import Trainer

    config = GrpoConfig.model_validate(
        {
            "name": "bench",
            "output": folder,
            "model": str(policy),
            "problems": problem_source(),
            "steps": 10_000,
            "loss": {"name": "grpo", "options": {"kl": 0.0}},
            "engine": {"kind": engine, "dtype": "float32", "context_tokens": 512, "max_sequences": SEQUENCES},
            "sampling": {"problems": GROUPS, "samples": SAMPLES, "max_tokens": MAX_TOKENS},
            "learner": {"device": "cpu", "learning_rate": 1e-6},
            "reward": {"correct": 1.0, "form": 0.5},
            "keep_groups_without_variance": kind != "ours-dropping",  # TRL keeps them: the same work
            "guards": {"reward_jump": None},
            "checkpoint": {"every": 10_000},
            "workers": 1,
        }
    )
    with Trainer(config, say=lambda _: None) as trainer:
        for _ in sys.stdin:
            began = _now()
            line = trainer.step()
            yield _since(began) | {"tokens": line.record.tokens_sampled}


def take_theirs(kind: str, engine: str, policy: Path, parts: int, folder: Path) -> Iterator[Took]:
    """`GRPOTrainer.train`, which waits for a line before each of its steps."""
    from mathpipe.generation import problems_of
    from rl.rollout import ProblemStream
    from rl.trl_interop import problem_dataset
    from verify import VerifierPool
    from verify.rewards import Weighted, accuracy_reward, compose, format_reward

    problems = problems_of(problem_source())
    data = problem_dataset(ProblemStream(problems, seed=0).take(len(problems)))
    with VerifierPool(1) as pool:
        trainer = trl_trainer(
            policy,
            [compose(Weighted(accuracy_reward(pool=pool), required=True), Weighted(format_reward(), 0.5))],
            data,
            head=kind == "trl-head",
            output_dir=str(folder),
            per_device_train_batch_size=SEQUENCES // parts,
            gradient_accumulation_steps=parts,
            max_steps=10_000,
            **({} if engine == "transformers" else {"use_vllm": True, "vllm_max_model_length": 512}),
        )
        if engine == "vllm-reload":
            load_weights_our_way(trainer)
        yield from stepwise(trainer)


def stepwise(trainer: Any) -> Iterator[Took]:
    """The steps of a training in another thread's turn: it goes on when the next one is asked for."""
    import queue
    import threading

    from transformers import TrainerCallback

    orders: queue.Queue[bool] = queue.Queue()
    answers: queue.Queue[Took | BaseException] = queue.Queue()

    class Pause(TrainerCallback):
        """Waits for an order before a step, answers after it."""

        began = (0.0, 0.0)

        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if not orders.get():
                control.should_training_stop = True
            self.began = _now()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            length = trainer._metrics["train"]["completions/mean_length"][-1]
            answers.put(_since(self.began) | {"tokens": length * SEQUENCES})

    trainer.add_callback(Pause())

    def train() -> None:
        try:
            trainer.train()
        except Exception as error:  # noqa: BLE001 - handed to the thread that asked
            answers.put(error)

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    for _ in sys.stdin:
        orders.put(True)
        told = answers.get()
        if isinstance(told, BaseException):
            raise told
        yield told


def load_weights_our_way(trainer: Any) -> None:
    """What our vLLM engine does to renew weights: CPU weights are repacked, and only this undoes it."""
    generation = trainer.vllm_generation

    def sync() -> None:
        generation.llm.collective_rpc(
            "reload_weights", kwargs={"weights_iterator": iter(trainer.model.state_dict().items())}
        )
        generation.llm.reset_prefix_cache()

    generation.sync_weights = sync


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(began: tuple[float, float]) -> dict[str, float]:
    clock, core = _now()
    return {"seconds": clock - began[0], "core_seconds": core - began[1]}


if __name__ == "__main__":
    sys.exit(main())
