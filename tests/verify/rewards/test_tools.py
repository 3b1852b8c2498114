"""Programs in a completion: those that ran, those that failed, those whose output was made up."""

import pytest

from verify.rewards import tool_use_reward
from verify.rewards.tools import programs_with_outputs

GOOD = "```python\nprint(2 + 3)\n```\n```output\n5\n```\n"
ERROR = "Traceback (most recent call last):\nNameError: name 'x' is not defined"
FAILED = f"```python\nprint(x)\n```\n```output\n{ERROR}\n```\n"
FORGED = "```python\nprint(2 + 3)\n```\n```output\n42\n```\n"
UNRUN = "```python\nprint(2 + 3)\n```\nSo it is 5.\n"


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (GOOD, 1.0),
        (GOOD + FAILED, 0.5),
        (FAILED, 0.0),
        (UNRUN, 0.0),
        (GOOD + UNRUN, 0.5),
        ("no program", 0.0),
        ("```output\n5\n```", 0.0),
        ("```latex\nx\n```\n```output\n5\n```", 0.0),
        (GOOD * 17, 0.0),
        ("```py\n1\n```\n```output\nTimed out\n```", 0.0),
        ("```py\nprint('no Error')\n```\n```output\nno Error\n```", 1.0),
        (None, 0.0),
    ],
)
def test_the_score_is_the_share_of_programs_that_ran(text, score):
    assert tool_use_reward()([text]) == [score]


def test_programs_are_paired_with_their_outputs():
    assert programs_with_outputs(GOOD + UNRUN) == [("print(2 + 3)\n", "5\n"), ("print(2 + 3)\n", None)]


@pytest.mark.usefixtures("sandbox")
def test_running_again_finds_a_forged_output():
    assert tool_use_reward()([FORGED]) == [1.0]
    assert tool_use_reward(rerun=True)([FORGED, GOOD, GOOD + FORGED]) == [0.0, 1.0, 0.5]


@pytest.mark.usefixtures("sandbox")
def test_a_last_value_counts_as_shown():
    shown = "```python\nx = 2\nx + 3\n```\n```output\n5\n```"
    assert tool_use_reward(rerun=True)([shown]) == [1.0]
