"""What TensorBoard reads of a run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rl.watch.tensorboard import TensorBoard
from tests.rl.watch.runs_at_hand import line


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def write(folder: Path, first: int, rewards: dict[int, float], **changes: float) -> None:
    board = TensorBoard(folder, first)
    for step, reward in rewards.items():
        board.step(line(step, reward_mean=reward, **changes))
    board.close()


def test_every_number_of_a_step_is_a_curve(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, 1)
    board.step(line(1, reward_mean=0.25, kl=0.5))
    board.step(line(2, 0.5, reward_mean=0.75))
    board.close()
    found = read(tmp_path)
    assert found["step/reward_mean"] == [(1, 0.25), (2, 0.75)]
    assert found["step/kl"][0] == (1, 0.5)
    assert found["step/held_out_pass_at_1"] == [(2, 0.5)]
    assert found["time/tokens_per_second"] == [(1, 50.0), (2, 50.0)]
    assert found["time/sample"] == [(1, 4.0), (2, 4.0)]
    assert {"step/entropy", "step/length_mean", "step/staleness_mean", "step/grad_norm"} <= set(found)
    assert "step/step" not in found


def test_a_step_is_there_before_the_run_is_over(tmp_path: Path) -> None:
    board = TensorBoard(tmp_path, 1)
    board.step(line(1, reward_mean=0.25))
    assert read(tmp_path)["step/reward_mean"] == [(1, 0.25)]
    board.close()


def test_a_resumed_run_forgets_the_points_that_it_does_again(tmp_path: Path) -> None:
    write(tmp_path, 1, {1: 0.125, 2: 0.25, 3: 0.375, 4: 0.5})
    write(tmp_path, 3, {3: 0.75, 4: 1.0})
    assert read(tmp_path)["step/reward_mean"] == [(1, 0.125), (2, 0.25), (3, 0.75), (4, 1.0)]


def test_without_tensorboard_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("torch.utils.tensorboard", "tensorboard")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    said: list[object] = []
    board = TensorBoard(tmp_path, 1, said.append)
    board.step(line(1))
    board.close()
    assert len(said) == 1
    assert "tensorboard is not installed" in str(said[0])
    assert not (tmp_path / "tensorboard").exists()
