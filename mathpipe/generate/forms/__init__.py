"""Forms of a solution: prose, a program, both by turns, a proof; each a coroutine that the scheduler drives."""

from mathpipe.generate.forms.schedule import EngineTime, Run, Scheduler, Task
from mathpipe.generate.forms.settings import GenerationConfig, ToolLimits
from mathpipe.generate.forms.steps import ProgramOutput, Prompt, Solution

__all__ = [
    "EngineTime",
    "GenerationConfig",
    "ProgramOutput",
    "Prompt",
    "Run",
    "Scheduler",
    "Solution",
    "Task",
    "ToolLimits",
]
