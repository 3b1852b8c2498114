"""The filter, run in a small interpreter of classic BPF: which call with which arguments gets which answer."""

import errno
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.programs.seccomp import Filter, Instruction, assemble, compiled
from verify.programs.syscall_numbers import LAST_KNOWN, NUMBERS, number_of

ALLOW, KILL, EPERM, ENOSYS = "allow", "kill", "EPERM", "ENOSYS"
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MACHINES = sorted(ARCHITECTURES)
OURS = 4242
PLAIN = Filter()
STRICT = Filter(signals=True, attributes=True, forking=True)


def answer(program: list[Instruction], architecture: int, number: int, *arguments: int) -> str:
    """What the kernel would do: BPF_LD, BPF_ALU|AND, BPF_JMP and BPF_RET as in bpf_common.h."""
    words = {0: number, 4: architecture}
    for position, value in enumerate(arguments):
        words[16 + 8 * position] = value & 0xFFFFFFFF
        words[20 + 8 * position] = value >> 32 & 0xFFFFFFFF
    accumulator = at = 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == 0x20:
            accumulator = words.get(constant, 0)
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x06:
            names = {
                0x7FFF0000: ALLOW,
                0x80000000: KILL,
                0x50000 | errno.EPERM: EPERM,
                0x50000 | errno.ENOSYS: ENOSYS,
            }
            return names[constant]
        else:
            holds = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[code]
            at += if_true if holds else if_false


def ask(wanted: Filter, machine: str, name: str, *arguments: int) -> str | None:
    """The answer to a call by name; None where the machine has no such call."""
    number = number_of(name, machine)
    if number is None:
        return None
    return answer(assemble(wanted, machine, OURS), ARCHITECTURES[machine], number, *arguments)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("wanted", [PLAIN, STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize(
    "name",
    "ptrace mount umount2 unshare setns keyctl bpf perf_event_open process_vm_readv process_vm_writev kexec_load "
    "init_module finit_module reboot swapon socket io_uring_setup userfaultfd personality chroot pivot_root "
    "open_by_handle_at memfd_create shmget pidfd_getfd settimeofday".split(),
)
def test_calls_that_nobody_needs_are_denied(machine: str, wanted: Filter, name: str) -> None:
    assert ask(wanted, machine, name, 0, 0, 0, 0) == EPERM


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "plain", "strict"),
    [
        ("clone", (17,), ALLOW, EPERM),  # SIGCHLD: a fork
        ("clone", (0x3D0F00,), ALLOW, ALLOW),  # what pthread_create passes: a thread
        ("clone", (0x10000000 | 17,), EPERM, EPERM),  # CLONE_NEWUSER
        ("clone", (0x3D0F00 | 0x40000000,), EPERM, EPERM),  # a thread with CLONE_NEWNET
        ("clone", (0x8000 | 17,), EPERM, EPERM),  # CLONE_PARENT
        ("clone3", (0, 88), ENOSYS, ENOSYS),
        ("fork", (), ALLOW, EPERM),
        ("vfork", (), ALLOW, EPERM),
        ("socketpair", (1, 1, 0), ALLOW, ALLOW),
        ("socketpair", (2, 1, 0), EPERM, EPERM),
        ("ioctl", (0, 0x5401), ALLOW, ALLOW),  # TCGETS
        ("ioctl", (0, 0x5412), EPERM, EPERM),  # TIOCSTI
        ("ioctl", (0, 0x541C), EPERM, EPERM),  # TIOCLINUX
        ("ioctl", (0, 0x8901), ALLOW, EPERM),  # FIOSETOWN
        ("kill", (OURS, 9), ALLOW, ALLOW),
        ("kill", (0, 9), ALLOW, ALLOW),
        ("kill", (1, 9), ALLOW, EPERM),
        ("kill", (0xFFFFFFFF, 9), ALLOW, EPERM),  # -1: everybody
        ("kill", (2**64 - 1, 9), ALLOW, EPERM),
        ("tgkill", (OURS, OURS, 6), ALLOW, ALLOW),
        ("tgkill", (1, 1, 9), ALLOW, EPERM),
        ("tkill", (OURS, 9), ALLOW, EPERM),
        ("prlimit64", (0, 7), ALLOW, ALLOW),
        ("prlimit64", (1, 7), ALLOW, EPERM),
        ("sched_setaffinity", (0,), ALLOW, ALLOW),
        ("sched_setaffinity", (77,), ALLOW, EPERM),
        ("fcntl", (1, 4), ALLOW, ALLOW),  # F_SETFL
        ("fcntl", (1, 8), ALLOW, EPERM),  # F_SETOWN
        ("fcntl", (1, 15), ALLOW, EPERM),  # F_SETOWN_EX
        ("setsid", (), ALLOW, EPERM),
        ("setpgid", (0, 0), ALLOW, EPERM),
        ("chmod", (0, 0), ALLOW, EPERM),
        ("fchmodat", (0, 0), ALLOW, EPERM),
        ("utimensat", (0, 0), ALLOW, EPERM),
        ("setxattr", (0, 0), ALLOW, EPERM),
        ("truncate", (0, 0), ALLOW, EPERM),
        ("open", (0, os.O_RDONLY), ALLOW, ALLOW),
        ("open", (0, os.O_WRONLY | os.O_TRUNC), ALLOW, ALLOW),  # Landlock decides
        ("open", (0, os.O_RDONLY | os.O_TRUNC), ALLOW, EPERM),
        ("openat", (0, 0, os.O_RDONLY | os.O_TRUNC | os.O_CLOEXEC), ALLOW, EPERM),
        ("openat", (0, 0, os.O_RDWR | os.O_TRUNC), ALLOW, ALLOW),
        ("openat2", (0, 0, 0, 24), ALLOW, ENOSYS),
    ],
)
def test_arguments_decide(machine: str, name: str, arguments: tuple[int, ...], plain: str, strict: str) -> None:
    if number_of(name, machine) is None:
        assert machine == "aarch64"
        return
    assert ask(PLAIN, machine, name, *arguments) == plain
    assert ask(STRICT, machine, name, *arguments) == strict


