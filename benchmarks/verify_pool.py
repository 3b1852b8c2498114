"""What the pool costs: overhead of an item, answers a second, how soon a hang is killed and a worker is back.

python -m benchmarks.verify_pool
"""

import statistics
import sys
import time
from collections.abc import Sequence

from benchmarks.answers import read_pairs
from benchmarks.shared_data import shared_data
from verify.answers.check import check_answer
from verify.claims import AnswerClaim
from verify.pool import PoolLimits, VerifierPool
from verify.pool_metrics import percentile

NOTHING = "tests.verify.worker_handlers:as_verdict"
ITEMS, ROUNDS, KILLS = 4_000, 5, 20
LIMIT_SECONDS = 0.5


def seconds_of(pool: VerifierPool, claims: Sequence[AnswerClaim]) -> float:
    started = time.perf_counter()
    for _ in pool.map(claims):
        pass
    return time.perf_counter() - started


def overhead() -> None:
    """A claim that costs nothing, through pools of one and two workers."""
    claims = [AnswerClaim("echo", "x")] * ITEMS
    for workers in (1, 2):
        with VerifierPool(workers, handler=NOTHING) as pool:
            pool.check(claims[0])
            took = statistics.median(seconds_of(pool, claims) for _ in range(ROUNDS))
            print(
                f"overhead, {workers} worker{'s' * (workers > 1)}: {1e3 * took / ITEMS:.3f} ms an item (target 0.3)"
            )
        with VerifierPool(workers, handler=NOTHING) as pool:
            pool.check(claims[0])
            started = time.perf_counter()
            for claim in claims[:1_000]:
                pool.check(claim)
            print(f"    one by one: {time.perf_counter() - started:.3f} ms an item")


def answers() -> None:
    """OpenAI's generations, in this process and through the pool."""
    data = shared_data()
    if data is None:
        return
    pairs = read_pairs(data / "graders" / "openai_gsm8k_5276_labelled_generations.jsonl")
    claims = [AnswerClaim(pair.reference, pair.candidate) for pair in pairs]
    started = time.perf_counter()
    for claim in claims:
        check_answer(claim.reference, claim.candidate)
    alone = time.perf_counter() - started
    with VerifierPool(2) as pool:
        pool.check(claims[0])
        took = statistics.median(seconds_of(pool, claims) for _ in range(ROUNDS))
    print(
        f"generations: {len(claims) / alone:,.0f}/s in this process, {len(claims) / took:,.0f}/s through two workers"
    )


def kills() -> None:
    """How late a verdict on a hang comes, and what the next item waits for its new worker."""
    late, back = [], []
    with VerifierPool(1, PoolLimits(seconds=LIMIT_SECONDS), handler=NOTHING) as pool:
        pool.check(AnswerClaim("echo", "x"))
        for _ in range(KILLS):
            started = time.perf_counter()
            pool.check(AnswerClaim("hang_in_c", "x"))
            killed = time.perf_counter()
            pool.check(AnswerClaim("echo", "x"))
            late.append(1e3 * (killed - started - LIMIT_SECONDS))
            back.append(1e3 * (time.perf_counter() - killed))
    for title, times in (("verdict after the limit", sorted(late)), ("next item after a kill", sorted(back))):
        print(f"{title}: median {percentile(times, 0.5):.1f} ms, worst of {KILLS} {times[-1]:.1f} ms")


def main() -> int:
    overhead()
    answers()
    kills()
    return 0


if __name__ == "__main__":
    sys.exit(main())
