"""Written solutions in place of samples: the data source of supervised fine-tuning (arXiv 2402.03300, section 5.2.1).

In: jobs of the run's stream of problems. Out: trajectories with each problem's own `solution`, behind the prompt that
sampling uses and ended as the template ends a turn. No policy drew them: they have no log-probabilities of a sampler.
A solution longer than `max_tokens` is refused, not cut: a cut one teaches to stop in the middle.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Problem
from mathpipe.generate import EngineConfig
from mathpipe.generate.engines.config import find_template
from mathpipe.generate.prompts import Style, load_prompt
from mathpipe.generate.templates import Message, Tokenizer, defuse, encode_text
from rl.rollout import Rollout, RolloutJob, SamplingConfig
from rl.trajectories import Scored, Trajectory


class RecordedSolutions:
    """Hands out what is written, as a sampler hands out what it drew."""

    def __init__(
        self, problems: Sequence[Problem], tokenizer: Tokenizer, engine: EngineConfig, sampling: SamplingConfig
    ) -> None:
        missing = [problem.problem_id for problem in problems if not (problem.solution or "").strip()]
        if missing:
            raise InputError(
                f"problems: {len(missing)} of {len(problems)} without a solution, such as {missing[0]}",
                "a written solution of each to learn from",
                "use another source, or another preset: those sample",
            )
        self._tokenizer, self._sampling = tokenizer, sampling
        self._file = load_prompt(sampling.prompt)
        self._template = find_template(engine, tokenizer)
        if self._template is None and sampling.style is not Style.FEW_SHOT:
            raise InputError("tokenizer", "a chat template", "set engine.template=plain (or chatml)")

    def sample(self, job: RolloutJob) -> Future[Rollout]:
        """The solutions of the job's problems."""
        found: list[Trajectory] = []
        refused: list[str] = []
        for place, problem in enumerate(job.problems):
            prompt, completion = self._ids(problem)
            if len(completion) > job.max_tokens:
                refused.append(
                    f"{problem.problem_id}: a solution of {len(completion)} tokens, above {job.max_tokens}"
                )
                continue
            found.append(
                Trajectory(
                    problem_id=problem.problem_id,
                    group=job.first_group + place,
                    index=0,
                    prompt_ids=tuple(prompt),
                    completion_ids=tuple(completion),
                    sampler_logprobs=(),
                    version=0,
                    text=problem.solution or "",
                    finish=Finish.STOP,
                )
            )
        done: Future[Rollout] = Future()
        done.set_result(Rollout(trajectories=tuple(found), refused=tuple(refused), seconds=0.0))
        return done

    def _ids(self, problem: Problem) -> tuple[list[int], list[int]]:
        solution = problem.solution or ""
        if self._sampling.style is Style.FEW_SHOT or self._template is None:
            prompt = encode_text(self._file.text(problem, self._sampling.shots), self._tokenizer)
            written = self._tokenizer.encode(defuse(solution, self._tokenizer), add_special_tokens=False)
            return prompt, [*written, self._end()]
        whole, learned = self._template.render_example(
            [*self._file.messages(problem), Message("assistant", solution)]
        )
        start = learned.index(True)
        completion = whole[start:]
        ends = [place for place, token in enumerate(completion) if token in self._template.stop_token_ids]
        return whole[:start], completion[: ends[0] + 1] if ends else [*completion, self._end()]

    def _end(self) -> int:
        if self._tokenizer.eos_token_id is None:
            raise InputError("tokenizer", "a token that ends a text (eos_token)", "set it in the tokenizer's files")
        return self._tokenizer.eos_token_id


def as_written(items: Sequence[Trajectory]) -> list[Scored]:
    """Every solution is worth 1; no verifier was asked, so there is no verdict."""
    return [Scored(trajectory=item, reward=1.0, outcome=None, detail="written solution") for item in items]
