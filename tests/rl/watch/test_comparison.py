"""Several runs on one page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from rl.watch.comparison import differing_settings, run_names, write_comparison
from rl.watch.run_reading import read_run
from tests.rl.watch.runs_at_hand import HOSTILE, line, whole_run, write_run
from tests.seen_page import Seen, assert_inert


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    second = [line(step, reward_mean=0.1 * step, times={"step": 16.0}, tokens_sampled=100) for step in (1, 2)]
    settings = {"name": "other", "steps": 8, "learner": {"learning_rate": 0.01}, "preset": "dr_grpo"}
    return [whole_run(tmp_path / "a"), write_run(tmp_path / "b", second, settings={**settings})]


def test_runs_stand_beside_one_another(folders: list[Path], tmp_path: Path) -> None:
    seen = Seen(write_comparison(folders, tmp_path / "page.html").read_text())
    assert "2 runs compared" in seen.text
    assert "little 4 0.500 ± 0.500 1.000 ± 0.000 +0.500 ± 0.500 0.325 1,600 32.0 s 50.0" in seen.text
    assert "other 2 of 8 – – – 0.150 200 32.0 s 6.25" in seen.text


def test_curves_lie_over_one_another_by_step_and_by_time(folders: list[Path], tmp_path: Path) -> None:
    text = Seen(write_comparison(folders, tmp_path / "page.html").read_text()).text
    assert "step 2: little 0.25; other 0.2" in text
    assert "step 4: little 0.6" in text
    assert "minute 0.5333: little 0.6; other 0.2" in text
    assert "minute 0: little 0.5" in text  # the evaluation before training


def test_a_run_has_one_colour_in_all_figures(folders: list[Path], tmp_path: Path) -> None:
    page = write_comparison(folders[::-1], tmp_path / "page.html").read_text()
    held_out = re.search(r'id="figure-held-out-pass-1".*?</figure>', page, re.DOTALL)
    assert held_out is not None
    assert set(re.findall(r'class="(?:line|dot) (s\d)"', held_out[0])) == {"s1"}  # the second run alone has scores


def test_settings_that_differ_are_listed(folders: list[Path]) -> None:
    runs = [read_run(folder) for folder in folders]
    assert differing_settings(runs) == {
        "model": ["models/little", "–"],
        "steps": ["4", "8"],
        "learner.learning_rate": ["0.001", "0.01"],
    }


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    runs = [read_run(whole_run(tmp_path / name / "little")) for name in ("seed-1", "seed-2")]
    assert run_names(runs) == ["seed-1/little", "seed-2/little"]


def test_hostile_names_and_settings_are_inert(tmp_path: Path) -> None:
    folders = [whole_run(tmp_path / "a", name=HOSTILE), whole_run(tmp_path / "b", model=HOSTILE)]
    assert_inert(write_comparison(folders, tmp_path / "page.html").read_text())


def test_more_runs_than_colours_are_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 8"):
        write_comparison(folders * 5, tmp_path / "page.html")


def test_a_run_before_its_first_step_can_be_compared(folders: list[Path], tmp_path: Path) -> None:
    new = write_run(tmp_path / "new", [], settings=None)
    seen = Seen(write_comparison([*folders, new], tmp_path / "page.html").read_text())
    assert "new 0 – – – – 0" in seen.text
