"""The certificate as the report shows it."""

from __future__ import annotations

from pathlib import Path

from mathpipe.inspect.certificate_summary import BenchmarkRow, PlantedShare, RemovedPage, read_certificate
from mathpipe.inspect.run_folder import RunFolder


def test_plantings_are_summed_over_how_items_are_matched(run: Path) -> None:
    summary = read_certificate(RunFolder(run))
    assert summary is not None
    assert summary.rewrites == ("verbatim", "latex")
    assert summary.benchmarks == (
        BenchmarkRow("gsm8k_test", 1319, 1300, 15, 4, (PlantedShare(200, 200), PlantedShare(200, 197)), 1),
    )
    assert summary.total == (PlantedShare(200, 200), PlantedShare(200, 197))


def test_what_was_removed_is_counted_and_shown(run: Path) -> None:
    summary = read_certificate(RunFolder(run))
    assert summary is not None
    assert (summary.pages, summary.removed, summary.removed_listed) == (4, 1, 1)
    assert summary.removed_sample == (RemovedPage("https://b.example/leak", "gsm8k_test", "7", "<b>clips</b> to 48"),)


def test_the_whole_certificate_can_be_found(run: Path) -> None:
    summary = read_certificate(RunFolder(run))
    assert summary is not None
    assert summary.path == run / "steps" / "certificate" / "files-00000" / "certificate.json"


def test_a_run_without_one_has_none(tmp_path: Path) -> None:
    (tmp_path / "steps" / "crawl").mkdir(parents=True)
    assert read_certificate(RunFolder(tmp_path)) is None
