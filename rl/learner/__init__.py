"""The learner: packing, scoring, one-pass loss, optimizer, adapters, several devices, checkpoints."""

from rl.learner.config import LearnerConfig, LoraConfig, LossConfig
from rl.learner.guards import LearnerDiverged
from rl.learner.learner import Learner
from rl.learner.report import UpdateReport

__all__ = ["Learner", "LearnerConfig", "LearnerDiverged", "LoraConfig", "LossConfig", "UpdateReport"]
