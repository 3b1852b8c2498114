"""Records handed to a per-record stage: which are answered, which are quarantined, and in which order."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.errors import DiskFullError, InputError, StageError
from mathpipe.core.feed import Feed, Mark, Quarantine, printable
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage
from tests.core.toy import Number, Times, ToyConfig


class Picky(Stage[Number, Number]):
    """Reads ahead in batches and raises at each of some records; a negative number is dropped."""

    def __init__(self, poison: frozenset[int], batch: int, error: type[Exception] = ValueError) -> None:
        self.poison = poison
        self.batch = batch
        self.error = error

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        batch: list[Number] = []
        for record in shard:
            batch.append(record)
            if len(batch) == self.batch:
                yield from map(self._one, batch)
                batch = []
        yield from map(self._one, batch)

    def _one(self, record: Number) -> Number | Drop:
        if record.value in self.poison:
            raise self.error(f"no {record.value}")
        return Drop(record.record_id, "negative") if record.value < 0 else record


def _numbers(values: Iterable[int]) -> Iterator[Number]:
    return (Number(f"n{value}", f"https://toy.example/{value}", value) for value in values)


def _feed(folder: Path, records: Iterator[Number], *, one_by_one=False, skip=None, limit=None):
    quarantine = Quarantine("toy", 4, limit)
    mark = Mark(folder / "at")
    feed = Feed(
        records, mark, quarantine, skip=skip or {}, one_by_one=one_by_one, where="step toy, shard 4", folder=folder
    )
    return feed, quarantine


def _ids(answers: Iterable[Number | Drop]) -> list[str]:
    return [answer.record_id for answer in answers]


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 25),
    poison=st.frozensets(st.integers(0, 24)),
    batch=st.integers(1, 30),
    one_by_one=st.booleans(),
)
def test_whatever_is_poison_and_however_a_stage_batches_all_others_are_answered_once(
    count, poison, batch, one_by_one, tmp_path_factory
):
    feed, quarantine = _feed(tmp_path_factory.mktemp("f"), _numbers(range(count)), one_by_one=one_by_one)
    answered = _ids(feed.answers(Picky(poison, batch)))
    assert answered == [f"n{value}" for value in range(count) if value not in poison]
    assert [failure.record_id for failure in quarantine.failures] == [
        f"n{value}" for value in range(count) if value in poison
    ]
    assert feed.rows_in == count


def test_a_drop_is_an_answer(tmp_path):
    feed, quarantine = _feed(tmp_path, _numbers([1, -2, 3]))
    assert _ids(feed.answers(Picky(frozenset({3}), 3))) == ["n1", "n-2"]
    assert [failure.message for failure in quarantine.failures] == ["no 3"]


def test_a_record_that_eats_the_memory_is_one_failure(tmp_path):
    feed, quarantine = _feed(tmp_path, _numbers(range(4)))
    assert _ids(feed.answers(Picky(frozenset({1}), 2, MemoryError))) == ["n0", "n2", "n3"]
    assert [failure.reason for failure in quarantine.failures] == ["MemoryError"]


def test_a_recursion_without_end_is_one_failure(tmp_path):
    feed, quarantine = _feed(tmp_path, _numbers(range(3)))
    assert _ids(feed.answers(Picky(frozenset({0}), 1, RecursionError))) == ["n1", "n2"]
    assert [failure.reason for failure in quarantine.failures] == ["RecursionError"]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_full_disk_is_no_records_fault(tmp_path, batch):
    class Full(Picky):
        def _one(self, record: Number) -> Number | Drop:
            raise OSError(28, "No space left on device")

    feed, quarantine = _feed(tmp_path, _numbers(range(3)))
    with pytest.raises(DiskFullError, match="there is no space left"):
        list(feed.answers(Full(frozenset(), batch)))
    assert quarantine.failures == []


def test_a_source_with_an_error_of_its_own_keeps_it(tmp_path):
    def broken() -> Iterator[Number]:
        yield from _numbers([1])
        raise InputError("a.warc", "a WARC", "fetch it again")

    feed, quarantine = _feed(tmp_path, broken())
    with pytest.raises(InputError, match="fetch it again"):
        list(feed.answers(Picky(frozenset(), 5)))
    assert quarantine.failures == []


def test_a_source_that_breaks_after_a_poison_record_breaks_the_shard(tmp_path):
    def broken() -> Iterator[Number]:
        yield from _numbers([1, 2])
        raise OSError("read error")

    feed, _ = _feed(tmp_path, broken())
    with pytest.raises(StageError, match="its input can be read to the end .OSError: read error"):
        list(feed.answers(Picky(frozenset({1}), 1)))


def test_records_that_a_worker_did_not_survive_are_failures_by_their_reason(tmp_path):
    feed, quarantine = _feed(tmp_path, _numbers(range(4)), skip={"n1": "timeout", "n3": "worker-died"})
    assert _ids(feed.answers(Times(ToyConfig(), None))) == ["n0", "n2"]
    assert [(failure.record_id, failure.reason) for failure in quarantine.failures] == [
        ("n1", "timeout"),
        ("n3", "worker-died"),
    ]
    assert feed.rows_in == 4


def test_the_mark_is_at_the_record_in_work(tmp_path):
    feed, _ = _feed(tmp_path, _numbers(range(3)))
    answers = feed.answers(Picky(frozenset(), 1))
    assert Mark.read(tmp_path / "at") == ("", "")
    seen = [Mark.read(tmp_path / "at")[0] for _ in answers]
    assert seen == ["n0", "n1", "n2"]
    assert Mark.read(tmp_path / "at") == ("", "")


def test_the_limit_stops_at_the_first_failure_over_it_also_inside_a_batch(tmp_path):
    feed, quarantine = _feed(tmp_path, _numbers(range(9)), limit=2)
    with pytest.raises(StageError, match="at most 2 of its records fail .the last: ValueError: no 5"):
        list(feed.answers(Picky(frozenset({1, 3, 5, 7}), 9)))
    assert len(quarantine.failures) == 3


def test_a_failure_names_step_shard_record_url_and_place_and_its_texts_are_clipped():
    quarantine = Quarantine("crawl", 7)
    error = ValueError("x" * 50_000 + "\ud800")
    quarantine.add("id", "https://a.example/\udcff", "ValueError", str(error), error)
    (failure,) = quarantine.failures
    assert (failure.step, failure.shard, failure.record_id) == ("crawl", 7, "id")
    assert failure.url == "https://a.example/?"
    assert failure.message == "x" * 1000
    assert len(failure.traceback) == 20_000
    assert quarantine.last_error is error


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_printable_text_can_always_be_written_and_loses_only_surrogates(text):
    shown = printable(text)
    shown.encode()
    assert len(shown) == len(text)
    assert all(a == b or 0xD800 <= ord(a) <= 0xDFFF for a, b in zip(text, shown, strict=True))


class Deaf(Stage[Number, Number]):
    """Takes nothing and says nothing."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, shard: Iterable[Number]) -> Iterator[Number | Drop]:
        self.runs += 1
        if self.runs > 3:
            raise KeyboardInterrupt  # else the test would never end
        yield from ()


def test_a_stage_that_takes_no_record_is_an_error_and_not_asked_for_ever(tmp_path):
    feed, _ = _feed(tmp_path, _numbers([1, 2]))
    with pytest.raises(StageError, match="the stage takes its records"):
        list(feed.answers(Deaf()))
