"""What a sample claims, and what a verdict says of it: as the rewards say."""

import itertools

import pytest

from mathpipe.core.records import Form, Outcome, ProblemKind, ProgramTest, Verdict
from mathpipe.evaluation.judging import judge_samples, own_judge
from mathpipe.selection.claims import answer_of, claim_of, has_reference, program_of, solved_by
from tests.selection.hand_made import problem, program, sample
from verify import AnswerClaim, IoTest, ProgramClaim, ProofClaim
from verify.judge import judge
from verify.rewards import accuracy_reward, program_reward, proof_reward

REASONS = ("equal", "unreadable-reference", "no-answer-found", "died", "took-too-long", "")


@pytest.mark.parametrize(("outcome", "reason"), list(itertools.product(Outcome, REASONS)))
def test_solved_is_what_the_reward_scores(outcome, reason):
    class Says:
        def map(self, claims):
            return [Verdict(outcome, "", 0.0, reason) for _ in claims]

    scores = {1.0: True, 0.0: False, None: None}
    said = Verdict(outcome, "", 0.0, reason)
    (answer,) = accuracy_reward(pool=Says())(["so \\boxed{12}"], answer=["12"])
    (proof,) = proof_reward(pool=Says())(["by rfl"], statement=["theorem t : True"])
    (code,) = program_reward(pool=Says())(["```python\n1\n```"], tests=[[IoTest("", "1")]])
    if reason != "unreadable-reference" or outcome is Outcome.NO_ANSWER:  # such a verdict has no other outcome
        assert solved_by(ProblemKind.ANSWER, said) is scores[answer]
    if reason != "unreadable-reference":
        assert solved_by(ProblemKind.CODE, said) is scores[code]
    if reason not in {"died", "unreadable-reference"}:  # reasons that a proof's verdict does not have
        assert solved_by(ProblemKind.PROOF, said) is scores[proof]


def test_an_answer_is_what_was_extracted_or_what_the_text_says():
    assert answer_of(sample("p", 0, "so \\boxed{12}", answer="11")) == "11"
    assert answer_of(sample("p", 0, "so \\boxed{12}")) == "12"
    assert answer_of(program("p", 0, "print(5)", "4\n5\n\n")) == "5"
    assert answer_of(program("p", 0, "print(5)")) is None


def test_claims_by_kind():
    stated = sample("p", 0, "theorem t : True := trivial", form=Form.PROOF, answer="trivial")
    lemma = problem("p", answer=None, kind=ProblemKind.PROOF, statement="theorem t : True")
    assert claim_of(lemma, sample("p", 0, "Here:\n```lean\ntrivial\n```\n", form=Form.PROOF)) == ProofClaim(
        "theorem t : True", "trivial\n"
    )
    assert claim_of(lemma, sample("p", 0, "trivial", form=Form.PROOF)) == ProofClaim("theorem t : True", "trivial")
    assert claim_of(lemma, stated) == ProofClaim("theorem t : True", "trivial")
    code = problem("p", answer=None, kind=ProblemKind.CODE, tests=[ProgramTest("1", "2")])
    assert claim_of(code, program("p", 0, "print(2)")) == ProgramClaim("print(2)", (IoTest("1", "2"),))
    assert claim_of(problem("p"), sample("p", 0, "The answer is 7.")) == AnswerClaim("12", "7")
    assert claim_of(problem("p"), sample("p", 0, " ")).outcome is Outcome.NO_ANSWER


def test_the_last_program_counts():
    assert program_of(sample("p", 0, "```python\n1\n```\n```python\n2\n```")) == "2\n"
    assert program_of(sample("p", 0, "print(2)")) == ""


@pytest.mark.parametrize(
    ("given", "has"),
    [
        ({"answer": "12"}, True),
        ({"answer": None}, False),
        ({"answer": " "}, False),
        ({"answer": None, "kind": ProblemKind.CODE}, False),
        ({"answer": None, "kind": ProblemKind.CODE, "tests": [ProgramTest("", "1")]}, True),
        ({"answer": None, "kind": ProblemKind.PROOF, "statement": "theorem t : True"}, True),
        ({"answer": "12", "kind": ProblemKind.PROOF}, False),
    ],
)
def test_a_reference_is_something_to_hold_a_sample_against(given, has):
    assert has_reference(problem("p", **given)) is has


@pytest.mark.parametrize(
    ("question", "text", "held_against"),
    [
        ("What percent?", r"\boxed{20\%}", "20%"),
        ("What percent?", r"\boxed{20}", "20"),
        ("How many?", r"\boxed{20\%}", "20"),
    ],
)
def test_selection_knows_evaluations_percent_rule(question, text, held_against):
    asked, given = problem("p", question, "20"), sample("p", 0, text)
    assert claim_of(asked, given).reference == held_against
    [record] = judge_samples(asked, [given], own_judge())
    assert record.correct is (judge(claim_of(asked, given)).outcome is Outcome.CORRECT)
