"""The configured engine. Each engine's library is imported only when it is chosen."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from mathpipe.generate.engines.config import EngineConfig, EngineKind, refuse_model_path
from mathpipe.generate.engines.engine import Engine, EngineError


def make_engine(config: EngineConfig, say: Callable[[str], None] = lambda _: None) -> Engine:
    """Load the model; `say` gets one line where vLLM was to be had by `auto` and is not installed."""
    kind = config.kind
    if kind is EngineKind.AUTO:
        kind = EngineKind.VLLM if has_vllm() else EngineKind.TRANSFORMERS
        if kind is EngineKind.TRANSFORMERS:
            say("vllm is not installed: generating with transformers, several times slower")
    if kind is EngineKind.SERVER:
        from mathpipe.generate.engines.server_engine import ServerEngine

        return ServerEngine(config)
    refuse_model_path(config)
    if kind is EngineKind.VLLM:
        if not has_vllm():
            raise EngineError("engine vllm", "vllm to be installed", "run `make vllm`, or engine.kind=transformers")
        from mathpipe.generate.engines.vllm_engine import VllmEngine

        return VllmEngine(config)
    _need("transformers", "torch")
    from mathpipe.generate.engines.transformers_engine import TransformersEngine

    return TransformersEngine(config)


def has_vllm() -> bool:
    """Whether vLLM can be imported, found without importing it."""
    return importlib.util.find_spec("vllm") is not None


def _need(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise EngineError(
                "engine transformers", f"{module} to be installed", "install mathpipe[cpu] or mathpipe[gpu]"
            )
