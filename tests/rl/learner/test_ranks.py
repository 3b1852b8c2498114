"""Two processes that share a policy learn what one alone learns."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import multiprocessing

from rl.learner.ranks import Ranks
from tests.rl.learner import two_ranks
from tests.rl.learner.policies import largest_gap, make_learner, sequences

Found = tuple[dict[str, Any], list[dict[str, Any]], Path]


def both_ways(policy: str, folder: Path, cases: dict[str, dict[str, Any]]) -> Found:
    """What one process found, what each of two found, and where they saved."""
    torch.set_num_threads(1)
    multiprocessing.spawn(two_ranks.main, args=(policy, folder, cases), nprocs=2)
    alone = {name: two_ranks.learn(policy, folder / "alone" / name, settings) for name, settings in cases.items()}
    return alone, [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)], folder


@pytest.fixture(scope="module")
def exact(policy: str, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return both_ways(policy, tmp_path_factory.mktemp("exact"), two_ranks.EXACT)


@pytest.fixture(scope="module")
def coarse(policy: str, tmp_path_factory: pytest.TempPathFactory) -> Found:
    return both_ways(policy, tmp_path_factory.mktemp("coarse"), two_ranks.COARSE)


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("case", two_ranks.EXACT)
def test_loss_gradients_and_weights_equal_one_process(exact: Found, case: str, rank: int) -> None:
    one, two = exact[0][case], exact[1][rank][case]
    assert largest_gap(two["gradients"], one["gradients"]) < 2e-6
    assert largest_gap(two["weights"], one["weights"]) < 1e-6
    for ours, theirs in zip(
        [*two["reports"], two["one sequence"]], [*one["reports"], one["one sequence"]], strict=True
    ):
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-6)
        assert ours.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-5)
        assert ours.statistics == pytest.approx(theirs.statistics, rel=1e-5, abs=1e-7)
        assert (ours.sequences, ours.tokens, ours.warnings) == (theirs.sequences, theirs.tokens, theirs.warnings)


def assert_alike(found: Found, case: str, tolerance: float) -> None:
    one, (first, second) = found[0][case], found[1]
    for ours, theirs in zip(first[case]["scores"], one["scores"], strict=True):
        assert ours == pytest.approx(theirs, abs=tolerance)
    assert first[case]["scores"] == second[case]["scores"]
    assert largest_gap(first[case]["weights"], second[case]["weights"]) == 0
    assert [item.loss for item in first[case]["reports"]] == [item.loss for item in second[case]["reports"]]
    for rank in (first, second):
        assert rank[case]["renewed"]
        assert rank[case]["resumed"]


@pytest.mark.parametrize("case", two_ranks.EXACT)
def test_both_ranks_have_every_score_agree_and_resume_exactly(exact: Found, case: str) -> None:
    assert_alike(exact, case, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("case", two_ranks.COARSE)
def test_coarser_numbers_are_as_near_as_they_can_be(coarse: Found, case: str) -> None:
    assert_alike(coarse, case, 0.1)
    one, two = coarse[0][case], coarse[1][0][case]
    assert largest_gap(two["gradients"], one["gradients"]) < (2e-2 if "bfloat16" in case else 2e-6)
    assert two["reports"][0].grad_norm == pytest.approx(one["reports"][0].grad_norm, rel=1e-2)
    for name, tensor in two["weights"].items():
        assert tensor.dtype == one["weights"][name].dtype
        torch.testing.assert_close(tensor.float(), one["weights"][name].float(), rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize("case", two_ranks.EXACT)
def test_a_policy_saved_by_two_is_whole(exact: Found, case: str) -> None:
    folder = exact[2] / case
    saved = dict(make_learner(str(folder)).weights())
    assert largest_gap(saved, exact[1][0][case]["weights"]) == 0
    assert (folder / "adapter" / "adapter_model.safetensors").exists() == (case == "adapters")


def test_both_ranks_stop_where_one_diverges(exact: Found) -> None:
    said = {ranks["diverged"].split(":")[0] for ranks in exact[1]}
    assert len(said) == 2
    assert all(text.startswith("update 1, ") for text in said)
    assert any("micro-batch 0" in text for text in said)


def test_every_rank_has_as_many_micro_batches() -> None:
    lengths = [50, 50, 50, 10, 10, 10, 10]
    plans = [Ranks(rank, 3).plan(lengths, 60) for rank in range(3)]
    assert {len(plan) for plan in plans} == {max(len(plan) for plan in plans)}
    assert sorted(place for plan in plans for places in plan for place in places) == list(range(7))
    assert [Ranks(rank, 2).plan([5], 60) for rank in range(2)] == [[[0]], [[]]]
    assert Ranks().plan([], 60) == []


def test_without_a_group_of_processes_there_is_one_rank(policy: str) -> None:
    assert Ranks.here(sharded=True) == Ranks(0, 1)
    assert make_learner(policy).score(sequences(1)) == make_learner(policy, sharded=False).score(sequences(1))
