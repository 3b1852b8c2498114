"""Runs the toy pipeline in a process of its own, to be killed.

python -m tests.core.toy_run RUN SOURCES MODE WORKERS
"""

import sys
from pathlib import Path

from mathpipe.core.errors import MathpipeError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.runner import Runner
from tests.core.toy import ToyConfig, toy_steps


def main() -> None:
    run, sources, mode, workers = sys.argv[1:]
    paths = tuple(sorted(str(path) for path in Path(sources).glob("*.txt")))
    steps = toy_steps(paths, 3, sleep_seconds=0.01)
    try:
        Runner(Path(run), steps, RunnerConfig(mode=Mode(mode), workers=int(workers)), print).run(ToyConfig())
    except MathpipeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
