"""The published outputs in the shared data come to the published scores."""

from dataclasses import replace
from math import comb
from pathlib import Path

import pytest

from benchmarks.published_scores import PUBLISHED
from benchmarks.shared_data import shared_data
from mathpipe.evaluation.differences import DifferenceKind, by_kind, find_differences, verdicts_by_rule
from mathpipe.evaluation.published import read_published
from mathpipe.evaluation.scoring import score
from mathpipe.generate.problems import read_benchmark


@pytest.fixture(scope="module")
def data() -> Path:
    folder = shared_data()
    if folder is None:
        pytest.skip("the shared data is not here")
    return folder


def test_tora_and_openai_models_come_to_the_reported_scores(data: Path) -> None:
    problems = list(read_benchmark(data / "benchmarks" / "gsm8k_test.jsonl"))
    percents = {}
    for published in PUBLISHED:
        for outputs in read_published(data / published.file, problems):
            report = score(outputs.problems, outputs.samples, labels=outputs.verdicts or None)
            assert sum(record.correct for record in report.records) == published.reported[outputs.model]
            assert (report.problems, report.missing, outputs.unmatched) == (1319, 0, 0)
            if report.labels is not None:
                assert (report.labels.missed, report.labels.invented) == ([], [])
            percents[outputs.model] = report.score("pass@1").percent
    assert percents == {
        "tora-70b-v1.0.gsm8k": "84.31",
        "6b_finetuning": "21.68",
        "6b_verification": "39.04",
        "175b_finetuning": "34.72",
        "175b_verification": "56.25",
    }


def test_toras_rule_on_its_own_answers_differs_in_no_verdict(data: Path) -> None:
    pytest.importorskip("latex2sympy2_extended", reason="the extra `audit` is not installed")
    problems = list(read_benchmark(data / "benchmarks" / "gsm8k_test.jsonl"))
    [outputs] = read_published(data / PUBLISHED[0].file, problems)
    report = score(outputs.problems, outputs.samples)
    verdicts = verdicts_by_rule(outputs, "tora")
    assert sum(verdicts.values()) == 1112
    kinds = by_kind(find_differences(outputs, report, verdicts))
    assert (kinds[DifferenceKind.VERDICT], kinds[DifferenceKind.ANSWER], kinds[DifferenceKind.SPELLING]) == (
        0,
        1,
        267,
    )


def test_four_models_as_four_samples_agree_with_counts_of_their_labels(data: Path) -> None:
    problems = list(read_benchmark(data / "benchmarks" / "gsm8k_test.jsonl"))
    models = read_published(data / PUBLISHED[1].file, problems)
    samples = [replace(one, index=at) for at, outputs in enumerate(models) for one in outputs.samples]
    right: dict[str, int] = {problem.problem_id: 0 for problem in problems}
    for outputs in models:
        for one in outputs.samples:
            right[one.problem_id] += outputs.verdicts[one.sample_id]
    report = score(problems, samples)
    assert report.score("pass@1").value == pytest.approx(sum(right.values()) / (4 * 1319))
    assert report.score("pass@2").value == pytest.approx(
        sum(1 - comb(4 - correct, 2) / 6 for correct in right.values()) / 1319
    )
    assert report.score("pass@4").value == pytest.approx(sum(correct > 0 for correct in right.values()) / 1319)
    majority = report.score("maj@4").value
    assert majority is not None
    assert sum(correct > 2 for correct in right.values()) / 1319 <= majority < report.score("pass@4").value  # type: ignore[operator]
