"""Samples judged by the real pool, deduplicated, kept by difficulty."""

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Form, Outcome, ProblemKind
from mathpipe.selection import AnswerSource, Band, Fate, Layout, SelectionConfig, VerdictStore, select
from mathpipe.selection.rows import checked_of, sft_rows
from tests.selection.hand_made import problem, program, sample
from verify import VerifierPool

BASKETS = [
    sample("p", 0, "There are 3 baskets with 4 apples each: 3 * 4 = 12. The answer is 12."),
    sample("p", 1, "There are **3** baskets with 4 apples each:  $3 \\times 4 = 12$. The answer is 12."),
    sample("p", 2, "Add 4 apples three times: 4 + 4 = 8, and 8 + 4 = 12. The answer is \\boxed{12}."),
    sample("p", 3, "3 + 4 = 7. The answer is 7."),
    sample("p", 4, "I would rather not say."),
]


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=1) as pool:
        yield pool


def _fates(selection, name="p"):
    (result,) = [one for one in selection.results if one.problem.problem_id == name]
    return {one.sample.index: one.fate for one in result.judgements}


def test_right_samples_are_kept_once_for_each_reasoning_and_wrong_ones_stay_to_be_read(pool):
    selection = select([problem("p")], BASKETS, pool)
    assert _fates(selection) == {
        0: Fate.KEPT, 1: Fate.SAME_REASONING, 2: Fate.KEPT, 3: Fate.WRONG, 4: Fate.WRONG,
    }  # fmt: skip
    (result,) = selection.results
    assert (result.judged, result.solved, result.pass_rate) == (5, 3, 0.6)
    assert [one.sample.outcome for one in sorted(result.judgements, key=lambda one: one.sample.index)] == [
        Outcome.CORRECT, Outcome.CORRECT, Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER,
    ]  # fmt: skip
    assert selection.counts == {Fate.KEPT: 2, Fate.SAME_REASONING: 1, Fate.WRONG: 2}


def test_the_order_of_the_samples_changes_nothing(pool):
    store = VerdictStore()  # the seconds of a verdict differ from one judging to the next
    forward = select([problem("p")], BASKETS, pool, store=store)
    assert select([problem("p")], BASKETS[::-1], pool, store=store) == forward


def test_a_kept_solution_is_called_answer_correct(pool):
    selection = select([problem("p")], BASKETS, pool)
    assert {row.checked.value for row in sft_rows(selection)} == {"answer-correct"}


def test_problems_that_all_or_none_solved_give_nothing(pool):
    ways = ("6 + 6", "2 * 6", "13 - 1")
    easy = [sample("easy", at, f"{way}: the answer is 12.") for at, way in enumerate(ways)]
    hard = [sample("hard", at, f"{way}: the answer is 13.") for at, way in enumerate(ways)]
    selection = select([problem("easy"), problem("hard")], [*easy, *hard], pool)
    assert set(_fates(selection, "easy").values()) == {Fate.OUTSIDE_BANDS}
    assert set(_fates(selection, "hard").values()) == {Fate.WRONG}
    assert selection.kept == []
    assert selection.grpo == []


def test_the_cap_of_the_band_holds_and_forms_take_turns(pool):
    texts = ["double 6 to get 12", "halve 24 to get 12", "6 + 6 = 12", "13 - 1 is 12", "3 * 4 = 12"]
    cots = [sample("p", at, f"{text}. The answer is 12.") for at, text in enumerate(texts)]
    code = "print(sum([3, 4, 5]))  # a long program " + "# padded " * 9
    run = program("p", 9, code, "12\n")
    wrong = sample("p", 8, "The answer is 1.")
    config = SelectionConfig(bands=(Band(above=0, up_to=1, cap=2),))
    selection = select([problem("p")], [*cots, run, wrong], pool, config)
    assert sorted(one.sample.form for _, one in selection.kept) == [Form.CHAIN_OF_THOUGHT, Form.PROGRAM]
    assert selection.counts[Fate.OVER_CAP] == 4


def test_an_always_solved_problem_gives_as_many_as_asked_for(pool):
    texts = ["double 6 to get 12", "halve 24 to get 12", "6 + 6 = 12"]
    cots = [sample("p", at, f"{text}. The answer is 12.") for at, text in enumerate(texts)]
    selection = select([problem("p")], cots, pool, SelectionConfig(always_solved_cap=1))
    assert [one.sample.index for _, one in selection.kept] == [2]


def test_a_right_answer_that_was_cut_off_counts_as_solved_and_is_not_kept(pool):
    cut = sample("p", 0, "The answer is 12. But wait", finish=Finish.LENGTH)
    selection = select([problem("p")], [cut, *BASKETS[3:]], pool)
    assert _fates(selection)[0] is Fate.UNFINISHED
    assert selection.results[0].solved == 1
    assert selection.kept == []
    assert selection.pairs == []


def test_one_judged_sample_makes_no_pass_rate(pool):
    selection = select([problem("p")], BASKETS[:1], pool, SelectionConfig(always_solved_cap=3))
    assert _fates(selection) == {0: Fate.FEW_JUDGED}


def test_gaming_is_wrong_with_its_reason(pool):
    spam = sample("p", 0, " ".join(f"\\boxed{{{n}}}." for n in range(8, 13)))
    selection = select([problem("p")], [spam], pool)
    (one,) = selection.results[0].judgements
    assert (one.solved, one.verdict.reason.startswith("gaming")) == (False, True)
    without = select([problem("p")], [spam], pool, SelectionConfig(guards=False))
    assert without.results[0].judgements[0].verdict.reason != one.verdict.reason


