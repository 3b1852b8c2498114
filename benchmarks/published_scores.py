"""Published outputs scored anew: a paper's numbers from the models' own words.

    python -m benchmarks.published_scores [--differences] [FILE [--benchmark NAME]]

ToRA-70B on GSM8K (Gou et al., arXiv 2309.17452: 84.3) and four models of Cobbe et al. (arXiv 2110.14168, the labels
that OpenAI published) from MATHPIPE_SHARED_DATA (default: ../shared/data). With FILE, any other published outputs in
a layout that `mathpipe.evaluation.published` reads. `--differences` lists every one from what the file itself says.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.shared_data import shared_data
from mathpipe.evaluation.differences import by_kind, find_differences, grouped, verdicts_by_rule
from mathpipe.evaluation.published import PublishedOutputs, read_published
from mathpipe.evaluation.report import Report
from mathpipe.evaluation.scoring import score
from mathpipe.evaluation.tables import print_differences, print_report
from mathpipe.generate.problems import read_benchmark

_TORA_RULE = "tora"
_WIDTH = 180


@dataclass(frozen=True, slots=True)
class Published:
    """A file, its benchmark, and the correct answers reported for each model in it."""

    file: str
    reported: dict[str, int]
    rule: str | None = None  # what it was graded by, where it keeps no verdicts of its own


PUBLISHED = (
    Published("outputs/tora-70b-v1.0.gsm8k.jsonl", {"tora-70b-v1.0.gsm8k": 1112}, _TORA_RULE),
    Published(
        "graders/openai_gsm8k_5276_labelled_generations.jsonl",
        {"6b_finetuning": 286, "6b_verification": 515, "175b_finetuning": 458, "175b_verification": 742},
    ),
)


def scored(outputs: PublishedOutputs) -> Report:
    return score(outputs.problems, outputs.samples, name=outputs.model, labels=outputs.verdicts or None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--benchmark", help="file with the benchmark's problems")
    parser.add_argument("--differences", action="store_true")
    options = parser.parse_args()
    console = Console(width=_WIDTH)
    if options.file is not None:
        return other(options.file, options.benchmark, options.differences, console)
    data = shared_data()
    return 0 if data is None else papers(data, options.differences, console)


def papers(data: Path, listed: bool, console: Console) -> int:
    problems = list(read_benchmark(data / "benchmarks" / "gsm8k_test.jsonl"))
    table = Table("model", "reported", "ours", "%", "95% interval", "verdicts", "answers", "spellings", "grader",
                  title="GSM8K test, 1,319 problems; the last columns count differences from the file",
                  title_justify="left")  # fmt: skip
    faults, lists = 0, []
    for published in PUBLISHED:
        for outputs in read_published(data / published.file, problems):
            report = scored(outputs)
            verdicts = verdicts_by_rule(outputs, published.rule) if published.rule else outputs.verdicts
            differences = find_differences(outputs, report, verdicts)
            kinds = by_kind(differences)
            correct, wanted = sum(record.correct for record in report.records), published.reported[outputs.model]
            faults += correct != wanted
            shown = report.score("pass@1")
            interval = shown.interval and f"{100 * shown.interval.low:.1f} to {100 * shown.interval.high:.1f}"
            counted = (str(kinds[kind]) for kind in ("verdict", "answer", "spelling"))
            table.add_row(
                outputs.model, f"{wanted:,}", f"{correct:,}", shown.percent, interval, *counted, report.grader
            )
            lists.append((outputs.model, differences))
    console.print(table)
    for model, differences in lists:
        if differences:
            console.print(f"{model}: why they differ", highlight=False)
            for why, ones in grouped(differences).items():
                console.print(f"  {len(ones):4}  {why}", markup=False, highlight=False, soft_wrap=True)
            if listed:
                print_differences(differences, console)
    return min(faults, 1)


def other(file: Path, benchmark: str | None, listed: bool, console: Console) -> int:
    problems = None if benchmark is None else list(read_benchmark(benchmark))
    for outputs in read_published(file, problems):
        report = scored(outputs)
        print_report(report, console)
        differences = find_differences(outputs, report)
        if outputs.unmatched:
            console.print(f"{outputs.unmatched} samples of problems that the benchmark has not", highlight=False)
        for why, ones in grouped(differences).items():
            console.print(f"  {len(ones):4}  {why}", markup=False, highlight=False, soft_wrap=True)
        if listed:
            print_differences(differences, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
