"""The report of a GRPO run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from math import nan
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish
from rl.watch.report import TEXT_CHARACTERS, WarningRow, warning_rows, write_page, write_run_report
from tests.rl.watch.runs_at_hand import HOSTILE, line, sample, whole_run, write_run
from tests.seen_page import Seen, assert_inert


def report(folder: Path) -> str:
    return write_run_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(whole_run(tmp_path_factory.mktemp("runs") / "little"))


@pytest.fixture(scope="module")
def seen(written: str) -> Seen:
    return Seen(written)


def test_headline_numbers_are_those_of_the_run(seen: Seen) -> None:
    for words in (
        "4 of 4 steps",
        "0.500 → 1.000 held-out pass@1, +0.500 ± 0.500 over the same 2 problems",
        "0.200 → 0.600 reward, mean of the first and the last step",
        "1,600 tokens sampled",
        "32.0 s in steps",
        "50.0 tokens a second",
    ):
        assert words in seen.text


@pytest.mark.parametrize(
    "name",
    "reward right held-out kl entropy length gradient loss clipped capped gap staleness groups time speed".split(),
)
def test_each_number_has_its_figure(seen: Seen, name: str) -> None:
    assert f"figure-{name}" in seen.attributes("id")


@pytest.mark.parametrize(
    "told",
    [
        "step 4: reward 0.6",
        "step 4: right 0.3125; solved 0.75",
        "step 0: pass@1 0.5",
        "step 4: pass@1 1",
        "step 4: KL 0.0625",
        "step 4: entropy 0.875",
        "step 4: mean 50.5; longest 96",
        "step 4: cut 0.125",
        "step 4: gradient norm 0.44",
        "step 4: learning rate 0.001",
        "step 4: clipped below 0.02; clipped above 0.03",
        "step 4: capped 0.045",
        "step 4: mean 2e-7; largest 3e-6",
        "updates 2: samples 1",
        "step 4: teach 3; all rewards equal 1",
        "step 4: sample 4 s; verify 1 s; update 2.5 s; checkpoint 0.5 s",
        "step 4: tokens/s 50",
    ],
)
def test_each_curve_says_its_numbers_on_hover(seen: Seen, told: str) -> None:
    assert told in seen.text


def test_a_number_that_is_nought_throughout_is_named_instead(tmp_path: Path) -> None:
    lines = [line(step, kl=0.0, importance_capped=0.0, staleness_max=0) for step in (1, 2)]
    seen = Seen(report(write_run(tmp_path, lines)))
    assert "0 in every step, and so without a curve: KL, importance weights capped, staleness." in seen.text
    assert not {"figure-kl", "figure-capped", "figure-staleness"} & set(seen.attributes("id"))


def test_time_that_no_phase_took_is_shown(tmp_path: Path) -> None:
    lines = [line(1, times={"sample": 4.0, "step": 8.0})]
    assert "step 1: sample 4 s; other 4 s" in Seen(report(write_run(tmp_path, lines))).text


def test_solutions_of_the_same_problem_stand_side_by_side(written: str, seen: Seen) -> None:
    assert "right before 1 0 wrong before 1 0" in seen.text
    gained = re.search(r'<div class="beside">(.*?)</article>', written, re.DOTALL)
    assert gained is not None
    assert re.search(r"before.*✗.*wrong.*different.*step 4.*✓.*right", Seen(gained[1]).text)
    assert ("math", "inline") in [(tag, attributes.get("display")) for tag, attributes in seen.elements]


def test_samples_of_the_newest_step_show_each_verdict(seen: Seen) -> None:
    text = seen.text[seen.text.index("Samples of step 4") :]
    for words in ("right text", "wrong text", "cut text", "✓ right", "✗ wrong", "∅ cut", "· not judged"):
        assert words in text
    assert "advantage 0.500" in text
    assert "advantage none: not learned from" in text
    assert "No verifier could judge 1 of the samples" in seen.text


def test_warnings_are_counted(seen: Seen) -> None:
    assert "no token has a gradient (3 were clipped) 2 2 3" in seen.text


def test_warnings_are_told_by_text_with_their_steps() -> None:
    lines = [line(1, warnings=["a", "a"]), line(2), line(3, warnings=["b", "a"])]
    assert warning_rows(lines) == [WarningRow("a", 2, 1, 3), WarningRow("b", 1, 3, 3)]


def test_the_settings_are_there(seen: Seen) -> None:
    assert "learning_rate: 0.001" in seen.text


def test_hostile_text_is_inert(written: str, seen: Seen) -> None:
    assert_inert(written)
    assert seen.text.count("<script>alert(1)</script>") == 2  # a warning and a sample
    assert "onerror=alert(2)" in seen.text


def test_hostile_names_are_inert(tmp_path: Path) -> None:
    markup = report(whole_run(tmp_path, name=HOSTILE, model=HOSTILE, preset=HOSTILE, steps=9))
    assert_inert(markup)


def test_hostile_questions_answers_and_reasons_are_inert(tmp_path: Path) -> None:
    row = sample(HOSTILE, HOSTILE, False, question=HOSTILE, reference="\\text{" + HOSTILE + "}", detail=HOSTILE)
    assert_inert(report(write_run(tmp_path, [], held_out={0: [row], 1: [row]}, samples={1: [row]})))


def test_identifiers_are_unique_and_links_have_their_target(seen: Seen) -> None:
    names = seen.attributes("id")
    assert len(names) == len(set(names))
    assert {link[1:] for link in seen.attributes("href")} <= set(names)
    for named in seen.attributes("aria-labelledby"):
        assert set(named.split()) <= set(names)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = whole_run(tmp_path)
    assert report(folder) == report(folder)
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "before.json", "config.json", "journal.jsonl", "report.html",
    ]  # fmt: skip


def test_a_run_that_is_going_says_how_far_it_is(tmp_path: Path) -> None:
    seen = Seen(report(whole_run(tmp_path, steps=10)))
    assert "not finished: 4 of 10 steps" in seen.text
    assert "not finished" not in Seen(report(whole_run(tmp_path))).text


def test_a_run_without_held_out_problems_has_a_report(tmp_path: Path) -> None:
    seen = Seen(report(write_run(tmp_path, [line(1), line(2)])))
    assert "This run has no held-out problems, or has not looked at them yet." in seen.text
    assert "figure-held-out" not in seen.attributes("id")
    assert "pass@1" not in seen.text


def test_a_run_before_its_first_step_has_a_report(tmp_path: Path) -> None:
    empty = Seen(report(write_run(tmp_path / "empty", [], settings=None)))
    assert "No step has finished yet." in empty.text
    assert "config.json is not there" in empty.text
    wrong = {0: [sample("p", "words", False)]}
    looked = Seen(report(write_run(tmp_path / "looked", [], before=0.0, held_out=wrong)))
    assert "Before training; there has been no other evaluation yet." in looked.text
    assert "0.000 ± 0.000 held-out pass@1" in looked.text
    assert "words" in looked.text


def test_numbers_that_are_not_finite_leave_gaps(tmp_path: Path) -> None:
    lines = [line(1), line(2, loss=nan, grad_norm=nan, kl=nan), line(3)]
    assert "figure-gradient" in Seen(report(write_run(tmp_path, lines))).attributes("id")


def test_a_long_solution_is_cut_and_what_is_left_is_counted(tmp_path: Path) -> None:
    row = sample("p", "word " * 2_000, True)
    seen = Seen(report(write_run(tmp_path, [], held_out={0: [row]})))
    assert f"{10_000 - TEXT_CHARACTERS:,} more characters are not shown here." in seen.text


def test_a_right_solution_that_was_cut_says_so(tmp_path: Path) -> None:
    row = sample("p", "2", True, finish=Finish.LENGTH)
    seen = Seen(report(write_run(tmp_path, [], held_out={0: [row]})))
    assert "✓ right · cut at the limit" in seen.text


def test_a_solution_without_text_says_so(tmp_path: Path) -> None:
    seen = Seen(report(write_run(tmp_path, [], held_out={0: [sample("p", " ", False)]})))
    assert "No text." in seen.text


def test_a_page_goes_into_a_folder_that_exists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file in a folder"):
        write_page(tmp_path / "nowhere" / "page.html", "")
    with pytest.raises(InputError, match="a file in a folder"):
        write_page(tmp_path, "")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to draw the page")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_draws_the_page(tmp_path: Path, width: int) -> None:
    picture = tmp_path / "report.png"
    address = write_run_report(whole_run(tmp_path / "run")).resolve().as_uri()
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--window-size={width},2000", f"--screenshot={picture}", address]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)})
    assert picture.stat().st_size > 30_000  # a blank page of this size has under 10,000 bytes
