"""The benchmarks by name: where they come from, under which licence, how the file is read, how answers compare.

A licence is the one that the source states; None where it states none or where it differs by row (then the row's own
is kept). AMC, AIME and SAT questions are their organisations' own. How the comparison works is told in
`mathpipe.evaluation.judging`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from mathpipe.core.errors import InputError
from mathpipe.core.records import ProblemKind
from mathpipe.generate.problems import code_layouts, layouts
from mathpipe.generate.problems.layouts import Parts
from mathpipe.generate.problems.rows import Row


class Comparison(StrEnum):
    """How an answer is compared with the reference."""

    VALUE = "value"  # the same value: exact, within what the reference's decimals say
    CHOICE = "choice"  # the letter of an option, or what the option says
    PROOF = "proof"  # Lean's kernel accepts the proof of the statement
    TESTS = "tests"  # the program passes its tests


_KINDS = {Comparison.PROOF: ProblemKind.PROOF, Comparison.TESTS: ProblemKind.CODE}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark. `files` maps the stems of known files to the split they hold."""

    name: str
    title: str
    url: str
    licence: str | None
    layout: Callable[[Row], Parts]
    files: dict[str, str] = field(default_factory=dict)
    comparison: Comparison = Comparison.VALUE
    note: str = ""

    @property
    def kind(self) -> ProblemKind:
        """What solving a problem of it means."""
        return _KINDS.get(self.comparison, ProblemKind.ANSWER)


