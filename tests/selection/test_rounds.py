"""Expert iteration: what is sampled next, and the record of a round."""

import pytest

from mathpipe.core.errors import InputError
from mathpipe.selection import RoundConfig, next_round, read_rounds, select, write_round
from tests.selection.hand_made import problem, sample
from verify import VerifierPool


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=1) as pool:
        yield pool


def _round(pool, rights, *, start=0, n=4):
    """Problems by name with the number of right samples among n."""
    samples = [
        sample(name, start + at, f"way {at}: the answer is {12 if at < right else 100 + at}")
        for name, right in rights.items()
        for at in range(n)
    ]
    return select([problem(name) for name in rights], samples, pool)


def test_what_is_not_solved_reliably_is_sampled_again_with_the_next_seed(pool):
    following = next_round(_round(pool, {"always": 4, "often": 3, "never": 0}))
    assert [one.problem_id for one in following.problems] == ["often", "never"]
    record = following.record
    assert (record.seed, following.seed) == (0, 1)
    assert (record.number, record.problems, record.samples, record.solved, record.reliable) == (0, 3, 12, 2, 1)
    assert (record.solved_share, record.new, record.models) == (2 / 3, ["always", "often"], ["tiny"])


def test_new_problems_are_those_that_no_round_before_solved(pool):
    first = next_round(_round(pool, {"a": 4, "b": 0, "c": 0}))
    second = next_round(_round(pool, {"b": 1, "c": 0}, start=4), [first.record])
    assert (second.record.number, second.record.new, second.record.solved_ever) == (1, ["b"], 2)
    assert second.record.solved_share == 0.5
    assert (second.record.seed, second.seed) == (1, 2)
    third = next_round(_round(pool, {"b": 2, "c": 0}), [first.record, second.record])
    assert (third.record.new, third.record.solved_ever) == ([], 2)
    assert next_round(_round(pool, {"b": 2}), [first.record], RoundConfig(seed=40)).seed == 42


def test_few_samples_are_never_reliable(pool):
    selection = _round(pool, {"a": 2}, n=2)
    assert len(next_round(selection).problems) == 1
    assert next_round(selection, config=RoundConfig(min_judged=2)).problems == []


def test_a_majority_solves_nothing(pool):
    samples = [sample("a", at, f"way {at}: the answer is 12") for at in range(4)]
    following = next_round(select([problem("a", answer=None)], samples, pool))
    assert len(following.problems) == 1
    assert (following.record.solved, following.record.judged, following.record.solved_share) == (0, 0, 0.0)


def test_rounds_are_kept_in_a_file_and_a_repeated_round_replaces_its_record(pool, tmp_path):
    path = tmp_path / "rounds.jsonl"
    assert read_rounds(path) == []
    first = next_round(_round(pool, {"a": 4, "b": 0})).record
    second = next_round(_round(pool, {"b": 1}), [first]).record
    write_round(path, first)
    write_round(path, second)
    assert read_rounds(path) == [first, second]
    write_round(path, first)
    assert read_rounds(path) == [first]


def test_a_line_that_is_no_round_is_named(tmp_path):
    (tmp_path / "rounds.jsonl").write_text('{"number": 0}\n')
    with pytest.raises(InputError, match="line 1"):
        read_rounds(tmp_path / "rounds.jsonl")
