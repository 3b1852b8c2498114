"""The shape of a reward: TRL's signature, chat messages, sums, pickling."""

import pickle

import pytest

from mathpipe.core.errors import InputError
from verify.rewards import (
    Weighted,
    accuracy_reward,
    compose,
    format_reward,
    overlong_penalty,
    process_reward,
    program_reward,
    proof_reward,
    repetition_penalty,
    tool_use_reward,
)
from verify.rewards.reward import Batch, Reward, text_of


def scores_of(name, scores):
    return Reward(name, FixedScores(tuple(scores)))


class FixedScores:
    """Scores that were given."""

    def __init__(self, scores):
        self.scores = scores

    def __call__(self, batch):
        return list(self.scores)


def said(content):
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("plain", "plain"),
        ([said("hello")], "hello"),
        ([said("a"), {"role": "tool", "content": "b"}, said("c")], "a\nc"),
        ([said([{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}])], "ab"),
        ([said(None)], None),
        ([{"role": "user", "content": "no"}], None),
        ([said(5)], None),
        ([], None),
        (["text"], None),
        (None, None),
        (5, None),
        (b"bytes", None),
        ({"role": "assistant", "content": "x"}, None),
    ],
)
def test_a_completion_says_what_its_assistant_says(completion, text):
    assert text_of(completion) == text


def test_a_prompt_is_all_that_was_said():
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1?"}]
    assert Batch(["2"], {"prompts": [chat]}).prompts() == ["Be brief.\n1+1?"]
    assert Batch(["2"], {}).prompts() == [""]


class Liar(str):
    """Text that is equal to everything."""

    __slots__ = ()

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __hash__(self):
        return hash("42")

    def strip(self, *characters):
        return "42"


def test_only_the_characters_of_a_text_count():
    text = text_of(Liar("41"))
    assert type(text) is str
    assert text == "41"
    assert text != "42"
    assert accuracy_reward()([Liar("41")], answer=["42"]) == [0.0]
    assert accuracy_reward()(["41"], answer=[Liar("42")]) == [0.0]


def test_a_missing_or_short_column_is_an_error_that_names_it():
    with pytest.raises(InputError, match="'answer' .missing.*a list of 1 values"):
        accuracy_reward()(["5"])
    with pytest.raises(InputError, match="'solution'"):
        accuracy_reward("solution")(["5", "6"], solution=["5"])
    with pytest.raises(InputError, match="'answer' .str that does not fit"):
        accuracy_reward()(["5"], answer="5")


def test_unknown_columns_are_ignored():
    columns = {"answer": ["5"], "prompts": ["?"], "completion_ids": [[1]], "trainer_state": object(), "level": [3]}
    assert accuracy_reward()(["the answer is 5"], **columns) == [1.0]


def test_a_sum_weighs_its_parts():
    total = compose(Weighted(scores_of("a", [1.0, 0.0]), 0.75), Weighted(scores_of("b", [0.5, 1.0]), 0.5))
    assert total(["x", "y"]) == [1.0, 0.5]
    assert total.__name__ == "a+b"
    assert compose(scores_of("a", [1.0]), scores_of("b", [2.0]), name="both")(["x"]) == [3.0]
    assert compose(scores_of("a", [1.0]), name="both").__name__ == "both"


def test_a_sum_is_none_only_where_every_part_is():
    total = compose(scores_of("a", [None, None, 1.0]), Weighted(scores_of("b", [None, 1.0, 1.0]), 0.5))
    assert total(["x", "y", "z"]) == [None, 0.5, 1.5]


def test_a_sum_is_none_where_a_required_part_is():
    total = compose(Weighted(scores_of("a", [None, 0.0]), required=True), scores_of("b", [1.0, 1.0]))
    assert total(["x", "y"]) == [None, 1.0]


def test_a_sum_can_be_part_of_a_sum():
    inner = compose(scores_of("a", [1.0]), scores_of("b", [None]))
    assert compose(Weighted(inner, 2.0), scores_of("c", [0.5]))(["x"]) == [2.5]


def test_a_sum_of_nothing_is_an_error():
    with pytest.raises(InputError, match="at least one reward"):
        compose()


def test_parts_are_shown_where_the_trainer_offers_it():
    shown = {}
    total = compose(accuracy_reward(), scores_of("b", [0.25]))
    assert total(["the answer is 5"], answer=["5"], log_extra=shown.__setitem__) == [1.25]
    assert shown == {"verdict": ["same-text"], "accuracy": [1.0], "b": [0.25]}


def double(steps):
    return [2.0 for _ in steps]


REWARDS = [
    accuracy_reward(),
    format_reward(),
    overlong_penalty(max_tokens=10, soft_tokens=5),
    repetition_penalty(),
    tool_use_reward(),
    process_reward(double),
    proof_reward(),
    program_reward(),
    compose(Weighted(accuracy_reward("gold"), 0.9, required=True), Weighted(format_reward(), 0.1)),
]


@pytest.mark.parametrize("reward", REWARDS, ids=lambda reward: reward.__name__)
def test_a_reward_survives_pickling(reward):
    copy = pickle.loads(pickle.dumps(reward))
    assert copy == reward
    assert copy.__name__ == reward.__name__


def test_every_reward_has_a_name_of_its_own():
    assert len({reward.__name__ for reward in REWARDS}) == len(REWARDS)


def test_an_empty_batch_has_no_scores():
    columns = {name: [] for name in ("answer", "gold", "completion_ids", "statement", "tests")}
    assert [reward([], **columns) for reward in REWARDS] == [[]] * len(REWARDS)
