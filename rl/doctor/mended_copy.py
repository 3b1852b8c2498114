"""A repaired copy of a model, in another folder; the original is only read.

In: a model and an empty or new folder. Out: the copy, what was changed in it, and the findings on it. One repair may
bring another to light (a new pad token may need a row), so the copy is examined and mended again until nothing more
can be. The folder appears whole or not at all.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mathpipe.core.errors import InputError
from rl.doctor.examination import checks
from rl.doctor.findings import Finding, Repair
from rl.doctor.patient import load_patient
from rl.doctor.row_edits import FillRows
from rl.export.folder import new_folder

_ROUNDS = 5  # a pad token, its row, rows to fill, and once more to see that nothing is left
_OTHER_WEIGHTS = (".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx")


@dataclass(frozen=True, slots=True)
class Repaired:
    """The copy, a sentence for each change, and what is found on it."""

    folder: Path
    changes: tuple[str, ...]
    findings: tuple[Finding, ...]


def repair(model: str | Path, out: Path, *, quick: bool = False) -> Repaired:
    """Copy the model, mend what can be mended without a choice, and examine the copy."""
    source = load_patient(model).folder
    refuse_folder(source, out)
    if out.is_dir():
        out.rmdir()
    with new_folder(out) as copy:
        left_out = _copy(source, copy)
        changes = [f"{name}: left out, it would hold the unmended weights" for name in left_out]
        done: set[Repair] = set()
        for _ in range(_ROUNDS):
            findings = _examine(copy, quick=True)  # numbers that are not finite no repair mends
            wanted = _first([one for finding in findings for one in finding.repairs if one not in done])
            if not wanted:
                break
            changes += [one.apply(copy) for one in dict.fromkeys(wanted)]
            done.update(wanted)
    return Repaired(out, tuple(changes), _examine(out, quick=quick))


def _first(wanted: list[Repair]) -> list[Repair]:
    """Rows are filled last: what is used, and so which rows matter, depends on the other repairs."""
    return [one for one in wanted if not isinstance(one, FillRows)] or wanted


def refuse_folder(source: Path, out: Path) -> None:
    """Never in place, never over anything."""
    here, there = source.resolve(), out.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise InputError(f"--repair {out}", "a folder apart from the model's own", "name another")
    if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
        raise InputError(f"--repair {out}", "a folder that is empty or does not exist", "name another, or remove it")


def _examine(folder: Path, *, quick: bool) -> tuple[Finding, ...]:
    patient = load_patient(folder)
    return tuple(check(patient) for check in checks(quick=quick))


def _copy(source: Path, copy: Path) -> list[str]:
    """Every file, followed where it is a link (a hub cache's are); weights in other formats are named, not copied."""
    left_out = []
    safe = any(source.glob("*.safetensors"))
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if not path.is_file() or any(part.startswith(".") for part in name.parts):
            continue
        if safe and path.suffix in _OTHER_WEIGHTS:
            left_out.append(str(name))
            continue
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy / name)
    return left_out
