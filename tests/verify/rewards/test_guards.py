r"""Each way of gaming is refused for its own reason, and its honest neighbour is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.rewards import GUARDS, Attempt, Gaming, accuracy_reward, find_gaming

PROMPT = "Solve x + 2 = 7 and put the answer in a box, for example \\boxed{5}. Think step by step, please."
REPEATED = "Question: " + PROMPT

GAMES = [
    (Gaming.NOT_TEXT, None, "5"),
    (Gaming.BROKEN_CHARACTERS, "\\boxed{5\x00}", "5"),
    (Gaming.BROKEN_CHARACTERS, "\\boxed{5\ud800}", "5"),
    (Gaming.BROKEN_CHARACTERS, "\\boxed{\x1b[31m5}", "5"),
    (Gaming.HIDDEN_CHARACTERS, "\\boxed{5\u200b}", "5"),
    (Gaming.HIDDEN_CHARACTERS, "\\boxed{\u202e51}", "15"),
    (Gaming.HIDDEN_CHARACTERS, "A: 5\ufeff0", "5"),
    (Gaming.LOOKALIKES, "\\boxed{５}", "5"),
    (Gaming.LOOKALIKES, "\\boxed{٥}", "5"),
    (Gaming.LOOKALIKES, "\\boxed{𝟓}", "5"),
    (Gaming.LOOKALIKES, "\\boxed{х}", "x"),
    (Gaming.BEYOND_LIMIT, "word " * 100_000 + "\\boxed{5}", "5"),
    (Gaming.EMPTY_BOX, "\\boxed{}", "5"),
    (Gaming.EMPTY_BOX, "\\boxed{5} \\boxed{ }", "5"),
    (Gaming.EMPTY_BOX, "It is \\boxed{$~$}", "5"),
    (Gaming.OPEN_BOX, "It is \\boxed{5", "5"),
    (Gaming.OPEN_BOX, "So $\\boxed{5$ is it", "5"),
    (Gaming.OPEN_BOX, "\\boxed{\\frac{1}{2}", "1/2"),
    (Gaming.OPEN_BOX, "\\boxed{1}, \\boxed{2", "1, 2"),
    (Gaming.OPEN_BOX, "\\boxed{ 5\nMore text, {braces} too", "5"),
    (Gaming.BOX_IN_CODE, "<!-- \\boxed{5} -->", "5"),
    (Gaming.BOX_IN_CODE, "Done.\n% \\boxed{5}", "5"),
    (Gaming.BOX_IN_CODE, "```python\n# \\boxed{5}\n```", "5"),
    (Gaming.PROMPT_ECHO, PROMPT, "5"),
    (Gaming.PROMPT_ECHO, REPEATED, "5"),
    (Gaming.PROMPT_ECHO, PROMPT + "\nI see.", "5"),
    (Gaming.MANY_BOXES, "\n\nThen we go on and on.\n\n".join(f"\\boxed{{{n}}}" for n in range(6)), "5"),
    (Gaming.MANY_MARKS, "#### 3\n#### 4\n#### 5", "5"),
    (Gaming.HEDGE, "The answer is 2 or 3.", "2"),
    (Gaming.HEDGE, "\\boxed{\\text{either } 2}", "2"),
    (Gaming.HEDGE, "\\boxed{2 \\text{ or } 3}", "2"),
    (Gaming.HEDGE, "The answer is maybe 2", "2"),
    (Gaming.HEDGE, "\\boxed{x=2 \\lor x=3}", "2"),
    (Gaming.SEVERAL_ANSWERS, "\\boxed{2} or \\boxed{3}", "2"),
    (Gaming.SEVERAL_ANSWERS, "\\boxed{2} and \\boxed{3}", "x = 2"),
    (Gaming.SEVERAL_ANSWERS, "\\boxed{2, 3}", "2"),
    (Gaming.SEVERAL_ANSWERS, "\\boxed{\\{2, 3\\}}", "2"),
    (Gaming.SEVERAL_ANSWERS, "\\boxed{\\pm 2}", "2"),
    (Gaming.CATCH_ALL, "\\boxed{\\text{any}}", "5"),
    (Gaming.CATCH_ALL, "\\boxed{\\text{All real numbers}}", "5"),
    (Gaming.CATCH_ALL, "The answer is any number.", "5"),
    (Gaming.CATCH_ALL, "\\boxed{(-\\infty, \\infty)}", "(0, 5)"),
    (Gaming.CATCH_ALL, "\\boxed{-\\infty < x < \\infty}", "x > 0"),
    (Gaming.CATCH_ALL, "\\boxed{\\mathbb{R}}", "x > 0"),
    (Gaming.CATCH_ALL, "\\boxed{" + ", ".join(map(str, range(40))) + "}", "1, 2"),
    (Gaming.TAUTOLOGY, "\\boxed{x = x}", "x = 5"),
    (Gaming.TAUTOLOGY, "\\boxed{5 = 5}", "6"),
    (Gaming.TAUTOLOGY, "\\boxed{a \\le a}", "5"),
]
HONEST = [
    ("\\boxed 5", "5"),
    ("\\boxed{ 5 }", "5"),
    ("\\boxed{\\boxed{5}}", "5"),
    ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
    ("\\boxed{1}, \\boxed{2}", "1, 2"),
    ("\\\\boxed{\\\\frac{1}{2}}", "1/2"),
    ("x \\in \\boxed{5} it is", "5"),
    ("\\boxed{5}", "5"),
    ("A\u200bB and \x00 before it. \\boxed{5}", "5"),
    ("\\boxed{нет}", "нет"),
    ("\\boxed{x²}", "x^2"),
    ("\\boxed{⟨1, 2⟩}", "\\langle 1, 2\\rangle"),
    ("Put it in \\boxed{}. The final answer is 5.", "5"),
    ("I first thought \\boxed{4}. That was wrong, as the check shows. So \\boxed{5}", "5"),
    ("<think>" + " or \n\nmaybe\n\n".join(f"\\boxed{{{n}}}" for n in range(9)) + "</think>\\boxed{5}", "5"),
    ("```python\nprint(5)\n```\n```output\n5\n```\nSo \\boxed{5}.", "5"),
    ("5\\% of 100 is $\\boxed{5}$", "5"),
    ("<!-- a note --> \\boxed{5}", "5"),
    ("#### Step 1\n#### Step 2\n#### Step 3\n#### 5", "5"),
    ("\\boxed{2} and \\boxed{3}", "2, 3"),
    ("\\boxed{2 \\text{ or } 3}", "2 or 3"),
    ("\\boxed{x = 5, y = 3}", "(5, 3)"),
    ("\\boxed{5,15}", "5.15"),
    ("\\boxed{(2, 3)}", "(2, 3)"),
    ("\\boxed{1,000}", "1000"),
    ("\\boxed{x \\text{ is less than or equal to } 5}", "x \\le 5"),
    ("\\boxed{\\text{all real numbers}}", "(-\\infty, \\infty)"),
    ("\\boxed{\\mathbb{R}}", "\\text{all real numbers}"),
    ("\\boxed{(-\\infty, 3)}", "x < 3"),
    ("\\boxed{x = 2 + 3 = 5}", "5"),
    ("\\boxed{" + ", ".join(map(str, range(40))) + "}", ", ".join(map(str, range(40)))),
    ("x + 2 = 7 gives \\boxed{5}", "5"),
]


def gaming_of(text, reference, prompt=""):
    return find_gaming(Attempt(text, reference, prompt), GUARDS)


@pytest.mark.parametrize(("gaming", "text", "reference"), GAMES)
def test_gaming_is_refused_by_name(gaming, text, reference):
    prompt = PROMPT if gaming is Gaming.PROMPT_ECHO else ""
    assert gaming_of(text, reference, prompt) is gaming


@pytest.mark.parametrize(("gaming", "text", "reference"), GAMES)
def test_gaming_earns_nothing(gaming, text, reference):
    prompt = PROMPT if gaming is Gaming.PROMPT_ECHO else ""
    assert accuracy_reward()([text], answer=[reference], prompts=[prompt]) == [0.0]


@pytest.mark.parametrize(("text", "reference"), HONEST)
def test_honest_answers_pass_the_guards(text, reference):
    assert gaming_of(text, reference, PROMPT) is None


def test_every_kind_of_gaming_is_tried():
    assert {gaming for gaming, _, _ in GAMES} == set(Gaming)


def test_a_prompt_that_is_repeated_before_an_answer_does_no_harm():
    assert gaming_of(PROMPT + "\n\nx = 7 - 2, so \\boxed{5}.", "5", PROMPT) is None


def test_an_answer_like_the_prompts_example_is_an_answer():
    prompt = "Q: 2+3?\nThe answer is 5.\nQ: 1+4?"
    assert gaming_of("The answer is 5.", "5", prompt) is None


def test_no_answer_is_not_gaming():
    assert gaming_of("I do not know.", "5") is None
    assert gaming_of("", "5") is None


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=60))
def test_the_guards_take_any_text(text, reference, prompt):
    assert gaming_of(text, reference, prompt) in (None, *Gaming)
    assert gaming_of(f"\\boxed{{{text}}}", reference, text) in (None, *Gaming)


@given(st.integers(-(10**9), 10**9))
def test_a_plain_number_is_never_gaming(number):
    assert gaming_of(f"Then it follows that $\\boxed{{{number}}}$.", str(number), PROMPT) is None
