"""Rewards from verdicts: what is 1.0, what is 0.0, and what cannot be scored."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, Verdict
from verify.answers.check import check_answer
from verify.claims import AnswerClaim, IoTest, ProgramClaim, ProofClaim
from verify.rewards import Gaming, accuracy_reward, program_reward, proof_reward


class Threads:
    """A pool of threads: verdicts in the order of the claims, as a `VerifierPool` gives them."""

    def __init__(self):
        self.claims = []

    def map(self, claims):
        self.claims.extend(claims)
        with ThreadPoolExecutor(2) as threads:
            yield from threads.map(lambda claim: check_answer(claim.reference, claim.candidate), claims)


class Decided:
    """A pool that gives the verdicts it was made with."""

    def __init__(self, *verdicts):
        self.verdicts = verdicts

    def map(self, claims):
        self.claims = list(claims)
        return self.verdicts


@pytest.mark.parametrize(
    ("reference", "completion", "score"),
    [
        ("5", r"so \boxed{5}", 1.0),
        ("5", r"so \boxed{6}", 0.0),
        ("5", "I do not know.", 0.0),
        (r"\frac{1}{2}", "The answer is 0.5.", 1.0),
        (5, "A: 5", 1.0),
        (r"\boxed{5}", "#### 5", 1.0),
        (r"1, 2", r"\boxed{2} and \boxed{1}", 1.0),
        (None, r"\boxed{5}", None),
        ("", r"\boxed{5}", None),
        ("  ", r"\boxed{5}", None),
        (True, r"\boxed{1}", None),
        (r"\frac{}{}{}{{", r"\boxed{5}", None),
    ],
)
def test_accuracy_is_one_zero_or_unknown(reference, completion, score):
    assert accuracy_reward()([completion], answer=[reference]) == [score]


def test_chat_completions_are_scored_alike():
    chat = [{"role": "assistant", "content": r"It is \boxed{5}."}]
    assert accuracy_reward("solution")([chat, chat], solution=["5", "6"], prompts=[[], []]) == [1.0, 0.0]


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.CRASH, Outcome.UNAVAILABLE])
def test_faults_of_ours_are_not_scored(outcome):
    pool = Decided(Verdict(outcome, "ours"))
    assert accuracy_reward(pool=pool)(["A: 5"], answer=["5"]) == [None]
    assert pool.claims == [AnswerClaim("5", "A: 5")]


def test_a_pool_gets_only_what_is_to_be_verified_and_keeps_the_order():
    pool = Threads()
    completions = ["A: 1", "A: 2", None, "A: 4", r"\boxed{}", "A: 6"]
    references = ["1", "9", "3", None, "5", "6"]
    assert accuracy_reward(pool=pool)(completions, answer=references) == [1.0, 0.0, 0.0, None, 0.0, 1.0]
    assert [claim.reference for claim in pool.claims] == ["1", "9", "6"]


def test_gaming_is_scored_zero_and_named():
    shown = {}
    reward = accuracy_reward()
    assert reward([r"\boxed{5} or \boxed{6}", "A: 5"], answer=["5", "5"], log_extra=shown.__setitem__) == [0.0, 1.0]
    assert shown["verdict"] == [Gaming.SEVERAL_ANSWERS, "same-text"]


def test_guards_can_be_left_out():
    repeated = "\n".join(f"#### {number}" for number in (3, 4, 5))
    assert accuracy_reward()([repeated], answer=["5"]) == [0.0]
    assert accuracy_reward(guards=())([repeated], answer=["5"]) == [1.0]


def test_a_reward_works_in_any_thread():
    scores = []
    reward = accuracy_reward()
    threads = [threading.Thread(target=lambda: scores.extend(reward(["A: 5"], answer=["5"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert scores == [1.0] * 4


def test_the_last_lean_block_is_the_proof():
    pool = Decided(*(Verdict(outcome, "") for outcome in (Outcome.CORRECT, Outcome.WRONG, Outcome.TIMEOUT)))
    completions = ["First:\n```lean\nby simp\n```\nBetter:\n```lean4\nby omega\n```", "by sorry", "```python\n1\n```"]
    reward = proof_reward(pool=pool)
    assert reward(completions, statement=["theorem a : 1 = 1 :="] * 3) == [1.0, 0.0, 0.0]
    assert [claim.proof for claim in pool.claims] == ["by omega\n", "by sorry", ""]
    assert isinstance(pool.claims[0], ProofClaim)


def test_a_proof_without_statement_or_toolchain_is_not_scored():
    pool = Decided(Verdict(Outcome.UNAVAILABLE, "no Lean"))
    assert proof_reward(pool=pool)(["by simp", "by simp"], statement=["theorem a : True :=", None]) == [None, None]
    assert len(pool.claims) == 1


def test_the_last_python_block_is_the_program():
    pool = Decided(Verdict(Outcome.CORRECT, "passed"), Verdict(Outcome.CRASH, "killed", 0.0, "died"))
    code = "```python\nprint(1)\n```\n```python\nprint(int(input()) * 2)\n```"
    tests = [{"stdin": "2\n", "expected": "4"}, IoTest("3\n", "6")]
    assert program_reward(pool=pool)([code, "no code", code], tests=[tests, tests, []]) == [1.0, 0.0, None]
    expected = ProgramClaim("print(int(input()) * 2)\n", (IoTest("2\n", "4"), IoTest("3\n", "6")))
    assert pool.claims == [expected, ProgramClaim("", expected.tests)]


def test_a_crash_that_is_not_the_programs_is_not_scored():
    pool = Decided(Verdict(Outcome.CRASH, "a worker died", 0.0, "worker-died"))
    assert program_reward(pool=pool)(["```python\n1\n```"], tests=[[IoTest("", "")]]) == [None]


@pytest.mark.parametrize("tests", [5, [5], [{"input": "1"}]])
def test_odd_tests_are_an_error(tests):
    with pytest.raises(InputError, match="test"):
        program_reward()(["```python\n1\n```"], tests=[tests])


@pytest.mark.usefixtures("sandbox")
def test_programs_run_in_the_sandbox():
    code = "```python\nprint(sum(map(int, input().split())))\n```"
    wrong = "```python\nprint('correct')\n```"
    tests = [IoTest("1 2\n", "3\n"), IoTest("10 -4\n", "6\n")]
    assert program_reward()([code, wrong, "none"], tests=[tests] * 3) == [1.0, 0.0, 0.0]
