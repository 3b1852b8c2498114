"""The HTML report: what it says, that nothing in a page becomes markup, and that it needs nothing but itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.metrics import Failure, Ledger
from mathpipe.inspect.report import funnel_rows, web_address, write_report
from mathpipe.inspect.run_folder import StepWork
from tests.inspect.small_run import CERTIFICATE, GAUSS, HOSTILE_TITLE, drop, page, write_certificate, write_step
from tests.seen_page import Seen


@pytest.fixture(scope="module")
def written(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(written: str) -> Seen:
    return Seen(written)


def work(rows_in: int, rows_out: int) -> StepWork:
    return StepWork("step", 1, rows_in, rows_out, {}, 0, 0, 0, 1.0, 1)


def test_the_report_lies_in_the_run_folder(run: Path) -> None:
    assert write_report(run) == run / "report.html"
    assert not (run / ".report.html.tmp").exists()


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


def test_headline_numbers_are_those_of_the_run(seen: Seen) -> None:
    assert "10 records read 3 pages kept, 30.0% 3 formulas, 66.7% display" in seen.text


def test_every_step_of_the_funnel_has_its_row(seen: Seen) -> None:
    for row in ("crawl 10 8 80.0% 80.0%", "language 8 7 87.5% 70.0%", "curate 3 3 100% 30.0%"):
        assert row in seen.text


def test_every_reason_is_there_with_its_count(seen: Seen) -> None:
    for reason in ("no-math-seen", "other-language", "too-short", "not-math", "duplicate-near", "contaminated"):
        assert f"{reason} 1" in seen.text


def test_the_certificate_is_summed_over_its_ways_of_writing(seen: Seen) -> None:
    assert "100% found of 200 planted, verbatim 98.5% found of 200 planted, latex" in seen.text
    assert "gsm8k_test 1,319 1,300 15 4 100% 98.5% 1" in seen.text


def test_provenance_and_failures_are_there(seen: Seen) -> None:
    assert "0123456789abcdef" in seen.text
    assert "1 record failed and was set aside: 1 quarantined." in seen.text
    assert "ValueError: <i>deep</i>" in seen.text
    assert "threshold: 0.5" in seen.text


def test_hostile_pages_stay_text(seen: Seen) -> None:
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {"script", "img", "i", "b", "iframe", "object", "link", "base"}
    assert HOSTILE_TITLE in seen.text
    assert "onerror=alert(1)" in seen.text


def test_no_attribute_runs_anything_or_leaves_the_page(seen: Seen) -> None:
    for _, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "action")]
        if "href" in attributes:
            assert (attributes["href"] or "").startswith(("#", "https://", "http://"))


def test_a_script_address_is_shown_but_is_no_link(seen: Seen) -> None:
    assert 'javascript:alert("url")' in seen.text
    assert not [1 for _, attributes in seen.elements if (attributes.get("href") or "").startswith("javascript")]


def test_the_page_forbids_itself_to_load_anything(written: str, seen: Seen) -> None:
    policy = [attributes for tag, attributes in seen.elements if attributes.get("http-equiv") is not None]
    assert (policy[0]["content"] or "").startswith("default-src 'none'")
    assert "@import" not in written
    assert "url(" not in written.replace("alert(&#34;url", "").replace("background:url(", "")


def test_control_characters_of_pages_are_gone(written: str) -> None:
    assert "\x1b" not in written
    assert "\u202e" not in written


def test_formulas_are_drawn(seen: Seen) -> None:
    assert ("math", "block") in [(tag, attributes.get("display")) for tag, attributes in seen.elements]
    assert "It costs $5." in seen.text


def test_identifiers_are_unique(seen: Seen) -> None:
    names = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(names) == len(set(names))


def test_links_within_the_page_have_their_target(seen: Seen) -> None:
    names = {attributes.get("id") for _, attributes in seen.elements}
    inner = [attributes["href"] for _, attributes in seen.elements if (attributes.get("href") or "").startswith("#")]
    assert inner
    assert {(link or "")[1:] for link in inner} <= names


def test_a_run_that_has_not_begun_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    text = Seen(write_report(tmp_path).read_text()).text
    assert "No per-page step has finished yet." in text
    assert "This run has no certificate." in text
    assert "Nothing failed." in text


def test_a_run_still_going_says_so(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    (tmp_path / "run.json").write_text(json.dumps({"started": "2024-05-01T10:00:00+00:00", "finished": None}))
    assert "not finished" in Seen(write_report(tmp_path).read_text()).text


def test_the_funnel_takes_the_steps_it_is_given(run: Path) -> None:
    write_report(run, funnel=("crawl", "quality"))
    text = Seen((run / "report.html").read_text()).text
    write_report(run)
    assert "quality 7 6 85.7% 60.0%" in text
    assert "language 8 7" not in text


def test_many_reasons_end_in_one_line(tmp_path: Path) -> None:
    drops = [drop(page(f"/{place}", ""), f"reason-{place:02d}") for place in range(13)]
    write_step(tmp_path, "crawl", [([GAUSS], drops)])
    text = Seen(write_report(tmp_path).read_text()).text
    assert "reason-09 1 and 3 more reasons, 3 pages" in text


def test_a_long_ledger_shows_its_first_rows_and_where_the_rest_is(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for place in range(120):
        ledger.add(Failure("crawl", 0, f"id{place}", "", "quarantined", f"failure {place}."))
    text = Seen(write_report(tmp_path).read_text()).text
    assert "The first 100 are here; all of them are in ledger.jsonl" in text
    assert "failure 99." in text
    assert "failure 100." not in text


def test_a_broken_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    write_certificate(tmp_path, "{")
    with pytest.raises(InputError, match=r"certificate\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"benchmarks": 3}', '{"benchmarks": [{"planted": [1]}], "removed": "x"}']
)
def test_a_certificate_of_another_shape_leaves_gaps_not_errors(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text("{}")
    write_certificate(tmp_path, content)
    assert "Decontamination certificate" in write_report(tmp_path).read_text()


def test_the_certificate_written_by_hand_is_of_the_filters_shape() -> None:
    from dataclasses import fields

    from filters.certificate import BenchmarkCertificate, Certificate, PlantedCount, RemovedPage

    row = CERTIFICATE["benchmarks"][0]  # type: ignore[index]
    for values, kind in (
        (CERTIFICATE, Certificate),
        (row, BenchmarkCertificate),
        (row["planted"][0], PlantedCount),
        (CERTIFICATE["removed_sample"][0], RemovedPage),  # type: ignore[index]
    ):
        assert set(values) <= {field.name for field in fields(kind)}


def test_bars_share_one_scale() -> None:
    rows = funnel_rows([work(100, 50), work(50, 40)])
    assert [(row.kept_width, row.dropped_width, row.cut) for row in rows] == [(50, 50, False), (40, 10, False)]


def test_a_first_step_that_drops_nearly_all_is_cut_so_that_the_rest_can_be_seen() -> None:
    rows = funnel_rows([work(1_000_000, 10_000), work(10_000, 6_000)])
    assert rows[0].cut
    assert rows[0].kept_width + rows[0].dropped_width == pytest.approx(100)
    assert rows[1].kept_width == pytest.approx(20)


def test_a_funnel_of_nothing_has_no_width() -> None:
    assert [(row.kept_width, row.dropped_width) for row in funnel_rows([work(0, 0), work(0, 0)])] == [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x", "//x", "", "vbscript:x", "httpx://x"]
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert web_address(url) == ""


def test_web_addresses_become_links() -> None:
    assert web_address("HTTPS://a.example/") == "HTTPS://a.example/"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to draw the page")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_draws_the_page(run: Path, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "report.png"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--window-size={width},2000", f"--screenshot={picture}", write_report(run).resolve().as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)})
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 30_000  # a blank page of this size has under 10,000 bytes
