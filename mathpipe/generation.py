"""From problems to solutions to a training set: what `mathpipe generate` and `mathpipe select` do.

In: a configuration that names problems, an engine and a form. Out, in `output/name`: `problems/` (shards of
`Problem`), `samples.jsonl` (each sample the moment it is finished: killed and started again, only what is missing is
generated), `samples/` (the same as shards, in the order of the problems); `select` adds `selection/` with `sft`,
`dpo`, `grpo` and `judged` shards, and keeps its verdicts in `verdicts.jsonl`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from pydantic import Field, model_validator
from rich.console import Console

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, Sample
from mathpipe.core.store import write_records
from mathpipe.evaluation.samples import read_problems, read_samples
from mathpipe.generate import EngineConfig, GenerationConfig, ProgramOutput, SampleStore, generate_shard, make_engine
from mathpipe.generate.problems import generate_problems, split_problems
from mathpipe.selection import SelectionConfig, VerdictStore, generation_prompts, select, write_selection
from verify import Limits, PoolLimits, VerifierPool, extract_answer, run_program
from verify.programs import ProgramStatus

PROBLEMS, SAMPLES, STORE = "problems/shard-00000.parquet", "samples/shard-00000.parquet", "samples.jsonl"


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


class GenerateRunConfig(Config):
    """One run of generation, and how its samples are chosen from afterwards."""

    name: str
    problems: ProblemSource
    engine: EngineConfig
    generation: GenerationConfig = GenerationConfig()
    selection: SelectionConfig = SelectionConfig()
    output: Path = Path("data/generated")
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


def run_generation(config: GenerateRunConfig, console: Console) -> list[Sample]:
    """Generate what the run's store lacks; print where everything is. Resumes after a kill."""
    problems = problems_of(config.problems)
    console.print(
        f"{len(problems):,} problems, {config.generation.samples} samples each, form {config.generation.form}"
    )
    _write(config.folder / PROBLEMS, problems, Problem)
    with make_engine(config.engine) as engine, SampleStore(config.folder / STORE) as store:
        stored = len(store)
        samples, spent = generate_shard(
            problems,
            engine,
            config.generation,
            store,
            run=_ProgramRunner(config.program_seconds),
            extract=extract_answer,
        )
    _write(config.folder / SAMPLES, samples, Sample)
    tokens = sum(sample.completion_tokens for sample in samples)
    console.print(
        f"{len(samples):,} samples ({stored:,} were stored before), {tokens:,} tokens; engine idle "
        f"{spent.idle_share:.0%} of its time"
    )
    console.print(f"samples: {config.folder / SAMPLES}")
    return samples


def run_selection(config: GenerateRunConfig, console: Console) -> None:
    """Judge a run's samples and write the training sets; verdicts that are stored are not computed again."""
    if not (config.folder / SAMPLES).is_file():
        raise InputError(str(config.folder / SAMPLES), "samples of this run", "run mathpipe generate first")
    problems = read_problems(config.folder / "problems")
    with (
        VerdictStore(config.folder / "verdicts.jsonl") as verdicts,
        VerifierPool(config.workers, config.pool) as pool,
    ):
        chosen = select(problems, read_samples(config.folder / "samples"), pool, config.selection, store=verdicts)
    asked = generation_prompts({config.generation.form: config.generation.prompt_name})
    written = write_selection(chosen, config.folder / "selection", asked)
    rows = ", ".join(f"{written.rows(layout):,} {layout}" for layout in written.shards)
    fates = ", ".join(f"{count:,} {fate}" for fate, count in sorted(chosen.counts.items()))
    console.print(f"samples: {fates}")
    console.print(f"rows: {rows}")
    console.print(f"training sets: {config.folder / 'selection'}")


def _all_problems(source: ProblemSource) -> Iterator[Problem]:
    if source.path is not None:
        yield from read_problems(source.path, source.name, source.split)
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


def _write(path: Path, records: Sequence[Problem] | Sequence[Sample], kind: type) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_records(path, records, kind)


class _ProgramRunner:
    """Runs one program in the sandbox, for the forms that need it."""

    def __init__(self, seconds: float) -> None:
        self._limits = Limits(wall_seconds=seconds, cpu_seconds=seconds)

    def __call__(self, code: str) -> ProgramOutput:
        result = run_program(code, limits=self._limits)
        return ProgramOutput(result.shown(), result.status is ProgramStatus.OK, result.seconds)
