"""Stored is stored: whole lines, once each, one writer."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish, Form, Outcome, Sample, Segment, SegmentKind
from mathpipe.generate import SampleStore

SAMPLE = Sample(
    sample_id="s1",
    problem_id="p1",
    form=Form.TOOL_INTEGRATED,
    index=0,
    seed=2**51,
    model="tiny",
    text="π \ud800 \u2028 line\n",
    segments=[Segment(SegmentKind.TEXT, "π"), Segment(SegmentKind.OUTPUT, "5")],
    finish=Finish.ROUNDS,
    prompt_tokens=3,
    completion_tokens=4,
    outcome=Outcome.WRONG,
)


def named(name):
    return dataclasses.replace(SAMPLE, sample_id=name)


def test_a_sample_comes_back_as_it_was(tmp_path):
    with SampleStore(tmp_path / "a" / "s.jsonl") as store:
        store.add(SAMPLE)
        assert "s1" in store
    with SampleStore(tmp_path / "a" / "s.jsonl", durable=True) as store:
        assert store["s1"] == SAMPLE


def test_a_sample_is_on_disk_before_add_returns(tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        store.add(SAMPLE)
        assert (tmp_path / "s.jsonl").read_bytes().endswith(b"}\n")


@given(cut=st.integers(0, 200))
def test_a_line_that_was_cut_off_is_gone_and_the_rest_stays(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "s.jsonl"
    with SampleStore(path) as store:
        for name in ("a", "b", "c"):
            store.add(named(name))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 1 - cut])
    with SampleStore(path) as store:
        assert [one.sample_id for one in store.ordered("abc")] == ["a", "b"]
        store.add(named("c"))
    assert path.read_bytes() == data


def test_the_order_is_the_callers(tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        for name in ("b", "c", "a"):
            store.add(named(name))
        assert [one.sample_id for one in store.ordered(["a", "x", "b"])] == ["a", "b"]


def test_twice_the_same_is_refused(tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        store.add(SAMPLE)
        with pytest.raises(InputError, match="to be stored once"):
            store.add(SAMPLE)


def test_two_writers_are_refused(tmp_path):
    with SampleStore(tmp_path / "s.jsonl"), pytest.raises(InputError, match="one writer at a time"):
        SampleStore(tmp_path / "s.jsonl")


def test_a_line_that_is_no_sample_is_named(tmp_path):
    (tmp_path / "s.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(InputError, match=r"s\.jsonl:1: a sample"):
        SampleStore(tmp_path / "s.jsonl")
