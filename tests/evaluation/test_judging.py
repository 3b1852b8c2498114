import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, ProblemKind
from mathpipe.evaluation.judging import (
    claim_of,
    comparison_of,
    is_scorable,
    judge_samples,
    last_block,
    own_judge,
    rule_judge,
)
from mathpipe.evaluation.scoring import score
from mathpipe.generate.problems import Comparison
from tests.evaluation.worked_problems import boxed, problem, sample
from verify import AnswerClaim, ProgramClaim, ProofClaim
from verify.proofs import find_toolchain

PROOF = problem(
    "p", None, "Show it.", kind=ProblemKind.PROOF, source="minif2f", statement="theorem t : 1 + 1 = 2 := by"
)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (r"\boxed{20\%}", Outcome.CORRECT),
        (r"\boxed{20.0\%}", Outcome.CORRECT),
        (r"It is 20 percent.", Outcome.CORRECT),
        (r"\boxed{20}", Outcome.CORRECT),
        (r"\boxed{2\%}", Outcome.WRONG),
        (r"\boxed{0.2}", Outcome.WRONG),
        (r"\boxed{2000\%}", Outcome.WRONG),
        ("I cannot say.", Outcome.NO_ANSWER),
    ],
)
def test_answers_to_a_question_for_a_percentage(text: str, outcome: Outcome) -> None:
    [record] = judge_samples(problem("a", "20", "What percent?"), [sample("a", text)], own_judge())
    assert record.outcome is outcome


def test_the_claim_of_each_kind() -> None:
    assert claim_of(problem("a", "1"), sample("a", "text"), "text") == AnswerClaim("1", "text")
    proof = claim_of(PROOF, sample("p", "First ```lean\nx\n``` then\n```lean\nnorm_num\n```"), None)
    assert proof == ProofClaim("theorem t : 1 + 1 = 2 := by", "norm_num")
    code = problem("c", "5", kind=ProblemKind.CODE)
    assert claim_of(code, sample("c", "```python\nprint(5)\n```"), None) == ProgramClaim("print(5)\n", (), "5")


def test_a_sample_without_text_is_judged_by_its_answer() -> None:
    [record] = judge_samples(problem("a", "1/2"), [sample("a", "", answer="0.5")], own_judge())
    assert (record.outcome, record.answer, record.start) == (Outcome.CORRECT, "0.5", -1)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("```lean\na\n```\n```lean4\nb\n```", "b\n"),
        ("exact rfl", "exact rfl"),
        ("```python\na\n```", ""),
        ("", ""),
    ],
)
def test_the_last_block_or_all_of_a_text_without_blocks(text: str, block: str) -> None:
    assert last_block(text, ("lean", "lean4"), whole=True) == block


def test_the_last_block_of_a_text_without_blocks_may_be_nothing() -> None:
    assert last_block("print(1)", ("python",)) == ""


@pytest.mark.skipif(find_toolchain() is not None, reason="there is a Lean here")
def test_proofs_without_a_lean_are_unscored_and_not_wrong() -> None:
    report = score([PROOF], [sample("p", "norm_num")])
    assert report.records[0].samples[0].outcome is Outcome.UNAVAILABLE
    assert (report.unscored, report.unjudged_rate, report.score("pass@1").value) == (1, 1.0, None)


@pytest.mark.parametrize(
    ("one", "scorable"),
    [
        (problem("a", "18"), True),
        (problem("a", "Mrs. Hilt"), True),
        (problem("a", None), False),
        (problem("a", "  "), False),
        (problem("a", r"No. This would lead to $0=1$."), False),
        (problem("a", r"(D) \begin{tabular}{|r|}1\end{tabular}", source="sat"), True),
        (PROOF, True),
        (problem("a", None, kind=ProblemKind.PROOF), False),
        (problem("a", None, kind=ProblemKind.CODE), False),
        (problem("a", "4", kind=ProblemKind.CODE), True),
    ],
)
def test_what_can_be_scored(one: object, scorable: bool) -> None:
    assert is_scorable(one) is scorable  # type: ignore[arg-type]


def test_comparisons_are_the_benchmarks_own() -> None:
    assert comparison_of(problem("a", "1", source="sat")) is Comparison.CHOICE
    assert comparison_of(problem("a", "1", source="mine")) is Comparison.VALUE
    assert comparison_of(PROOF) is Comparison.PROOF


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(InputError, match="rule 'vibes'"):
        rule_judge("vibes")


def test_rules_judge_without_the_percent_rule() -> None:
    pytest.importorskip("latex2sympy2_extended", reason="the extra `audit` is not installed")
    asks = problem("a", "20", "What percent?")
    for rule, outcome in (("exact", Outcome.WRONG), ("tora", Outcome.CORRECT), ("qwen", Outcome.CORRECT)):
        [record] = judge_samples(asks, boxed("a", r"20\%"), rule_judge(rule))
        assert record.outcome is outcome, rule
