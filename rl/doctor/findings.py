"""What a check says: a named finding, and the repairs that would mend it.

A check collects ailments, each a fault or a warning with its mend; the worst of them is the finding's status.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

_FIGURES_SHOWN = 12


class Status(StrEnum):
    """How a check ended. A fault spoils training, sampling or evaluation; a warning does in some programs."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    NOT_APPLICABLE = "not-applicable"


class Repair(Protocol):
    """One change to a copy of the model's folder."""

    def apply(self, copy: Path) -> str:
        """Change the copy's files; gives back a sentence that says what was changed."""


@dataclass(frozen=True, slots=True)
class Ailment:
    """One thing that is wrong, how to mend it by hand, and the changes that mend it, if any can be made blindly."""

    status: Status
    found: str
    mend: str
    repairs: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result. `figures` holds numbers and short lists, ready for JSON."""

    name: str
    status: Status
    found: str
    why: str
    mend: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the report's file."""
        return {
            "name": self.name,
            "status": str(self.status),
            "found": self.found,
            "why": self.why,
            "mend": self.mend,
            "repairable": bool(self.repairs),
            "figures": self.figures,
        }


@dataclass(frozen=True, slots=True)
class Check:
    """A check's name and, in one sentence, why its subject matters."""

    name: str
    why: str

    def judged(self, ailments: Sequence[Ailment], found: str, figures: dict[str, Any] | None = None) -> Finding:
        """The finding: `found` is said where nothing is wrong, and before what is."""
        status = _worst(ailments)
        said = "; ".join([*([found] if found else []), *(item.found for item in ailments)])
        mends = dict.fromkeys(item.mend for item in ailments if item.mend)
        repairs = tuple(repair for item in ailments for repair in item.repairs)
        return Finding(self.name, status, said, self.why, "; ".join(mends), figures or {}, repairs)

    def not_applicable(self, found: str) -> Finding:
        """There is nothing to check, and `found` says why."""
        return Finding(self.name, Status.NOT_APPLICABLE, found, self.why)


def fault(found: str, mend: str, *repairs: Repair) -> Ailment:
    """What must be mended."""
    return Ailment(Status.FAULT, found, mend, repairs)


def warning(found: str, mend: str, *repairs: Repair) -> Ailment:
    """What should be known, and mended if it touches the use at hand."""
    return Ailment(Status.WARNING, found, mend, repairs)


def some(values: Sequence[Any], limit: int = _FIGURES_SHOWN) -> str:
    """The first few, and how many more there are."""
    shown = ", ".join(str(value) for value in values[:limit])
    return shown if len(values) <= limit else f"{shown} and {len(values) - limit} more"


def _worst(ailments: Sequence[Ailment]) -> Status:
    states = {item.status for item in ailments}
    return next((state for state in (Status.FAULT, Status.WARNING) if state in states), Status.OK)
