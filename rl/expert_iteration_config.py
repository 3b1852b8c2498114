"""What expert iteration does, as frozen configuration, and what each phase of a round is told.

In: one `ExpertIterationConfig`. Out: the configurations of its phases, each of which a person can run alone too:
`mathpipe generate` takes those of sampling, `python -m rl.sft` those of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.generate import EngineConfig, GenerationConfig
from mathpipe.generation import EngineRunnerConfig, GenerateRunConfig, ProblemSource
from mathpipe.selection import RoundConfig, SelectionConfig
from rl.sft_config import SftConfig, SftRunConfig
from verify import PoolLimits


class Start(StrEnum):
    """Whose weights a round's training begins with."""

    BASE = "base"  # ReST-EM: errors of one round are not trained further in the next
    LAST = "last"


class LearnFrom(StrEnum):
    """Which solutions a round's training sees."""

    ALL = "all-rounds"  # problems that were dropped as solved are not forgotten
    ROUND = "this-round"


class ExpertIterationConfig(Config):
    """A run. `engine.model` is the base policy; `generation` samples for training, `evaluation` the held-out split.

    `round.seed` is the first round's seed of generation, and each round adds one.
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    output: Path = Path("data/iterations")
    rounds: int = Field(default=3, ge=1)
    start: Start = Start.BASE
    learn_from: LearnFrom = LearnFrom.ALL
    problems: ProblemSource
    held_out: ProblemSource
    engine: EngineConfig
    generation: GenerationConfig = GenerationConfig(samples=8, temperature=1.0)
    evaluation: GenerationConfig = GenerationConfig(samples=1, temperature=0.0)
    selection: SelectionConfig = SelectionConfig(always_solved_cap=1)
    round: RoundConfig = RoundConfig()
    training: SftConfig = SftConfig()
    shards: int = Field(default=1, ge=1)
    runner: EngineRunnerConfig = EngineRunnerConfig()
    program_seconds: float = Field(default=10.0, gt=0)
    workers: int | None = Field(default=None, ge=1)  # of the verifier pool; None: one a CPU
    pool: PoolLimits = PoolLimits()

    @property
    def folder(self) -> Path:
        """Where everything of this run lies."""
        return self.output / self.name

    def round_folder(self, number: int) -> Path:
        """Where a round's files lie; rounds count from 0, as in `rounds.jsonl`."""
        return self.folder / f"round-{number:02d}"

    def model_after(self, number: int) -> str:
        """The policy that a round trained; -1 is the base."""
        return self.engine.model if number < 0 else str(self.round_folder(number) / "model")

    def problems_folder(self, number: int) -> Path:
        """The problems that a round samples."""
        return self.folder / "problems" if number == 0 else self.round_folder(number - 1) / "next"

    def sampling(self, number: int) -> GenerateRunConfig:
        """What a round samples, with the policy of the last."""
        generation = self.generation.model_copy(update={"seed": self.round.seed + number})
        return self._generating(
            self.round_folder(number), "generated", self.problems_folder(number), number - 1, generation
        )

    def scoring(self, number: int) -> GenerateRunConfig:
        """The held-out problems by the policy that a round trained (-1: the base), with the same seeds every time."""
        name = "base" if number < 0 else f"round-{number:02d}"
        return self._generating(
            self.folder / "held-out", name, self.folder / "held-out-problems", number, self.evaluation
        )

    def _generating(
        self, output: Path, name: str, problems: Path, policy: int, generation: GenerationConfig
    ) -> GenerateRunConfig:
        engine = self.engine.model_copy(update={"model": self.model_after(policy)})
        runner = self.runner.below(f"{output.name}/{name}")
        return GenerateRunConfig(
            name=name, output=output, problems=ProblemSource(path=problems), engine=engine, generation=generation,
            selection=self.selection, shards=self.shards, runner=runner, program_seconds=self.program_seconds,
            workers=self.workers, pool=self.pool,
        )  # fmt: skip

    def teaching(self, number: int) -> SftRunConfig:
        """What a round trains, and on what."""
        rounds: Sequence[int] = range(number + 1) if self.learn_from is LearnFrom.ALL else [number]
        return SftRunConfig(
            model=self.model_after(-1 if self.start is Start.BASE else number - 1),
            data=tuple(self.sampling(one).folder / "selection" / "sft" for one in rounds),
            output=Path(self.model_after(number)),
            template=self.engine.template,
            context_tokens=self.engine.context_tokens,
            training=self.training,
        )
