"""One way to generate, in a process of its own: `benchmarks.generation` starts it and says what to run.

    python -m benchmarks.generation_contenders vllm|transformers FOLDER

In: lines of JSON on stdin (which contender, which requests). Out: a line of JSON each: tokens, seconds on the clock,
and seconds of a core. vLLM through our interface and bare share one process and one `LLM`: two processes of the same
program differ by more than the overhead that is looked for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, TextIO

from benchmarks.generation_tools import TOOL_WAYS, tool_round
from mathpipe.generate.engines import Engine, EngineConfig, EngineKind, Request, make_engine, sample_seed

CONTEXT, PLACES = 1024, 256
SAMPLES_A_PROMPT = 4
LONGEST, SHORTEST, EQUAL = 256, 8, 64
_PROMPT_TOKENS = (20, 60)
_FIRST_ID, _LAST_ID = 4, 339  # of cold_start's tokenizer: no special tokens
Contender = Callable[[Sequence[Request]], int]


def requests(kind: str, count: int) -> list[Request]:
    """`count` requests, four to a prompt, each with its own seed; limits equal, or drawn from 8 to 256."""
    rng = Random(7)
    prompts = [
        tuple(rng.randint(_FIRST_ID, _LAST_ID) for _ in range(rng.randint(*_PROMPT_TOKENS)))
        for _ in range(-(-count // SAMPLES_A_PROMPT))
    ]
    return [
        Request(
            request_id=str(number),
            prompt_token_ids=prompts[number // SAMPLES_A_PROMPT],
            max_tokens=EQUAL if kind == "equal" else rng.randint(SHORTEST, LONGEST),
            seed=number,
            ignore_eos=True,
        )
        for number in range(count)
    ]


def bare_vllm(llm: Any) -> Contender:
    """vLLM's own `LLM.generate`, with the same seeds."""
    from vllm import SamplingParams

    def run(asked: Sequence[Request]) -> int:
        prompts = [{"prompt_token_ids": list(one.prompt_token_ids or ())} for one in asked]
        sampling = [
            SamplingParams(max_tokens=one.max_tokens, temperature=1.0, seed=sample_seed(one.seed, 0), ignore_eos=True)
            for one in asked
        ]
        outputs = llm.generate(prompts, sampling, use_tqdm=False)
        return sum(len(one.outputs[0].token_ids) for one in outputs)

    return run


def bare_transformers(folder: str, rows: int) -> Contender:
    """transformers' `generate` in batches of `rows`; each row ends at its own limit, its batch with the longest."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def batch(asked: Sequence[Request]) -> int:
        limits = torch.tensor([one.max_tokens for one in asked])
        width = max(len(one.prompt_token_ids or ()) for one in asked)
        padded = [(0,) * (width - len(one.prompt_token_ids or ())) + (one.prompt_token_ids or ()) for one in asked]
        rows_of_ids = torch.tensor(padded)

        def ended(tokens: Any, _: Any, **__: Any) -> Any:
            return tokens.shape[1] - width >= limits

        torch.manual_seed(asked[0].seed)
        model.generate(
            rows_of_ids,
            attention_mask=(rows_of_ids != 0).long(),
            do_sample=True,
            top_k=0,
            max_new_tokens=int(limits.max()),
            eos_token_id=None,
            pad_token_id=1,
            stopping_criteria=[ended],
        )
        return int(limits.sum())

    def run(asked: Sequence[Request]) -> int:
        with torch.inference_mode():
            return sum(batch(asked[start : start + rows]) for start in range(0, len(asked), rows))

    return run


def engine_of(kind: str, folder: str) -> Engine:
    """Our engine of that kind in fp32."""
    return make_engine(
        EngineConfig(
            kind=EngineKind(kind), model=folder, dtype="float32", context_tokens=CONTEXT, max_sequences=PLACES
        )
    )


def contender(engine: Engine, way: str, folder: str) -> Contender:
    """`ours`, `bare` (of vLLM), or the size of a batch for transformers' `generate`."""
    if way == "ours":
        return lambda asked: sum(len(one.token_ids) for one in engine.generate(asked))
    return bare_vllm(llm_of(engine)) if way == "bare" else bare_transformers(folder, int(way))


def llm_of(engine: Engine) -> Any:
    """vLLM's object in our engine; None in another."""
    return getattr(engine, "llm", None)


@contextmanager
def only_answers_on_stdout() -> Iterator[TextIO]:
    """The true stdout; whatever libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        yield answers


def main() -> None:
    kind, folder = sys.argv[1:]
    with only_answers_on_stdout() as answers:
        engine = engine_of(kind, folder)
        made: dict[str, Contender] = {}
        for line in sys.stdin:
            order = json.loads(line)
            way, count = order["way"], order["requests"]
            if llm_of(engine) is not None:
                llm_of(engine).reset_prefix_cache()
            if way in TOOL_WAYS:
                told = tool_round(engine, way, order["program"], count)
            else:
                made[way] = made.get(way) or contender(engine, way, folder)
                told = timed(made[way], requests(order["lengths"], count))
            answers.write(json.dumps(told) + "\n")
        engine.close()


def timed(run: Contender, asked: Sequence[Request]) -> dict[str, float]:
    """Tokens, and seconds by the clock and of a core."""
    clock, core = time.perf_counter(), time.process_time()
    tokens = run(asked)
    return {
        "tokens": tokens,
        "seconds": time.perf_counter() - clock,
        "core_seconds": time.process_time() - core,
    }


if __name__ == "__main__":
    main()
