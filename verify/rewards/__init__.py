"""Rewards for reinforcement learning, in the signature of TRL's GRPO trainer.

Every function here makes a `Reward`: `reward(completions, **columns)` gives a score for each completion, or None
where it cannot be scored. `compose(Weighted(accuracy_reward(), required=True), Weighted(format_reward(), 0.1))` sums.
"""

from verify.rewards.forms import Thinking, format_reward, overlong_penalty, repetition_penalty
from verify.rewards.gaming import Attempt, Gaming, Guard, find_gaming
from verify.rewards.guards import GUARDS
from verify.rewards.reward import Batch, Reward, Weighted, compose
from verify.rewards.steps import Aggregate, normalised_steps, process_reward, split_steps, step_advantages, step_spans
from verify.rewards.tools import tool_use_reward
from verify.rewards.verdicts import ClaimPool, accuracy_reward, program_reward, proof_reward

__all__ = [
    "GUARDS",
    "Aggregate",
    "Attempt",
    "Batch",
    "ClaimPool",
    "Gaming",
    "Guard",
    "Reward",
    "Thinking",
    "Weighted",
    "accuracy_reward",
    "compose",
    "find_gaming",
    "format_reward",
    "normalised_steps",
    "overlong_penalty",
    "process_reward",
    "program_reward",
    "proof_reward",
    "repetition_penalty",
    "split_steps",
    "step_advantages",
    "step_spans",
    "tool_use_reward",
]
