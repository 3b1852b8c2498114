"""Engines: one interface, three places where a model can run."""

from mathpipe.generate.engines.config import (
    EngineConfig,
    EngineKind,
    ServerConfig,
    TransformersConfig,
    VllmConfig,
)
from mathpipe.generate.engines.engine import Completion, Engine, EngineError, Request, sample_seed
from mathpipe.generate.engines.make_engine import make_engine

__all__ = [
    "Completion",
    "Engine",
    "EngineConfig",
    "EngineError",
    "EngineKind",
    "Request",
    "ServerConfig",
    "TransformersConfig",
    "VllmConfig",
    "make_engine",
    "sample_seed",
]
