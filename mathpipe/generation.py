"""From problems to solutions to a training set: what `mathpipe generate` and `mathpipe select` do.

In: a configuration that names problems, an engine and a form. Out, in `output/name`: `problems/` (shards of
`Problem`), `samples/` (shards of `Sample` in the same order), `stored/` (each sample the moment it is finished:
killed and started again, only what is missing is generated), and what every run leaves (`steps/`, `run.json`,
`metrics.jsonl`); `select` adds `selection/` with `sft`, `dpo`, `grpo` and `judged` shards, and keeps its verdicts in
`verdicts.jsonl`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

from pydantic import Field, model_validator
from rich.console import Console

from mathpipe.core.config import Config, OutputFolder, load_config
from mathpipe.core.errors import InputError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.jobs import run_as_job
from mathpipe.core.records import Problem, Sample
from mathpipe.core.runner import Runner
from mathpipe.core.store import read_records, write_records
from mathpipe.evaluation.samples import read_problems, read_samples
from mathpipe.generate import EngineConfig, GenerationConfig
from mathpipe.generate.problems import generate_problems, split_problems
from mathpipe.generation_stage import (
    STEP,
    GenerateStageConfig,
    close_engines,
    forget_spent,
    generation_steps,
    rearrange_store,
    spent_in,
)
from mathpipe.selection import SelectionConfig, VerdictStore, generation_prompts, select, write_selection
from verify import PoolLimits, VerifierPool

PROBLEMS, SAMPLES, STORE = "problems", "samples", "stored"


class TemplateSource(Config):
    """Problems made by our templates: `count` of each, cut into splits by a hash of the question."""

    names: tuple[str, ...] = Field(min_length=1)
    count: int = Field(ge=1)
    difficulty: int = Field(default=1, ge=1, le=5)
    seed: int = 0
    shares: dict[str, float] = Field(default_factory=lambda: {"train": 0.9, "test": 0.1})


class ProblemSource(Config):
    """A benchmark's file or a folder of `Problem` shards (`path`), or made ones (`templates`); one `split` of it."""

    path: Path | None = None
    name: str | None = None
    templates: TemplateSource | None = None
    split: str | None = None
    limit: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> ProblemSource:
        if (self.path is None) == (self.templates is None):
            raise ValueError("either path or templates is needed, and not both")
        return self


class EngineRunnerConfig(RunnerConfig):
    """The runner's settings, for workers that hold a model: in this process (`inline`) unless `mode` is ray.

    `workers` is how many models are loaded, `num_gpus` what each of them gets. A worker takes the memory that its
    engine takes: it is not bounded, and not replaced for its size, for that would load the model anew.
    """

    mode: Mode = Mode.INLINE
    workers: int | None = Field(default=1, ge=1)
    worker_memory_gb: float = Field(default=4096.0, gt=0)
    recycle_memory_gb: float = Field(default=4096.0, gt=0)


class GenerateRunConfig(Config):
    """One run of generation, and how its samples are chosen from afterwards."""

    name: str
    problems: ProblemSource
    engine: EngineConfig
    generation: GenerationConfig = GenerationConfig()
    selection: SelectionConfig = SelectionConfig()
    output: OutputFolder = Path("data/generated")
    shards: int = Field(default=1, ge=1)  # the problems are cut into so many, each a task of a worker
    runner: EngineRunnerConfig = EngineRunnerConfig()
    program_seconds: float = Field(default=10.0, gt=0)  # of one program that a solution holds
    workers: int | None = Field(default=None, ge=1)  # of the verifier pool; None: one a CPU
    pool: PoolLimits = PoolLimits()

    @property
    def folder(self) -> Path:
        """Where everything of this run lies."""
        return self.output / self.name


def problems_of(source: ProblemSource) -> list[Problem]:
    """The problems of a source; raises `InputError` where none is left."""
    found = list(islice(_all_problems(source), source.limit))
    if not found:
        where = source.path or "templates"
        raise InputError(f"problems: {where}", "at least one problem", f"check split={source.split!r} and the path")
    return found


