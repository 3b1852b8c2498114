"""A Lean process that answers requests by files, and can be killed.

In: a toolchain, which of the two sides it is (`lean/prover.lean`, `lean/judge.lean`), imports and header. Out:
replies. Lean is loaded once and asked many times; requests and replies are files in a folder of the process's own,
because its standard streams belong to whatever a candidate prints. Time and resident memory are watched from outside.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any

from verify.proofs.source_text import Statement
from verify.proofs.toolchain import Toolchain, ToolchainKind

_LOOK_SECONDS = 0.002
_MEMORY_EVERY = 25  # looks between two readings of the memory
_IDLE_LOOKS = 150_000  # of 2 ms each: a server that nobody asks for five minutes ends
_PAGE = os.sysconf("SC_PAGE_SIZE")
# A misspelt name in a statement is an error, not a variable for anything.
_OPTIONS = "set_option Elab.async false\nset_option linter.all false\nset_option relaxedAutoImplicit false\n"
# The WebAssembly build comes without the library's proofs: what was a theorem there is read as an axiom here.
_REALLY_AXIOM = {
    ToolchainKind.WASM: (
        "match Lean.getOriginalConstKind? environment name with\n  | some .axiom | none => true\n  | _ => false"
    ),
    ToolchainKind.NATIVE: "match environment.find? name with\n  | some (.axiomInfo _) | none => true\n  | _ => false",
}


class Side(StrEnum):
    """Which half of the work."""

    PROVER = "prover"
    JUDGE = "judge"


class LeanTimeout(Exception):  # noqa: N818 - the name says what happened
    """No reply in time; the process was killed."""


class LeanMemory(Exception):  # noqa: N818
    """The process grew beyond its limit and was killed."""


class LeanDied(Exception):  # noqa: N818
    """The process ended by itself; the message is the last it said."""


class LeanServer:
    """One process; started at the first request, and again after it was killed."""

    def __init__(
        self, toolchain: Toolchain, side: Side, statement: Statement, *, memory_bytes: int, start_seconds: float
    ) -> None:
        self._toolchain = toolchain
        self._program = program(toolchain, side, statement)
        self._memory_bytes = memory_bytes
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._asked = 0
        self._ready = False

    def ask(self, request: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        """The reply. Raises `LeanTimeout`, `LeanMemory` or `LeanDied`; starting is not counted."""
        self.launch()
        if not self._ready:
            self._wait_for(self._folder / "ready", self._start_seconds)
            self._ready = True
        part, reply = self._folder / "part", self._folder / f"reply-{self._asked}.json"
        part.write_text(json.dumps(request), encoding="utf-8", errors="replace")
        part.rename(self._folder / f"request-{self._asked}.json")
        self._asked += 1
        self._wait_for(reply, seconds)
        found: dict[str, Any] = json.loads(reply.read_text(encoding="utf-8"))
        reply.unlink()
        return found

    def launch(self) -> None:
        """Start loading Lean, if it is not there; the next request waits until it is ready."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._folder = Path(tempfile.mkdtemp(prefix="lean-"))
        (self._folder / "Claim.lean").write_text(self._program, encoding="utf-8")
        with (self._folder / "said").open("wb") as said:
            self._process = subprocess.Popen(
                [*self._toolchain.command, "Claim.lean"],
                cwd=self._folder,
                env={**os.environ, **self._toolchain.environment},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
            )  # in its starter's process group, so that whoever kills a worker's group ends its Lean too
        self._asked, self._ready = 0, False

    def _wait_for(self, path: Path, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        looks = 0
        while not path.exists():
            looks += 1
            if self._process is None or self._process.poll() is not None:
                if path.exists():
                    return
                last = self._last_words()
                self.close()
                raise LeanDied(last)
            if looks % _MEMORY_EVERY == 0 and self._resident() > self._memory_bytes:
                self.close()
                raise LeanMemory(f"more than {self._memory_bytes >> 20} MB")
            if time.monotonic() > deadline:
                self.close()
                raise LeanTimeout(f"killed after {seconds:g} s")
            time.sleep(_LOOK_SECONDS)

    def _resident(self) -> int:
        if self._process is None:
            return 0
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return 0

    def _last_words(self) -> str:
        text = (self._folder / "said").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("[DEBUG")]
        return lines[-1][:500] if lines else "it said nothing"

    def close(self) -> None:
        """End the process and remove its folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            shutil.rmtree(self._folder, ignore_errors=True)
        self._process = None


def program(toolchain: Toolchain, side: Side, statement: Statement) -> str:
    """The file that the process elaborates: our code first, then the header, then the loop that answers requests."""
    sources = resources.files("verify.proofs") / "lean"
    imports = ["Lean", *(name for name in statement.imports if name not in ("Lean", "Init"))]
    really = (
        "def MathpipeJudge.reallyAxiom (environment : Lean.Environment) (name : Lean.Name) : Bool :=\n  "
        + _REALLY_AXIOM[toolchain.kind]
        + "\n"
    )
    answer = "MathpipeProver.attempt" if side is Side.PROVER else "MathpipeJudge.judge"
    return "\n".join(
        [
            *(f"import {name}" for name in imports),
            _OPTIONS,
            (sources / "statement.lean").read_text(encoding="utf-8"),
            "" if side is Side.PROVER else really,
            (sources / f"{side}.lean").read_text(encoding="utf-8"),
            statement.header,
            f"run_cmd MathpipeStatement.serve {answer} {_IDLE_LOOKS}",
            "",
        ]
    )
