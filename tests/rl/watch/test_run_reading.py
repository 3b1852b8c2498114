"""What is read of a run's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from mathpipe.core.errors import CorruptShardError, InputError
from rl.watch.run_reading import Gain, Score, is_grpo_run, read_run, sample_files, staleness_counts
from tests.rl.watch.runs_at_hand import line, sample, whole_run, write_run


def test_the_score_from_before_training_comes_first(tmp_path: Path) -> None:
    run = read_run(whole_run(tmp_path))
    assert run.scores == [Score(0, 0.5, 0.5, 2), Score(2, 0.5, 0.5, 2), Score(4, 1.0, 0.0, 2)]
    assert (run.name, run.steps_done, run.steps_asked, run.tokens, run.seconds) == ("little", 4, 4, 1_600, 32.0)


def test_the_gain_is_over_the_same_problems(tmp_path: Path) -> None:
    assert read_run(whole_run(tmp_path)).gain == Gain(0.5, 0.5, 2)


def test_scores_are_the_runs_own_count(tmp_path: Path) -> None:
    """Prompts that the engine refused have no sample, and count as wrong."""
    rows = [sample("p", "", True)]
    (score,) = read_run(write_run(tmp_path, [line(1, 0.5)], held_out={1: rows})).scores
    assert score == Score(1, 0.5, 0.5, 2)


def test_a_run_that_has_just_begun_can_be_read(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "new", [], settings=None))
    assert (run.name, run.steps_done, run.steps_asked, run.scores, run.gain) == ("new", 0, None, [], None)


def test_a_folder_without_a_journal_is_no_run(tmp_path: Path) -> None:
    assert not is_grpo_run(tmp_path)
    with pytest.raises(InputError, match=r"journal\.jsonl"):
        read_run(tmp_path)


def test_broken_settings_are_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [])
    (folder / "config.json").write_text("{")
    with pytest.raises(InputError, match=r"config\.json"):
        read_run(folder)


def test_torn_samples_are_named(tmp_path: Path) -> None:
    folder = whole_run(tmp_path)
    torn = folder / "held-out" / "step-000004.parquet"
    torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(CorruptShardError, match="step-000004"):
        read_run(folder)


def test_staleness_is_counted_by_sample(tmp_path: Path) -> None:
    lines = [line(1, version=2, staleness_max=0), line(2, version=4, staleness_max=2)]
    samples = {
        1: [sample("p", "", True, version=0)],
        2: [sample("p", "", True, version=2), sample("p", "", True, version=0), sample("p", "", True, version=0)],
    }
    assert staleness_counts(read_run(write_run(tmp_path, lines, samples=samples))) == {0: 2, 2: 2}


def test_a_run_in_step_opens_no_file_to_know_that(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, [line(1, staleness_max=0, samples=8), line(2, staleness_max=0, samples=8)]))
    assert staleness_counts(run) == {0: 16}


def test_unfinished_files_are_no_samples(tmp_path: Path) -> None:
    for name in ("step-000002.parquet", "step-000010.parquet", ".step-000011.parquet", "step-1.parquet", "x.parquet"):
        (tmp_path / name).touch()
    assert list(sample_files(tmp_path)) == [2, 10]
