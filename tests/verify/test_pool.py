"""The pool: no claim hangs it, ends it, or costs another claim its verdict."""

import asyncio
import itertools
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Outcome
from tests.verify.worker_handlers import BAD
from verify.claims import AnswerClaim, IoTest, ProgramClaim
from verify.pool import PoolLimits, VerifierPool
from verify.pool_metrics import percentile

MISBEHAVING = "tests.verify.worker_handlers:as_verdict"
QUICK = PoolLimits(seconds=0.5)


def claim(name, payload=None):
    return AnswerClaim(name, payload)


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=2, limits=QUICK, handler=MISBEHAVING) as made:
        yield made


@pytest.fixture(scope="module")
def real_pool():
    with VerifierPool(workers=2) as made:
        yield made


def test_verdicts_come_in_the_order_of_the_claims(pool):
    verdicts = pool.map(claim("echo", n) for n in range(500))
    assert [int(verdict.detail) for verdict in verdicts] == list(range(500))


def test_every_claim_has_its_index_when_they_come_as_they_are_ready(pool):
    results = dict(pool.as_completed(claim("echo", 10 * n) for n in range(200)))
    assert {index: int(verdict.detail) for index, verdict in results.items()} == {n: 10 * n for n in range(200)}


EXPECTED = {
    "hang_in_c": Outcome.TIMEOUT,
    "hang_in_a_regex": Outcome.TIMEOUT,
    "sleep_through_signals": Outcome.TIMEOUT,
    "eat_memory": Outcome.CRASH,
    "exit_at_once": Outcome.CRASH,
    "crash": Outcome.CRASH,
    "kill_itself": Outcome.CRASH,
    "raise_an_error": Outcome.CRASH,
}


def test_bad_claims_cost_only_themselves(pool):
    claims = [
        claim(name) if n % 2 else claim("echo", n)
        for n, name in enumerate(itertools.chain(*zip(BAD, BAD, strict=True)))
    ]
    verdicts = list(pool.map(claims))
    for n, (asked, verdict) in enumerate(zip(claims, verdicts, strict=True)):
        assert verdict.outcome is EXPECTED.get(asked.reference, Outcome.CORRECT), (n, asked, verdict)
        assert verdict.detail


def test_no_verdict_is_later_than_its_limit(pool):
    for name in ("hang_in_c", "hang_in_a_regex", "sleep_through_signals"):
        started = time.monotonic()
        assert pool.check(claim(name), seconds=0.2).outcome is Outcome.TIMEOUT
        assert time.monotonic() - started < 5


def test_an_endless_iterable_is_taken_piece_by_piece(pool):
    taken = itertools.count()
    verdicts = pool.map(claim("echo", next(taken)) for _ in itertools.repeat(None))
    assert [next(verdicts).detail for _ in range(10)] == [str(n) for n in range(10)]
    verdicts.close()
    assert next(taken) <= 2 * QUICK.in_flight + 10


def test_many_threads_may_ask_at_once(pool):
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(lambda n: pool.check(claim("echo", n)), range(200)))
    assert [int(verdict.detail) for verdict in verdicts] == list(range(200))


def test_it_works_under_asyncio(pool):
    async def run():
        one = await pool.acheck(claim("hang_in_c"), seconds=0.2)
        return one, [verdict.detail async for verdict in pool.amap(claim("echo", n) for n in range(50))]

    one, many = asyncio.run(run())
    assert one.outcome is Outcome.TIMEOUT
    assert many == [str(n) for n in range(50)]


def test_a_worker_that_has_grown_is_replaced():
    limits = PoolLimits(recycle_memory_mb=250, memory_mb=2048)
    with VerifierPool(workers=1, limits=limits, handler="tests.verify.worker_handlers:grow") as made:
        processes = [made.check(claim("grow")).detail for _ in range(8)]
        assert made.metrics().recycled >= 2
    assert len(set(processes)) >= 3


def test_answers_and_programs_are_judged_for_real(real_pool):
    claims = [
        AnswerClaim(r"\frac{1}{2}", "the answer is 0.5"),
        AnswerClaim("3", r"\boxed{4}"),
        AnswerClaim("5", r"\boxed{10^{10^{10}}}"),
        ProgramClaim("print(int(input()) ** 2)", (IoTest("7", "49"),)),
        ProgramClaim("print(1)", (IoTest("", "2"),)),
    ]
    outcomes = [verdict.outcome for verdict in real_pool.map(claims)]
    assert outcomes == [Outcome.CORRECT, Outcome.WRONG, Outcome.WRONG, Outcome.CORRECT, Outcome.WRONG]


def test_something_that_is_no_claim_is_a_crash_verdict(real_pool):
    verdict = real_pool.check("hello")
    assert verdict.outcome is Outcome.CRASH
    assert "AnswerClaim" in verdict.detail


def test_metrics_count_outcomes_and_time():
    with VerifierPool(workers=1, limits=QUICK, handler=MISBEHAVING) as made:
        list(made.map([claim("echo", 1), claim("hang_in_c"), claim("exit_at_once")]))
        metrics = made.metrics()
    assert metrics.claims == 3
    assert metrics.outcomes == {Outcome.CORRECT: 1, Outcome.TIMEOUT: 1, Outcome.CRASH: 1}
    assert metrics.restarts == 3  # one for the hang, two tries for the death
    assert 0.5 <= metrics.max_seconds < 5


def test_nothing_is_left_after_close():
    children, threads = set(psutil.Process().children(recursive=True)), set(threading.enumerate())
    with VerifierPool(workers=2, limits=QUICK, handler=MISBEHAVING) as made:
        list(made.map(claim("echo", n) for n in range(10)))
        started = set(psutil.Process().children(recursive=True)) - children
        assert len(started) >= 4
    _, alive = psutil.wait_procs(started, timeout=2)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert set(threading.enumerate()) == threads


def test_close_does_not_wait_for_a_hang():
    made = VerifierPool(workers=1, limits=PoolLimits(seconds=100), handler=MISBEHAVING)
    made.check(claim("echo", 1))
    caught = []

    def wait_for_it():
        try:
            made.check(claim("hang_in_c"))
        except InputError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait_for_it)
    waiting.start()
    time.sleep(0.2)
    started = time.monotonic()
    made.close()
    waiting.join(5)
    assert time.monotonic() - started < 2
    assert not waiting.is_alive()
    assert caught


def test_a_closed_pool_and_a_forked_one_say_so():
    made = VerifierPool(workers=1, handler=MISBEHAVING)
    child = os.fork()
    if child == 0:
        try:
            made.check(claim("echo", 1))
        except InputError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    made.close()
    with pytest.raises(InputError, match="open"):
        made.check(claim("echo", 1))


def test_impossible_limits_are_refused():
    with pytest.raises(InputError, match="at least one worker"):
        VerifierPool(workers=0)
    with pytest.raises((ConfigError, ValueError), match="greater than 0"):
        PoolLimits(seconds=0)


def test_percentiles_are_nearest_ranks():
    assert percentile([], 0.5) == 0.0
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2.0
    assert percentile([1.0, 2.0, 3.0], 0.99) == 3.0
