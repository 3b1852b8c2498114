"""A vLLM or any OpenAI-compatible server, over HTTP with the standard library.

Each sample is one HTTP request with its own seed, sent by one of `connections` threads. What a busy or restarting
server answers (429, 5xx, a refused or cut connection) is tried again; what it will never take (400, 413, 422) becomes
that sample's error; what makes every request fail (401, 403, 404) ends the run with one clear line.
"""

from __future__ import annotations

import os
import queue
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from threading import Event
from typing import Any

from mathpipe.core.records import Finish, record_id_of
from mathpipe.generate.engines.config import EngineConfig, find_template
from mathpipe.generate.engines.engine import Completion, Engine, EngineError, Request, refusal, sample_seed
from mathpipe.generate.engines.http_client import HttpClient, RefusedRequest

_WAIT_SECONDS = 0.05  # a step gives up control after so long, that the caller can hand in what came meanwhile


class ServerEngine(Engine):
    """One model of a server. The completions API needs the model's tokenizer here, so that the template is ours."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__()
        self._config = config
        self._chat = config.server.api == "chat"
        if not self._chat:
            self.tokenizer = _load_tokenizer(config.model)
            self.template = find_template(config, self.tokenizer)
        self.model = config.name or config.model
        self._served = config.server.model or config.name or config.model
        self.fingerprint = record_id_of(
            "server", config.server.api, config.template, config.context_tokens, self._served
        )
        self.capacity = config.server.connections
        self.context_tokens = config.context_tokens
        key = os.environ.get(config.server.api_key_variable, "")
        self._stopped = Event()
        self._client = HttpClient(config.server, key, self._stopped)
        self._threads = ThreadPoolExecutor(config.server.connections, thread_name_prefix="server")
        self._done: queue.SimpleQueue[Future[Completion]] = queue.SimpleQueue()
        self._pending: set[Future[Completion]] = set()

    @property
    def retries(self) -> int:
        """How often a request was sent again."""
        return self._client.retries

    def _submit(self, request: Request, prompt: tuple[int, ...] | None) -> None:
        for index in request.samples:
            future = self._threads.submit(self._complete, request, index, prompt)
            self._pending.add(future)
            future.add_done_callback(self._done.put)

    def _prompt(self, request: Request) -> tuple[int, ...] | None:
        return None if self._chat and request.messages is not None else super()._prompt(request)

    def _step(self) -> list[Completion]:
        finished: list[Completion] = []
        try:
            future = self._done.get(timeout=_WAIT_SECONDS)
            while True:
                if future in self._pending:  # not one of an aborted generation
                    self._pending.discard(future)
                    finished.append(future.result())
                future = self._done.get_nowait()
        except queue.Empty:
            return finished

    def _abort(self) -> None:
        for future in self._pending:
            future.cancel()
        self._pending.clear()

    def close(self) -> None:
        """End the connections; a request under way is left to the server."""
        self.abort()
        self._stopped.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _complete(self, request: Request, index: int, prompt: tuple[int, ...] | None) -> Completion:
        prompt_tokens = len(prompt or ())
        if prompt_tokens >= self.context_tokens:
            detail = f"the prompt has {prompt_tokens} tokens, the context {self.context_tokens}"
            return refusal(request, index, prompt_tokens, detail)
        path = "/chat/completions" if prompt is None else "/completions"
        try:
            answer = self._client.post(path, self._body(request, index, prompt))
        except RefusedRequest as refused:
            return refusal(request, index, prompt_tokens, str(refused))
        return self._completion(request, index, prompt_tokens, answer)

    def _body(self, request: Request, index: int, prompt: tuple[int, ...] | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._served,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": sample_seed(request.seed, index),
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if prompt is None:
            return body | self._chat_body(request)
        body["max_tokens"] = min(request.max_tokens, self.context_tokens - len(prompt))
        if request.logprobs:
            body["logprobs"] = 0
        if self._config.server.send == "text":
            return body | {"prompt": self._without_bos(prompt)}
        body |= {"prompt": list(prompt), "return_token_ids": True, "add_special_tokens": False}
        if request.stop_token_ids:
            body["stop_token_ids"] = list(request.stop_token_ids)
        if request.ignore_eos:
            body["ignore_eos"] = True
        return body

    @staticmethod
    def _chat_body(request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"messages": [asdict(message) for message in request.messages or ()]}
        if body["messages"][-1]["role"] == "assistant":  # go on with a turn that was begun: vLLM's words for it
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        if request.logprobs:
            body["logprobs"] = True
        return body

    def _without_bos(self, prompt: tuple[int, ...]) -> str:
        """The prompt as text; its BOS is left to the server, which writes one."""
        tokenizer: Any = self.tokenizer
        ids = prompt[1:] if prompt[0] == tokenizer.bos_token_id else prompt
        return str(tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def _completion(self, request: Request, index: int, prompt_tokens: int, answer: dict[str, Any]) -> Completion:
        try:
            choice = answer["choices"][0]
            text = choice["text"] if "text" in choice else (choice["message"]["content"] or "")
            reason = choice["finish_reason"]
        except (KeyError, IndexError, TypeError):
            raise EngineError(
                f"server {self._config.server.url}", "OpenAI's form of answer (choices)", "check engine.server.url"
            ) from None
        stop = choice.get("stop_reason")
        usage = answer.get("usage") or {}
        return Completion(
            request_id=request.request_id,
            index=index,
            text=text,
            token_ids=self._token_ids(choice, text, usage),
            logprobs=_logprobs(choice) if request.logprobs else None,
            finish={"stop": Finish.STOP, "length": Finish.LENGTH}.get(reason, Finish.ERROR),
            prompt_tokens=prompt_tokens or int(usage.get("prompt_tokens", 0)),
            stop=stop if isinstance(stop, str) else None,
            detail="" if reason in {"stop", "length"} else f"the server ended it: {reason}",
        )

    def _token_ids(self, choice: dict[str, Any], text: str, usage: dict[str, Any]) -> tuple[int, ...]:
        """What was sampled, where the server says; else the text encoded anew, or (no tokenizer) as many zeros."""
        if choice.get("token_ids"):
            return tuple(choice["token_ids"])
        if self.tokenizer is not None:
            return tuple(self.tokenizer.encode(text, add_special_tokens=False))
        return (0,) * int(usage.get("completion_tokens", 0))


def _logprobs(choice: dict[str, Any]) -> tuple[float, ...]:
    given = choice.get("logprobs") or {}
    if "token_logprobs" in given:
        return tuple(given["token_logprobs"])
    return tuple(part["logprob"] for part in given.get("content") or ())


def _load_tokenizer(model: str) -> Any:
    try:
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(model)
    except (ImportError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineError(
            f"tokenizer {model}",
            f"the served model's tokenizer ({reason})",
            "set engine.model to its folder, or engine.server.api=chat, which needs none",
        ) from None
