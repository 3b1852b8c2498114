"""Checkpoints: everything a run needs to go on as if it had not been stopped.

In: the learner's state and the trainer's own (step, place in the problems, samples that were drawn ahead). Out: a
folder `step-000010` with a file for each rank, complete or not there at all: it is written beside, flushed to the
disk and renamed by the first rank once all have written.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from mathpipe.core.errors import InputError
from mathpipe.core.store import disk_faults, fsync_folder
from rl.lead import Lead

_NAME = re.compile(r"step-(\d{6})")
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One on disk."""

    step: int
    folder: Path
    rank: int = 0

    def load(self) -> dict[str, Any]:
        """What was saved. Raises `InputError` for a file that cannot be read."""
        try:
            # Our own file: it holds plain dataclasses beside tensors.
            state: dict[str, Any] = torch.load(self.folder / _file(self.rank), map_location="cpu", weights_only=False)
        except (OSError, RuntimeError, EOFError, ValueError) as error:
            raise InputError(
                str(self.folder), f"a whole checkpoint ({error})", "delete the folder: the one before is taken"
            ) from None
        return state


class Checkpoints:
    """The checkpoints of a run, the newest `keep` of them."""

    def __init__(self, folder: Path, keep: int, lead: Lead | None = None) -> None:
        self._folder = folder
        self._keep = keep
        self._lead = lead or Lead()

    def newest(self) -> Checkpoint | None:
        """The last complete one."""
        found = self._all()
        return found[-1] if found else None

    def save(self, step: int, state: dict[str, Any]) -> Path:
        """Write one; older ones beyond `keep` go once it is there."""
        target = self._folder / f"step-{step:06d}"
        unfinished = self._folder / f"{_UNFINISHED}{step:06d}"
        with disk_faults(target):
            self._lead.shared(lambda: _empty(unfinished))
            with (unfinished / _file(self._lead.rank)).open("wb") as file:
                _write(state, file)
                file.flush()
                os.fsync(file.fileno())
            self._lead.wait()
            self._lead.shared(lambda: self._publish(unfinished, target))
        return target

    def _publish(self, unfinished: Path, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
        fsync_folder(self._folder)
        for old in self._all()[: -self._keep]:
            shutil.rmtree(old.folder)

    def _all(self) -> list[Checkpoint]:
        if not self._folder.is_dir():
            return []
        found = [(match, path) for path in self._folder.iterdir() if (match := _NAME.fullmatch(path.name))]
        return sorted(
            (Checkpoint(int(match[1]), path, self._lead.rank) for match, path in found), key=lambda item: item.step
        )


def _file(rank: int) -> str:
    return f"rank-{rank:05d}.pt"


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    """torch's archive. Where the disk is full its end fails, too, with an error that hides the first one."""
    try:
        torch.save(state, file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _empty(folder: Path) -> None:
    """A new folder; what a kill left unfinished goes, of whatever step it was."""
    for left in folder.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left)
    folder.mkdir(parents=True)
