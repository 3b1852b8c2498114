import io
import json
from pathlib import Path

from rich.console import Console

from mathpipe.evaluate import compare, find_contamination
from mathpipe.evaluation.differences import Difference, DifferenceKind, grouped
from mathpipe.evaluation.report import Decoding, Report
from mathpipe.evaluation.samples import load_report
from mathpipe.evaluation.scoring import ScoreConfig, score
from mathpipe.evaluation.tables import (
    print_comparison,
    print_differences,
    print_report,
    write_comparison,
    write_differences,
    write_report,
)
from tests.evaluation.worked_problems import boxed, problem

LONG = (
    "Seven purple dragons carry twelve golden lanterns over nine frozen rivers each winter night. How many lanterns?"
)


def report_of(*right: bool, name: str = "run") -> Report:
    subjects, levels = ("Algebra", "Geometry [hard]"), ("Level 1", "Level 2")
    problems = [
        problem(str(at), "1", f"{LONG} ({at})", subject=subjects[at % 2], level=levels[at % 2])
        for at in range(len(right))
    ]
    drawn = [one for at, good in enumerate(right) for one in boxed(str(at), "1" if good else "2")]
    found = find_contamination(problems[:1], [LONG + " (0)"], training_set="web")
    return score(
        problems,
        drawn,
        name=name,
        config=ScoreConfig(decoding=Decoding.GREEDY),
        contaminated=found,
        labels={"0/0": True},
    )


def printed(show: object, *arguments: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    show(*arguments, console)  # type: ignore[operator]
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_table_says_scores_grader_rates_groups_and_contamination() -> None:
    text = printed(print_report, report_of(True, False, True, True))
    assert "run: tests, graded by mathpipe " in text
    assert "greedy pass@1 " in text
    assert "75.00" in text
    assert "greedy pass@1 without contaminated" in text
    assert "66.67" in text
    assert "4 samples, no answer 0.00%" in text
    assert "contamination: 1 of 4 problems (25.00%) stand in web (1 texts; 10-grams of words" in text
    assert "against labels: 0 of 1 right ones missed (0.00%), 0 of 0 wrong ones accepted (-)" in text
    assert "Geometry [hard]" in text
    assert "Level 2" in text


def test_what_is_missing_or_unscored_is_said() -> None:
    report = score([problem("a", "1"), problem("b", None), problem("c", "1")], boxed("a", "1"))
    text = printed(print_report, report)
    assert "1 of 3 problems unscored" in text
    assert "2 problems without a sample count as not solved" in text


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    report = report_of(True, False)
    paths = write_report(report, tmp_path / "deep" / "folder")
    assert [path.name for path in paths] == ["report.json", "problems.jsonl"]
    again = load_report(paths[0].parent)
    assert (again.name, again.grader, again.decoding, again.scores) == (
        report.name,
        report.grader,
        report.decoding,
        report.scores,
    )
    assert [record.samples for record in again.records] == [record.samples for record in report.records]
    assert [record.problem.subject for record in again.records] == ["Algebra", "Geometry [hard]"]
    assert compare(report, again).flips == []
    summary = json.loads(paths[0].read_text())
    assert summary["contamination"]["problems"] == 1
    assert summary["labels"]["false_negative_rate"] == 0.0


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    write_report(report_of(True), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["problems.jsonl", "report.json"]


def test_a_comparison_shows_tallies_and_flips(tmp_path: Path) -> None:
    result = compare(report_of(True, False, True, name="old"), report_of(False, True, True, name="new"))
    text = printed(print_comparison, result)
    assert "old against new" in text
    assert "100% to 0%" in text
    assert "0% to 100%" in text
    assert "Geometry [hard]" in text
    values = json.loads(write_comparison(result, tmp_path).read_text())
    assert (values["overall"]["gained"], values["overall"]["lost"], values["overall"]["p_value"]) == (1, 1, 1.0)


def test_many_flips_are_cut_and_the_rest_is_counted() -> None:
    result = compare(report_of(*[True] * 25), report_of(*[False] * 25))
    assert "and 5 more in comparison.json" in printed(print_comparison, result)


def difference(kind: DifferenceKind, why: str) -> Difference:
    return Difference(kind, "id", "gsm8k_test.jsonl:7", "18", "[18]", "18.0", why)


def test_every_difference_is_printed_with_its_reason(tmp_path: Path) -> None:
    differences = [
        difference(DifferenceKind.VERDICT, "different: another number"),
        difference(DifferenceKind.SPELLING, "zeros"),
        difference(DifferenceKind.SPELLING, "zeros"),
    ]
    text = printed(print_differences, differences)
    assert "different: another number" in text
    assert "spelling: zeros (2), by line: 7 ([18], 18.0), 7 ([18], 18.0)" in text
    rows = write_differences(differences, tmp_path / "differences.jsonl").read_text().splitlines()
    assert [json.loads(row)["kind"] for row in rows] == ["verdict", "spelling", "spelling"]


def test_explanations_are_grouped_the_most_frequent_first() -> None:
    groups = grouped(
        [
            difference(DifferenceKind.VERDICT, "a; b"),
            *[difference(DifferenceKind.ANSWER, f"c; {at}") for at in range(3)],
        ]
    )
    assert [(why, len(ones)) for why, ones in groups.items()] == [("answer: c", 3), ("verdict: a", 1)]
