"""From the worker's message to a status: nothing that the program reports turns a failure into OK."""

import fcntl
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.programs import Limits, ProgramStatus
from verify.programs.endings import judge
from verify.programs.streams import Capture, sealed_file

LIMITS = Limits(wall_seconds=3, cpu_seconds=2, memory_mb=100, output_bytes=50)
ENDED = {"started": True, "problem": "", "exit": 0, "cpu": 0.1, "seconds": 0.2, "stopped": ""}


@pytest.mark.parametrize(
    ("ended", "report", "flooded", "status", "detail"),
    [
        ({}, {}, False, ProgramStatus.OK, "it ended by itself"),
        ({"exit": 1}, {"exception": "KeyError"}, False, ProgramStatus.ERROR, "KeyError"),
        ({"exit": 1}, {}, False, ProgramStatus.ERROR, "exit code 1"),
        ({"exit": 1}, {"exception": 7}, False, ProgramStatus.ERROR, "exit code 1"),
        ({"exit": 1}, {"exception": "MemoryError"}, False, ProgramStatus.MEMORY, "it needs more than 100 MB"),
        ({"exit": 0}, {"exception": "MemoryError"}, False, ProgramStatus.OK, "it ended by itself"),
        ({"exit": -9, "stopped": "deadline"}, {}, False, ProgramStatus.TIMEOUT, "killed after 3 s"),
        ({"exit": 0, "stopped": "deadline"}, {}, False, ProgramStatus.OK, "it ended by itself"),
        ({"exit": -9, "cpu": 2.0}, {}, False, ProgramStatus.TIMEOUT, "killed after 2 s of CPU time"),
        ({"exit": -9}, {}, False, ProgramStatus.KILLED, "ended by SIGKILL"),
        ({"exit": -11}, {"exit": 0}, False, ProgramStatus.KILLED, "ended by SIGSEGV"),
        ({"exit": -99}, {}, False, ProgramStatus.KILLED, "ended by signal 99"),
        (
            {"exit": -9, "stopped": "memory"},
            {},
            False,
            ProgramStatus.MEMORY,
            "killed: its processes together hold far more than 100 MB",
        ),
        ({"exit": -9}, {}, True, ProgramStatus.OUTPUT_LIMIT, "killed: it wrote far beyond 50 bytes"),
        ({"started": False, "problem": "no room"}, {"exit": 0}, False, ProgramStatus.REFUSED, "no room"),
        ({"problem": "too many files"}, {}, False, ProgramStatus.KILLED, "too many files"),
    ],
)
def test_the_kernels_word_decides(
    ended: dict[str, Any], report: dict[str, Any], flooded: bool, status: ProgramStatus, detail: str
) -> None:
    assert judge({**ENDED, **ended}, LIMITS, report, flooded=flooded) == (status, detail)


@given(code=st.integers(-64, 255).filter(bool), report=st.dictionaries(st.text(), st.text() | st.integers()))
def test_no_report_makes_a_bad_exit_ok(code: int, report: dict[str, Any]) -> None:
    assert judge({**ENDED, "exit": code}, LIMITS, report, flooded=False)[0] is not ProgramStatus.OK


@given(st.lists(st.binary(max_size=40)), st.integers(0, 100))
def test_a_capture_keeps_the_first_bytes(pieces: list[bytes], limit: int) -> None:
    capture = Capture(limit)
    for piece in pieces:
        capture.add(piece)
    whole = b"".join(pieces)
    assert bytes(capture.kept) == whole[:limit]
    assert (capture.seen, capture.truncated) == (len(whole), len(whole) > limit)
    assert ("more]" in capture.text()) is capture.truncated or b"more]" in whole


def test_a_capture_is_flooded_at_four_times_its_limit_but_not_by_little() -> None:
    small, large = Capture(10), Capture(100_000)
    small.add(b"x" * 60_000)
    assert not small.flooded
    large.add(b"x" * 400_000)
    assert not large.flooded
    large.add(b"x")
    assert large.flooded


def test_a_sealed_file_can_be_read_but_neither_written_nor_grown() -> None:
    descriptor = sealed_file("text \ud800")
    try:
        assert os.read(descriptor, 100) == b"text \xed\xa0\x80"
        for change in (lambda: os.write(descriptor, b"x"), lambda: os.ftruncate(descriptor, 2**30)):
            with pytest.raises(PermissionError):
                change()
        with pytest.raises(PermissionError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    finally:
        os.close(descriptor)
