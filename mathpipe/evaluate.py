"""Evaluation: problems, and samples of a model, to scores that say by which grader they came.

    from mathpipe.evaluate import evaluate, read_benchmark
    report = evaluate(read_benchmark("gsm8k_test.jsonl"), my_engine, decoding=Decoding.GREEDY)

In: problems, and a callable that draws samples for them (an engine, or anything else). Out: a `Report`. Files of
samples and published outputs are evaluated by `mathpipe eval CONFIG`; docs/evaluation.md says how scores are made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mathpipe.core.records import Problem, Sample
from mathpipe.evaluation.comparing import ReportComparison, compare
from mathpipe.evaluation.contamination import ContaminationFound, find_contamination, without_contamination
from mathpipe.evaluation.judging import Judge, own_judge, rule_judge
from mathpipe.evaluation.published import PublishedOutputs, read_published
from mathpipe.evaluation.report import Decoding, Report
from mathpipe.evaluation.scoring import ScoreConfig, score
from mathpipe.evaluation.statistics import pass_at_k, sign_test
from mathpipe.generate.problems import read_benchmark

__all__ = [
    "ContaminationFound",
    "Decoding",
    "Judge",
    "PublishedOutputs",
    "Report",
    "ReportComparison",
    "SamplesOf",
    "ScoreConfig",
    "compare",
    "evaluate",
    "find_contamination",
    "own_judge",
    "pass_at_k",
    "read_benchmark",
    "read_published",
    "rule_judge",
    "score",
    "sign_test",
    "without_contamination",
]

SamplesOf = Callable[[Sequence[Problem]], Iterable[Sample]]


def evaluate(
    problems: Iterable[Problem],
    samples_of: SamplesOf,
    *,
    name: str = "",
    by: Judge | None = None,
    config: ScoreConfig | None = None,
    contaminated: ContaminationFound | None = None,
) -> Report:
    """Draw samples for all problems in one call, judge and score them. Raises what `score` raises."""
    listed = list(problems)
    return score(listed, samples_of(listed), name=name, by=by, config=config, contaminated=contaminated)
