"""A phase that loads a model runs in a process of its own: what it took is free when it ends, on a GPU too.

    python -m rl.expert_iteration_process CONFIG.yaml ...    # `mathpipe generate` for each, in one process

In: a command and a log. Out: nothing, or `InputError` with the last lines of the log. The child is killed when its
parent dies, however that happens: what resumes the run must not meet a generation that still goes on.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from mathpipe.core.config import Config, load_config
from mathpipe.core.errors import InputError, MathpipeError
from verify.programs import kernel

_SHOWN_CHARACTERS = 600


def write_config(config: Config, path: Path) -> Path:
    """A phase's configuration as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(json.loads(config.model_dump_json()), sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return path


def run_apart(module: str, configs: Sequence[Path], log: Path) -> None:
    """Run `python -m module CONFIG ...` to its end; what it says is added to the log."""
    with log.open("ab") as file:
        done = subprocess.run(
            [sys.executable, "-m", module, *map(str, configs)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )
    if done.returncode:
        said = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-_SHOWN_CHARACTERS:]
        raise InputError(f"python -m {module}", f"an end without error (…{said})", f"read {log}, then run again")


def _die_with_parent() -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Generate for each configuration in turn; what the same policy writes comes from one engine."""
    from mathpipe.generation import GenerateRunConfig, run_generation

    paths = sys.argv[1:]
    try:
        for path in paths:
            run_generation(load_config(Path(path), GenerateRunConfig), Console(), keep_engine=path != paths[-1])
    except MathpipeError as error:
        raise SystemExit(f"mathpipe: {error}") from None


if __name__ == "__main__":
    main()
