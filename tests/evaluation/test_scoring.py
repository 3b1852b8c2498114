import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Outcome, Problem, ProblemKind, ProgramTest, Sample
from mathpipe.evaluate import evaluate
from mathpipe.evaluation.judging import own_judge, rule_judge
from mathpipe.evaluation.report import Decoding, rows_of
from mathpipe.evaluation.scoring import ScoreConfig, score
from tests.evaluation.worked_problems import boxed, problem, sample
from verify import VerifierPool


def test_scores_of_four_samples_a_problem() -> None:
    problems = [problem("a", "1/2"), problem("b", "7")]
    samples = [*boxed("a", "3", "3", "0.5", r"\frac12"), *boxed("b", "7", "8", "8", "8")]
    report = score(problems, samples)
    values = {one.name: one.value for one in report.scores}
    assert values == {"pass@1": (0.5 + 0.25) / 2, "pass@2": (5 / 6 + 0.5) / 2, "pass@4": 1.0, "maj@4": 0.0}
    first = report.records[0].vote
    assert first is not None
    assert (first.answer, first.votes, first.cast, first.classes, first.correct) == ("3", 2, 4, 2, False)


def test_equivalent_spellings_win_the_vote_together() -> None:
    report = score([problem("a", "1/2")], boxed("a", "3", "0.5", r"\frac12", "3", "1/2"))
    assert report.score("maj@4").value == 0.0  # the first four: a tie, and 3 came first
    report = score(
        [problem("a", "1/2")],
        boxed("a", "3", "0.5", r"\frac12", "3", "1/2"),
        config=ScoreConfig(pass_at=(5,), majority_at=(5,)),
    )
    assert [(one.name, one.value) for one in report.scores] == [("pass@5", 1.0), ("maj@5", 1.0)]


def test_a_problem_without_a_sample_is_not_solved() -> None:
    report = score([problem("a", "1"), problem("b", "2")], boxed("a", "1"))
    assert (report.score("pass@1").value, report.missing) == (0.5, 1)


@pytest.mark.parametrize("reference", [None, "", r"\mho(a) = \frac{"])
def test_a_reference_that_cannot_be_read_scores_nothing(reference: str | None) -> None:
    report = score([problem("a", reference), problem("b", "2")], [*boxed("a", reference or "1"), *boxed("b", "2")])
    assert (report.unscored, report.score("pass@1").value, report.score("pass@1").problems) == (1, 1.0, 1)
    alone = score([problem("a", reference)], boxed("a", "1"))
    assert (alone.score("pass@1").value, alone.score("pass@1").percent) == (None, "-")


def test_a_percent_sign_goes_only_where_the_question_asks_for_a_percentage() -> None:
    asks = problem("a", "20", "What percentage of the cars are red?")
    does_not = problem("b", "20", "80% are blue. How many cars are red?")
    report = score([asks, does_not], [*boxed("a", r"20\%"), *boxed("b", r"20\%")])
    assert [record.correct for record in report.records] == [1, 0]
    assert report.records[0].samples[0].detail.endswith("the question asks for a percentage")
    wrong = score([asks], boxed("a", r"25\%"))
    assert wrong.records[0].correct == 0


def test_bare_and_signed_percentages_are_one_vote_there() -> None:
    asks = problem("a", "20", "What percent are red?")
    vote = score([asks], boxed("a", "5", "20", r"20\%", "5", "20", "6", "6", "7")).records[0].vote
    assert vote is not None
    assert (vote.answer, vote.votes, vote.correct) == ("20", 3, True)


def test_a_choice_is_right_by_its_letter_or_by_what_it_says() -> None:
    choice = problem("a", "(C) 2,900", source="sat")
    for text, correct in (("The answer is (C).", 1), (r"\boxed{2900}", 1), ("The answer is B.", 0)):
        assert score([choice], [sample("a", text)]).records[0].correct == correct


def test_subjects_and_levels_have_scores_of_their_own() -> None:
    problems = [problem("a", "1", subject="Algebra", level="1"), problem("b", "2", subject="Geometry", level="1")]
    report = score(problems, [*boxed("a", "1"), *boxed("b", "5")])
    assert [(one.name, one.problems, one.scores[0].value) for one in report.subjects] == [
        ("Algebra", 1, 1.0),
        ("Geometry", 1, 0.0),
    ]
    assert [(one.name, one.scores[0].value) for one in report.levels] == [("1", 0.5)]


