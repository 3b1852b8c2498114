"""The error of this folder: a `ValueError` for programs, one clear line for the command's user."""

from __future__ import annotations

from mathpipe.core.errors import InputError


class ParityError(InputError, ValueError):
    """Two things that cannot be compared: who, what was expected, how to mend it."""
