from pathlib import Path

import pytest
from pydantic import ValidationError

from filters.curate import CurateConfig, CurateStage, host_partition
from mathpipe.core.records import Page
from mathpipe.core.stage import StageContext


def _page(host: str, path: str, score: float | None = None) -> Page:
    url = f"https://{host}/{path}"
    return Page(record_id=url, url=url, host=host, title="", text="", math_score=score)


def _curated(*pages: Page) -> list[str]:
    stage = CurateStage(CurateConfig(), StageContext(Path()))
    return [page.url.removeprefix("https://") for page in stage.run(pages)]


def test_pages_are_ordered_by_host_then_best_score_then_address():
    pages = [_page("b", "x", 0.9), _page("a", "z", 0.5), _page("a", "y", 0.5), _page("a", "w", 0.7), _page("a", "v")]
    assert _curated(*pages) == ["a/w", "a/y", "a/z", "a/v", "b/x"]


def test_the_order_does_not_depend_on_the_order_of_arrival():
    pages = [_page("b", "x", 0.9), _page("a", "z", 0.5), _page("a", "y", 0.5)]
    assert _curated(*pages) == _curated(*reversed(pages))


def test_a_host_lies_in_one_partition_and_hosts_spread():
    assert {host_partition(_page("a.example", str(n)), 8) for n in range(20)} == {
        host_partition(_page("a.example", ""), 8)
    }
    assert len({host_partition(_page(f"h{n}.example", ""), 8) for n in range(100)}) == 8


def test_memory_grows_with_the_partition():
    assert CurateStage.memory_bytes(CurateConfig(), 1000) == 60_000_000


def test_no_shards_at_all_is_refused():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        CurateConfig(shards=0)
