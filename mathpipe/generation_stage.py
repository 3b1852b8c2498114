"""Generation as a step of a run: problems in shards, one engine a worker, here or on Ray, resumed by the sample.

In: shards of `Problem`. Out: `Sample` shards in the order of the problems. A shard that a kill left half done is a
task that runs again, and a task's own files go with it; so finished samples are stored in a folder of the run
(`SampleStore`), which the next attempt reads, in whichever worker it runs. No stored sample is generated again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.manifest import code_digest, digest_of
from mathpipe.core.records import Drop, Problem, Sample
from mathpipe.core.stage import Stage, StageContext
from mathpipe.core.step import Files, Step
from mathpipe.core.store import read_records
from mathpipe.generate import (
    Engine,
    EngineConfig,
    EngineTime,
    GenerationConfig,
    ProgramOutput,
    SampleStore,
    generate_shard,
    make_engine,
)
from mathpipe.generate.engines.config import model_fingerprint
from mathpipe.generate.prompts import load_prompt
from verify import Limits, extract_answer, run_program
from verify.programs import ProgramStatus

# A worker of a run that was killed ends when Ray has noticed; until then it holds the lock on its shard's samples.
_WRITER_SECONDS = 60.0
_SPENT = ".spent.json"


class GenerateStageConfig(Config):
    """What decides the samples of a shard, and where those that are finished lie.

    `deciding` digests what these values only name: weights, prompts, code. `store` is no part of the shard's key.
    """

    engine: EngineConfig
    generation: GenerationConfig
    program_seconds: float
    deciding: str
    store: Path = Field(exclude=True)

    @classmethod
    def of(
        cls, engine: EngineConfig, generation: GenerationConfig, program_seconds: float, store: Path
    ) -> GenerateStageConfig:
        """The configuration as things stand now: a policy trained further is another one."""
        template = Path(engine.template)
        deciding = digest_of(
            model_fingerprint(engine, engine.kind),
            load_prompt(generation.prompt_name).model_dump_json(),
            template.read_text(encoding="utf-8") if template.is_file() else "",
            code_digest("mathpipe.generate"),
            code_digest("verify"),
        )
        return cls(
            engine=engine,
            generation=generation,
            program_seconds=program_seconds,
            deciding=deciding,
            store=store.absolute(),
        )


class GenerateStage(Stage[Problem, Sample]):
    """All samples of a shard's problems. It gathers: a problem has several samples, which finish in any order."""

    per_record = False

    def __init__(self, config: GenerateStageConfig, context: StageContext) -> None:
        self._config = config
        self._shard = context.shard_index

    def run(self, shard: Iterable[Problem]) -> Iterator[Sample | Drop]:
        """The samples in the order of problems and indices; only what the store lacks is generated."""
        problems, config = list(shard), self._config
        engine = engine_of(config.engine)
        path = store_path(config.store, self._shard, problems)
        with SampleStore(path, wait_seconds=_WRITER_SECONDS) as store:
            before = len(store)
            samples, spent = generate_shard(
                problems,
                engine,
                config.generation,
                store,
                run=ProgramRunner(config.program_seconds),
                extract=extract_answer,
            )
            row = {"generated": len(store) - before, **asdict(spent)}
            path.with_suffix(_SPENT).write_text(json.dumps(row), encoding="utf-8")
        yield from samples


class ProgramRunner:
    """Runs one program in the sandbox, for the forms that need it."""

    def __init__(self, seconds: float) -> None:
        self._limits = Limits(wall_seconds=seconds, cpu_seconds=seconds)

    def __call__(self, code: str) -> ProgramOutput:
        """What it showed, and whether it ended well."""
        result = run_program(code, limits=self._limits)
        return ProgramOutput(result.shown(), result.status is ProgramStatus.OK, result.seconds)


_opened: dict[str, Engine] = {}


def engine_of(config: EngineConfig) -> Engine:
    """This process's engine: loaded for the first shard, kept for the next, closed before another one is loaded.

    A model that was saved anew in its folder is another one.
    """
    key = digest_of(config.model_dump_json(), model_fingerprint(config, config.kind))
    if key not in _opened:
        close_engines()
        _opened[key] = make_engine(config, partial(print, file=sys.stderr))
    return _opened[key]


def close_engines() -> None:
    """Free what `engine_of` loaded. Workers on Ray need no such call: their processes end with the run."""
    while _opened:
        _opened.popitem()[1].close()


def store_path(folder: Path, shard: int, problems: Sequence[Problem]) -> Path:
    """Where the finished samples of a shard lie: under its number and a digest of its problems' ids."""
    return folder / f"{shard:05d}-{digest_of(*(problem.problem_id for problem in problems))[:16]}.jsonl"


def rearrange_store(folder: Path, shards: Sequence[Sequence[Problem]]) -> None:
    """Hand on what an earlier run stored, where the problems are cut into other shards now: nothing is written twice.

    A file goes when all its samples have found a place; those of problems that this run has not stay where they are.
    """
    paths = [store_path(folder, number, problems) for number, problems in enumerate(shards)]
    place = {one.problem_id: path for path, problems in zip(paths, shards, strict=True) for one in problems}
    for old in sorted(set(folder.glob("*.jsonl")) - set(paths)):
        with SampleStore(old, wait_seconds=_WRITER_SECONDS) as store:
            samples = list(store)
        for path in sorted({place[one.problem_id] for one in samples if one.problem_id in place}):
            with SampleStore(path, wait_seconds=_WRITER_SECONDS) as store:
                for sample in samples:
                    if place.get(sample.problem_id) == path and sample.sample_id not in store:
                        store.add(sample)
        if all(one.problem_id in place for one in samples):
            old.unlink()


def forget_spent(folder: Path) -> None:
    """Before a run: what shards spent in earlier ones."""
    for path in folder.glob(f"*{_SPENT}"):
        path.unlink()


def spent_in(folder: Path) -> tuple[int, EngineTime]:
    """How many samples the shards made since `forget_spent`, and their engines' seconds together."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob(f"*{_SPENT}"))]
    total = EngineTime(**{field.name: sum(row[field.name] for row in rows) for field in fields(EngineTime)})
    return sum(row["generated"] for row in rows), total


def read_problem_shard(path: str) -> Iterator[Problem]:
    """The problems of one shard."""
    yield from read_records(Path(path), Problem)


def generation_steps(paths: Sequence[Path], config: GenerateStageConfig) -> list[Step]:
    """The one step of such a run, over shards of problems."""
    source = Files(tuple(map(str, paths)), read_problem_shard)
    return [Step(STEP, GenerateStage, config, source, Problem, Sample)]


STEP = "generate"
