"""Which code made an output: the git commit of the sources, with a mark where they were changed since."""

from __future__ import annotations

import subprocess
from pathlib import Path


def git_commit(folder: Path) -> str:
    """The commit's hash, `-dirty` added where files differ from it; 'unknown' outside a checkout."""
    try:
        _git(folder, "ls-files", "--error-unmatch", ".")  # a virtual environment inside someone's checkout is not it
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return f"{commit}-dirty" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
