"""A GRPO run's configuration: a preset, and what the user changes in it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from mathpipe.core.config import Config, OutputFolder
from mathpipe.generate import EngineConfig
from mathpipe.generation import ProblemSource
from rl.advantages import AdvantageConfig
from rl.judging import RewardConfig, Supervision
from rl.learner.config import LearnerConfig, LossConfig
from rl.learner.critic import CriticConfig
from rl.losses import Level
from rl.off_policy import Correction, CorrectionConfig
from rl.presets import PRESETS, laid_under
from rl.rollout import SamplingConfig
from rl.samplers import Place
from verify import PoolLimits

_WITHOUT_ADVANTAGES = {"sft", "rft", "dpo"}
_WITHOUT_STEPS = {"sft", "dpo"}


class SamplerEngine(EngineConfig):
    """The engine that samples; its model is the policy."""

    model: str = ""


class DynamicSampling(Config):
    """Draw more problems until the step has as many groups that teach as it asks for, `rounds` times at most."""

    rounds: int = Field(default=1, ge=1)


class HeldOutConfig(Config):
    """Scores on held-out problems: every so many steps (0: before and after only), greedy or sampled."""

    every: int = Field(default=10, ge=0)
    samples: int = Field(default=1, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    max_tokens: int | None = Field(default=None, ge=1)


class CheckpointConfig(Config):
    """A checkpoint every so many steps, and at the end; the newest `keep` stay."""

    every: int = Field(default=10, ge=1)
    keep: int = Field(default=2, ge=1)


class GuardConfig(Config):
    """When a run stops by itself.

    `sampler_gap`: mean |log-probability of trainer - of sampler| a token, of tokens drawn with the newest weights;
    fp32 gives 1e-6, bf16 0.015, stale weights 0.2 and more. `reward_jump`: rise of the mean reward within one step,
    in deviations of the last 20 steps (and at least 0.3): the verifier is being gamed, or problems leaked.
    """

    sampler_gap: float = Field(default=0.1, gt=0)
    reward_jump: float | None = Field(default=8.0, gt=0)


class GrpoConfig(Config):
    """One run. `steps` batches of samples are drawn; `staleness` is how many updates old the weights that drew may
    be.

    `sampler` says where sampling runs; a staleness above 0 needs `thread` or `ray`. `renew_reference` sets the
    reference policy anew every so many steps (iterative GRPO; 0: never).
    """

    name: str = Field(pattern=r"^[\w.-]+$")
    model: str
    problems: ProblemSource
    held_out: ProblemSource | None = None
    preset: str = "deepseekmath"
    steps: int = Field(ge=1)
    seed: int = 0
    output: OutputFolder = Path("data/grpo")
    engine: SamplerEngine = SamplerEngine()
    sampling: SamplingConfig = SamplingConfig()
    dynamic_sampling: DynamicSampling = DynamicSampling()
    reward: RewardConfig = RewardConfig()
    advantage: AdvantageConfig = AdvantageConfig()
    correction: CorrectionConfig = CorrectionConfig()
    loss: LossConfig = LossConfig()
    critic: CriticConfig = CriticConfig()
    learner: LearnerConfig = LearnerConfig()
    mask_cut_completions: bool = False
    keep_groups_without_variance: bool = False  # with a KL term they still pull towards the reference
    renew_reference: int = Field(default=0, ge=0)
    sampler: Place = Place.INLINE
    sampler_gpus: float = Field(default=0.0, ge=0)  # of each Ray actor
    sampler_actors: int = Field(default=1, ge=1)  # engines that share a job, with sampler: ray
    staleness: int = Field(default=0, ge=0)
    evaluation: HeldOutConfig = HeldOutConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    guards: GuardConfig = GuardConfig()
    watchdog_seconds: float = Field(default=300.0, gt=0)  # after which it says what the run waits for
    workers: int | None = Field(default=None, ge=1)  # of the verifier pool; None: one a CPU
    pool: PoolLimits = PoolLimits()

    @model_validator(mode="before")
    @classmethod
    def _with_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("preset", "deepseekmath")
        if name not in PRESETS:
            near = difflib.get_close_matches(str(name), PRESETS, n=1)
            raise ValueError(f"preset: one of {', '.join(PRESETS)}" + (f" (did you mean {near[0]}?)" if near else ""))
        return laid_under(PRESETS[name], values)

    @model_validator(mode="after")
    def _consistent(self) -> GrpoConfig:
        if self.staleness and self.sampler is Place.INLINE:
            raise ValueError("staleness above 0 needs sampler: thread or ray; inline sampling waits for the learner")
        if self.learner.offload_optimizer and not self.takes_turns:
            raise ValueError("learner.offload_optimizer needs a sampler in the learner's process (sampler: inline)")
        if self.staleness and self.dynamic_sampling.rounds > 1:
            raise ValueError("dynamic_sampling.rounds above 1 needs staleness 0: later draws depend on earlier ones")
        self._check_method()
        return self

    def _check_method(self) -> None:
        """Raises ValueError for a loss that does not go with what it would be given."""
        name, critic = self.loss.name, self.critic.kind != "none"
        if critic and name in _WITHOUT_ADVANTAGES:
            raise ValueError(f"critic.kind {self.critic.kind}: loss {name} has no use for a critic's advantages")
        if name == "sft":
            self._check_written()
        elif not critic and self.sampling.samples < 2:
            raise ValueError("sampling.samples must be greater than or equal to 2 (a group), or critic.kind be set")
        if name in _WITHOUT_STEPS and self.reward.supervision is Supervision.PROCESS:
            raise ValueError(f"reward.supervision process: loss {name} takes no rewards of steps")
        if name == "dpo" and self.correction.kind is not Correction.NONE:
            raise ValueError("loss dpo takes no importance weights: use preset dpo, or correction: {kind: none}")
        if name == "dpo" and self.mask_cut_completions:
            raise ValueError("loss dpo compares whole completions: leave mask_cut_completions out")

    def _check_written(self) -> None:
        """Raises ValueError for what only samples of a policy have."""
        if self.sampling.samples != 1 or self.correction.kind is not Correction.NONE:
            raise ValueError(
                "loss sft learns from one written solution of each problem, which no sampler drew: use preset sft, "
                "or sampling: {samples: 1} and correction: {kind: none}"
            )

    @property
    def is_supervised(self) -> bool:
        """Whether written solutions are learned from, not samples."""
        return self.loss.name == "sft"

    @property
    def needs_sampler(self) -> bool:
        """Whether anything is sampled: to learn from, or to be scored."""
        return not self.is_supervised or self.held_out is not None

    @property
    def corrects_in_update(self) -> bool:
        """Whether a token's weight is made where it is scored: its own alone, while one update follows sampling."""
        return self.correction.kind is Correction.TOKEN and self.learner.updates == 1

    @property
    def scores_before_updates(self) -> bool:
        """Whether all samples take a pass to be scored: for their weights, or for ratios over several updates."""
        several = self.learner.updates > 1 and not self.is_supervised
        return not self.corrects_in_update and (self.correction.kind is not Correction.NONE or several)

    @property
    def takes_turns(self) -> bool:
        """Whether sampling and learning have one process, and its device, by turns."""
        return self.sampler is Place.INLINE and self.needs_sampler

    @property
    def unit(self) -> int:
        """How many sequences are learned from together: 2 for pairs (DPO), else 1."""
        return 2 if self.loss.make().level is Level.PAIR else 1

    @property
    def folder(self) -> Path:
        """Where everything of this run lies."""
        return self.output / self.name
