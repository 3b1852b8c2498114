"""How fast answers are judged, extraction included, beside Math-Verify: pairs a second on one core, and percentiles.

python -m benchmarks.answers_speed

Rounds of ours and Math-Verify take turns; medians of the rounds. Math-Verify runs on a sample of each suite, in the
main thread with its own timeouts on, as its documentation asks. Caches of ours are emptied before every round.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.answers import math_problems, read_pairs
from benchmarks.shared_data import shared_data
from verify.answers import check
from verify.answers.check import check_answer

ROUNDS = 5
SAMPLE = 400  # pairs of a suite that Math-Verify is timed on
TARGETS = {"OpenAI GSM8K generations": 10_000, "Qwen2.5-Math pairs": 3_000, "MATH gold against itself": 1_000}

Pairs = Sequence[tuple[str, str]]


def empty_caches() -> None:
    for value in vars(check).values():
        clear = getattr(value, "cache_clear", None)
        if clear is not None:
            clear()


def timed(judge: Callable[[str, str], object], pairs: Pairs) -> list[float]:
    """Seconds of each pair."""
    took = []
    for reference, candidate in pairs:
        started = time.perf_counter()
        judge(reference, candidate)
        took.append(time.perf_counter() - started)
    return took


def by_math_verify(reference: str, candidate: str) -> bool:
    from math_verify import parse, verify

    return bool(verify(parse(f"${reference}$"), parse(candidate)))


def row(title: str, rule: str, rounds: list[list[float]], target: int | None) -> None:
    rate = statistics.median(len(took) / sum(took) for took in rounds)
    pooled = sorted(seconds for took in rounds for seconds in took)
    p50, p99 = (1e3 * pooled[int(share * len(pooled))] for share in (0.50, 0.99))
    aim, slowest = f"{target:,}" if target else "", 1e3 * pooled[-1]
    print(f"{title:28} {rule:12} {len(rounds[0]):6,} {rate:10,.0f} {p50:9.3f} {p99:9.3f} {slowest:9.1f} {aim:>8}")


def main() -> int:
    data = shared_data()
    if data is None:
        return 0
    graders = data / "graders"
    math = math_problems(data / "benchmarks")
    suites: dict[str, Pairs] = {
        "OpenAI GSM8K generations": [
            (pair.reference, pair.candidate)
            for pair in read_pairs(graders / "openai_gsm8k_5276_labelled_generations.jsonl")
        ],
        "Qwen2.5-Math pairs": [
            (pair.reference, pair.candidate) for pair in read_pairs(graders / "qwen_math_cot_pairs.jsonl")
        ],
        "MATH gold against itself": [(gold, gold) for gold, _ in math],
        "MATH gold against solution": math,
        "MATH gold against another": list(
            zip((g for g, _ in math), (g for g, _ in math[1:] + math[:1]), strict=True)
        ),
        "Math-Verify's tests": [
            (pair.reference, pair.candidate) for pair in read_pairs(graders / "math_verify_tests.jsonl")
        ],
        "our own near misses": own_pairs(),
    }
    heads = f"{'pairs/s':>10} {'p50 ms':>9} {'p99 ms':>9} {'max ms':>9} {'target':>8}"
    print(f"{'suite':28} {'rule':12} {'pairs':>6} {heads}")
    for title, pairs in suites.items():
        sample = random.Random(1).sample(list(pairs), min(SAMPLE, len(pairs)))
        ours, theirs = [], []
        for _ in range(ROUNDS):
            empty_caches()
            ours.append(timed(check_answer, pairs))
            theirs.append(timed(by_math_verify, sample))
        row(title, "ours", ours, TARGETS.get(title))
        row(title, "math-verify", theirs, None)
    return 0


def own_pairs() -> Pairs:
    """The literal pairs of our tests: every kind of answer, half of them near misses."""
    from pathlib import Path

    folder = Path(__file__).resolve().parent.parent / "tests" / "cases" / "answers"
    rows = [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [(found["reference"], found["candidate"]) for found in rows]


if __name__ == "__main__":
    sys.exit(main())
