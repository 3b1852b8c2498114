"""What is held out together, and what the report counts."""

from pathlib import Path

from filters.classifier_report import (
    ALL,
    ClassifierReportStage,
    PageFormat,
    ReportConfig,
    Split,
    format_of,
    host_folds,
)
from filters.fasttext_training import FastTextSettings
from filters.training import TrainClassifierConfig
from mathpipe.core.records import SeedLabel, SeedPage
from mathpipe.core.stage import StageContext
from tests.recall.small_web import MATH, OTHER, text

SMALL = TrainClassifierConfig(
    fasttext=FastTextSettings(dim=8, bucket=2_000, min_count=1), min_lines_read=2_000, min_pages_per_label=5
)


def seed(host: str, label: SeedLabel, count: int, **fields: object) -> list[SeedPage]:
    words = MATH if label is SeedLabel.MATH else OTHER
    values = {"formula_count": 0, **fields}
    return [
        SeedPage(record_id=f"{host} {n}", url=f"https://{host}/{n}", host=host, label=label,
                 text=text(words, f"{host} {n}"), **values)
        for n in range(count)
    ]  # fmt: skip


def test_a_host_is_held_out_whole_and_once():
    pages = [page for host in "abcd" for page in seed(host, SeedLabel.MATH, 3)] + seed("x", SeedLabel.OTHER, 6)
    folds = host_folds(pages, 2)
    held = [{page.host for page in pages if held_out(page) and page.label is SeedLabel.MATH} for _, held_out in folds]
    assert held == [{"a", "c"}, {"b", "d"}]


def test_a_host_with_both_labels_is_held_out_with_both():
    pages = seed("both", SeedLabel.MATH, 9) + [page for host in "abc" for page in seed(host, SeedLabel.MATH, 3)]
    pages += seed("x", SeedLabel.OTHER, 9) + seed("y", SeedLabel.OTHER, 6) + seed("both", SeedLabel.OTHER, 3)
    for _, held_out in host_folds(pages, 3):
        held, learnt = ({page.host for page in pages if held_out(page) is kept} for kept in (True, False))
        assert not held & learnt


def test_a_label_with_one_host_keeps_pages_to_learn_from_in_every_fold():
    pages = [page for host in "ab" for page in seed(host, SeedLabel.MATH, 3)] + seed("x", SeedLabel.OTHER, 40)
    for _, held_out in host_folds(pages, 2):
        others = [held_out(page) for page in pages if page.label is SeedLabel.OTHER]
        assert 0 < sum(others) < len(others)


def test_with_one_host_a_label_there_is_nothing_to_hold_out():
    assert host_folds(seed("a", SeedLabel.MATH, 3) + seed("b", SeedLabel.OTHER, 3), 3) == []


def test_formats_are_told_by_formulas_and_code():
    def page(text: str, formulas: int) -> SeedPage:
        return SeedPage(record_id="p", url="", host="", label=SeedLabel.MATH, text=text, formula_count=formulas)

    assert format_of(page("words", 0)) is PageFormat.PROSE
    assert format_of(page("words", 2)) is PageFormat.FORMULAS
    assert format_of(page("```\ncode\n```", 0)) is PageFormat.CODE
    assert format_of(page("```\ncode\n```", 1)) is PageFormat.BOTH


def test_the_report_scores_pages_hosts_and_formats_and_sums_them_up(tmp_path):
    pages = seed("a", SeedLabel.MATH, 20) + seed("b", SeedLabel.MATH, 20, formula_count=3)
    pages += seed("x", SeedLabel.OTHER, 20) + seed("y", SeedLabel.OTHER, 20)
    stage = ClassifierReportStage(ReportConfig(classifier=SMALL, folds=2), StageContext(tmp_path))
    rows = {(row.split, row.held_out): row for row in stage.run(pages)}
    hosts = rows[Split.HOST, ALL]
    assert (hosts.pages, hosts.math_pages, hosts.f1) == (80, 40, 1.0)
    assert {name for split, name in rows if split is Split.HOST} == {"a, x", "b, y", ALL}
    assert (Split.FORMAT, "formulas") in rows
    assert (Split.FORMAT, "prose") not in rows  # without prose there are no pages of anything else to learn from


def test_no_folds_no_report(tmp_path):
    stage = ClassifierReportStage(ReportConfig(classifier=SMALL, folds=0), StageContext(Path(tmp_path)))
    assert list(stage.run(seed("a", SeedLabel.MATH, 30))) == []
