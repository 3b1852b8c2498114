"""The last step: what was kept, together by host, in a fixed number of shards.

In: all kept pages of one partition (whole hosts). Out: the same pages, ordered by host, then by score, best
first, then by URL. Pages of one host lie together because people read, accept and refuse a corpus host by host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.records import Drop, Page, record_id_of
from mathpipe.core.stage import Stage, StageContext

# A kept page in memory: 35 kB by Python's own count on 796 pages of the demo (mean 14,900 characters, 36 formulas);
# stated with room for the reader's batch and the sort.
_BYTES_PER_PAGE = 60_000


class CurateConfig(Config):
    """How many shards the corpus is laid in."""

    shards: int = Field(default=4, ge=1)


class CurateStage(Stage[Page, Page]):
    """Orders one partition."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: CurateConfig, context: StageContext) -> None:
        self._config = config

    @classmethod
    def memory_bytes(cls, config: Any, input_rows: int) -> int | None:
        """A partition is sorted in memory."""
        return input_rows * _BYTES_PER_PAGE

    def run(self, shard: Iterable[Page]) -> Iterator[Page | Drop]:
        """All pages in their final order."""
        yield from sorted(shard, key=lambda page: (page.host, -(page.math_score or 0.0), page.url, page.record_id))


def host_partition(page: Page, partitions: int) -> int:
    """The partition of the page's host."""
    return int(record_id_of(page.host)[:8], 16) % partitions
