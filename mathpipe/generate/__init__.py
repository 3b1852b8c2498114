"""Solutions written by language models: engines, prompts and templates as data files, four forms, resume."""

from mathpipe.generate.engines import Completion, Engine, EngineConfig, EngineError, EngineKind, Request, make_engine
from mathpipe.generate.forms import EngineTime, GenerationConfig, ProgramOutput, ToolLimits
from mathpipe.generate.generate_shard import SampleGenerator, generate_shard
from mathpipe.generate.sample_store import SampleStore
from mathpipe.generate.templates import ChatTemplate, Message, render

__all__ = [
    "ChatTemplate",
    "Completion",
    "Engine",
    "EngineConfig",
    "EngineError",
    "EngineKind",
    "EngineTime",
    "GenerationConfig",
    "Message",
    "ProgramOutput",
    "Request",
    "SampleGenerator",
    "SampleStore",
    "ToolLimits",
    "generate_shard",
    "make_engine",
    "render",
]
