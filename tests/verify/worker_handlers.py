"""Functions that misbehave in every way a verifier can, for the tests of workers and pools."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from mathpipe.core.memory import rss_bytes
from mathpipe.core.records import Outcome, Verdict


def echo(payload: Any) -> Any:
    """The payload itself."""
    return payload


def process(payload: Any) -> int:
    """The worker's process id."""
    return os.getpid()


def hang_in_c(payload: Any) -> int:
    """A power that never ends and never looks at signals."""
    return 10 ** (10**10)


def hang_in_a_regex(payload: Any) -> Any:
    """A pattern with exponential backtracking."""
    return re.match(r"(a+)+$", "a" * 64 + "b")


def sleep_through_signals(payload: Any) -> None:
    """Ignores what can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(1000)


def eat_memory(payload: Any) -> int:
    """Three gibibytes."""
    return len(bytearray(3 << 30))


def exit_at_once(payload: Any) -> None:
    """Leaves without a word."""
    os._exit(3)


def crash(payload: Any) -> None:
    """Reads address zero."""
    ctypes.string_at(0)


def kill_itself(payload: Any) -> None:
    """What the kernel's memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


def raise_an_error(payload: Any) -> None:
    """An ordinary fault."""
    raise ValueError("no such number")


def fill_stdout(payload: Any) -> str:
    """Prints where a protocol might be, in Python and below it."""
    print("x" * 1_000_000)
    os.write(1, b"y" * 100_000)
    subprocess.run([sys.executable, "-c", "print('z' * 100000)"], check=True)
    return "done"


def start_a_child(payload: Any) -> None:
    """A grandchild that writes its id and outlives its parent, then a hang."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    with open(payload, "w") as file:  # noqa: PTH123
        file.write(str(child.pid))
    time.sleep(1000)


HANDLERS: dict[str, Callable[[Any], Any]] = {
    function.__name__: function
    for function in (
        echo, process, hang_in_c, hang_in_a_regex, sleep_through_signals, eat_memory, exit_at_once, crash,
        kill_itself, raise_an_error, fill_stdout, start_a_child,
    )
}  # fmt: skip
BAD = ("hang_in_c", "hang_in_a_regex", "sleep_through_signals", "eat_memory", "exit_at_once", "crash", "kill_itself",
       "raise_an_error")  # fmt: skip


def any_of(payload: tuple[str, Any]) -> Any:
    """The handler named first, given the second."""
    return HANDLERS[payload[0]](payload[1])


def as_verdict(claim: Any) -> tuple[Verdict, int]:
    """A pool's handler: the claim's reference names the handler, its candidate is the payload."""
    answer = HANDLERS[claim.reference](claim.candidate)
    return Verdict(Outcome.CORRECT, str(answer)), rss_bytes()


def grow(claim: Any) -> tuple[Verdict, int]:
    """A pool's handler that keeps 100 MB at every claim and says so."""
    KEPT.append(bytearray(os.urandom(1) * (100 << 20)))
    return Verdict(Outcome.CORRECT, str(os.getpid())), rss_bytes()


KEPT: list[bytearray] = []
