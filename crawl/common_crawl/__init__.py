"""Common Crawl: the archives of a snapshot, its index, and single pages by byte range.

warcs = snapshot_warcs("CC-MAIN-2026-04[:10]", config)
captures = find_captures("CC-MAIN-2026-04", prefixes=["https://mathoverflow.net/questions"], config=config)
captures = find_captures("https://data.commoncrawl.org/cc-index/collections/CC-MAIN-2026-04/indexes/cluster.idx", ...)
pages = fetch_captures(captures, config)
"""

from crawl.common_crawl.build import build_index
from crawl.common_crawl.capture import Capture
from crawl.common_crawl.fetch import FailedPage, fetch_captures
from crawl.common_crawl.find import find_captures
from crawl.common_crawl.reader import IndexedPages
from crawl.common_crawl.record import FetchFailure
from crawl.remote import FetchConfig, FetchError
from crawl.snapshot import snapshot_index, snapshot_warcs

__all__ = [
    "Capture",
    "FailedPage",
    "FetchConfig",
    "FetchError",
    "FetchFailure",
    "IndexedPages",
    "build_index",
    "fetch_captures",
    "find_captures",
    "snapshot_index",
    "snapshot_warcs",
]
