"""Sequences lie behind one another without a gap, and every state predicts the token it should."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rl.packing import Packed, micro_batches, pack, read_tokens, shares
from rl.trajectories import TrainSequence

CPU = torch.device("cpu")


def sequence(prompt: tuple[int, ...], completion: tuple[int, ...]) -> TrainSequence:
    return TrainSequence(prompt_ids=prompt, completion_ids=completion, advantages=(0.0,) * len(completion))


def tokens(smallest: int = 1) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0, 9), min_size=smallest, max_size=6).map(tuple)


SEQUENCES = st.lists(st.builds(sequence, tokens(), tokens()), min_size=1, max_size=6)


def test_two_sequences_packed_by_hand() -> None:
    packed = pack([sequence((5, 6), (7, 8, 9)), sequence((1,), (2,))], CPU)
    assert packed.ids_T.tolist() == [5, 6, 7, 8, 1]  # the last token of each predicts nothing
    assert packed.positions_T.tolist() == [0, 1, 2, 3, 0]
    assert packed.starts_S1.tolist() == [0, 4, 5]
    assert packed.starts_S1.dtype == torch.int32
    assert packed.ends == (4, 5)
    assert packed.longest == 4
    assert packed.state_K.tolist() == [1, 2, 3, 4]
    assert packed.target_K.tolist() == [7, 8, 9, 2]
    assert packed.sequence_K.tolist() == [0, 0, 0, 1]
    assert packed.lengths == (3, 1)


@pytest.mark.parametrize(("prompt", "completion"), [((), (1,)), ((1,), ())])
def test_a_sequence_without_prompt_or_completion_is_refused(
    prompt: tuple[int, ...], completion: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="sequence 1 has .* give both"):
        pack([sequence((1,), (1,)), sequence(prompt, completion)], CPU)


@given(SEQUENCES)
def test_each_state_lies_before_its_target_in_its_own_sequence(sequences: list[TrainSequence]) -> None:
    packed = pack(sequences, CPU)
    for number, item in enumerate(sequences):
        begin = int(packed.starts_S1[number])
        whole = (*item.prompt_ids, *item.completion_ids)
        own = packed.sequence_K == number
        assert packed.ids_T[begin : packed.ends[number]].tolist() == list(whole[:-1])
        assert packed.positions_T[begin : packed.ends[number]].tolist() == list(range(len(whole) - 1))
        read = (packed.state_K[own] - begin).tolist()
        assert [whole[place + 1] for place in read] == packed.target_K[own].tolist() == list(item.completion_ids)
        assert read[0] == len(item.prompt_ids) - 1


@given(SEQUENCES)
def test_values_come_back_sequence_by_sequence(sequences: list[TrainSequence]) -> None:
    packed: Packed = pack(sequences, CPU)
    assert [row.tolist() for row in packed.split(packed.target_K)] == [
        list(item.completion_ids) for item in sequences
    ]


LENGTHS = st.lists(st.integers(1, 40), max_size=40)


@given(LENGTHS, st.integers(1, 60))
def test_micro_batches_hold_each_sequence_once_within_the_budget(lengths: list[int], budget: int) -> None:
    cuts = micro_batches(lengths, budget)
    assert sorted(place for places in cuts for place in places) == list(range(len(lengths)))
    for places in cuts:
        assert places == sorted(places)
        assert sum(lengths[place] for place in places) <= budget or len(places) == 1
    assert cuts == micro_batches(lengths, budget)


@given(LENGTHS, st.integers(40, 80))
def test_no_two_micro_batches_would_fit_into_one(lengths: list[int], budget: int) -> None:
    loads = sorted(sum(lengths[place] for place in places) for places in micro_batches(lengths, budget))
    assert len(loads) < 2 or loads[0] + loads[1] > budget


@given(LENGTHS, st.integers(1, 5))
def test_shares_hold_each_sequence_once_and_differ_by_one_sequence_at_most(lengths: list[int], parts: int) -> None:
    dealt = shares(lengths, parts)
    assert len(dealt) == parts
    assert sorted(place for places in dealt for place in places) == list(range(len(lengths)))
    loads = [sum(lengths[place] for place in places) for places in dealt]
    assert max(loads) - min(loads) <= max(lengths, default=0)


def test_the_longest_sequences_are_packed_first() -> None:
    assert micro_batches([3, 7, 5, 2], 9) == [[1, 3], [0, 2]]


def test_all_but_the_last_token_are_read() -> None:
    assert read_tokens(sequence((1, 2), (3,))) == 2
