"""Which engine runs which model: a frozen configuration, and the fingerprint of what decides its texts."""

from __future__ import annotations

from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import ConfigError
from mathpipe.core.records import record_id_of
from mathpipe.generate.templates import ChatTemplate, Tokenizer

_BLOCK, _BLOCKS = 4096, 64


class EngineKind(StrEnum):
    """Where the model runs; AUTO is vLLM in process where it can be imported, else transformers."""

    AUTO = "auto"
    VLLM = "vllm"
    TRANSFORMERS = "transformers"
    SERVER = "server"


class VllmConfig(Config):
    """vLLM in process. `kv_cache_gib` is for the CPU, `gpu_memory_fraction` for a GPU.

    `sleep_mode` lets a trainer on the same GPU have the memory between samplings (null: where there is one).
    """

    kv_cache_gib: int = Field(default=1, ge=1)
    gpu_memory_fraction: float = Field(default=0.9, gt=0, le=1)
    tensor_parallel: int = Field(default=1, ge=1)
    prefix_caching: bool = True
    compiled: bool = True  # CUDA graphs and torch.compile on a GPU; the CPU always runs eagerly
    sleep_mode: bool | None = None
    logprobs_mode: Literal["processed_logprobs", "raw_logprobs"] = "processed_logprobs"


class TransformersConfig(Config):
    """The plain fallback: how many prompts' keys and values are kept for samples that join later."""

    cached_prompts: int = Field(default=8, ge=1)


class ServerConfig(Config):
    """An OpenAI-compatible server at `url` (ending in /v1), which knows the model as `model` (default: engine.name).

    `api` completions sends prompts (`send`: as token ids, which vLLM takes, or as text); chat sends messages, and the
    server's own template applies. `connections` requests run at a time. A refused or cut connection, a 429 and a 5xx
    are tried again after `backoff_seconds`, doubled each time up to `max_backoff_seconds`.
    """

    url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    api: Literal["completions", "chat"] = "completions"
    send: Literal["tokens", "text"] = "tokens"
    api_key_variable: str = "OPENAI_API_KEY"
    connections: int = Field(default=64, ge=1)
    retries: int = Field(default=6, ge=0)
    backoff_seconds: float = Field(default=0.5, ge=0)
    max_backoff_seconds: float = Field(default=30.0, ge=0)
    timeout_seconds: float = Field(default=600.0, gt=0)


class EngineConfig(Config):
    """`model` is a folder or a name that transformers and vLLM know; `name` is what samples carry (default: model).

    `template` is `tokenizer` (its own), one of ours, or a path. `context_tokens` counts prompt and completion.
    """

    kind: EngineKind = EngineKind.AUTO
    model: str
    name: str = ""
    template: str = "tokenizer"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    context_tokens: int = Field(default=4096, ge=2)
    max_sequences: int = Field(default=128, ge=1)
    vllm: VllmConfig = VllmConfig()
    transformers: TransformersConfig = TransformersConfig()
    server: ServerConfig = ServerConfig()


def find_template(config: EngineConfig, tokenizer: Tokenizer) -> ChatTemplate | None:
    """The configured template; None where it is the tokenizer's own and it has none (few-shot needs none)."""
    if config.template == "tokenizer" and not tokenizer.chat_template:
        return None
    return ChatTemplate(tokenizer, config.template)


def model_fingerprint(config: EngineConfig, kind: str) -> str:
    """A digest of the model and how it is run: what decides the texts beside the requests.

    A folder's weights count by their sizes and 64 blocks spread over each file, so that a policy trained further and
    saved in the same place is another model, and hashing does not read all of it.
    """
    return record_id_of(kind, config.dtype, config.template, config.context_tokens, _model_digest(config.model))


def _model_digest(model: str) -> str:
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = blake2b(digest_size=16)
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.suffix not in {".json", ".safetensors", ".bin", ".model", ".jinja"}:
            continue
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            step = max(_BLOCK, size // _BLOCKS)
            for at in range(0, size, step):
                file.seek(at)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def refuse_model_path(config: EngineConfig) -> None:
    """Refuse a path that looks like a folder and is none, before a library takes it for a name to download."""
    looks_local = config.model.startswith((".", "/", "~"))
    if looks_local and not (Path(config.model) / "config.json").is_file():
        raise ConfigError(f"engine.model: {config.model}", "a folder with a config.json", "check the path")
