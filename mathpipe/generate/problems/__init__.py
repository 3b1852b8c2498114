"""Problems from benchmark files, from templates and from `reasoning-gym`, as `Problem` records; their splits."""

from mathpipe.generate.problems.gym import GYM_TASKS, gym_problems
from mathpipe.generate.problems.question_text import normal_question
from mathpipe.generate.problems.read import read_benchmark
from mathpipe.generate.problems.registry import BENCHMARKS, Benchmark, Comparison, find_benchmark
from mathpipe.generate.problems.splits import split_of, split_problems
from mathpipe.generate.problems.templates import TEMPLATES, generate_problems

__all__ = [
    "BENCHMARKS",
    "GYM_TASKS",
    "TEMPLATES",
    "Benchmark",
    "Comparison",
    "find_benchmark",
    "generate_problems",
    "gym_problems",
    "normal_question",
    "read_benchmark",
    "split_of",
    "split_problems",
]
