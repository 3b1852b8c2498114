"""Small problems and samples for tests."""

from mathpipe.core.records import Finish, Form, Problem, ProblemKind, Sample


def problem(name: str, answer: str | None, question: str = "", **more: object) -> Problem:
    values = {"source": "tests", "split": "test", "kind": ProblemKind.ANSWER, **more}
    return Problem(problem_id=name, question=question or f"Question {name}?", answer=answer, **values)


def sample(of: str, text: str, index: int = 0, **more: object) -> Sample:
    values = {"form": Form.CHAIN_OF_THOUGHT, "finish": Finish.STOP, "seed": 0, "model": "m", **more}
    return Sample(
        sample_id=f"{of}/{index}",
        problem_id=of,
        index=index,
        text=text,
        segments=[],
        prompt_tokens=0,
        completion_tokens=0,
        **values,
    )


def boxed(of: str, *answers: str) -> list[Sample]:
    return [sample(of, f"So $\\boxed{{{answer}}}$.", index) for index, answer in enumerate(answers)]