@pytest.mark.parametrize("machine", MACHINES)
def test_another_architecture_is_killed(machine: str) -> None:
    program = assemble(PLAIN, machine, OURS)
    for architecture in (0x40000003, 0xC000003E, 0xC00000B7):  # i386, x86_64, aarch64
        if architecture != ARCHITECTURES[machine]:
            assert answer(program, architecture, 0) == KILL


def test_the_second_calling_convention_of_x86_64_is_killed() -> None:
    program = assemble(PLAIN, "x86_64", OURS)
    assert answer(program, ARCHITECTURES["x86_64"], 0x40000000 | 1) == KILL


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_newer_than_the_table_look_as_on_an_old_kernel(machine: str) -> None:
    program = assemble(PLAIN, machine, OURS)
    assert answer(program, ARCHITECTURES[machine], LAST_KNOWN) == ALLOW
    assert answer(program, ARCHITECTURES[machine], LAST_KNOWN + 1) == ENOSYS


@given(
    machine=st.sampled_from(MACHINES),
    number=st.integers(0, 600),
    arguments=st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6),
)
def test_a_stricter_filter_allows_nothing_more(machine: str, number: int, arguments: list[int]) -> None:
    plain = answer(assemble(PLAIN, machine, OURS), ARCHITECTURES[machine], number, *arguments)
    strict = answer(assemble(STRICT, machine, OURS), ARCHITECTURES[machine], number, *arguments)
    assert plain in {strict, ALLOW}


@given(machine=st.sampled_from(MACHINES), number=st.integers(0, LAST_KNOWN))
def test_calls_outside_of_the_table_are_allowed(machine: str, number: int) -> None:
    named = {number_of(name, machine) for name in NUMBERS}
    if number not in named:
        assert answer(assemble(STRICT, machine, OURS), ARCHITECTURES[machine], number) == ALLOW


@pytest.mark.parametrize("wanted", [PLAIN, STRICT], ids=["plain", "strict"])
@pytest.mark.parametrize("machine", MACHINES)
def test_the_program_is_one_the_kernel_takes(machine: str, wanted: Filter) -> None:
    program = assemble(wanted, machine, OURS)
    assert len(program) <= 4096  # BPF_MAXINSNS
    for at, (code, if_true, if_false, _) in enumerate(program):
        assert 0 <= if_true <= 255
        assert 0 <= if_false <= 255
        if code not in {0x06, 0x20, 0x54}:
            assert at + 1 + max(if_true, if_false) < len(program)
    assert program[-1][0] == 0x06


def test_an_instruction_is_eight_bytes() -> None:
    assert len(compiled(PLAIN, 0)) == 8 * len(assemble(PLAIN, "x86_64", 0)) or os.uname().machine != "x86_64"
