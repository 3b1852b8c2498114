"""Master weights lose nothing, and stochastic rounding is right on average."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rl.learner.rounding import joined, split, stochastic

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**127), max_value=2.0**127)


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_split_numbers_are_joined_bit_for_bit(values: list[float]) -> None:
    numbers = torch.tensor(values)
    rounded, rest = split(numbers)
    assert rounded.dtype == torch.bfloat16
    assert rest.dtype == torch.int16
    assert torch.equal(joined(rounded, rest).view(torch.int32), numbers.view(torch.int32))


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_the_upper_half_is_the_nearest_bfloat16(values: list[float]) -> None:
    numbers = torch.tensor(values)
    ours, torchs = split(numbers)[0].double(), numbers.to(torch.bfloat16).double()
    assert torch.equal((ours - numbers.double()).abs(), (torchs - numbers.double()).abs())


def test_a_tie_goes_away_from_zero() -> None:
    between = 1 + 2**-8  # half way from 1 to the next bfloat16
    assert split(torch.tensor([between, -between]))[0].tolist() == [1 + 2**-7, -1 - 2**-7]


def test_stochastic_rounding_takes_both_neighbours_and_is_right_on_average() -> None:
    draw = torch.Generator().manual_seed(0)
    found = stochastic(torch.full((20_000,), 1 + 2**-9), draw)  # a quarter of the way to the next
    assert set(found.tolist()) == {1.0, 1 + 2**-7}
    assert abs((found == 1 + 2**-7).double().mean().item() - 0.25) < 0.02
    exact = torch.tensor([0.0, -2.5, 1.0])
    assert torch.equal(stochastic(exact, draw).float(), exact)
