"""What can go wrong between here and a remote file: faults that pass, and the error that ends a read."""

from __future__ import annotations

from dataclasses import dataclass

from mathpipe.core.errors import InputError


class FetchError(InputError):
    """A remote file, or a part of it, that cannot be had: names the address, the last fault and the repair."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes from the place asked for, and what the server says of the file: its size and a mark of its version."""

    data: bytes
    total: int | None = None
    mark: str = ""


class AttemptError(Exception):
    """One failed attempt that is worth another; `answer` holds what had come by then."""

    def __init__(
        self, reason: str, *, status: int = 0, answer: Answer | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.answer = answer or Answer(b"")
        self.retry_after_seconds = retry_after_seconds