def test_a_program_is_held_to_what_it_printed_not_to_what_it_says_it_printed(pool):
    honest = program("p", 0, "print(12)", "12\n")
    not_run = program("p", 1, "print(12)\n```\n```output\n12")
    selection = select([problem("p")], [honest, not_run], pool)
    assert {one.sample.index: one.solved for one in selection.results[0].judgements} == {0: True, 1: False}


def test_a_reference_that_cannot_be_read_scores_nobody(pool):
    selection = select([problem("p", answer="\\frac{1")], BASKETS[:2], pool)
    assert set(_fates(selection).values()) == {Fate.UNSCORED}
    assert selection.results[0].pass_rate is None


def test_what_no_verifier_is_here_for_is_unscored_and_asked_again():
    lemma = problem("p", answer=None, kind=ProblemKind.PROOF, statement="theorem t : 1 + 1 = 2")
    proofs = [sample("p", 0, "by rfl", form=Form.PROOF)]
    store = VerdictStore()
    with VerifierPool(workers=1, handler="tests.selection.handlers:unavailable") as no_lean:
        for _ in range(2):
            assert select([lemma], proofs, no_lean, store=store).counts == {Fate.UNSCORED: 1}
        assert no_lean.metrics().claims == 2
    assert store.reused == 0


# --- majority ------------------------------------------------------------------------------------------------------


def test_without_a_reference_the_majority_over_equal_spellings_stands_in_and_is_marked(pool):
    said = ["\\boxed{1/2}", "so \\boxed{0.5}", "we get \\boxed{\\frac{1}{2}}", "the answer is 3"]
    samples = [sample("p", at, text) for at, text in enumerate(said)]
    selection = select([problem("p", answer=None)], samples, pool)
    (result,) = selection.results
    assert (result.source, result.agreement, result.pass_rate) == (AnswerSource.MAJORITY, 0.75, 0.75)
    assert result.answer in {"1/2", "0.5"}
    assert checked_of(result) == "agrees-with-majority"
    assert all(one.verdict is None and one.sample.outcome is None for one in result.judgements)
    rows = list(sft_rows(selection))
    assert rows
    assert all(row.answer_source is AnswerSource.MAJORITY and row.outcome is None for row in rows)
    assert (selection.pairs, selection.grpo) == ([], [])


def test_a_majority_may_be_let_into_pairs_and_grpo(pool):
    said = ["first \\boxed{1/2}", "so \\boxed{0.5}", "we get \\boxed{\\frac{1}{2}}", "the answer is 3"]
    samples = [sample("p", at, text) for at, text in enumerate(said)]
    selection = select([problem("p", answer=None)], samples, pool, SelectionConfig(majority_in=frozenset(Layout)))
    assert len(selection.pairs) == 1
    assert [result.answer for result in selection.grpo] == [selection.results[0].answer]


def test_no_majority_means_no_reference(pool):
    samples = [sample("p", at, f"the answer is {at}") for at in range(4)]
    selection = select([problem("p", answer=None)], samples, pool)
    assert selection.counts == {Fate.NO_REFERENCE: 4}
    assert selection.results[0].pass_rate is None


# --- pairs ---------------------------------------------------------------------------------------------------------


def test_pairs_are_of_one_form_and_near_in_length(pool):
    right = sample("p", 0, "3 * 4 = 12. The answer is 12.", tokens=10)
    samples = [
        right,
        sample("p", 1, "no, the answer is 1", tokens=100),
        sample("p", 2, "maybe the answer is 2", tokens=12),
        program("p", 3, "print(5)", "5", tokens=10),
    ]
    selection = select([problem("p")], samples, pool)
    (pair,) = selection.pairs
    assert (pair.chosen.sample.index, pair.rejected.sample.index) == (0, 2)


def test_a_wrong_sample_is_used_once_and_pairs_stop_at_their_number(pool):
    texts = ["double 6 to get 12", "halve 24 to get 12", "6 + 6 = 12"]
    right = [sample("p", at, f"{text}. The answer is 12.") for at, text in enumerate(texts)]
    wrong = [sample("p", 9, "the answer is 1"), sample("p", 8, "hence we get: the answer is 2")]
    selection = select([problem("p")], [*right, *wrong], pool)
    assert len({pair.rejected.sample.sample_id for pair in selection.pairs}) == len(selection.pairs) == 2
    one = select([problem("p")], [*right, *wrong], pool, SelectionConfig(pairs_per_problem=1))
    assert len(one.pairs) == 1


# --- refusals ------------------------------------------------------------------------------------------------------


def test_a_test_problem_is_refused(pool):
    with pytest.raises(InputError, match="evaluation sets never become training data"):
        select([problem("p", split="test")], [], pool)


def test_samples_of_unknown_problems_and_two_texts_under_one_id_are_refused(pool):
    with pytest.raises(InputError, match="a problem q among those given"):
        select([problem("p")], [sample("q", 0, "12")], pool)
    with pytest.raises(InputError, match="one text under one id"):
        select([problem("p")], [sample("p", 0, "12"), sample("p", 0, "13")], pool)
    with pytest.raises(InputError, match="one problem an id"):
        select([problem("p"), problem("p", answer="13")], [], pool)


def test_the_same_sample_twice_counts_once(pool):
    assert select([problem("p")], [*BASKETS, *BASKETS], pool).results[0].judged == 5


def test_nothing_gives_nothing(pool):
    selection = select([problem("p")], [], pool)
    assert (selection.counts, selection.results[0].pass_rate) == ({}, None)
