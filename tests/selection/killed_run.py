"""The program that the kill test kills: select over a store, and say what came of it.

python -m tests.selection.killed_run STORE OUTPUT
"""

from __future__ import annotations

import sys
from pathlib import Path

from mathpipe.core.records import ProblemKind, ProgramTest
from mathpipe.selection import VerdictStore, select, write_selection
from tests.selection.hand_made import problem, program, sample
from verify import VerifierPool

PROBLEMS = 6


def work():
    """Some answers that take no time, and programs that take some."""
    problems, samples = [], []
    for name in range(PROBLEMS):
        problems.append(problem(f"a{name}", answer=str(name)))
        samples += [sample(f"a{name}", at, f"I think {at} things. The answer is {at}.") for at in range(4)]
        tests = [ProgramTest(str(name), str(2 * name))]
        problems.append(problem(f"c{name}", answer=None, kind=ProblemKind.CODE, tests=tests))
        for at, factor in enumerate((2, 3)):
            code = f"import time\ntime.sleep(0.1)\nprint({factor} * int(input()))  # {name}"
            samples.append(program(f"c{name}", at, code))
    return problems, samples


def main() -> None:
    """Select and write."""
    store, output = map(Path, sys.argv[1:])
    problems, samples = work()
    with (
        VerdictStore(store) as verdicts,
        VerifierPool(workers=1, handler="tests.selection.handlers:judge_and_note") as pool,
    ):
        write_selection(select(problems, samples, pool, store=verdicts), output)


if __name__ == "__main__":
    main()
