"""Each rule does what its description says, faults included."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.shared_data import shared_data
from verify.graders import RULES
from verify.graders.plain_forms import as_float, items_of, plain_form


def correct(rule, reference, candidate):
    return RULES[rule].grade(reference, candidate).correct


@pytest.mark.parametrize(
    ("rule", "reference", "candidate", "verdict"),
    [
        ("exact", "5", r"\boxed{5}", True),
        ("exact", "0.5", r"\frac12", False),
        ("ours", "30", r"30\%", False),
        ("qwen", "30", r"30\%", True),
        ("qwen", "100", "1", True),
        ("qwen", "1000000", "1000001", True),
        ("ours", "1000000", "1000001", False),
        ("qwen", "(1,2)", "(1,3)", False),
        ("qwen", r"\frac{1}{2}", "0.5", True),
        ("tora", "0", "0.0005", True),
        ("tora", "5", r"5\%", True),
        ("tora", "18", "18.0", True),
        ("minerva", r"5\text{ cm}", "5", True),
        ("minerva", r"\frac{x}{2}+\frac{x}{2}", "x", True),
        ("prm800k", "6", "6.0", True),
        ("prm800k", "(1,2)", "[1,2]", False),
        ("prm800k", "12", "13", False),
        ("math-verify", "30", r"30\%", True),
        ("math-verify", r"\frac12", "0.5", True),
    ],
)
def test_a_rule_judges_as_described(rule, reference, candidate, verdict):
    assert correct(rule, reference, candidate) is verdict


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (r"\dfrac12", r"\frac{1}{2}"),
        (r"$\left( 3, 4 \right)$", "(3,4)"),
        (r"x = 5", "5"),
        (r"1,000", "1000"),
        (r"5\text{ cm}^2", "5"),
        (r"48^\circ", "48"),
        (r"\$6", "6"),
        ("3/4", r"\frac{3}{4}"),
        (".5", "0.5"),
        (r"\sqrt3", r"\sqrt{3}"),
    ],
)
def test_plain_forms_drop_what_the_rules_drop(text, form):
    assert plain_form(text) == form


def test_numbers_and_items_of_plain_forms():
    assert as_float("12.5%") == 0.125
    assert as_float("1,000") == 1000.0
    assert as_float("x") is None
    assert items_of("(1,2)") == ["1", "2"]
    assert items_of("12") is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_rules_without_a_worker_are_total(reference, candidate):
    for rule in ("ours", "exact"):
        assert correct(rule, reference, candidate) in (True, False, None)


@pytest.mark.parametrize("rule", ["ours", "tora"])
def test_toras_published_score_is_reproduced(rule):
    data = shared_data()
    if data is None:
        pytest.skip("the shared data are missing")
    lines = (data / "outputs" / "tora-70b-v1.0.gsm8k.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 1_319
    assert sum(correct(rule, row["gt"], row["pred"][0]) is True for row in rows) == 1_112
