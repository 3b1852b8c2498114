"""A run's settings beside what it made: written at its start, and held to when it goes on.

In: settings as JSON values, and which of them may change. Out: the file, or `ConfigError` naming the first that is
another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from mathpipe.core.errors import ConfigError


def keep_settings(path: Path, values: Mapping[str, object], *, free: Collection[str]) -> None:
    """Write the settings; refuse others than those that are there already, but for the `free` ones."""
    if path.is_file():
        before = _read(path)
        for key in sorted((set(values) | set(before)) - set(free)):
            if values.get(key) != before.get(key):
                raise ConfigError(
                    f"{path.parent}: {key}",
                    f"the run's own value {before.get(key)!r}, not {values.get(key)!r}",
                    "give the run another name, or delete its folder",
                )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # a kill half way must not leave a file that nobody can read
    temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        values = None
    if not isinstance(values, dict):
        raise ConfigError(str(path), "settings as a run wrote them", "delete the file, or give the run another name")
    return values
