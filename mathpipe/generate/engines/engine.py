"""What every engine takes and gives: requests in, completions out in the order in which they finish.

An engine is fed (`submit`) and driven (`step`) by turns, so that a caller can hand in new requests while others
run; `generate` is that loop for callers who have all requests at hand. Each sample's randomness comes from its
request's seed and its own index alone (`sample_seed`), never from its neighbours in a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from mathpipe.core.errors import InputError, MathpipeError
from mathpipe.core.records import Finish
from mathpipe.generate.templates import ChatTemplate, Message, Tokenizer

_SEED_BITS = 52  # JSON numbers are exact up to 2^53; a server's parser need not keep more


class EngineError(MathpipeError):
    """An engine that cannot go on: not installed, a model that does not load, a server that is gone."""


def sample_seed(seed: int, *parts: int | str) -> int:
    """A seed of 52 bits that depends on `seed` and the parts: which sample, which problem, which round."""
    text = "\x00".join(map(str, (seed, *parts)))
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> (64 - _SEED_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`n` samples of one prompt, given as token ids or as messages (then the engine's chat template renders it).

    `indices` names the samples that are wanted (default: 0 to n - 1), so that a run that goes on asks for what is
    missing only. `temperature` 0 is greedy. A completion ends before any of the texts in `stop`, after any of
    `stop_token_ids`, at the model's own end of text, or at `max_tokens`.
    """

    request_id: str
    prompt_token_ids: tuple[int, ...] | None = None
    messages: tuple[Message, ...] | None = None
    n: int = 1
    indices: tuple[int, ...] | None = None
    max_tokens: int = 512
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    seed: int = 0
    logprobs: bool = False
    ignore_eos: bool = False

    def __post_init__(self) -> None:
        self._refuse((self.prompt_token_ids is None) == (self.messages is None), "token ids or messages, not both")
        self._refuse(self.prompt_token_ids == () or self.messages == (), "a prompt that is not empty")
        self._refuse(self.n < 1, "n of at least 1")
        self._refuse(self.max_tokens < 1, "max_tokens of at least 1")
        self._refuse(self.temperature < 0, "a temperature of at least 0")
        self._refuse(not 0 < self.top_p <= 1, "top_p above 0 and at most 1")
        self._refuse("" in self.stop, "stop texts that are not empty")

    @property
    def samples(self) -> tuple[int, ...]:
        """The indices of the samples that are wanted."""
        return self.indices if self.indices is not None else tuple(range(self.n))

    def _refuse(self, wrong: bool, expected: str) -> None:
        if wrong:
            raise InputError(f"request {self.request_id!r}", expected, "change the request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One sample of a request.

    `token_ids` hold what was sampled, an end token included; `text` lacks special tokens and ends before the stop
    text, which `stop` names. `logprobs` belong to the tokens under the distribution they were drawn from (after
    temperature and top_p; at temperature 0 the model's own). `finish` is STOP, LENGTH or ERROR, and `detail` says
    why for ERROR.
    """

    request_id: str
    index: int
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...] | None
    finish: Finish
    prompt_tokens: int
    stop: str | None = None
    detail: str = ""


class Engine(ABC):
    """A model behind `submit` and `step`. Not safe for several threads; close it, or use it as a context.

    `model` is the name that samples carry, `fingerprint` what decides the texts beside the request (weights, number
    format, kind of engine), `capacity` how many samples it runs at a time, `context_tokens` prompt and completion
    together.
    """

    model: str
    fingerprint: str
    capacity: int
    context_tokens: int
    tokenizer: Tokenizer | None = None
    template: ChatTemplate | None = None

    def __init__(self) -> None:
        self._open: dict[str, int] = {}  # request -> samples that are still to come

    @abstractmethod
    def _submit(self, request: Request, prompt: tuple[int, ...] | None) -> None:
        """Take a request in; `prompt` is None where only messages are known."""

    @abstractmethod
    def _step(self) -> list[Completion]:
        """Go on by one step and return what finished in it."""

    @abstractmethod
    def _abort(self) -> None:
        """Drop everything that is not finished."""

    @abstractmethod
    def close(self) -> None:
        """Free the model's memory, or the connections."""

    def update_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Take other weights of the same model: (name as transformers has it, tensor) pairs, all of them.

        What was cached of prompts is forgotten. Raises `EngineError` where the engine cannot, or while requests are
        open: half a text would be of one policy and half of another.
        """
        if self._open:
            raise EngineError("weights", "an engine without open requests", "let them finish, or abort them, first")
        self._update_weights(weights)

    def _update_weights(self, weights: Iterable[tuple[str, Any]]) -> None:
        raise EngineError(
            f"engine {type(self).__name__}", "an engine in this process", "use vllm or transformers for training"
        )

    def sleep(self) -> bool:
        """Give up the device's memory until new weights come (`update_weights`): True if it did.

        False where the engine cannot: it goes on with the weights that it has.
        """
        if self._open:
            raise EngineError("sleep", "an engine without open requests", "let them finish, or abort them, first")
        return False

    def score(self, sequences: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        """Log-probabilities (of bare logits, temperature 1) of each sequence's tokens but the first, which has none.

        Raises `EngineError` where the engine cannot, or while requests are open.
        """
        if self._open:
            raise EngineError("scoring", "an engine without open requests", "let them finish, or abort them, first")
        return self._score(sequences)

    def _score(self, sequences: Sequence[Sequence[int]]) -> list[tuple[float, ...]]:
        raise EngineError(f"engine {type(self).__name__}", "an engine in this process", "use vllm or transformers")

    @property
    def unfinished(self) -> int:
        """Samples that were asked for and have not come out."""
        return sum(self._open.values())

    def submit(self, request: Request) -> None:
        """Take a request in; `step` returns its completions as they finish."""
        if request.request_id in self._open:
            raise InputError(f"request {request.request_id!r}", "an id that no open request has", "number them")
        prompt = self._prompt(request)
        self._open[request.request_id] = len(request.samples)
        if not request.samples:
            del self._open[request.request_id]
            return
        self._submit(request, prompt)

    def step(self) -> list[Completion]:
        """Go on by one step (one token for each running sample) and return what finished: often nothing."""
        finished = self._step() if self._open else []
        for completion in finished:
            self._open[completion.request_id] -= 1
            if not self._open[completion.request_id]:
                del self._open[completion.request_id]
        return finished

    def abort(self) -> None:
        """Drop all that is not finished."""
        self._abort()
        self._open.clear()

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Completions in the order in which they finish; requests are taken in as places get free."""
        if self._open:
            raise InputError("engine", "no open requests", "finish or abort the other generation first")
        waiting = iter(requests)
        more = True
        try:
            while more or self._open:
                while more and self.unfinished < 2 * self.capacity:
                    request = next(waiting, None)
                    more = request is not None
                    if request is not None:
                        self.submit(request)
                yield from self.step()
        finally:
            if self._open:
                self.abort()

    def _prompt(self, request: Request) -> tuple[int, ...] | None:
        if request.prompt_token_ids is not None:
            return request.prompt_token_ids
        if self.template is None:
            raise InputError(
                f"request {request.request_id!r}",
                "token ids, as the engine has no chat template",
                "name one in the engine's configuration (template: chatml, plain)",
            )
        return tuple(self.template.render(request.messages or ()))

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def refusal(request: Request, index: int, prompt_tokens: int, detail: str) -> Completion:
    """A completion that says why there is none."""
    return Completion(
        request_id=request.request_id,
        index=index,
        text="",
        token_ids=(),
        logprobs=() if request.logprobs else None,
        finish=Finish.ERROR,
        prompt_tokens=prompt_tokens,
        detail=detail,
    )
