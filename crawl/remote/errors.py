"""What can go wrong between here and a remote file: faults that pass, and the error that ends a read."""

from __future__ import annotations

from dataclasses import dataclass

from mathpipe.core.errors import InputError


class FetchError(InputError):
    """A remote file, or a part of it, that cannot be had: names the address, the last fault and the repair."""


class MissingFileError(FetchError):
    """The server answers, and says that there is no such file, or not for us."""


class HostError(FetchError):
    """The host itself is at fault, not the file: nobody answers, or it stays too busy to."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes from the place asked for, and what the server says of the file: its size and a mark of its version."""

    data: bytes
    total: int | None = None
    mark: str = ""


class AttemptError(Exception):
    """One failed attempt that is worth another; `answer` holds what had come by then.

    `of_host`: it says nothing of the file, another of the same host would have fared alike.
    """

    def __init__(
        self, reason: str, *, status: int = 0, answer: Answer | None = None,
        retry_after_seconds: float | None = None, of_host: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(reason)
        self.reason = reason
        self.of_host = of_host
        self.status = status
        self.answer = answer or Answer(b"")
        self.retry_after_seconds = retry_after_seconds
