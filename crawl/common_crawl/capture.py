"""A capture: one page as an index knows it, by the archive, offset and length where it lies."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capture:
    """One row of an index. `warc` is a path, an address, or a path below `FetchConfig.base_url`."""

    url: str
    warc: str
    offset: int
    length: int
    digest: str = ""  # of the payload; base 32 SHA-1 where no algorithm stands before it
    status: int = 200
    mime: str = ""
    timestamp: str = ""  # 20260115083000
