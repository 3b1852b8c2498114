"""What passes between sampling, verifying and learning: one sample as tokens, and one sequence to learn from.

Numbers are plain Python values, so that a trajectory can be pickled to another process, stored in a checkpoint and
compared bit by bit. Log-probabilities are natural logarithms, one for each token of the completion.
"""

from __future__ import annotations

from dataclasses import dataclass

from mathpipe.core.records import Finish, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Trajectory:
    """One sample that the policy drew.

    `group` numbers the problem within its step, `index` the sample within its group. `sampler_logprobs` belong to the
    distribution the tokens were drawn from; `version` counts the optimizer steps of the weights that drew them.
    """

    problem_id: str
    group: int
    index: int
    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    sampler_logprobs: tuple[float, ...]
    version: int
    text: str
    finish: Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A trajectory with its reward; None where it could not be judged, and it is then not learned from.

    `step_rewards` are (position of its last token in the completion, reward) of each judged step under process
    supervision; the last one's is the outcome.
    """

    trajectory: Trajectory
    reward: float | None
    outcome: Outcome | None
    detail: str = ""
    step_rewards: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSequence:
    """One sequence as the learner takes it; all tuples run over the completion's tokens.

    `learned` False leaves a token out of the loss (the output of a tool, a completion that was cut). `old_logprobs`
    None: the policy that is trained is the one that sampled, every ratio is 1. `importance` corrects for a sampler
    that disagrees; with `sampler_logprobs` in its place the update makes it of its own scores. `returns` and
    `old_values` are what a value head learns (PPO).
    """

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    advantages: tuple[float, ...]
    learned: tuple[bool, ...] | None = None
    old_logprobs: tuple[float, ...] | None = None
    reference_logprobs: tuple[float, ...] | None = None
    importance: tuple[float, ...] | None = None
    sampler_logprobs: tuple[float, ...] | None = None
    returns: tuple[float, ...] | None = None
    old_values: tuple[float, ...] | None = None

    @property
    def tokens(self) -> int:
        """Tokens the backbone reads: all but the last, which predicts nothing."""
        return len(self.prompt_ids) + len(self.completion_ids) - 1

    @property
    def learned_tokens(self) -> int:
        """Tokens that count in the loss."""
        return len(self.completion_ids) if self.learned is None else sum(self.learned)
