"""Many solutions at once over one engine: programs run in threads while the engine goes on with other samples.

In: tasks (a coroutine each). Out: finished tasks, in the order in which they finish, and how the time was spent.
The engine is idle when every open sample waits for a program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import perf_counter

from mathpipe.core.errors import InputError
from mathpipe.generate.engines.engine import Engine, Request, sample_seed
from mathpipe.generate.forms.settings import GenerationConfig
from mathpipe.generate.forms.steps import Ask, Execute, ProgramOutput, Reply, Solution, Solving

Run = Callable[[str], ProgramOutput]


@dataclass(slots=True)
class EngineTime:
    """Seconds in which the engine worked, in which it had nothing to do because programs ran, and of all else."""

    busy_seconds: float = 0.0
    idle_seconds: float = 0.0
    other_seconds: float = 0.0
    programs: int = 0
    program_seconds: float = 0.0  # summed over programs, which overlap
    completion_tokens: int = 0

    @property
    def idle_share(self) -> float:
        """Idle seconds by all seconds, 0 before any work."""
        total = self.busy_seconds + self.idle_seconds + self.other_seconds
        return self.idle_seconds / total if total else 0.0


@dataclass(slots=True)
class Task:
    """One sample under way: its name among the engine's requests, its seed, its coroutine."""

    name: str
    seed: int
    solving: Solving
    rounds: int = 0
    solution: Solution | None = None


class Scheduler:
    """Drives tasks over an engine; `time` holds how the seconds were spent."""

    def __init__(self, engine: Engine, config: GenerationConfig, run: Run | None = None) -> None:
        self.time = EngineTime()
        self._engine = engine
        self._config = config
        self._run = run
        self._asking: dict[str, Task] = {}
        self._executing: dict[Future[ProgramOutput], Task] = {}
        self._finished: list[Task] = []

    def solve(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Tasks with their solutions as they finish; new ones are opened while others run."""
        if self._engine.unfinished:
            raise InputError("engine", "no open requests", "finish or abort the other generation first")
        waiting = iter(tasks)
        threads = ThreadPoolExecutor(self._config.program_workers, thread_name_prefix="program")
        try:
            more = True
            while more or self._asking or self._executing:
                began, known = perf_counter(), self.time.busy_seconds + self.time.idle_seconds
                while more and len(self._asking) + len(self._executing) < self._config.in_flight:
                    task = next(waiting, None)
                    more = task is not None
                    if task is not None:
                        self._go_on(task, None, threads)
                self._collect_programs(threads)
                self._step(threads)
                done, self._finished = self._finished, []
                worked = self.time.busy_seconds + self.time.idle_seconds - known
                self.time.other_seconds += perf_counter() - began - worked
                yield from done
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
            self._engine.abort()

    def _step(self, threads: ThreadPoolExecutor) -> None:
        start = perf_counter()
        if self._asking:
            completions = self._engine.step()
            self.time.busy_seconds += perf_counter() - start
            for completion in completions:
                self.time.completion_tokens += len(completion.token_ids)
                self._go_on(self._asking.pop(completion.request_id), completion, threads)
        elif self._executing:
            wait(self._executing, return_when=FIRST_COMPLETED)
            self.time.idle_seconds += perf_counter() - start

    def _collect_programs(self, threads: ThreadPoolExecutor) -> None:
        for future in [future for future in self._executing if future.done()]:
            output = future.result()
            self.time.programs += 1
            self.time.program_seconds += output.seconds
            self._go_on(self._executing.pop(future), output, threads)

    def _go_on(self, task: Task, reply: Reply | None, threads: ThreadPoolExecutor) -> None:
        """Send a task its reply and take its next step."""
        try:
            step = next(task.solving) if reply is None else task.solving.send(reply)
        except StopIteration as end:
            task.solution = end.value
            self._finished.append(task)
            return
        if isinstance(step, Execute):
            self._executing[threads.submit(self._program(), step.code)] = task
        else:
            self._ask(task, step)

    def _program(self) -> Run:
        if self._run is None:
            raise InputError(f"form {self._config.form}", "a way to run programs", "pass run=, a sandbox's call")
        return self._run

    def _ask(self, task: Task, step: Ask) -> None:
        request = Request(
            request_id=task.name,
            prompt_token_ids=step.prompt.token_ids,
            messages=step.prompt.messages,
            max_tokens=step.max_tokens,
            temperature=self._config.temperature,
            top_p=self._config.top_p,
            stop=step.stop,
            stop_token_ids=self._engine.template.stop_token_ids if self._engine.template else (),
            seed=sample_seed(task.seed, task.rounds),
        )
        task.rounds += 1
        self._asking[task.name] = task
        self._engine.submit(request)
