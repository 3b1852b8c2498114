"""How right the verdicts on answers are, beside other rules in one run; every disagreement with a label is argued.

python -m benchmarks.answers            all suites (a few minutes: the other rules are slow)
python -m benchmarks.answers --quick    ours alone

Exit status 1 where a disagreement with a label has no argument here, or a target is missed.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared_data import shared_data
from mathpipe.core.records import Outcome
from verify import check_answer, extract_answer
from verify.answers.check import normal_text
from verify.graders import RULES

SUITES = {
    "Math-Verify's tests": "math_verify_tests.jsonl",
    "Qwen2.5-Math pairs": "qwen_math_cot_pairs.jsonl",
    "OpenAI GSM8K labels": "openai_gsm8k_5276_labelled_generations.jsonl",
    "hostile inputs": "hostile_inputs.jsonl",
}
BESIDE = ("ours", "math-verify", "prm800k", "minerva", "qwen")
# Rules that ask SymPy in a worker take minutes on the generations; their extraction is not made for them either.
SLOW = {"OpenAI GSM8K labels": ("ours", "math-verify"), "hostile inputs": ("ours",)}
OPENAI_SCORES = {
    "6b_finetuning": 21.68,
    "6b_verification": 39.04,
    "175b_finetuning": 34.72,
    "175b_verification": 56.25,
}
RANDOM_PAIRS = 20_000
MATH_SOLUTIONS = 4_992
NEWLINES = "a formula may hold newlines; LaTeX reads it, the label is how one regular expression reads it"
ROUNDED = (
    "the reference is exact and the candidate rounded to 2 to 5 digits: the rule refuses what no reference asks for"
)
ARGUMENTS = {
    "tests/test_all.py::test_latex_notation[5]": NEWLINES,
    "tests/test_all.py::test_latex_notation[6]": NEWLINES,
    "tests/test_all.py::test_relations_math[21]": "\\zzz is no command: the reference cannot be read (NO_ANSWER)",
    "tests/test_all.py::test_complex_math_expressions[7]": ROUNDED,
    "tests/test_all.py::test_complex_math_expressions[13]": ROUNDED,
    "tests/test_all.py::test_set_rel_assymetry[3]": "the same set; equality has no asymmetry",
    "tests/test_all.py::test_math_extraction_edge_cases[13]": 'the box holds 20, "percent" stands behind it',
    "tests/test_numina_cases.py::test_numina_cases[24]": "`1orW` is no way to join two values",
    "tests/test_strict.py::test_strict_variable_comparison[1]": "the suite labels this pair both ways",
}


@dataclass(frozen=True)
class Pair:
    """One labelled pair."""

    reference: str
    candidate: str
    right: bool
    source: str


def read_pairs(path: Path) -> list[Pair]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Pair(row["gold"], row["pred"], bool(row["expected"]), row.get("src", row.get("name"))) for row in rows]


def judged(rule: str, pairs: list[Pair]) -> list[bool | None]:
    grade = RULES[rule].grade
    return [grade(pair.reference, pair.candidate).correct for pair in pairs]


def suites(folder: Path, quick: bool) -> int:
    """The labelled suites under every rule; how many disagreements of ours are not argued."""
    print(f"{'suite':22} {'rule':12} {'pairs':>6} {'agree':>8} {'false +':>8} {'false -':>8} {'no grade':>9}")
    unargued = 0
    for title, name in SUITES.items():
        pairs = read_pairs(folder / name)
        for rule in SLOW.get(title, BESIDE) if not quick else ("ours",):
            verdicts = judged(rule, pairs)
            counts = Counter((bool(verdict), pair.right) for verdict, pair in zip(verdicts, pairs, strict=True))
            agree = counts[True, True] + counts[False, False]
            print(
                f"{title:22} {rule:12} {len(pairs):6} {agree / len(pairs):8.4f} {counts[True, False]:8} "
                f"{counts[False, True]:8} {verdicts.count(None):9}"
            )
            if rule == "ours":
                unargued += disagreements(pairs, verdicts)
    return unargued


def disagreements(pairs: list[Pair], verdicts: list[bool | None]) -> int:
    unargued = 0
    for pair, verdict in zip(pairs, verdicts, strict=True):
        if bool(verdict) == pair.right:
            continue
        argument = ARGUMENTS.get(pair.source)
        unargued += argument is None
        said = check_answer(pair.reference, pair.candidate)
        print(f"    {pair.source}: label {int(pair.right)}, ours {said.outcome} ({said.detail})")
        print(f"        {pair.reference[-70:]!r} | {pair.candidate[-70:]!r}")
        print(f"        {argument or 'NOT ARGUED'}")
    return unargued


def math_problems(folder: Path) -> list[tuple[str, str]]:
    """(gold answer, whole solution) of MATH's test split."""
    lines = (folder / "math_test.jsonl").read_text(encoding="utf-8").splitlines()
    solutions = [json.loads(line)["solution"] for line in lines]
    return [(last_box(solution), solution) for solution in solutions]


