"""What is said of a sample beside its text."""

from __future__ import annotations

import dataclasses

import pytest

from mathpipe.core.records import Outcome
from mathpipe.inspect.solution_records import Look, ProblemLook, SampleLook, sample_facts, sample_verdict

SAMPLE = SampleLook(
    sample_id="abc",
    look=Look.WRONG,
    segments=[],
    answer="3",
    reason="different",
    detail="another number",
    fate="wrong",
    form="cot",
    finish="length",
    model="models/tiny",
    seed=7,
    prompt_tokens=1200,
    completion_tokens=3456,
    seconds=0.25,
)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_of_a_verifier_has_a_look(outcome: Outcome) -> None:
    assert Look(outcome.value).words == outcome.value.replace("-", " ")


def test_the_verdict_comes_with_its_reason() -> None:
    assert sample_verdict(SAMPLE) == [("answer", "3"), ("why", "different: another number"), ("selection", "wrong")]


def test_no_answer_is_said_and_not_left_out() -> None:
    assert sample_verdict(dataclasses.replace(SAMPLE, answer=None))[0] == ("answer", "(none found)")


def test_an_empty_answer_is_no_missing_one() -> None:
    assert "(none found)" not in dict(sample_verdict(dataclasses.replace(SAMPLE, answer=""))).values()


def test_a_note_of_the_generator_is_shown_once() -> None:
    noted = dataclasses.replace(SAMPLE, note="the program died")
    assert ("note", "the program died") in sample_verdict(noted)
    assert "note" not in dict(sample_verdict(dataclasses.replace(SAMPLE, note="another number")))


def test_facts_are_those_that_are_known() -> None:
    assert sample_facts(SAMPLE) == [
        ("form", "cot"),
        ("ended by", "length"),
        ("tokens", "3,456 written, 1,200 in the prompt"),
        ("judged in", "250 ms"),
        ("model", "models/tiny"),
        ("seed", "7"),
        ("sample", "abc"),
    ]
    bare = SampleLook(sample_id="abc", look=Look.NOT_JUDGED, segments=[], seed=0, completion_tokens=0)
    assert sample_facts(bare) == [("tokens", "0 written"), ("seed", "0"), ("sample", "abc")]


def test_looks_of_a_problem_are_counted_in_one_order() -> None:
    samples = [dataclasses.replace(SAMPLE, look=look) for look in (Look.WRONG, Look.CRASH, Look.CORRECT, Look.WRONG)]
    problem = ProblemLook(
        number=0, problem_id="p", question="", answer=None, answer_source="", pass_rate=None, samples=samples
    )
    assert list(problem.looks.items()) == [(Look.CORRECT, 1), (Look.WRONG, 2), (Look.CRASH, 1)]
