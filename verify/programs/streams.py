"""What flows between a program and us: its input as a sealed file, its output as the first bytes of each stream."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field

# Output beyond this many times its limit is no slip of the program.
_FAR_BEYOND = 4
CHUNK_BYTES = 1 << 16


@dataclass(slots=True)
class Capture:
    """The first `limit` bytes of a stream, and how many there were."""

    limit: int
    seen: int = 0
    kept: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> None:
        """Take what was read."""
        self.seen += len(data)
        self.kept += data[: max(0, self.limit - len(self.kept))]

    @property
    def truncated(self) -> bool:
        """Whether something was dropped."""
        return self.seen > self.limit

    @property
    def flooded(self) -> bool:
        """Whether the program goes on far beyond its limit."""
        return self.seen > max(_FAR_BEYOND * self.limit, CHUNK_BYTES)

    def text(self) -> str:
        """The kept bytes as text, with a mark where they were cut."""
        text = self.kept.decode("utf-8", errors="replace")
        return f"{text}\n[... {self.seen - self.limit} bytes more]" if self.truncated else text


def sealed_file(text: str) -> int:
    """A descriptor to read `text` from, which nobody can change or grow."""
    descriptor = os.memfd_create("text", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with open(descriptor, "wb", closefd=False) as stream:
        stream.write(text.encode("utf-8", errors="surrogatepass"))
    os.lseek(descriptor, 0, os.SEEK_SET)
    # F_SEAL_SEAL, SHRINK, GROW, WRITE of fcntl(2)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 0b1111)
    return descriptor
