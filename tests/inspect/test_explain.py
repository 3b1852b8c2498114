"""Why a page is gone."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.core.metrics import Failure, Ledger
from mathpipe.inspect.explain import Fate, RecordTrace, StepTrace, explain, print_explanation
from tests.inspect.small_run import (
    COOKING,
    COPY,
    DEUTSCH,
    FORUM_ID,
    GAUSS,
    HOSTILE,
    LEAK,
    POISON_ID,
    SHORT,
    drop,
    page,
    write_step,
)


def only(run: Path, asked: str) -> RecordTrace:
    records = explain(run, asked).records
    assert len(records) == 1
    return records[0]


def printed(run: Path, asked: str) -> list[str]:
    console = Console(file=io.StringIO(), width=40)
    print_explanation(explain(run, asked), console)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("url", "step", "reason", "detail"),
    [
        ("https://a.example/forum", "crawl", "no-math-seen", ""),
        (DEUTSCH.url, "language", "other-language", "de 0.99"),
        (SHORT.url, "quality", "too-short", "1 word"),
        (COOKING.url, "classify", "not-math", "0.1200"),
        (COPY.url, "deduplicate", "duplicate-near", GAUSS.url),
        (LEAK.url, "decontaminate", "contaminated", "gsm8k_test 7 (words): clips"),
    ],
)
def test_the_step_that_dropped_a_page_is_named(run: Path, url: str, step: str, reason: str, detail: str) -> None:
    record = only(run, url)
    assert record.fate is Fate.DROPPED
    assert record.steps[-1] == StepTrace(step, passed=False, reason=reason, detail=detail)
    assert all(trace.passed for trace in record.steps[:-1])


def test_a_kept_page_shows_what_each_step_measured(run: Path) -> None:
    record = only(run, GAUSS.url)
    assert record.fate is Fate.KEPT
    news = {trace.step: dict(trace.measured) for trace in record.steps}
    assert news["crawl"]["formulas"] == "2"
    assert news["language"] == {"language": "en", "certainty": "0.98"}
    assert news["quality"] == {}
    assert news["classify"] == {"math score": "0.97"}
    assert news["deduplicate"] == {"copies": "1"}
    assert list(news)[-1] == "curate"


def test_a_page_that_failed_is_in_the_ledger(run: Path) -> None:
    record = only(run, "https://a.example/poison")
    assert (record.record_id, record.fate) == (POISON_ID, Fate.FAILED)
    assert record.steps == (StepTrace("crawl", passed=False, reason="quarantined", detail="ValueError: <i>deep</i>"),)


@pytest.mark.parametrize("asked", [FORUM_ID, FORUM_ID[:8], FORUM_ID[:8].upper(), f"  {FORUM_ID} "])
def test_a_record_is_found_by_the_beginning_of_its_identifier(run: Path, asked: str) -> None:
    assert only(run, asked).record_id == FORUM_ID


def test_a_page_that_was_never_seen_gets_the_nearest_addresses(run: Path) -> None:
    explanation = explain(run, "http://www.a.example/gaus/")
    assert (explanation.fate, explanation.records) == (Fate.NOT_SEEN, ())
    assert explanation.near[0] == GAUSS.url


def test_an_address_like_no_other_gets_none(run: Path) -> None:
    assert explain(run, "https://quite.another.place/with/a/path").near == ()


def test_an_address_as_long_as_a_book_is_answered(run: Path) -> None:
    assert explain(run, "https://" + "a" * 100_000).fate is Fate.NOT_SEEN


def test_an_empty_question_is_an_error(run: Path) -> None:
    with pytest.raises(InputError, match="a URL or a record_id"):
        explain(run, " ")


def test_an_address_crawled_twice_has_two_traces(tmp_path: Path) -> None:
    twin = replace(GAUSS, record_id="f" * 32)
    write_step(tmp_path, "crawl", [([GAUSS, twin], [])])
    write_step(tmp_path, "curate", [([GAUSS], [drop(twin, "duplicate-url")])])
    fates = {record.record_id: record.fate for record in explain(tmp_path, GAUSS.url).records}
    assert fates == {GAUSS.record_id: Fate.KEPT, "f" * 32: Fate.DROPPED}


def test_a_page_that_waits_for_later_steps_says_so(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    assert only(tmp_path, GAUSS.url).fate is Fate.WAITING
    assert printed(tmp_path, GAUSS.url)[0] == "Waiting: it passed crawl; later steps have not taken it yet"


def test_a_failure_mended_by_a_later_run_is_no_failure(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    write_step(tmp_path, "curate", [([GAUSS], [])])
    Ledger(tmp_path / "ledger.jsonl").add(Failure("crawl", 0, GAUSS.record_id, GAUSS.url, "quarantined", "once"))
    assert only(tmp_path, GAUSS.url).fate is Fate.KEPT


def test_a_failure_outside_the_funnel_is_told_where_nothing_else_is_known(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([], [])])
    Ledger(tmp_path / "ledger.jsonl").add(Failure("seed", 0, GAUSS.record_id, GAUSS.url, "quarantined", "why"))
    record = only(tmp_path, GAUSS.url)
    assert (record.fate, record.steps[0].step) == (Fate.FAILED, "seed")


def test_a_drop_without_an_address_is_found_by_its_record(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    write_step(tmp_path, "curate", [([], [replace(drop(GAUSS, "too-short"), url="")])])
    record = only(tmp_path, GAUSS.url)
    assert (record.fate, record.url) == (Fate.DROPPED, GAUSS.url)


def test_a_run_that_has_not_begun_has_seen_nothing(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    assert explain(tmp_path, GAUSS.url).near == ()


def test_the_answer_comes_first_then_the_steps(run: Path) -> None:
    lines = printed(run, COOKING.url)
    assert lines[0] == "Dropped by classify: not-math"
    assert lines[1] == f"  {COOKING.url}  record {COOKING.record_id}"
    assert lines[-1] == "  ✗ classify  not-math  0.1200"


def test_a_kept_page_is_told_where_it_is(run: Path) -> None:
    assert printed(run, GAUSS.url)[0] == "Kept: it is in the output of curate"


def test_a_failed_page_is_told_where_its_traceback_is(run: Path) -> None:
    assert printed(run, POISON_ID)[0] == "Failed in crawl: quarantined; the ledger has its traceback"


def test_near_addresses_are_listed(run: Path) -> None:
    lines = printed(run, "https://a.example/gausss")
    assert lines[0] == "This run never saw https://a.example/gausss"
    assert lines[1] == f"It saw {GAUSS.url}"


def test_hostile_titles_and_addresses_are_shown_as_text(run: Path) -> None:
    text = "\n".join(printed(run, HOSTILE.url))
    assert "<script>alert('title')</script>" in text
    evil = page("/x", "x", host="evil.example")
    assert "\x1b" not in "\n".join(printed(run, f"{evil.url}\x1b[31m[red]"))
