"""Tool-integrated rounds over a real engine and the real sandbox: how long the engine stands still.

In: an engine, a way to take turns, a program. Out: seconds, the engine's idle share, tokens, programs. Solutions are
written by a model that knows nothing, so their lengths and their programs are set here: a length of text, a program,
its output in the prompt, three times over. Prompts grow and programs run as in `forms.tool_integrated`.

- overlapped: our scheduler; programs run in threads while the engine goes on with other samples.
- one by one: the engine finishes all samples of a round, then their programs run one after another.
- in phases: the same, but the programs of a round run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from mathpipe.core.records import Finish, Form
from mathpipe.generate.engines import Engine, Request
from mathpipe.generate.forms.schedule import Scheduler, Task
from mathpipe.generate.forms.settings import GenerationConfig
from mathpipe.generate.forms.steps import Ask, ProgramOutput, Prompt, Reply, Solution, Solving, ask, execute
from mathpipe.generate.templates import Tokenizer
from verify import run_program

PROGRAMS = {
    "waits": "import time\ntime.sleep(0.2)\nprint(6 * 7)",
    "computes": "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\nprint(6 * 7)",
}
ROUNDS, WORKERS = 3, 16
SLOWEST = "one by one"
_TEXT_TOKENS = (20, 120)  # of a round
_PROMPT = tuple(range(20, 60))


def solve(prompt: Prompt, lengths: Sequence[int], code: str) -> Solving:
    """A text and a program by turns, then a text."""
    tokens = 0
    for length in lengths:
        completion = yield from ask(Ask(prompt, length))
        tokens += len(completion.token_ids)
        output = yield from execute(code)
        prompt = prompt.extended(f"{completion.text}\n{output.text}\n")
    return Solution(text="", segments=[], finish=Finish.STOP, prompt_tokens=0, completion_tokens=tokens)


def tasks(tokenizer: Tokenizer | None, code: str, count: int) -> Iterator[Task]:
    """`count` samples with texts of 20 to 120 tokens a round."""
    rng = Random(3)
    for number in range(count):
        lengths = [rng.randint(*_TEXT_TOKENS) for _ in range(ROUNDS)]
        yield Task(str(number), number, solve(Prompt(_PROMPT, tokenizer=tokenizer), lengths, code))


def sandboxed(code: str) -> ProgramOutput:
    """One run in the sandbox."""
    result = run_program(code)
    return ProgramOutput(result.shown(), seconds=result.seconds)


def overlapped(engine: Engine, code: str, count: int) -> dict[str, Any]:
    """Our scheduler."""
    config = GenerationConfig(form=Form.TOOL_INTEGRATED, temperature=1.0, program_workers=WORKERS)
    scheduler = Scheduler(engine, config, sandboxed)
    for _ in scheduler.solve(tasks(engine.tokenizer, code, count)):
        pass
    spent = scheduler.time
    return {"idle": spent.idle_share, "tokens": spent.completion_tokens, "programs": spent.programs}


@dataclass(slots=True)
class _Turn:
    """A sample between two phases."""

    task: Task
    reply: Reply | None = None


def by_turns(engine: Engine, code: str, count: int, *, workers: int) -> dict[str, Any]:
    """Generation and programs in phases, all samples at once; programs in `workers` threads."""
    turns = [_Turn(task) for task in tasks(engine.tokenizer, code, count)]
    began, idle, tokens, programs = time.perf_counter(), 0.0, 0, 0
    with ThreadPoolExecutor(workers) as threads:
        while turns:
            asked = {turn.task.name: (turn, step) for turn in turns if (step := _next(turn)) is not None}
            requests = [_request(turn, step) for turn, step in asked.values() if isinstance(step, Ask)]
            for completion in engine.generate(requests):
                asked[completion.request_id][0].reply = completion
                tokens += len(completion.token_ids)
            paused = time.perf_counter()
            running = [turn for turn, step in asked.values() if not isinstance(step, Ask)]
            for turn, output in zip(running, threads.map(sandboxed, [code] * len(running)), strict=True):
                turn.reply = output
                programs += 1
            idle += time.perf_counter() - paused
            turns = [turn for turn, _ in asked.values()]
    return {"idle": idle / (time.perf_counter() - began), "tokens": tokens, "programs": programs}


def _next(turn: _Turn) -> Any:
    try:
        return next(turn.task.solving) if turn.reply is None else turn.task.solving.send(turn.reply)
    except StopIteration:
        return None


def _request(turn: _Turn, step: Ask) -> Request:
    turn.task.rounds += 1
    return Request(
        request_id=turn.task.name,
        prompt_token_ids=step.prompt.token_ids,
        max_tokens=step.max_tokens,
        seed=turn.task.seed * ROUNDS + turn.task.rounds,
    )


TOOL_WAYS: dict[str, Callable[[Engine, str, int], dict[str, Any]]] = {
    "overlapped": overlapped,
    "in phases": partial(by_turns, workers=WORKERS),
    SLOWEST: partial(by_turns, workers=1),
}


def tool_round(engine: Engine, way: str, program: str, count: int) -> dict[str, Any]:
    """`count` samples in one of the ways; the sandbox is warm."""
    sandboxed("print(1)")
    began = time.perf_counter()
    told = TOOL_WAYS[way](engine, PROGRAMS[program], count)
    return {"seconds": time.perf_counter() - began, **told}
