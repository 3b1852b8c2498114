"""The learner: packing, scoring, one-pass loss, optimizer, checkpoints."""

from rl.learner.config import LearnerConfig, LossConfig
from rl.learner.learner import Learner, UpdateReport

__all__ = ["Learner", "LearnerConfig", "LossConfig", "UpdateReport"]
