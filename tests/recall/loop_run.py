"""Runs the loop over the small web in a process of its own, to be killed.

python -m tests.recall.loop_run WEB OUTPUT
"""

import sys
from pathlib import Path

from mathpipe.recall.rounds import RecallLoop
from tests.recall.small_web import loop_config


def main() -> None:
    web, output = map(Path, sys.argv[1:])
    RecallLoop(loop_config(web, output), print, lambda _: None).run()


if __name__ == "__main__":
    main()
