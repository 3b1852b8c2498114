"""Which solutions a report shows."""

from __future__ import annotations

from rl.run_files import RolloutSample
from rl.watch.report_samples import Changes, changes, chosen_pairs, chosen_samples, paired, sample_kind
from tests.rl.watch.runs_at_hand import sample


def evaluation(rights: str) -> list[RolloutSample]:
    return [sample(f"p{at}", mark, mark == "+") for at, mark in enumerate(rights)]


def test_verdicts_are_compared_sample_by_sample() -> None:
    pairs = paired(evaluation("++--+"), evaluation("+-+-"))
    assert changes(pairs) == Changes(gained=1, lost=1, stayed_right=1, stayed_wrong=1)


def test_what_changed_is_shown_first_and_no_problem_twice() -> None:
    pairs = chosen_pairs(paired(evaluation("----" + "+++" + "--" + "++"), evaluation("++++" + "---" + "--" + "++")))
    assert [pair.before.problem_id for pair in pairs] == ["p0", "p1", "p2", "p4", "p5", "p7", "p8", "p9"]


def test_where_nothing_changed_others_take_the_place() -> None:
    assert len(chosen_pairs(paired(evaluation("-" * 20), evaluation("-" * 20)))) == 8


def test_two_samples_of_a_problem_are_told_apart() -> None:
    first = [sample("p", "a", False, index=0), sample("p", "b", False, index=1)]
    last = [sample("p", "c", True, index=1), sample("p", "d", False, index=0)]
    pairs = paired(first, last)
    assert [(pair.before.text, pair.after.text) for pair in pairs if pair.after] == [("a", "d"), ("b", "c")]
    assert [pair.before.text for pair in chosen_pairs(pairs)] == ["b"]


def test_each_kind_of_sample_is_shown_a_few_times() -> None:
    rows = [*evaluation("-" * 5 + "+" * 5), sample("x", "", None), sample("y", "", None)]
    assert [sample_kind(row) for row in chosen_samples(rows)] == ["right", "right", "wrong", "wrong", "not judged"]


def test_samples_that_were_learned_from_go_first_and_problems_differ() -> None:
    rows = [
        sample("p", "a", False, index=0),
        sample("q", "b", False, index=0, advantage=-1.0),
        sample("q", "c", False, index=1, advantage=-1.0),
    ]
    assert [row.text for row in chosen_samples(rows)] == ["b", "a"]
