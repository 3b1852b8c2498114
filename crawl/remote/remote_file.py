"""A remote file as a file: read and seek, over byte ranges that are asked for again until they are whole.

In: an address. Out: its bytes, or one `FetchError`. Three rules make what is read the file's own:

- a range that breaks is taken up at the byte where it broke;
- every answer must be of the same version (ETag, else Last-Modified, else the size), so that a file which changes on
  the way is an error, never a mixture;
- the file ends where the server, asked for the byte there, says that there is none: a size in a header is only a
  claim, and a claim that is too short or too long is found out.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawl.remote import http, s3
from crawl.remote.backoff import Backoff
from crawl.remote.config import FetchConfig
from crawl.remote.errors import Answer, AttemptError, FetchError
from crawl.remote.limit import limit_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# A server that is busy is busy for every thread.
_BUSY = (429, 503)


def is_address(name: str) -> bool:
    """Whether a source is on another machine."""
    return name.startswith(("https://", "http://", "s3://"))


class RemoteFile:
    """One file by its address; not shared by threads."""

    def __init__(self, address: str, config: FetchConfig) -> None:
        self.address = address
        self._config = config
        try:
            self._limit = limit_of(urlsplit(address).netloc)
        except ValueError as error:
            raise FetchError(address, f"an address that can be asked ({error})", "mend the address") from None
        self._attempt = s3.attempt if address.startswith("s3://") else http.attempt
        self._given = False  # bytes of this version were given out: it must stay the one
        self._forget()

    def _forget(self) -> None:
        """Nothing is known of the file."""
        self._total: int | None = None
        self._claims: set[int] = set()  # every size that an answer gave
        self._mark = ""
        self._reached = 0  # the file has so many bytes at least
        self._end: int | None = None  # where the server said that there is no byte more

    @property
    def mark(self) -> str:
        """What tells this version of the file from others, '' until something was read."""
        return self._mark or f"{self._total} bytes"

    def read(self, start: int, end: int) -> bytes:
        """Bytes `start` to `end`; fewer only where the file ends. Raises `FetchError`."""
        data = bytearray()
        backoff = Backoff(self.address, self._config)
        end = end if self._end is None else min(end, self._end)
        while start + len(data) < end:
            at = start + len(data)
            try:
                answer = self._one(at, end)
            except AttemptError as fault:
                data += self._kept(fault.answer, at)
                self._given = self._given or bool(data)
                self._pause(fault, backoff.pause_seconds(fault))
                continue
            data += answer.data
            self._given = self._given or bool(data)
            if not answer.data:
                self._end = at if answer.total == at else None
                break
        return bytes(data)

    def read_from(self, start: int) -> bytes:
        """All bytes from `start` on, block by block."""
        data, block = bytearray(), self._config.block_bytes
        while len(data) % block == 0:
            at = start + len(data)
            piece = self.read(at, at + block)
            data += piece
            if not piece:
                break
        return bytes(data)

    def size(self) -> int:
        """How long the file is, as confirmed by an answer that there is nothing behind its end."""
        for _ in range(self._config.tries):
            if self._end is not None:
                return self._end
            if self._total is None:
                self.read(0, 1)
            self.read(self._total or 0, (self._total or 0) + 1)
        raise FetchError(self.address, "a file whose size can be told", "fetch it by other means and give its path")

    def _one(self, start: int, end: int) -> Answer:
        answer = self._asked(start, end)
        if answer.data or answer.total is not None:
            return answer
        # A refusal that names no size proves little: the byte before must be the last by all that was ever said.
        if start:
            self._asked(start - 1, start)
        if self._claims != {start}:
            raise AttemptError(f"no byte at {start}, and no word of where the file ends")
        return Answer(b"", start, self._mark)

    def _asked(self, start: int, end: int) -> Answer:
        with self._limit.turn(self._config):
            answer = self._attempt(self.address, start, end, self._config)
        self._check(answer, start)
        return answer

    def _check(self, answer: Answer, start: int) -> None:
        """Of the same version, or a fault. Where marks tell versions apart, a later claim about the size replaces an
        earlier one, but no claim takes back bytes that were read."""
        if answer.mark and self._mark and answer.mark != self._mark:
            if self._given:
                raise AttemptError(f"another version of the file: {answer.mark}, not {self._mark}")
            self._forget()
        total, known = answer.total, self._total
        marked = bool(self._mark)
        if total is not None and (total < self._reached or (known not in {None, total} and not marked)):
            raise AttemptError(f"a file of {total} bytes that had {max(known or 0, self._reached)} before")
        self._mark = self._mark or answer.mark
        if total is not None:
            self._total = total
            self._claims.add(total)
        if answer.data:
            self._reached = max(self._reached, start + len(answer.data))

    def _kept(self, answer: Answer, start: int) -> bytes:
        """What came before a break, if it is of this version."""
        try:
            self._check(answer, start)
        except AttemptError:
            return b""
        return answer.data

    def _pause(self, fault: AttemptError, seconds: float) -> None:
        if fault.status in _BUSY:
            self._limit.hold(seconds)
        else:
            time.sleep(seconds)


class RemoteRaw(io.RawIOBase):
    """`RemoteFile` with a place in it: what FastWARC and Arrow read from."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer, less only at the end of the file."""
        view = memoryview(buffer).cast("B")
        data = self._file.read(self._at, self._at + len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        """All that is left, in blocks of the config's size and not in Python's small ones."""
        data = self._file.read_from(self._at)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; nothing is asked for until it is read, but for places given from the end."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}
        self._at = offset + (base[whence] if whence in base else self._file.size())
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at
