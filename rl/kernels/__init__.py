"""Kernels of training: heads that never hold all logits, and the parts of a transformer that are slow elsewhere.

The heads `linear_cross_entropy`, `linear_logprob` and `policy_head` take hidden states and a weight. The others
replace a model's own parts: `patch(model)` puts them in and takes them out. Each has `impl=`: see `implementation`.
"""

from rl.kernels.cross_entropy import cross_entropy
from rl.kernels.glu import geglu, swiglu
from rl.kernels.implementation import Impl
from rl.kernels.linear_cross_entropy import linear_cross_entropy
from rl.kernels.linear_logprob import TokenScores, linear_logprob
from rl.kernels.patch import Patched, patch
from rl.kernels.policy_head import PolicyHeadOutput, PolicyStatistics, policy_head
from rl.kernels.rms_norm import rms_norm
from rl.kernels.rope import apply_rope, rope_tables

__all__ = [
    "Impl",
    "Patched",
    "PolicyHeadOutput",
    "PolicyStatistics",
    "TokenScores",
    "apply_rope",
    "cross_entropy",
    "geglu",
    "linear_cross_entropy",
    "linear_logprob",
    "patch",
    "policy_head",
    "rms_norm",
    "rope_tables",
    "swiglu",
]
