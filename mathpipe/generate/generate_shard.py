"""Problems to samples: which samples a shard needs, which of them are stored, and the rest generated.

In: problems, an engine, a configuration, a store. Out: samples as they finish, each stored before it is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from mathpipe.core.errors import ConfigError
from mathpipe.core.records import Form, Problem, ProblemKind, Sample, record_id_of
from mathpipe.generate.engines.engine import Engine, sample_seed
from mathpipe.generate.forms import chain_of_thought, program_of_thought, proof, tool_integrated
from mathpipe.generate.forms.schedule import EngineTime, Run, Scheduler, Task
from mathpipe.generate.forms.settings import GenerationConfig
from mathpipe.generate.forms.steps import Job, Prompt, Solution, Solving, first_prompt
from mathpipe.generate.prompts import Style, load_prompt
from mathpipe.generate.sample_store import SampleStore

SOLVERS: dict[Form, Callable[[Job], Solving]] = {
    Form.CHAIN_OF_THOUGHT: chain_of_thought.solve,
    Form.PROGRAM: program_of_thought.solve,
    Form.TOOL_INTEGRATED: tool_integrated.solve,
    Form.PROOF: proof.solve,
}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A sample to be had: everything of its record that is known before it is written."""

    sample_id: str
    problem: Problem
    index: int
    seed: int
    prompt: Prompt


class SampleGenerator:
    """Generates with one engine and one configuration; `time` holds how the seconds were spent.

    `run` runs a program (for the forms that need it); `extract` finds the answer in a solution's text where the form
    itself knows none.
    """

    def __init__(
        self,
        engine: Engine,
        config: GenerationConfig,
        *,
        run: Run | None = None,
        extract: Callable[[str], str | None] | None = None,
    ) -> None:
        self.time = EngineTime()
        self._engine = engine
        self._config = config
        self._run = run
        self._extract = extract
        self._file = load_prompt(config.prompt_name)
        if self._file.form is not config.form:
            raise ConfigError(
                f"prompt {config.prompt_name!r}", f"a prompt of the form {config.form}", f"it is of {self._file.form}"
            )
        if run is None and config.form in {Form.PROGRAM, Form.TOOL_INTEGRATED}:
            raise ConfigError(f"form {config.form}", "a way to run programs", "pass run=, a sandbox's call")

    def sample_ids(self, problems: Iterable[Problem]) -> list[str]:
        """The ids of all samples of the problems, in the order of the dataset."""
        return [wanted.sample_id for problem in problems for wanted in self._wanted(problem)]

    def generate(self, problems: Iterable[Problem], store: SampleStore | None = None) -> Iterator[Sample]:
        """Samples that the store lacks, as they finish; each is stored before it is yielded."""
        open_tasks: dict[str, _Wanted] = {}

        def tasks() -> Iterator[Task]:
            for problem in problems:
                for wanted in self._wanted(problem):
                    if (store is not None and wanted.sample_id in store) or wanted.sample_id in open_tasks:
                        continue
                    open_tasks[wanted.sample_id] = wanted
                    solve = SOLVERS[self._config.form]
                    solving = solve(Job(problem, wanted.prompt, self._file, self._config))
                    yield Task(wanted.sample_id, wanted.seed, solving)

        scheduler = Scheduler(self._engine, self._config, self._run)
        scheduler.time = self.time
        for task in scheduler.solve(tasks()):
            wanted = open_tasks[task.name] if store is None else open_tasks.pop(task.name)
            sample = self._sample(wanted, task.solution)
            if store is not None:
                store.add(sample)
            yield sample

    def _wanted(self, problem: Problem) -> Iterator[_Wanted]:
        config = self._config
        if config.form is Form.PROOF and problem.kind is not ProblemKind.PROOF:
            raise ConfigError(f"problem {problem.problem_id}", "a Lean statement", "filter problems by kind first")
        prompt = first_prompt(problem, self._file, config, self._engine)
        shown = [str(part) for part in prompt.token_ids or prompt.messages or ()]
        ends = str((self._file.stop, self._file.opening)) if config.style is Style.FEW_SHOT else ""
        before = record_id_of(
            problem.problem_id, config.form, self._engine.fingerprint, config.deciding, ends, *shown
        )
        for index in range(config.samples):
            seed = sample_seed(config.seed, problem.problem_id, config.form, index)
            yield _Wanted(record_id_of(before, index), problem, index, seed, prompt)

    def _sample(self, wanted: _Wanted, solution: Solution | None) -> Sample:
        if solution is None:
            raise ConfigError(f"sample {wanted.sample_id}", "a finished solution", "report this fault")
        answer = solution.answer
        in_text = self._config.form not in {Form.PROOF, Form.PROGRAM} and wanted.problem.kind is ProblemKind.ANSWER
        if answer is None and self._extract is not None and in_text:
            answer = self._extract(solution.text)
        return Sample(
            sample_id=wanted.sample_id,
            problem_id=wanted.problem.problem_id,
            form=self._config.form,
            index=wanted.index,
            seed=wanted.seed,
            model=self._engine.model,
            text=solution.text,
            segments=solution.segments,
            finish=solution.finish,
            prompt_tokens=solution.prompt_tokens,
            completion_tokens=solution.completion_tokens,
            answer=answer,
            detail=solution.detail,
        )


def generate_shard(
    problems: list[Problem],
    engine: Engine,
    config: GenerationConfig,
    store: SampleStore,
    *,
    run: Run | None = None,
    extract: Callable[[str], str | None] | None = None,
) -> tuple[list[Sample], EngineTime]:
    """All samples of the problems in the order of problems and indices; only what the store lacks is generated."""
    generator = SampleGenerator(engine, config, run=run, extract=extract)
    for _ in generator.generate(problems, store):
        pass
    return store.ordered(generator.sample_ids(problems)), generator.time