def run_generation(config: GenerateRunConfig, console: Console, *, keep_engine: bool = False) -> None:
    """Generate what the run's store lacks, shard by shard; print where everything is. Resumes after a kill.

    `keep_engine` leaves this process's engine open for another run with the same one; `close_engines` then closes it.
    """
    problems = problems_of(config.problems)
    console.print(
        f"{len(problems):,} problems, {config.generation.samples} samples each, form {config.generation.form}"
    )
    store = config.folder / STORE
    stage = GenerateStageConfig.of(config.engine, config.generation, config.program_seconds, store)
    shards = _cut(problems, config.shards)
    paths = _write_problems(config.folder / PROBLEMS, shards)
    rearrange_store(store, shards)
    forget_spent(store)
    steps = generation_steps(paths, stage)
    runner = Runner(config.folder, steps, config.runner, lambda text: Console(stderr=True).print(text, markup=False))
    try:
        [summary] = runner.run(config)
    finally:
        if not keep_engine:
            close_engines()
    tokens = _publish(config.folder, len(paths))
    generated, spent = spent_in(store)
    console.print(
        f"{summary.rows_out:,} samples ({summary.rows_out - generated:,} were stored before), {tokens:,} tokens; "
        f"engine idle {spent.idle_share:.0%} of its time"
    )
    console.print(f"samples: {config.folder / SAMPLES}", markup=False, highlight=False, soft_wrap=True)


def submit_generation(path: Path, overrides: Sequence[str], address: str, console: Console) -> None:
    """Run a configuration as a Ray job, its shards on the cluster's workers. Raises `InputError` where it fails."""
    load_config(path, GenerateRunConfig, overrides)  # a mistake shows here, not minutes later on the cluster
    run_as_job(
        "generate",
        path,
        ("runner.mode=ray", *overrides),
        address=address,
        say=lambda text: console.print(text, markup=False),
    )


def run_selection(config: GenerateRunConfig, console: Console) -> None:
    """Judge a run's samples and write the training sets; verdicts that are stored are not computed again."""
    if not (config.folder / SAMPLES).is_dir():
        raise InputError(str(config.folder / SAMPLES), "samples of this run", "run mathpipe generate first")
    problems = read_problems(config.folder / PROBLEMS)
    with (
        VerdictStore(config.folder / "verdicts.jsonl") as verdicts,
        VerifierPool(config.workers, config.pool) as pool,
    ):
        chosen = select(problems, read_samples(config.folder / SAMPLES), pool, config.selection, store=verdicts)
    asked = generation_prompts({config.generation.form: config.generation.prompt_name})
    written = write_selection(chosen, config.folder / "selection", asked)
    rows = ", ".join(f"{written.rows(layout):,} {layout}" for layout in written.shards)
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(chosen.counts.items()))
    console.print(f"samples: {fates}")
    console.print(f"rows: {rows}")
    console.print(f"training sets: {config.folder / 'selection'}")


def _all_problems(source: ProblemSource) -> Iterator[Problem]:
    if source.path is not None:
        found = read_problems(source.path, source.name, source.split)
        yield from (problem for problem in found if source.split in {None, problem.split})
        return
    made = source.templates
    if made is None:
        return
    drawn = (
        problem
        for name in made.names
        for problem in generate_problems(name, made.count, seed=made.seed, difficulty=made.difficulty)
    )
    for name, problems in split_problems(drawn, made.shares).items():
        if source.split in {None, name}:
            yield from problems


def _cut(problems: Sequence[Problem], shards: int) -> list[Sequence[Problem]]:
    """Pieces in order whose sizes differ by one at most; no more of them than problems."""
    shards = min(shards, len(problems))
    ends = [len(problems) * number // shards for number in range(shards + 1)]
    return [problems[begin:end] for begin, end in pairwise(ends)]


def _shard(number: int) -> str:
    return f"shard-{number:05d}.parquet"


def _write_problems(folder: Path, shards: Sequence[Sequence[Problem]]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / _shard(number) for number in range(len(shards))]
    for path, problems in zip(paths, shards, strict=True):
        whole = write_records(path.with_suffix(".tmp"), problems, Problem)
        whole.path.replace(path)
    _sweep(folder, len(paths))
    return paths


def _publish(folder: Path, shards: int) -> int:
    """The step's shards under `samples/`, where no manifest and no drops lie between them; their tokens."""
    target = folder / SAMPLES
    target.mkdir(exist_ok=True)
    tokens = 0
    for number in range(shards):
        path = target / _shard(number)
        shutil.copyfile(folder / "steps" / STEP / path.name, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").replace(path)
        tokens += sum(sample.completion_tokens for sample in read_records(path, Sample))
    _sweep(target, shards)
    return tokens


def _sweep(folder: Path, shards: int) -> None:
    """Remove shards of an earlier run that had more of them."""
    for path in sorted(folder.glob("shard-*.parquet"))[shards:]:
        path.unlink()
