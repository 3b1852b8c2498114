"""A seccomp filter: a classic BPF program, assembled here, that the kernel runs before every system call.

In: which groups of calls to deny. Effect: they fail with EPERM (ENOSYS where callers have a fallback) in this process
and all it starts. Sources: seccomp(2), the kernel's Documentation/userspace-api/seccomp_filter.rst and
include/uapi/linux/{bpf_common,filter,seccomp,audit}.h; the choice of calls follows the default profile that container
engines publish, less everything networked.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from dataclasses import dataclass
from functools import cache

from verify.programs import kernel
from verify.programs.syscall_numbers import LAST_KNOWN, number_of

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06  # BPF_LD|W|ABS, BPF_ALU|AND|K, BPF_RET|K
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45  # BPF_JMP with JEQ, JGE, JSET on K
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_SECCOMP_MODE_FILTER = 2
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000  # a second, 32-bit calling convention of x86_64 with numbers of its own

_CLONE_PARENT, _CLONE_THREAD = 0x8000, 0x10000
# CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
_CLONE_NEW = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_AF_UNIX = 1
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # type into the terminal that started us

_ALWAYS = """
    ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp move_pages migrate_pages
    unshare setns mount umount2 pivot_root chroot open_tree move_mount fsopen fsconfig fsmount fspick mount_setattr
    name_to_handle_at open_by_handle_at keyctl add_key request_key bpf perf_event_open userfaultfd
    io_uring_setup io_uring_enter io_uring_register personality modify_ldt uselib fanotify_init vmsplice
    memfd_create memfd_secret shmget msgget semget mq_open socket
    kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff acct quotactl quotactl_fd
    settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname syslog iopl ioperm vhangup
""".split()
_SIGNALS = "tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal setsid setpgid setpriority ioprio_set".split()
# Calls whose first argument may name another process of the same uid; 0 means the caller.
_ON_A_PROCESS = "kill tgkill prlimit64 sched_setparam sched_setscheduler sched_setaffinity sched_setattr".split()
_F_SETOWN, _F_SETOWN_EX = 8, 15  # who gets SIGIO, or by F_SETSIG any signal
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902  # the same for sockets
_FILE_ATTRIBUTES = """
    truncate chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
""".split()


@dataclass(frozen=True, slots=True)
class Filter:
    """What to deny besides the calls nobody needs.

    `signals`: without a PID namespace, a process may signal, limit and schedule only itself, and not leave its group.
    `attributes`: without a mount namespace, no chmod, utime and the like. `forking`: where RLIMIT_NPROC does not
    count, no new processes (threads stay).
    """

    signals: bool = False
    attributes: bool = False
    forking: bool = False


Instruction = tuple[int, int, int, int]


def assemble(wanted: Filter, machine: str, process: int) -> list[Instruction]:
    """The program, for a process of that id: (code, jump if true, jump if false, constant) each."""
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_BIT if machine == "x86_64" else 0xFFFFFFFF),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_AT_LEAST, 0, 1, LAST_KNOWN + 1),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    denied = _ALWAYS + (_SIGNALS if wanted.signals else []) + (_FILE_ATTRIBUTES if wanted.attributes else [])
    denied += ["fork", "vfork"] if wanted.forking else []
    for name in denied:
        program += _on(name, machine, [(_RETURN, 0, 0, _ERRNO | errno.EPERM)])
    # Flags of clone3 lie behind a pointer, which a filter cannot follow; libc falls back to clone.
    program += _on("clone3", machine, [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    new_process = [*_argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), _DENY] if wanted.forking else []
    program += _on(
        "clone", machine, [*new_process, *_argument(0), (_ANY_BIT, 0, 1, _CLONE_NEW | _CLONE_PARENT), _DENY]
    )
    program += _on("socketpair", machine, [*_argument(0), (_EQUAL, 1, 0, _AF_UNIX), _DENY])
    owners = [_FIOSETOWN, _SIOCSPGRP] if wanted.signals else []
    program += _on("ioctl", machine, _unless_among(1, [_TIOCSTI, _TIOCLINUX, *owners]))
    if wanted.signals:
        program += _on("fcntl", machine, _unless_among(1, [_F_SETOWN, _F_SETOWN_EX]))
        for name in _ON_A_PROCESS:
            # kill(0) reaches our own group; kill(-1) everything of our uid.
            only_itself = [*_argument(0), (_EQUAL, 2, 0, process), (_EQUAL, 1, 0, 0), _DENY]
            program += _on(name, machine, only_itself)
    if wanted.attributes:
        # open(O_RDONLY | O_TRUNC) truncates; Landlock before ABI 3 asks only for the right to read.
        for name, position in (("open", 1), ("openat", 2)):
            mask = os.O_ACCMODE | os.O_TRUNC
            test = [*_argument(position), (_AND, 0, 0, mask), (_EQUAL, 0, 1, os.O_TRUNC), _DENY]
            program += _on(name, machine, test)
        program += _on("openat2", machine, [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    return [*program, (_RETURN, 0, 0, _ALLOW)]


_DENY: Instruction = (_RETURN, 0, 0, _ERRNO | errno.EPERM)


def _argument(position: int) -> list[Instruction]:
    """Load the lower half of an argument (both machines are little-endian)."""
    return [(_LOAD, 0, 0, _ARGUMENTS + 8 * position)]


def _unless_among(position: int, values: list[int]) -> list[Instruction]:
    """Deny the call if that argument is one of the values."""
    tests = [(_EQUAL, len(values) - count, 0, value) for count, value in enumerate(values)]
    return [*_argument(position), *tests, (_RETURN, 0, 0, _ALLOW), _DENY]


def _on(name: str, machine: str, body: list[Instruction]) -> list[Instruction]:
    """`body` for that call, then allow it unless `body` returned; other calls go past."""
    number = number_of(name, machine)
    if number is None:
        return []
    if body[0][0] != _RETURN:
        body = [*body, (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(body), number), *body]


def supported() -> bool:
    """Whether there is a table for this machine; whether the kernel takes the filter is for `probe.py` to try."""
    return kernel.machine() in _AUDIT_ARCH


@cache
def compiled(wanted: Filter, process: int) -> bytes:
    """The program as the kernel reads it. Cached: the worker calls this once, its forks find it ready."""
    return b"".join(struct.pack("HBBI", *line) for line in assemble(wanted, kernel.machine(), process))


def install(wanted: Filter) -> None:
    """Filter this process from now on. It must have no_new_privs set."""
    program = compiled(wanted, os.getpid() if wanted.signals else 0)
    code = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code)))
    kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(header))
