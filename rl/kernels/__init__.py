"""Kernels of training: heads that never hold all logits, and the parts of a transformer that are slow elsewhere.

The heads `linear_cross_entropy`, `linear_logprob` and `policy_head` take hidden states and a weight. The others
replace a model's own parts: `patch(model)` puts them in and takes them out. Each has `impl=`: see `implementation`.
"""

from rl.kernels.implementation import Impl
from rl.kernels.linear_cross_entropy import linear_cross_entropy
from rl.kernels.linear_logprob import TokenScores, linear_logprob
from rl.kernels.policy_head import PolicyHeadOutput, PolicyStatistics, policy_head

__all__ = [
    "Impl",
    "PolicyHeadOutput",
    "PolicyStatistics",
    "TokenScores",
    "linear_cross_entropy",
    "linear_logprob",
    "policy_head",
]
