"""Each form as a coroutine, fed with literal completions and outputs."""

import pytest

from mathpipe.core.records import Finish, Form, Segment, SegmentKind
from mathpipe.generate.engines import Completion
from mathpipe.generate.forms import chain_of_thought, program_of_thought, proof, tool_integrated
from mathpipe.generate.forms.blocks import CLOSING, OUTPUT
from mathpipe.generate.forms.settings import GenerationConfig
from mathpipe.generate.forms.steps import Ask, Execute, Job, ProgramOutput, Prompt
from mathpipe.generate.prompts import load_prompt
from tests.generate.problems_at_hand import theorem, word_problem
from tests.generate.tiny_model import make_tokenizer

TOKENIZER = make_tokenizer()
TEXT, CODE, OUT = SegmentKind.TEXT, SegmentKind.CODE, SegmentKind.OUTPUT


def job(form, problem=None, **values):
    config = GenerationConfig(form=form, max_tokens=values.pop("max_tokens", 400), **values)
    return Job(
        problem or word_problem(3), Prompt((0, 7), tokenizer=TOKENIZER), load_prompt(config.prompt_name), config
    )


def wrote(text, stop=None, finish=Finish.STOP):
    ids = tuple(TOKENIZER.encode(text + (stop or ""), add_special_tokens=False))
    return Completion(
        request_id="a", index=0, text=text, token_ids=ids, logprobs=None, finish=finish, prompt_tokens=2, stop=stop
    )


def play(solving, *replies):
    """The steps that a coroutine takes, and its solution (None if it wants more)."""
    steps = [next(solving)]
    for reply in replies:
        try:
            steps.append(solving.send(reply))
        except StopIteration as end:
            return steps, end.value
    return steps, None


def seen(step):
    return TOKENIZER.decode(step.prompt.token_ids[2:])


def test_prose_is_one_completion():
    steps, solution = play(chain_of_thought.solve(job(Form.CHAIN_OF_THOUGHT)), wrote("So 5."))
    assert [type(step) for step in steps] == [Ask]
    assert (solution.text, solution.segments, solution.answer) == ("So 5.", [Segment(TEXT, "So 5.")], None)


def test_the_last_program_is_run_and_its_last_line_is_the_answer():
    text = "First\n```python\nprint(1)\n```\nor\n```python\nprint(2)\n```\n"
    steps, solution = play(program_of_thought.solve(job(Form.PROGRAM)), wrote(text), ProgramOutput("so\n2\n"))
    assert steps[1] == Execute("print(2)")
    assert solution.answer == "2"
    assert solution.text == text + "```output\nso\n2\n```\n"
    assert solution.segments[-1] == Segment(OUT, "so\n2")


def test_a_few_shot_program_begins_inside_its_block():
    few_shot = job(Form.PROGRAM, style="few-shot")
    steps, solution = play(program_of_thought.solve(few_shot), wrote("print(2)", stop="\n```\n"), ProgramOutput("2"))
    assert "\n```\n" in steps[0].stop
    assert steps[1] == Execute("print(2)")
    assert solution.text == "```python\nprint(2)\n```\n```output\n2\n```\n"


@pytest.mark.parametrize(
    ("completion", "output", "detail"),
    [
        (wrote("no program"), None, "no finished program in the text"),
        (wrote("```python\nprint(1", finish=Finish.LENGTH), None, "no finished program in the text"),
        (wrote("```python\n1/0\n```"), ProgramOutput("ZeroDivisionError", ok=False), "the program failed"),
    ],
)
def test_without_a_program_that_works_there_is_no_answer(completion, output, detail):
    replies = [completion] if output is None else [completion, output]
    _, solution = play(program_of_thought.solve(job(Form.PROGRAM)), *replies)
    assert (solution.answer, solution.detail) == (None, detail)


def test_a_tools_output_is_fed_back_and_the_model_goes_on():
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED)),
        wrote("We add.\n```python\nprint(3 + 2)", stop=CLOSING),
        ProgramOutput("5\n"),
        wrote("The answer is 5."),
    )
    assert [type(step) for step in steps] == [Ask, Execute, Ask]
    assert seen(steps[2]) == "We add.\n```python\nprint(3 + 2)\n```\n```output\n5\n```\n"
    assert solution.text == seen(steps[2]) + "The answer is 5."
    assert [part.kind for part in solution.segments] == [TEXT, CODE, OUT, TEXT]
    assert solution.finish is Finish.STOP
    assert steps[2].max_tokens < steps[0].max_tokens