def last_box(solution: str) -> str:
    """The content of the last box, by counting braces: the benchmark's own definition of its answer."""
    start = solution.rfind("\\boxed")
    opening = solution.find("{", start)
    if opening < 0 or opening - start > len("\\boxed") + 1:
        return solution[start + len("\\boxed") :].partition("$")[0].strip()
    depth = 0
    for end in range(opening, len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[end], 0)
        if depth == 0:
            return solution[opening + 1 : end]
    return solution[opening + 1 :]


def correct(reference: str, candidate: str) -> bool:
    return check_answer(reference, candidate).outcome is Outcome.CORRECT


def math_golds(folder: Path) -> int:
    problems = math_problems(folder)
    with_itself = sum(correct(gold, gold) for gold, _ in problems)
    missed = [(gold, solution) for gold, solution in problems if not correct(gold, solution)]
    print(f"\nMATH gold against itself: {with_itself:,} of {len(problems):,}")
    print(f"MATH gold against its solution: {len(problems) - len(missed):,} (target {MATH_SOLUTIONS:,})")
    for gold, solution in missed:
        print(f"    gold {gold!r}, found {extract_answer(solution)!r}")
    golds = [gold for gold, _ in problems]
    chooser = random.Random(20260101)
    pairs = [tuple(chooser.sample(golds, 2)) for _ in range(RANDOM_PAIRS)]
    other = [pair for pair in pairs if normal_text(pair[0]) != normal_text(pair[1])]
    equal = [pair for pair in other if correct(*pair)]
    print(f"random pairs of golds with different texts: {len(other):,}, called equal {len(equal)}")
    for one, second in sorted(set(equal)):
        print(f"    {one!r} | {second!r}")
    return (with_itself < len(problems)) + (len(problems) - len(missed) < MATH_SOLUTIONS)


def delimiters(folder: Path) -> int:
    """How often `$x$`, `\\boxed{x}` and bare texts are judged differently."""
    changed = total = 0
    for name in ("math_verify_tests.jsonl", "qwen_math_cot_pairs.jsonl"):
        for pair in read_pairs(folder / name):
            found = extract_answer(pair.candidate)
            if found is None or "$" in found:
                continue
            total += 1
            outcomes = {check_answer(pair.reference, text).outcome for text in spellings(found)}
            if len(outcomes) > 1:
                changed += 1
                print(f"    {pair.reference[-60:]!r} | {found!r}: {sorted(outcomes)}")
    print(f"the same verdict for $x$, \\boxed{{x}} and x: {total - changed} of {total}")
    return changed


def spellings(text: str) -> Iterator[str]:
    yield text
    yield f"${text}$"
    yield rf"\boxed{{{text}}}"


def published_scores(data: Path) -> int:
    """Scores that papers report, from the outputs they published."""
    wrong = 0
    rows = [json.loads(line) for line in (data / "outputs/tora-70b-v1.0.gsm8k.jsonl").read_text().splitlines()]
    score = sum(correct(row["gt"], row["pred"][0]) for row in rows)
    print(f"\nToRA-70B on GSM8K, its `pred`: {score:,} of {len(rows):,} = {score / len(rows):.2%} (reported 84.3)")
    wrong += score != 1_112
    found: dict[str, list[bool]] = {}
    for pair in read_pairs(data / "graders/openai_gsm8k_5276_labelled_generations.jsonl"):
        found.setdefault(pair.source.rpartition(".")[2], []).append(correct(pair.reference, pair.candidate))
    for model, verdicts in found.items():
        share = 100 * sum(verdicts) / len(verdicts)
        print(f"OpenAI {model:18} {share:.2f} (reported {OPENAI_SCORES[model]})")
        wrong += abs(share - OPENAI_SCORES[model]) >= 0.005
    return wrong


def main() -> int:
    data = shared_data()
    if data is None:
        return 0
    faults = suites(data / "graders", "--quick" in sys.argv)
    faults += math_golds(data / "benchmarks")
    faults += delimiters(data / "graders")
    faults += published_scores(data)
    print(f"\n{faults} faults" if faults else "\nevery target met, every disagreement argued")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
