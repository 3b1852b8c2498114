"""What `mathpipe eval` does: samples or published outputs scored against a benchmark.

In: an `EvalConfig`. Out: tables, and in `output/name` (a folder a model where published outputs have several)
`report.json` and `problems.jsonl`; `differences.jsonl` for published outputs; `comparison.json` where asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, model_validator
from rich.console import Console

from mathpipe.core.config import Config, OutputFolder
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.evaluation.comparing import compare
from mathpipe.evaluation.contamination import ContaminationFound, find_contamination, training_texts
from mathpipe.evaluation.differences import find_differences, grouped, verdicts_by_rule
from mathpipe.evaluation.judging import Judge, own_judge, rule_judge
from mathpipe.evaluation.published import PublishedOutputs, read_published
from mathpipe.evaluation.report import Report
from mathpipe.evaluation.samples import load_report, read_problems, read_samples
from mathpipe.evaluation.scoring import ScoreConfig, score
from mathpipe.evaluation.tables import (
    print_comparison,
    print_report,
    write_comparison,
    write_differences,
    write_report,
)
from verify import PoolLimits, VerifierPool

_OWN = "ours"
_UNSAFE = re.compile(r"[^\w.+-]+")


class BenchmarkSource(Config):
    """Where the problems are: a benchmark's file, or a folder of `Problem` shards."""

    path: Path
    name: str | None = None  # of the benchmark, where the file's own name does not tell it
    split: str | None = None  # only problems of that split, for files that hold several
    limit: int | None = Field(default=None, ge=1)  # only the first problems; samples of others are left out


class EvalConfig(Config):
    """One evaluation: a benchmark, and either `samples` (rows of `Sample`) or published `outputs`."""

    name: str
    benchmark: BenchmarkSource | None = None  # None: published outputs bring their references
    samples: Path | None = None
    outputs: Path | None = None
    output: OutputFolder = Path("data/eval")
    rule: str = _OWN  # or a rule of `verify.graders`, such as tora, qwen, math-verify
    published_rule: str | None = None  # the rule by which outputs without verdicts of their own were graded
    training_set: Path | None = None  # file or folder that must not hold the benchmark
    scoring: ScoreConfig = ScoreConfig()
    workers: int | None = Field(default=None, ge=1)  # None: one a CPU
    pool: PoolLimits = PoolLimits()

    @model_validator(mode="after")
    def _one_source(self) -> EvalConfig:
        if (self.samples is None) == (self.outputs is None):
            raise ValueError("either samples or outputs is needed, and not both")
        if self.samples is not None and self.benchmark is None:
            raise ValueError("samples need the benchmark that they were drawn for")
        return self


def run_evaluation(config: EvalConfig, console: Console, *, against: Path | None = None) -> list[Report]:
    """Score, print and write; a report a model."""
    earlier = None if against is None else load_report(against)
    problems = None if config.benchmark is None else _problems(config.benchmark)
    contaminated = _contamination(config, problems)
    reports: list[Report] = []
    with _judge(config) as judge:
        for folder, report in _reports(config, problems, judge, contaminated, console):
            print_report(report, console)
            for path in write_report(report, folder):
                _place(console, path)
            if earlier is not None:
                comparison = compare(earlier, report)
                print_comparison(comparison, console)
                _place(console, write_comparison(comparison, folder))
            reports.append(report)
    return reports


def _reports(
    config: EvalConfig,
    problems: list[Problem] | None,
    judge: Judge,
    contaminated: ContaminationFound | None,
    console: Console,
) -> Iterator[tuple[Path, Report]]:
    folder = config.output / config.name
    if config.outputs is None:
        samples = read_samples(config.samples or Path())
        known = {problem.problem_id for problem in problems or []}
        if config.benchmark is not None and config.benchmark.limit is not None:
            samples = (sample for sample in samples if sample.problem_id in known)
        yield (
            folder,
            score(
                problems or [], samples, name=config.name, by=judge, config=config.scoring, contaminated=contaminated
            ),
        )
        return
    every = read_published(config.outputs, problems)
    for outputs in every:
        at = folder if len(every) == 1 else folder / _UNSAFE.sub("-", outputs.model)
        name = config.name if len(every) == 1 else f"{config.name} {outputs.model}"
        report = score(
            outputs.problems,
            outputs.samples,
            name=name,
            by=judge,
            config=config.scoring,
            labels=outputs.verdicts or None,
            contaminated=contaminated,
        )
        yield at, report
        _tell_differences(outputs, report, config, at, console)


def _tell_differences(
    outputs: PublishedOutputs, report: Report, config: EvalConfig, folder: Path, console: Console
) -> None:
    verdicts = verdicts_by_rule(outputs, config.published_rule) if config.published_rule else outputs.verdicts
    if outputs.unmatched:
        console.print(f"{outputs.unmatched} samples are of problems that the benchmark has not", highlight=False)
    if not verdicts and not outputs.predictions:
        return
    differences = find_differences(outputs, report, verdicts)
    for why, ones in grouped(differences).items():
        console.print(f"  {len(ones):5}  {why}", markup=False, highlight=False, soft_wrap=True)
    _place(console, write_differences(differences, folder / "differences.jsonl"))


def _problems(source: BenchmarkSource) -> list[Problem]:
    problems = read_problems(source.path, source.name)
    if source.split is not None:
        splits = sorted({problem.split for problem in problems})
        problems = [problem for problem in problems if problem.split == source.split]
        if not problems:
            raise InputError(
                f"{source.path}: split {source.split}", f"one of {', '.join(splits)}", "name one of them"
            )
    return problems[: source.limit]


def _contamination(config: EvalConfig, problems: list[Problem] | None) -> ContaminationFound | None:
    if config.training_set is None:
        return None
    if problems is None:
        raise InputError("training_set", "a benchmark to look for in it", "set benchmark.path too")
    return find_contamination(problems, training_texts(config.training_set), training_set=str(config.training_set))


@contextmanager
def _judge(config: EvalConfig) -> Iterator[Judge]:
    if config.rule != _OWN:
        yield rule_judge(config.rule)
        return
    with VerifierPool(config.workers, config.pool) as pool:
        yield own_judge(pool)


def _place(console: Console, path: Path) -> None:
    console.print(f"{path.stem + ':':13} {path}", markup=False, highlight=False, soft_wrap=True)
