"""Problems mined from curated pages."""

from mathpipe.generate.mining.mine import MineConfig, MineStage, mine_problems
from mathpipe.generate.mining.records import MineDropReason

__all__ = ["MineConfig", "MineDropReason", "MineStage", "mine_problems"]