def test_no_answer_cut_off_and_labels_are_rates_of_their_own() -> None:
    problems = [problem(name, "1") for name in "abcd"]
    samples = [
        sample("a", "I do not know it."),
        sample("b", r"\boxed{1}", finish=Finish.LENGTH),
        *boxed("c", "2"),
        *boxed("d", "1"),
    ]
    labels = {"a/0": False, "b/0": True, "c/0": True, "d/0": False}
    report = score(problems, samples, labels=labels)
    assert (report.no_answer_rate, report.truncated_rate, report.unjudged_rate) == (0.25, 0.25, 0.0)
    assert report.labels is not None
    assert (report.labels.missed, report.labels.invented) == (["c/0"], ["d/0"])
    assert (report.labels.false_negative_rate, report.labels.false_positive_rate) == (0.5, 0.5)


def test_the_answer_keeps_its_place_in_the_text() -> None:
    record = score([problem("a", "42")], [sample("a", r"So it is \boxed{42}, done.")]).records[0].samples[0]
    assert record.text[record.start : record.end] == record.answer == "42"


def test_samples_that_belong_to_nothing_or_come_twice_are_refused() -> None:
    with pytest.raises(InputError, match="a problem of the benchmark"):
        score([problem("a", "1")], boxed("b", "1"))
    with pytest.raises(InputError, match="comes once"):
        score([problem("a", "1")], boxed("a", "1") * 2)
    with pytest.raises(InputError, match="comes once, not 2 times"):
        score([problem("a", "1")] * 2, boxed("a", "1"))
    with pytest.raises(InputError, match="at least one problem"):
        score([], [])


def test_k_beyond_the_samples_is_refused() -> None:
    with pytest.raises(InputError, match="a k from 1 to 2"):
        score([problem("a", "1")], boxed("a", "1", "2"), config=ScoreConfig(pass_at=(4,)))


def test_the_order_of_the_samples_does_not_matter() -> None:
    samples = [*boxed("a", "3", "0.5", "0.5", "3"), *boxed("b", "1", "2", "3", "4")]
    problems = [problem("a", "3"), problem("b", "1")]
    assert score(problems, samples).summary() == score(problems, samples[::-1]).summary()


def test_programs_are_judged_by_their_tests() -> None:
    code = problem("a", None, kind=ProblemKind.CODE, tests=[ProgramTest("3\n", "6\n")])
    good, bad = "```python\nprint(2 * int(input()))\n```", "```python\nprint(3 * int(input()))\n```"
    report = score([code], [sample("a", good, 0), sample("a", bad, 1)])
    assert [one.outcome for one in report.records[0].samples] == [Outcome.CORRECT, Outcome.WRONG]


def test_the_pool_says_what_the_thread_says() -> None:
    problems = [problem("a", "1/2"), problem("b", "7")]
    samples = [*boxed("a", "0.5", "2"), *boxed("b", "7", r"\int_0^7 1\,dx")]
    with VerifierPool(1) as pool:
        pooled = score(problems, samples, by=own_judge(pool)).summary()
    assert pooled == score(problems, samples).summary()


def test_another_rule_stands_beside_its_score() -> None:
    report = score([problem("a", "20")], boxed("a", r"20\%"), by=rule_judge("exact"))
    assert (report.grader, report.score("pass@1").value) == ("exact 1", 0.0)


def test_an_engine_is_a_callable_from_problems_to_samples() -> None:
    def engine(problems: list[Problem]) -> list[Sample]:
        return [one for asked in problems for one in boxed(asked.problem_id, asked.answer or "")]

    report = evaluate([problem("a", "1"), problem("b", "2")], engine, config=ScoreConfig(decoding=Decoding.GREEDY))
    assert (report.score("pass@1").value, report.decoding) == (1.0, Decoding.GREEDY)
    assert report.grader.startswith("mathpipe ")


def test_every_problem_has_a_row_to_look_at() -> None:
    report = score([problem("a", "1", subject="Algebra")], boxed("a", "1", "2"))
    [row] = rows_of(report.records, report.grader)
    assert (row["reference"], row["correct"], row["subject"], row["grader"]) == ("1", 1, "Algebra", report.grader)
    assert [one["answer"] for one in row["samples"]] == ["1", "2"]
