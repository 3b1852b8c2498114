import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.evaluation.statistics import bootstrap, pass_at_k, sign_test


@pytest.mark.parametrize(
    ("samples", "correct", "k", "value"),
    [
        (1, 1, 1, 1.0),
        (4, 4, 4, 1.0),
        (4, 1, 4, 1.0),
        (4, 0, 4, 0.0),
        (10, 3, 1, 0.3),
        (4, 2, 2, 5 / 6),
        (5, 1, 2, 0.4),
    ],
)
def test_pass_at_k_is_the_closed_form(samples: int, correct: int, k: int, value: float) -> None:
    assert pass_at_k(samples, correct, k) == pytest.approx(value, abs=1e-15)


@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_one(samples: int, data: st.DataObject) -> None:
    correct, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    subsets = list(combinations(range(samples), k))
    share = sum(any(one < correct for one in subset) for subset in subsets) / len(subsets)
    assert pass_at_k(samples, correct, k) == pytest.approx(share, abs=1e-15)


def test_pass_at_k_is_exact_where_floats_of_the_binomials_overflow() -> None:
    assert pass_at_k(10_000, 1, 5_000) == 0.5
    assert pass_at_k(100_000, 2, 1) == 2e-5
    assert 0 < 1 - pass_at_k(2_000, 1_000, 30) < 1e-9


@pytest.mark.parametrize(("samples", "correct", "k"), [(3, 4, 1), (3, 1, 4), (3, 1, 0), (0, 0, 1)])
def test_impossible_counts_are_refused(samples: int, correct: int, k: int) -> None:
    with pytest.raises(InputError, match="k samples"):
        pass_at_k(samples, correct, k)


def test_the_bootstrap_is_near_the_normal_interval_and_repeats() -> None:
    values = [1.0] * 840 + [0.0] * 160
    ends = bootstrap(values, seed=5)
    spread = 1.96 * math.sqrt(0.84 * 0.16 / 1000)
    assert ends.low == pytest.approx(0.84 - spread, abs=0.003)
    assert ends.high == pytest.approx(0.84 + spread, abs=0.003)
    assert ends == bootstrap(values, seed=5)
    assert ends == bootstrap(values[::-1], seed=5)


def test_equal_values_have_an_interval_of_no_width() -> None:
    ends = bootstrap([0.25] * 7)
    assert (ends.low, ends.high) == (0.25, 0.25)
    with pytest.raises(InputError, match="at least one value"):
        bootstrap([])


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [(0, 0, 1.0), (1, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (1, 8, 20 / 512), (8, 1, 20 / 512)],
)
def test_the_sign_test_is_the_exact_binomial_one(wins: int, losses: int, p: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p)


def test_the_sign_test_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    for wins, losses in ((3, 11), (40, 22), (700, 812)):
        assert sign_test(wins, losses) == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)
