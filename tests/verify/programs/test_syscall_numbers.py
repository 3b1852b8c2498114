"""The table of system calls, against the kernel's headers where they are installed."""

import re
from pathlib import Path

import pytest

from verify.programs import kernel
from verify.programs.syscall_numbers import LAST_KNOWN, NUMBERS, number_of

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
NEWER_THAN_HEADERS = {"fchmodat2"}


@pytest.mark.parametrize("machine", sorted(HEADERS))
def test_the_numbers_are_the_kernels(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"no {HEADERS[machine]}: the kernel's headers are not installed")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text())
    official = {name: int(number) for name, number in lines}
    for name in sorted(NUMBERS.keys() - NEWER_THAN_HEADERS):
        if machine == "aarch64" and name not in official:
            assert number_of(name, machine) is None, name
        else:
            assert number_of(name, machine) == official[name], name


def test_no_number_is_named_twice_or_beyond_the_last() -> None:
    for machine in HEADERS:
        numbers = [number for name in NUMBERS if (number := number_of(name, machine)) is not None]
        assert len(numbers) == len(set(numbers))
        assert max(numbers) <= LAST_KNOWN


def test_an_unknown_machine_has_no_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert number_of("ptrace", "riscv64") is None
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(OSError, match="no system call number for riscv64"):
        kernel.syscall("pivot_root", b"/", b"/")


def test_a_failed_call_says_which_and_why() -> None:
    with pytest.raises(OSError, match=r"^\[Errno \d+\] prctl 9999"):
        kernel.prctl(9999)
    with pytest.raises(FileNotFoundError, match="umount /no/such/place|") as error:
        kernel.mount("/no/such/source", "/no/such/place", None, kernel.MS_BIND)
    assert "/no/such/place" in str(error.value)
