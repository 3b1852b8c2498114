"""Token log-probabilities from vLLM.

A `RequestOutput` has `prompt_token_ids`, `prompt_logprobs` (a dict from token id to `Logprob` for each position, None
for the first; it always holds the prompt's own token) and `outputs`, each with `token_ids` and `logprobs`.
`FlatLogprobs` of newer versions reads the same by index. Prompts are tested against vLLM 0.32 on a CPU (tiny Llama,
fp32: 1e-6 from transformers), samples on objects of that shape.

What the numbers are: vLLM's prompt log-probabilities are those of the bare logits, at temperature 1, whatever
`logprobs_mode` is, since prompt tokens pass no sampling processor. Those of sampled tokens are of bare logits too,
unless the engine was made with `LLM(..., logprobs_mode="processed_logprobs")`: then temperature, top-k and top-p
are in them, and the other side must be scored with the same temperature.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from rl.parity.errors import ParityError
from rl.parity.token_logprobs import ScoredSequence, TokenLogprobs


class _Logprob(Protocol):
    @property
    def logprob(self) -> float: ...


_Positions = Sequence[Mapping[int, _Logprob] | None]


class _Completion(Protocol):
    @property
    def token_ids(self) -> Sequence[int]: ...
    @property
    def logprobs(self) -> _Positions | None: ...


class RequestOutput(Protocol):
    """The part of vLLM's class of that name that is read here."""

    @property
    def prompt_token_ids(self) -> Sequence[int] | None:
        """The prompt's tokens."""

    @property
    def prompt_logprobs(self) -> _Positions | None:
        """By position, where asked for."""

    @property
    def outputs(self) -> Sequence[_Completion]:
        """The completions."""


_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def load_vllm(folder: str, *, dtype: str) -> Any:
    """A `vllm.LLM` of a model folder, whose sampled log-probabilities are those sampled from.

    Raises:
        ParityError: vLLM is not installed, or has no such dtype.
    """
    if dtype not in _NAMES:
        raise ParityError(f"dtype {dtype!r}", f"one of {', '.join(_NAMES)} for vLLM", "for example --dtype bf16")
    return _vllm().LLM(model=folder, dtype=_NAMES[dtype], logprobs_mode="processed_logprobs")


def _vllm() -> Any:
    try:
        return importlib.import_module("vllm")
    except ImportError:
        raise ParityError(
            "vllm", "an installed package", "install it, or let the engine write a JSONL file and compare that"
        ) from None


def from_vllm(llm: Any, token_ids: Sequence[Sequence[int]], *, source: str = "vLLM") -> TokenLogprobs:
    """Score sequences as prompts with a `vllm.LLM`: one prefill each, and one token that is thrown away.

    Raises:
        ParityError: vLLM is not installed.
    """
    # prompt_logprobs=0: the prompt's own tokens and no others.
    parameters = _vllm().SamplingParams(max_tokens=1, temperature=1.0, prompt_logprobs=0, detokenize=False)
    prompts = [{"prompt_token_ids": list(ids)} for ids in token_ids]
    return TokenLogprobs(source, tuple(read_prompts(llm.generate(prompts, parameters))))


def read_prompts(outputs: Iterable[RequestOutput]) -> list[ScoredSequence]:
    """The prompts' own log-probabilities; what was generated is left out.

    Raises:
        ParityError: an output has none; ask for `SamplingParams(prompt_logprobs=0)`.
    """
    return [_prompt(number, output) for number, output in enumerate(outputs)]


def read_samples(outputs: Iterable[RequestOutput]) -> list[ScoredSequence]:
    """Each completion behind its prompt, with the sampled tokens' log-probabilities (NaN for a prompt without any).

    Raises:
        ParityError: a completion has none; ask for `SamplingParams(logprobs=0)`.
    """
    found = []
    for number, output in enumerate(outputs):
        prompt_ids = tuple(output.prompt_token_ids or ())
        prompt = (math.nan,) * len(prompt_ids) if output.prompt_logprobs is None else _prompt(number, output).logprobs
        for completion in output.outputs:
            if completion.logprobs is None:
                raise ParityError(
                    f"output {number}", "log-probabilities of its tokens", "set SamplingParams(logprobs=0)"
                )
            sampled = _own(f"output {number}", completion.token_ids, completion.logprobs)
            found.append(ScoredSequence((*prompt_ids, *completion.token_ids), (*prompt, *sampled)))
    return found


def _prompt(number: int, output: RequestOutput) -> ScoredSequence:
    ids = tuple(output.prompt_token_ids or ())
    if output.prompt_logprobs is None:
        raise ParityError(
            f"output {number}", "log-probabilities of its prompt", "set SamplingParams(prompt_logprobs=0)"
        )
    return ScoredSequence(ids, _own(f"output {number}", ids, output.prompt_logprobs))


def _own(where: str, token_ids: Sequence[int], positions: _Positions) -> tuple[float, ...]:
    """The log-probability of each position's own token; a position may hold the most likely ones besides."""
    if len(positions) != len(token_ids):
        raise ParityError(
            where, f"a log-probability for each token, not {len(positions)} for {len(token_ids)}", "run it uncut"
        )
    values = []
    for place, token_id in enumerate(token_ids):
        candidates = positions[place]
        if candidates is None:
            values.append(math.nan)
        elif token_id not in candidates:
            raise ParityError(
                where, f"the log-probability of token {token_id} at {place}", "do not set logprob_token_ids"
            )
        else:
            values.append(float(candidates[token_id].logprob))
    return tuple(values)
