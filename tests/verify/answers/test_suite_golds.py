"""Real reference answers of the benchmarks: each equals itself, verdicts are symmetric."""

from __future__ import annotations

import json
import os
import random
import re
from functools import lru_cache
from pathlib import Path

import pytest

from verify import Outcome, check_answer

DEFAULT = Path(__file__).resolve().parents[4] / "shared" / "data"
FOLDER = Path(os.environ.get("MATHPIPE_SHARED_DATA", DEFAULT)) / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the shared data with the benchmarks is not there")
SHARE_READ = 0.985  # the rest is prose, tables, and typing errors of the sources


@lru_cache(maxsize=1)
def golds() -> tuple[str, ...]:
    """Every distinct short reference answer of the benchmark files, sorted."""
    found = set()
    for path in FOLDER.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            answer = row.get("answer", row.get("final_answer"))
            for item in answer if isinstance(answer, list) else [answer]:
                text = str(item).rsplit("####", 1)[-1].strip() if item is not None else ""
                if 0 < len(text) < 200:
                    found.add(text)
    return tuple(sorted(found))


def test_every_gold_equals_itself() -> None:
    refused = [gold for gold in golds() if check_answer(gold, gold).outcome is not Outcome.CORRECT]
    assert len(golds()) > 3000
    assert len(refused) <= (1 - SHARE_READ) * len(golds()), "\n".join(refused)


def test_a_gold_equals_itself_in_any_delimiters() -> None:
    changed = []
    for gold in random.Random(1).sample(golds(), 1500):
        prose = re.search(r"(?<!\\)\b[A-Za-z]{3,} |[a-z]{3,}\.", gold)
        if prose or any(mark in gold for mark in ("$", "boxed", "\\(", "\\[")):
            continue
        plain = check_answer(gold, gold).outcome
        changed += [
            text for text in (f"${gold}$", rf"\boxed{{{gold}}}") if check_answer(gold, text).outcome is not plain
        ]
    assert not changed, "\n".join(changed[:50])


def test_a_verdict_of_two_golds_is_symmetric() -> None:
    """Golds without a decimal or a unit: there the reference decides."""
    exact = [gold for gold in golds() if not any(mark in gold for mark in (".", "%", "\\$", "text", "circ", "mbox"))]
    generator = random.Random(2)
    odd = []
    for _ in range(3000):
        one, other = generator.sample(exact, 2)
        there, back = check_answer(one, other), check_answer(other, one)
        if (there.outcome is Outcome.CORRECT) is not (back.outcome is Outcome.CORRECT):
            odd.append(f"{one!r} | {other!r} | {there.detail} | {back.detail}")
    assert not odd, "\n".join(odd[:50])


def digit_changed(gold: str, generator: random.Random) -> str:
    """The gold with one digit changed to another."""
    place = generator.choice([found.start() for found in re.finditer(r"\d", gold)])
    digit = (int(gold[place]) + generator.randint(1, 8)) % 10
    return f"{gold[:place]}{digit}{gold[place + 1 :]}"


def test_another_digit_anywhere_in_a_gold_is_seen() -> None:
    """Golds that are one expression: where several are equated, only the last of them counts."""
    generator = random.Random(3)
    accepted = []
    for gold in golds():
        if re.search(r"[=\n]|\\approx|[A-Za-z]{3,} [A-Za-z(]|\^\{?0|_", gold) or not re.search(r"\d", gold):
            continue
        verdict = check_answer(gold, candidate := digit_changed(gold, generator))
        if verdict.outcome is Outcome.CORRECT:
            accepted.append(f"{gold!r} | {candidate!r} | {verdict.detail}")
    assert not accepted, "\n".join(accepted)


# What a wrong answer to the same problem looks like; {} is the gold.
PLAIN_EDITS = [
    r"2 \cdot ({})",
    "-({})",
    "{}+1",
    "1{}",
    "{}, 77",
    r"{} \text{{ or }} 77",
    r"\{{{}, 77\}}",
    "({}, 77)",
    "x < {}",
    "{}i",
    "{}x",
    r"\frac{{{}}}{{2}}",
    r"\sqrt{{{}}}+2",
    "not {}",
    r"{}\%",
]


def plain_golds() -> list[str]:
    """Golds that are one closed value of digits, fractions, roots and pi, other than zero and one."""
    form = re.compile(r"[-\d./{}()+ ^]*(\\(d?frac|sqrt|pi|left|right|cdot)[-\d./{}()+ ^\[\]]*)*")
    return [
        gold for gold in golds() if form.fullmatch(gold) and not re.fullmatch(r"[-01. ]+|77|.*[({]$|.*\+ *$", gold)
    ]


@pytest.mark.parametrize("edit", PLAIN_EDITS)
def test_another_value_made_of_a_gold_is_seen(edit: str) -> None:
    sample = random.Random(edit).sample(plain_golds(), 400)
    accepted = [
        f"{gold!r} | {candidate!r} | {verdict.detail}"
        for gold in sample
        if not (edit == "1{}" and gold[0] in "\\(")  # a one in front of a fraction or root is a factor
        if (verdict := check_answer(gold, candidate := edit.format(gold))).outcome is Outcome.CORRECT
    ]
    assert not accepted, "\n".join(accepted)
