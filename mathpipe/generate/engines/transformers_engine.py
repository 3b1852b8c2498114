"""The plain fallback: transformers' model, a loop of our own with sequences that join and leave at any step.

transformers' `generate` draws a batch's randomness from one generator and starts a batch as a whole; here every
sample has its own generator and joins when a place gets free. Prompts are read once and shared by their samples.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from mathpipe.core.records import Finish
from mathpipe.generate.engines.config import EngineConfig, find_template, model_fingerprint
from mathpipe.generate.engines.engine import Completion, Engine, EngineError, Request, refusal, sample_seed
from mathpipe.generate.engines.kv_batch import KvBatch, Prefix, read_prompt
from mathpipe.generate.engines.sampling import Draw, choose_tokens
from mathpipe.generate.engines.stop_text import GrowingText


@dataclass(slots=True)
class _Row:
    """One sample that waits or runs."""

    request: Request
    index: int
    prompt: tuple[int, ...]
    random: Random
    text: GrowingText
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    def draw(self) -> Draw:
        return Draw(self.request.temperature, self.request.top_p, self.random.random())


class TransformersEngine(Engine):
    """Any causal language model with full attention; `prompt_tokens_read` counts what was computed of prompts."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__()
        self._config = config
        self.tokenizer, self._model = _load(config)
        self.template = find_template(config, self.tokenizer)
        self.model = config.name or config.model
        self.fingerprint = model_fingerprint(config, "transformers")
        self.capacity = config.max_sequences
        limit = getattr(self._model.config, "max_position_embeddings", config.context_tokens)
        self.context_tokens = min(config.context_tokens, limit)
        self.prompt_tokens_read = 0
        self._ends = _end_tokens(self._model, self.tokenizer)
        self._waiting: deque[_Row] = deque()
        self._running: list[_Row] = []
        self._batch = KvBatch(self._model)
        self._prefixes: OrderedDict[tuple[int, ...], Prefix] = OrderedDict()
        self._refused: list[Completion] = []

    def _submit(self, request: Request, prompt: tuple[int, ...] | None) -> None:
        prompt = prompt or ()
        for index in request.samples:
            if len(prompt) >= self.context_tokens:
                detail = f"the prompt has {len(prompt)} tokens, the context {self.context_tokens}"
                self._refused.append(refusal(request, index, len(prompt), detail))
                continue
            random = Random(sample_seed(request.seed, index))
            text = GrowingText(self.tokenizer, prompt, request.stop)
            self._waiting.append(_Row(request, index, prompt, random, text))

    def _step(self) -> list[Completion]:
        finished, self._refused = self._refused, []
        if self._running:
            logits_BV = self._batch.advance([row.token_ids[-1] for row in self._running])
            finished += self._take(self._running, logits_BV)
        finished += self._admit()
        return finished

    def _abort(self) -> None:
        self._waiting.clear()
        self._running.clear()
        self._refused.clear()
        self._batch = KvBatch(self._model)

    def _update_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        own = self._model.state_dict()
        with torch.no_grad():
            for name, tensor in weights:
                own[name].copy_(tensor)
        self._prefixes.clear()

    @torch.inference_mode()
    def _score(self, sequences: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        found = []
        for ids in sequences:
            ids_1T = torch.tensor([list(ids)], device=self._model.device)
            logits_TV = self._model(ids_1T).logits[0, :-1].float()
            logprob_T = logits_TV.log_softmax(-1).gather(1, ids_1T[0, 1:, None])[:, 0]
            found.append(tuple(logprob_T.tolist()))
        return found

    def close(self) -> None:
        """Free the model."""
        self.abort()
        self._prefixes.clear()
        self._model = None

    def _admit(self) -> list[Completion]:
        """Let waiting samples join, with their first token; some end with it."""
        count = min(len(self._waiting), self.capacity - len(self._running))
        if count <= 0:
            return []
        rows = [self._waiting.popleft() for _ in range(count)]
        prefixes = [self._prefix(row.prompt) for row in rows]
        self._batch.join(prefixes)
        self._running += rows
        logits_BV = torch.cat([prefix.logits_1V for prefix in prefixes])
        return self._take(rows, logits_BV)

    def _prefix(self, prompt: tuple[int, ...]) -> Prefix:
        prefix = self._prefixes.get(prompt)
        if prefix is None:
            prefix = self._prefixes[prompt] = read_prompt(self._model, prompt)
            self.prompt_tokens_read += prefix.length
        self._prefixes.move_to_end(prompt)
        while len(self._prefixes) > self._config.transformers.cached_prompts:
            self._prefixes.popitem(last=False)
        return prefix

    def _take(self, rows: list[_Row], logits_BV: torch.Tensor) -> list[Completion]:
        """Draw a token for each row; rows that end leave the batch."""
        tokens, logprobs = choose_tokens(logits_BV, [row.draw() for row in rows])
        ended: dict[int, Completion] = {}
        for row, token, logprob in zip(rows, tokens, logprobs, strict=True):
            row.token_ids.append(token)
            row.logprobs.append(logprob)
            finish = self._ending(row, token)
            if finish is not None:
                ended[id(row)] = _completion(row, finish)
        if ended:
            stay = [number for number, row in enumerate(self._running) if id(row) not in ended]
            self._batch.keep(stay)
            self._running = [self._running[number] for number in stay]
        return list(ended.values())

    def _ending(self, row: _Row, token: int) -> Finish | None:
        request = row.request
        if token in request.stop_token_ids or (token in self._ends and not request.ignore_eos):
            return Finish.STOP
        if row.text.push(token):
            return Finish.STOP
        full = len(row.prompt) + len(row.token_ids) >= self.context_tokens
        return Finish.LENGTH if full or len(row.token_ids) >= request.max_tokens else None


def _completion(row: _Row, finish: Finish) -> Completion:
    return Completion(
        request_id=row.request.request_id,
        index=row.index,
        text=row.text.text,
        token_ids=tuple(row.token_ids),
        logprobs=tuple(row.logprobs) if row.request.logprobs else None,
        finish=finish,
        prompt_tokens=len(row.prompt),
        stop=row.text.stop,
    )


def _load(config: EngineConfig) -> tuple[Any, Any]:
    device = config.device if config.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = {"auto": "auto", "float32": torch.float32, "bfloat16": torch.bfloat16}[config.dtype]
    try:
        tokenizer = AutoTokenizer.from_pretrained(config.model)
        model: Any = AutoModelForCausalLM.from_pretrained(config.model, dtype=dtype)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineError(
            f"model {config.model}", f"a model that transformers loads ({reason})", "check engine.model"
        ) from None
    return tokenizer, model.to(device).eval()


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*ends, tokenizer.eos_token_id) if token is not None)
