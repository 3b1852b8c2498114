"""Code as a domain: programs judged by their tests through `select`."""

import pytest

from mathpipe.core.records import Form, Outcome
from mathpipe.selection import Fate, SelectionConfig, select
from mathpipe.selection.rows import grpo_rows, sft_rows
from tests.selection.hand_made import program, program_problems, sample
from verify import PoolLimits, VerifierPool
from verify.rewards import program_reward

SOLUTIONS = {
    "right": ("gcd", "from math import gcd\nprint(gcd(*map(int, input().split())))", Outcome.CORRECT),
    "wrong": ("gcd", "a, b = map(int, input().split())\nprint(min(a, b))", Outcome.WRONG),
    "special": ("gcd", "print(6)", Outcome.WRONG),  # passes the first test only
    "slow": ("primes", "n = int(input())\nwhile n > 9999: pass\nprint({10: 4, 1: 0}[n])", Outcome.TIMEOUT),
    "sieve": (
        "primes",
        "n = int(input())\ns = [1] * (n + 1)\ns[:2] = [0] * 2\nfor i in range(2, int(n**.5) + 1):\n"
        "    if s[i]: s[i*i::i] = [0] * len(s[i*i::i])\nprint(sum(s[:n + 1]) if n > 1 else 0)",
        Outcome.CORRECT,
    ),
    "raises": ("primes", "print(1 // 0)", Outcome.WRONG),
    "dies": ("primes", "import ctypes\nctypes.string_at(0)", Outcome.CRASH),
    "memory": ("words", "x = bytearray(8 * 2**30)\nprint(3)", Outcome.CRASH),
    "no syntax": ("words", "print(3", Outcome.WRONG),
    "counts": ("words", "import sys\nprint(len(sys.stdin.read().split()))", Outcome.CORRECT),
    "silent": ("words", "pass", Outcome.WRONG),
    "reads tests": ("words", "print(open('/etc/passwd').read())", Outcome.WRONG),
}


@pytest.fixture(scope="module")
def judged():
    samples = [program(of, at, code) for at, (of, code, _) in enumerate(SOLUTIONS.values())]
    with VerifierPool(workers=1, limits=PoolLimits(seconds=5)) as pool:
        return select(program_problems(), samples, pool)


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_program_gets_its_verdict(judged, name):
    index = list(SOLUTIONS).index(name)
    (one,) = [one for result in judged.results for one in result.judgements if one.sample.index == index]
    assert one.verdict.outcome is SOLUTIONS[name][2], one.verdict
    assert one.solved is (SOLUTIONS[name][2] is Outcome.CORRECT)


def test_slow_and_crashing_programs_count_against_the_problem(judged):
    rates = {result.problem.problem_id: (result.solved, result.judged) for result in judged.results}
    assert rates == {"gcd": (1, 3), "primes": (1, 4), "words": (1, 5)}


def test_a_kept_program_says_that_its_tests_passed(judged):
    rows = list(sft_rows(judged))
    assert sorted(row.problem_id for row in rows) == ["gcd", "primes", "words"]
    assert {row.checked.value for row in rows} == {"tests-passed"}
    assert {row.form for row in rows} == {Form.PROGRAM}


def test_each_problem_has_pairs_of_a_right_and_a_wrong_program(judged):
    assert {pair.problem_id for pair in judged.pairs} == {"gcd", "primes", "words"}
    assert all(pair.rejected.solved is False for pair in judged.pairs)


def test_the_reward_and_the_selection_agree(judged):
    rows = {row.problem_id: row for row in grpo_rows(judged)}
    for of, code, outcome in SOLUTIONS.values():
        if outcome is Outcome.TIMEOUT:
            continue  # without a pool the sandbox's own ten seconds hold
        score = program_reward()([f"```python\n{code}\n```"], tests=[rows[of].tests])
        assert score == [1.0 if outcome is Outcome.CORRECT else 0.0], code


def test_a_program_in_prose_is_found_by_its_block_and_prose_alone_is_no_program():
    counts = "I count them.\n```python\nimport sys\nprint(len(sys.stdin.read().split()))\n```\nDone."
    samples = [sample("words", 0, counts), sample("words", 1, "There are 3 words.")]
    with VerifierPool(workers=1) as pool:
        selection = select(program_problems(), samples, pool, SelectionConfig())
    assert selection.counts == {Fate.KEPT: 1, Fate.WRONG: 1}
    assert {one.verdict.outcome for one in selection.results[2].judgements} == {
        Outcome.CORRECT, Outcome.NO_ANSWER,
    }  # fmt: skip
