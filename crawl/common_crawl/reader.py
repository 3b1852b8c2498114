"""The pages that an index names, as the reader of a step's files: one index file a shard.

In: the path or address of an index file. Out: a `RawPage` or `FailedPage` for each capture that matches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crawl.common_crawl.fetch import fetch_captures
from crawl.common_crawl.find import find_captures
from crawl.remote import FetchConfig
from mathpipe.core.records import RawPage


@dataclass(frozen=True)
class IndexedPages:
    """`Files(indexes, IndexedPages(prefixes))`; what is looked for is part of a shard's key, not how it comes."""

    prefixes: tuple[str, ...]
    fetch: FetchConfig = field(default=FetchConfig(), repr=False)

    def __call__(self, index: str) -> Iterator[RawPage]:
        """The pages of one index file, in its order."""
        return fetch_captures(find_captures(index, prefixes=self.prefixes, config=self.fetch), self.fetch)
