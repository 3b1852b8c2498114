"""Errors that name the offender, what was expected, and the repair.

Every error a user can cause derives from `MathpipeError`; the CLI prints its one line and exits non-zero.
"""

from __future__ import annotations


class MathpipeError(Exception):
    """A fault with a cure: who, what was expected, how to mend it; `shard` is the one it happened in, else -1."""

    shard = -1

    def __init__(self, offender: str, expected: str, repair: str) -> None:
        super().__init__(offender, expected, repair)
        self.offender = offender
        self.expected = expected
        self.repair = repair

    def __str__(self) -> str:
        return f"{self.offender}: {self.expected}; {self.repair}"


class ConfigError(MathpipeError):
    """A configuration that cannot be used: unknown key, wrong type, impossible value."""


class InputError(MathpipeError):
    """An input file or argument that is missing or is not what it should be."""


class CorruptShardError(MathpipeError):
    """A shard whose bytes do not match its manifest entry, or that Parquet cannot read."""

    def __init__(self, path: str, expected: str, repair: str) -> None:
        super().__init__(path, expected, repair)
        self.path = path


class DiskFullError(MathpipeError):
    """The disk ran out of space while a shard was written; nothing finished was touched."""


class StageError(MathpipeError):
    """A stage failed as a whole, or did not account for every record it was given."""
