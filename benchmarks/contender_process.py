"""A contender of a benchmark as a process of its own, on one thread: told what to do by lines, answers by lines.

In: a command that reads orders from stdin and prints one line of JSON for each. Out: the answers, and its log where
it died. A process apart, because libraries keep threads, caches and memory that the next contender would pay for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
}
Took = Mapping[str, Any]


class ContenderProcess:
    """`python -m MODULE ARGUMENTS`, ready for orders. Close it at the end."""

    def __init__(self, module: str, arguments: Sequence[str], **environment: str) -> None:
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **ONE_THREAD, **environment},
        )

    def ask(self, order: Mapping[str, Any]) -> Took | None:
        """Have it done and say what it took; None where the process is gone."""
        told = ""
        if self._process.stdin and self._process.stdout and self._process.poll() is None:
            try:
                self._process.stdin.write(json.dumps(order) + "\n")
                self._process.stdin.flush()
                told = self._process.stdout.readline()
            except BrokenPipeError:
                told = ""
        if not told:
            self._process.wait()
            return None
        took: Took = json.loads(told)
        return took

    def log(self) -> list[str]:
        """What it has written to stderr, in lines that hold something."""
        self._log.seek(0)
        return [line for line in self._log.read().splitlines() if line.strip()]

    def close(self) -> None:
        """Let it end."""
        if self._process.stdin and self._process.poll() is None:
            self._process.stdin.close()
        self._process.wait()
        self._log.close()


@contextmanager
def only_answers_on_stdout() -> Iterator[TextIO]:
    """The true stdout; whatever libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        yield answers
