"""Programs as solutions: not run while they are written, run with their tests when they are judged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Form, Outcome, Problem, ProblemKind, Sample, SegmentKind
from mathpipe.evaluation.judging import own_judge
from mathpipe.evaluation.scoring import score
from mathpipe.generate import EngineConfig, GenerationConfig, ProgramOutput, SampleStore, generate_shard, make_engine
from mathpipe.generate.forms.blocks import programs, segments_of
from mathpipe.generate.problems import read_benchmark
from mathpipe.generate.prompts import load_prompt
from mathpipe.selection import Fate, generation_prompts, select
from mathpipe.selection.rows import grpo_rows, sft_rows
from tests.generate.problems_at_hand import SUM
from tests.generate.test_forms import job, play, wrote
from verify import PoolLimits, VerifierPool, extract_answer
from verify.programs.runner import run_program

ADD, DOUBLE = "print(sum(map(int, input().split())))", "def twice(n):\n    return n + n"
ROWS = [
    {
        "question": "Add the numbers of a line.",
        "tests": [{"stdin": "1 2\n", "stdout": "3"}, {"stdin": "4 5", "stdout": "9"}],
    },
    {"text": "Double it.", "code": DOUBLE, "test_list": ["assert twice(2) == 4", "assert twice(3) == 6"]},
]
SOLUTIONS = {
    "right": [ADD, f"{DOUBLE}\nprint(repr(eval(input())))"],
    "wrong": [ADD.replace("sum", "max"), "print(4.0)"],
    "prints nothing": ["x = input()", DOUBLE],
    "fails": ["print(1 / 0)", "print(repr(eval(input())))"],
    "never ends": ["while True: pass"],
}


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[Problem]:
    path = tmp_path_factory.mktemp("code") / "made.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)), encoding="utf-8")
    return list(read_benchmark(path, split="train"))


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool(1, PoolLimits(seconds=5)) as pool:
        yield pool


def samples_of(problems: list[Problem]) -> list[Sample]:
    """One sample of each problem and each way to solve it, as generation leaves it."""
    samples = []
    for at, problem in enumerate(problems):
        for index, (way, codes) in enumerate(SOLUTIONS.items()):
            if at >= len(codes):
                continue
            text = f"```python\n{codes[at]}\n```\n"
            samples.append(
                Sample(
                    sample_id=f"{at}-{way}",
                    problem_id=problem.problem_id,
                    form=Form.PROGRAM,
                    index=index,
                    seed=index,
                    model="by hand",
                    text=text,
                    segments=segments_of(text),
                    finish=Finish.STOP,
                    prompt_tokens=9,
                    completion_tokens=len(text),
                )
            )
    return samples


def test_selection_keeps_the_programs_that_pass_and_trains_with_their_prompt(
    problems: list[Problem], pool: VerifierPool
) -> None:
    selection = select(problems, samples_of(problems), pool)
    fates = {one.sample.sample_id: one.fate for result in selection.results for one in result.judgements}
    assert {name for name, fate in fates.items() if fate is Fate.KEPT} == {"0-right", "1-right"}
    outcomes = {one.sample.sample_id: one.sample.outcome for result in selection.results for one in result.judgements}
    assert [outcomes[f"0-{way}"] for way in SOLUTIONS] == [
        Outcome.CORRECT, Outcome.WRONG, Outcome.WRONG, Outcome.WRONG, Outcome.TIMEOUT,
    ]  # fmt: skip
    assert [result.pass_rate for result in selection.results] == [0.2, 0.25]
    first = next(sft_rows(selection, generation_prompts({Form.PROGRAM: "code"})))
    assert (first.checked, first.prompt) == ("tests-passed", list(load_prompt("code").messages(problems[0])))
    explored = next(grpo_rows(selection))
    assert [(test.stdin, test.expected) for test in explored.tests] == [("1 2\n", "3"), ("4 5", "9")]


def test_evaluation_scores_the_programs_that_pass(problems: list[Problem], pool: VerifierPool) -> None:
    ending = [sample for sample in samples_of(problems) if "never ends" not in sample.sample_id]
    report = score(problems, ending, by=own_judge(pool))
    assert [record.correct for record in report.records] == [1, 1]
    assert report.score("pass@1").value == 0.25
    assert report.unscored == 0


def refuse(code: str) -> ProgramOutput:
    raise InputError(code, "no program to be run", "the solution waits for its tests")


def test_a_program_that_is_asked_for_is_not_run_while_it_is_written(
    taught_folder: Path, tmp_path: Path, problems: list[Problem]
) -> None:
    """The taught model answers SUM's question with a program by heart; here the question asks for a program."""
    asked = Problem(
        problem_id="c", source="test", split="test", kind=ProblemKind.CODE, question=SUM.question,
        tests=problems[0].tests,
    )  # fmt: skip
    config = GenerationConfig(form=Form.PROGRAM, temperature=0, max_tokens=300)
    engine_config = EngineConfig(kind="transformers", model=str(taught_folder), dtype="float32", context_tokens=512)
    with make_engine(engine_config) as engine, SampleStore(tmp_path / "s.jsonl") as store:
        [sample], _ = generate_shard([asked], engine, config, store, run=refuse, extract=extract_answer)
    assert (sample.text, sample.finish) == ("```python\nprint(3 + 2)\n```", Finish.STOP)
    assert [(part.kind, part.text) for part in sample.segments] == [(SegmentKind.CODE, "print(3 + 2)")]
    assert (sample.answer, sample.detail) == (None, "")


def test_an_open_block_of_a_few_shot_program_is_closed(problems: list[Problem]) -> None:
    from mathpipe.generate.forms import program_of_thought

    asked = job(Form.PROGRAM, problems[0], style="few-shot", prompt="code")
    steps, solution = play(program_of_thought.solve(asked), wrote(ADD, stop="\n```\n"))
    assert len(steps) == 1
    assert solution is not None
    assert solution.text == f"```python\n{ADD}\n```\n"
    _, cut = play(program_of_thought.solve(asked), wrote("x = (", finish=Finish.LENGTH))
    assert (cut.finish, cut.detail) == (Finish.LENGTH, "no finished program in the text")


def test_prose_about_a_program_has_no_answer(plain_engine: object, tmp_path: Path, problems: list[Problem]) -> None:
    config = GenerationConfig(samples=2, max_tokens=16, temperature=1.0)
    with SampleStore(tmp_path / "s.jsonl") as store:
        samples, _ = generate_shard(problems, plain_engine, config, store, extract=lambda text: "5")  # type: ignore[arg-type]
    assert [sample.answer for sample in samples] == [None] * 4


def test_the_prompts_own_programs_do_what_their_problems_ask_for() -> None:
    first, second = (programs(example.solution)[0].code for example in load_prompt("code").examples)
    assert run_program(first, stdin="4\n3 9 -1 2\n").stdout == "10\n"
    assert run_program(second, stdin="vowels('tree')").stdout == "2\n"