_ALL = (
    Benchmark(
        "gsm8k",
        "GSM8K",
        "https://github.com/openai/grade-school-math",
        "MIT",
        layouts.gsm8k,
        {"gsm8k_test": "test", "gsm8k_train": "train", "gsm8k": "test"},
        note="answers are numbers without unit or percent sign",
    ),
    Benchmark(
        "math",
        "MATH",
        "https://github.com/hendrycks/math",
        "MIT",
        layouts.math,
        {"math_test": "test", "math_train": "train", "math": "test"},
        note="where all values are asked for and each has a box, all boxes are the answer, not the last alone",
    ),
    Benchmark(
        "math500",
        "MATH-500",
        "https://github.com/openai/prm800k",
        "MIT",
        layouts.math,
        {"math500_test": "test", "math500": "test"},
        note="500 problems of MATH's test set (Lightman et al. 2023)",
    ),
    Benchmark("svamp", "SVAMP", "https://github.com/arkilpatel/SVAMP", "MIT", layouts.svamp, {"svamp_test": "test"}),
    Benchmark(
        "asdiv",
        "ASDiv",
        "https://github.com/chaochun/nlu-asdiv-dataset",
        "CC-BY-NC-4.0",
        layouts.asdiv,
        {"asdiv_test": "test"},
    ),
    # Its repository's README states no licence.
    Benchmark("mawps", "MAWPS", "https://github.com/sroy9/mawps", None, layouts.input_target, {"mawps_test": "test"}),
    Benchmark(
        "gsm-hard",
        "GSM-Hard",
        "https://huggingface.co/datasets/reasoning-machines/gsm-hard",
        "MIT",
        layouts.input_target,
        {"gsm-hard_test": "test", "gsm_hard": "test"},
        note="targets are a program's floats, kept to 15 digits",
    ),
    Benchmark(
        "olympiadbench",
        "OlympiadBench (text, English)",
        "https://github.com/OpenBMB/OlympiadBench",
        "Apache-2.0",
        layouts.olympiad,
        {"olympiadbench": "test"},
        note="the stated tolerance (one problem) is not used: the reference's decimals decide",
    ),
    Benchmark(
        "minerva_math",
        "Minerva's OCWCourses",
        "https://arxiv.org/abs/2206.14858",
        "CC-BY-NC-SA-4.0",
        layouts.math,
        {"minerva_math": "test"},
        note="the paper accepts 1%; here the reference's decimals decide",
    ),
    Benchmark(
        "ocw",
        "OCWCourses",
        "https://openreview.net/forum?id=IFXTZERXdM7",
        "CC-BY-NC-SA-4.0",
        layouts.math,
        {"ocw_test": "test"},
        note="the same 272 problems as minerva_math, in DeepSeek-Math's wording",
    ),
    Benchmark(
        "college_math",
        "CollegeMath",
        "https://github.com/microsoft/unilm/tree/master/mathscale",
        None,
        layouts.college,
        {"college_math": "test"},
        note="each row names its textbook's licence",
    ),
    Benchmark(
        "amc23",
        "AMC 12, 2022 and 2023",
        "https://artofproblemsolving.com/wiki",
        None,  # none found, of the problems or of the compilation
        layouts.competition,
        {"amc23": "test"},
    ),
    Benchmark(
        "aime24",
        "AIME 2024",
        "https://artofproblemsolving.com/wiki",
        None,  # the wiki states none; the compilation AI-MO/aimo-validation-aime says Apache-2.0
        layouts.competition,
        {"aime24": "test"},
        note="answers are 000 to 999; leading zeros do not matter",
    ),
    Benchmark(
        "sat",
        "SAT mathematics",
        "https://github.com/deepseek-ai/DeepSeek-Math",
        None,  # none stated where the questions come from (mcaleste/sat_multiple_choice_math_may_23)
        layouts.options,
        {"sat_test": "test"},
        Comparison.CHOICE,
    ),
    Benchmark(
        "cmath",
        "CMATH (Chinese)",
        "https://github.com/XiaoMi/cmath",
        "MIT or BSD",
        layouts.cmath,
        {"cmath_test": "test"},
    ),
    Benchmark(
        "minif2f",
        "miniF2F, Lean 4",
        "https://github.com/openai/miniF2F",
        "Apache-2.0",
        layouts.lean,
        {"minif2f_lean4": "test", "minif2f_lean4_proofs": "valid"},
        Comparison.PROOF,
        note="the row's own split",
    ),
    Benchmark(
        "proofnet",
        "ProofNet, Lean 4",
        "https://github.com/zhangir-azerbayev/ProofNet",
        "MIT",
        layouts.lean,
        {"proofnet_lean4": "test"},
        Comparison.PROOF,
        note="the row's own split",
    ),
    Benchmark(
        "apps",
        "APPS",
        "https://github.com/hendrycks/apps",
        "MIT",
        code_layouts.program,
        {"apps_test": "test", "apps_train": "train", "apps": "test"},
        Comparison.TESTS,
        note="functions are called by a line that the program reads",
    ),
    Benchmark(
        "mbpp",
        "MBPP, as programs",
        "https://github.com/google-research/google-research/tree/master/mbpp",
        "CC-BY-4.0",
        code_layouts.program,
        {"mbpp_test": "test", "mbpp_train": "train", "mbpp": "test", "sanitized-mbpp": "test"},
        Comparison.TESTS,
        note="asserts become calls that the program reads: not the paper's protocol",
    ),
    Benchmark(
        "humaneval",
        "HumanEval, as programs",
        "https://github.com/openai/human-eval",
        "MIT",
        code_layouts.program,
        {"humaneval": "test", "HumanEval": "test"},
        Comparison.TESTS,
        note="asserts become calls that the program reads: not the paper's protocol",
    ),
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}


def find_benchmark(name: str) -> Benchmark:
    """The benchmark of that name. Raises `InputError` with the nearest names."""
    found = BENCHMARKS.get(name) or BENCHMARKS.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), BENCHMARKS, n=3, cutoff=0.5) or sorted(BENCHMARKS)
        raise InputError(f"benchmark {name!r}", "the name of a known benchmark", f"for example {', '.join(near)}")
    return found


def benchmark_of_file(stem: str) -> tuple[Benchmark, str] | None:
    """The benchmark and split whose files have that stem; None for an unknown one."""
    for benchmark in _ALL:
        if stem in benchmark.files:
            return benchmark, benchmark.files[stem]
    return None
