"""The journal's numbers for TensorBoard, in `tensorboard/` of the run's folder.

A run that goes on forgets the points after its checkpoint, as the journal does (`purge_step`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rl.journal import JournalLine, numbers_of


class TensorBoard:
    """Writes each step; does nothing where TensorBoard is not installed, and says so once."""

    def __init__(self, folder: Path, first_step: int, say: Callable[[str], object] = print) -> None:
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            say("tensorboard is not installed: no curves for it are written (pip install mathpipe[cpu])")
            return
        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step)

    def step(self, line: JournalLine) -> None:
        """A step is done."""
        if self._writer is None:
            return
        for name, value in numbers_of(line.record):
            if name != "step":
                self._writer.add_scalar(f"step/{name}", value, line.record.step)
        for name in line.times.__slots__:
            self._writer.add_scalar(f"time/{name}", getattr(line.times, name), line.record.step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
