r"""Form: one box at the end, closed thoughts; length by DAPO's equation; repetitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from verify.rewards import Thinking, format_reward, overlong_penalty, repetition_penalty
from verify.rewards.forms import after_thoughts, is_well_formed, repeated_share


@pytest.mark.parametrize(
    "text",
    [
        r"So it is \boxed{5}",
        r"So it is $\boxed{5}$.",
        "So\n\\[\n\\boxed{5}\n\\]\n",
        r"\begin{align*} x &= \boxed{5} \end{align*}",
        r"**\boxed{5}**",
        r"<think>Is it \boxed{4}? No.</think> It is \boxed{5}.",
        r"\boxed{\boxed{5}}",
        r"\boxed{\frac{1}{2}}",
    ],
)
def test_one_box_at_the_end_is_well_formed(text):
    assert is_well_formed(text, Thinking.OPTIONAL)


@pytest.mark.parametrize(
    "text",
    [
        "It is 5.",
        r"\boxed{5} is the answer",
        r"\boxed{5}, as \boxed{5}",
        r"\boxed{}",
        r"\boxed{ $ }",
        r"<think>I think \boxed{5}",
        r"I think</think> \boxed{5}",
        r"<think>a</think>b</think> \boxed{5}",
        r"<think>a<think>b</think> \boxed{5}",
        r"So <think>a</think> \boxed{5}",
        r"</think> \boxed{5} <think>",
        r"<think>\boxed{5}</think> I am done.",
        r"\boxed{5}" + "\n" * 300,
        "```python\n\\boxed{5}\n```",
        "",
    ],
)
def test_anything_else_is_not(text):
    assert not is_well_formed(text, Thinking.OPTIONAL)


def test_thoughts_may_be_required_or_opened_by_the_prompt():
    bare, thought, opened = r"\boxed{5}", r"<think>a</think>\boxed{5}", r"a</think>\boxed{5}"
    texts = [bare, thought, opened]
    assert format_reward(thinking=Thinking.OPTIONAL)(texts) == [1.0, 1.0, 0.0]
    assert format_reward(thinking=Thinking.REQUIRED)(texts) == [0.0, 1.0, 0.0]
    assert format_reward(thinking=Thinking.OPENED)(texts) == [0.0, 0.0, 1.0]


def test_what_is_no_text_has_no_form():
    assert format_reward()([None, [{"role": "assistant", "content": r"\boxed{5}"}]]) == [0.0, 1.0]


def test_what_follows_the_thoughts_is_found():
    assert after_thoughts("<think>a</think>b", Thinking.REQUIRED) == "b"
    assert after_thoughts("b", Thinking.REQUIRED) is None


@pytest.mark.parametrize(
    ("tokens", "score"),
    [(0, 0.0), (80, 0.0), (81, -0.05), (90, -0.5), (99, -0.95), (100, -1.0), (101, -1.0), (500, -1.0)],
)
def test_the_penalty_is_dapos(tokens, score):
    # Equation 13 with L_max = 100 and L_cache = 20: ((100 - 20) - |y|) / 20 between 80 and 100.
    penalty = overlong_penalty(max_tokens=100, soft_tokens=20)
    assert penalty(["x"], completion_ids=[[1] * tokens]) == [pytest.approx(score)]


def test_the_penalty_needs_tokens():
    with pytest.raises(InputError, match="completion_ids"):
        overlong_penalty(max_tokens=100, soft_tokens=20)(["x"])
    assert overlong_penalty(max_tokens=100, soft_tokens=20)(["x"], completion_ids=[None]) == [None]


@pytest.mark.parametrize("soft", [0, -1, 101])
def test_a_soft_zone_outside_the_limit_is_an_error(soft):
    with pytest.raises(InputError, match="soft_tokens"):
        overlong_penalty(max_tokens=100, soft_tokens=soft)


@pytest.mark.parametrize(
    ("text", "share"),
    [("a b c d", 0.0), ("a b a b", 1 / 3), ("a a a a a", 3 / 4), ("a", 0.0), ("", 0.0), ("a b c a b c a b c", 5 / 8)],
)
def test_the_share_of_repeated_pairs(text, share):
    assert repeated_share(text, 2) == pytest.approx(share)


def test_repetition_is_penalised_up_to_the_maximum():
    penalty = repetition_penalty(words=2, maximum=0.5)
    assert penalty(["a a a a a", "a b c", "", None]) == [-0.375, 0.0, 0.0, 0.0]
    with pytest.raises(InputError, match="words"):
        repetition_penalty(words=0)


@given(st.lists(st.sampled_from("abc"), max_size=60).map(" ".join), st.integers(1, 5))
def test_a_share_is_a_share_and_repeating_raises_it(text, words):
    share = repeated_share(text, words)
    assert 0.0 <= share < 1.0
    assert repeated_share(f"{text} {text}", words) >= share
