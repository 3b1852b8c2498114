"""TRL beside us: our rewards, data sets and head in its trainers, and its trainer as the learner's oracle in tests.

`trl` and `datasets` are imported where they are used: without them everything else works.
"""

from rl.trl_interop.datasets import problem_dataset, selection_dataset
from rl.trl_interop.sft import cold_start_trainer, sft_dataset
from rl.trl_interop.trainer import policy_head_trainer

__all__ = ["cold_start_trainer", "policy_head_trainer", "problem_dataset", "selection_dataset", "sft_dataset"]
