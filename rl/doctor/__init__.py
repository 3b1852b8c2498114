"""Doctor: what is wrong with a model before it is trained, and a copy with it mended.

See docs/doctor.md. The names below are imported when they are first used: the command line lists `mathpipe doctor`
where PyTorch is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl.doctor.examination import examine
    from rl.doctor.findings import Finding, Status
    from rl.doctor.mended_copy import Repaired, repair

__all__ = ["Finding", "Repaired", "Status", "examine", "repair"]

_FILES = {
    "Finding": "findings",
    "Repaired": "mended_copy",
    "Status": "findings",
    "examine": "examination",
    "repair": "mended_copy",
}


def __getattr__(name: str) -> Any:
    if name in _FILES:
        return getattr(import_module(f"rl.doctor.{_FILES[name]}"), name)
    raise AttributeError(f"module 'rl.doctor' has no attribute {name!r}")