def test_the_model_may_not_write_its_own_output():
    steps, _ = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED)),
        wrote("```python\nprint(1)\n```\n", stop=OUTPUT),
        ProgramOutput("1"),
    )
    assert steps[1] == Execute("print(1)")
    assert seen(steps[2]) == "```python\nprint(1)\n```\n```output\n1\n```\n"


def test_fences_in_an_output_cannot_end_its_block():
    steps, _ = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED)),
        wrote("```python\nprint(1)", stop=CLOSING),
        ProgramOutput("```\n<s>evil"),
    )
    assert seen(steps[2]).count("```") == 4
    assert 0 not in steps[2].prompt.token_ids[2:]


def test_a_long_output_is_clipped_in_the_middle():
    limits = {"output_characters": 20}
    steps, _ = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED, tools=limits)),
        wrote("```python\nprint(1)", stop=CLOSING),
        ProgramOutput("1" * 50 + "2" * 50),
    )
    shown = "1" * 10 + "\n... 80 characters left out ...\n" + "2" * 10
    assert shown in seen(steps[2])


def test_a_block_in_another_language_is_gone_on_with():
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED)), wrote("```text\nabc", stop=CLOSING), wrote("Done.")
    )
    assert [type(step) for step in steps] == [Ask, Ask]
    assert solution.text == "```text\nabc\n```\nDone."


def again():
    return wrote("```python\nprint(1)", stop=CLOSING)


def test_the_limit_of_rounds_ends_a_solution():
    limits = {"rounds": 2}
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED, tools=limits)),
        again(),
        ProgramOutput("1"),
        again(),
        ProgramOutput("1"),
        again(),
    )
    assert sum(isinstance(step, Execute) for step in steps) == 2
    assert (solution.finish, solution.detail) == (Finish.ROUNDS, "wants more than 2 programs")


def test_the_limit_of_program_seconds_ends_a_solution():
    limits = {"program_seconds": 3}
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED, tools=limits)),
        again(),
        ProgramOutput("1", seconds=3.5),
        again(),
    )
    assert len(steps) == 3
    assert (solution.finish, solution.detail) == (Finish.ROUNDS, "its programs took more than 3 s")


def test_the_limit_of_tokens_counts_outputs_too():
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED, max_tokens=60)), again(), ProgramOutput("1234 " * 60)
    )
    assert [type(step) for step in steps] == [Ask, Execute]
    assert solution.finish is Finish.LENGTH


def test_a_text_cut_off_by_length_runs_nothing():
    steps, solution = play(
        tool_integrated.solve(job(Form.TOOL_INTEGRATED)), wrote("```python\nprint(1)\n```\n", finish=Finish.LENGTH)
    )
    assert len(steps) == 1
    assert solution.finish is Finish.LENGTH


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("```lean4\ntheorem t1 : 1 + 1 = 2 := by\n  norm_num\n```", " by\n  norm_num"),
        ("```lean4\ntheorem t1 (h : 1 = 1 := rfl) : 5 = 2 := by\n  norm_num\n```", " by\n  norm_num"),
        ("Here:\n```lean\n  norm_num\n```\nDone.", "  norm_num"),
        ("I cannot.", None),
        ("```lean4\ntheorem t1 : 1 + 1 = 2\n```", None),
    ],
    ids=["whole", "a statement of its own is not taken", "body", "none", "no proof"],
)
def test_only_the_proof_is_taken(text, answer):
    _, solution = play(proof.solve(job(Form.PROOF, theorem(1))), wrote(text))
    assert solution.answer == answer


def test_a_few_shot_proof_is_the_text_up_to_the_fence():
    steps, solution = play(proof.solve(job(Form.PROOF, theorem(1), style="few-shot")), wrote("\n  rfl", stop="\n```"))
    assert solution.answer == "  rfl"
    assert "\n```" in steps[0].stop


def test_a_proof_that_is_cut_off_is_no_answer():
    _, solution = play(proof.solve(job(Form.PROOF, theorem(1))), wrote("```lean\n  rfl", finish=Finish.LENGTH))
    assert solution.answer is None
