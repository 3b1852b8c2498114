"""The shipped prompts: their layouts, and that what they teach is true."""

from pathlib import Path

import pytest

import mathpipe.generate.prompts as shipped
from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Form
from mathpipe.generate.forms.blocks import programs
from mathpipe.generate.prompts import load_prompt
from tests.generate.problems_at_hand import theorem, word_problem
from verify import check_answer, extract_answer, run_program

NAMES = sorted(path.stem for path in Path(shipped.__file__).parent.glob("*.yaml"))
ANSWERS = {
    "gsm8k-cot": ["22", "155", "65", "39", "40", "27", "12", "4"],
    "math-cot": ["[0,3]", "7", r"\frac{2}{15}", "-4"],
}


def test_every_form_has_a_prompt():
    assert {load_prompt(name).form for name in NAMES} == set(Form)


def test_few_shot_is_the_papers_layout():
    text = load_prompt("gsm8k-cot").text(word_problem(3, "How many?"), shots=1)
    assert text == (
        "Question: A baker fills 6 trays with 12 rolls each. She sells 50 rolls before noon. "
        "How many rolls are left?\n"
        "Answer: There are 6 trays with 12 rolls each, so there are 6 * 12 = 72 rolls. She sells 50 of them, which "
        "leaves 72 - 50 = 22 rolls. The answer is 22.\n\n"
        "Question: How many?\nAnswer:"
    )


@pytest.mark.parametrize(("name", "shots"), [("gsm8k-cot", 8), ("math-cot", 4), ("program", 3), ("tool", 2)])
def test_the_number_of_examples(name, shots):
    assert len(load_prompt(name).examples) == shots


def test_a_few_shot_program_begins_inside_its_block():
    assert load_prompt("program").text(word_problem(3, "Q?"), shots=0) == "Question: Q?\nProgram:\n```python\n"


def test_a_proof_begins_after_by():
    assert load_prompt("lean-proof").text(theorem(1), shots=0) == "```lean4\ntheorem t1 : 1 + 1 = 2 := by"
    first = (
        "```lean4\ntheorem add_swap (a b : Nat) : a + b = b + a := by\n  exact Nat.add_comm a b\n```\n\n```lean4\n"
    )
    assert load_prompt("lean-proof").text(theorem(1)).startswith(first)


def test_chat_is_the_instruction_and_the_question():
    system, user = load_prompt("math-cot").messages(word_problem(3, "Why?"))
    assert (system.role, user.role) == ("system", "user")
    assert user.content == "Why?\nPlease reason step by step, and put your final answer within \\boxed{}."


def test_chat_can_carry_the_examples():
    prompt = load_prompt("gsm8k-cot").model_copy(update={"examples_in_chat": True})
    assert [turn.role for turn in prompt.messages(word_problem(3))] == ["system", *["user", "assistant"] * 8, "user"]


def test_braces_in_a_problem_stay_as_they_are():
    question = r"Let $\{x\}$ be {{ config }} and {% raw %} <b>&"
    assert question in load_prompt("math-cot").text(word_problem(3, question))


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_the_worked_answers_are_found_and_true(name):
    found = [extract_answer(example.solution) for example in load_prompt(name).examples]
    assert len(found) == len(ANSWERS[name])
    for answer, expected in zip(found, ANSWERS[name], strict=True):
        assert check_answer(expected, answer or "").outcome == "correct"


@pytest.mark.parametrize("name", ["program", "tool"])
def test_the_worked_programs_print_what_is_claimed(name):
    for example in load_prompt(name).examples:
        printed = run_program(programs(example.solution)[0].code).stdout.strip()
        claimed = {"program": {"22", "2208", "1 + sqrt(5)"}, "tool": {"7", "63"}}[name]
        assert printed in claimed
        if name == "tool":
            assert f"```output\n{printed}\n```" in example.solution


def test_what_is_wrong_is_named(tmp_path):
    with pytest.raises(ConfigError, match="prompt 'nope': code, gsm8k-cot, lean-proof"):
        load_prompt("nope")
    with pytest.raises(InputError, match="shots: between 0 and 8"):
        load_prompt("gsm8k-cot").text(word_problem(3), shots=9)
    path = tmp_path / "mine.yaml"
    path.write_text("form: cot\ndescription: x\nuser: '{{ nothing }}'\n")
    with pytest.raises(ConfigError, match="uses question and statement only"):
        load_prompt(str(path)).text(word_problem(3))
