"""Programs that a model wrote, run in a sandbox. In: text. Out: `ProgramResult`, or a `Verdict` on a claim about it.

`run_program` runs one program, `ProgramSession` cells with state, `run_tests` a program against tests,
`check_program` a claim. `Limits` bounds them, `probe_protections` says what the machine can do. What protects is
split by layer: `landlock`, `seccomp`, `namespaces`, `root_files`, put together in `confine`; `zygote` is the worker
process, `execution` this side of it.
"""

from verify.programs.checking import check_program
from verify.programs.io_tests import OutputRule, ProgramReason, run_tests
from verify.programs.limits import Limits
from verify.programs.probe import describe_protections, probe_protections
from verify.programs.protections import Protection
from verify.programs.result import ProgramResult, ProgramStatus
from verify.programs.runner import ProgramRunner, run_program
from verify.programs.session import ProgramSession

__all__ = [
    "Limits",
    "OutputRule",
    "ProgramReason",
    "ProgramResult",
    "ProgramRunner",
    "ProgramSession",
    "ProgramStatus",
    "Protection",
    "check_program",
    "describe_protections",
    "probe_protections",
    "run_program",
    "run_tests",
]
