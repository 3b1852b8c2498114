"""Pages by index, and the labels that the loop gives them."""

import gzip
from dataclasses import replace
from pathlib import Path

import pytest

from crawl.common_crawl import build_index
from filters.ranked_budget import BudgetCut
from filters.score_pages import PageScore
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page, SeedLabel, SeedPage
from mathpipe.core.stage import StageContext, StepOutput
from mathpipe.core.store import write_records
from mathpipe.recall.fetching import CaptureReader, FetchStage, FetchStageConfig, UnheldConfig, UnheldStage
from mathpipe.recall.hit_rates import HitRate, HitRateConfig, HitRateStage
from mathpipe.recall.judging import JudgeConfig, JudgedPage, JudgeStage
from mathpipe.recall.new_seed import NewSeedConfig, NewSeedStage
from tests.crawl.remote.test_remote_file import QUICK
from tests.crawl.warc_files import page, write_gzip
from tests.recall.small_web import MATH, html
from tests.recall.test_proposals import judged
from tests.web_server import Fault, WebServer

URLS = ["https://a.example/x/1", "https://a.example/x/2", "https://a.example/y/1", "https://b.example/x/1"]


@pytest.fixture
def archive(tmp_path) -> Path:
    path = tmp_path / "a.warc.gz"
    write_gzip(path, *(page(html(MATH, url), url) for url in URLS))
    return path


def side(folder: Path, rows: list, kind: type) -> StepOutput:
    folder.mkdir(exist_ok=True)
    write_records(folder / "shard-00000.parquet", rows, kind)
    return StepOutput((folder / "shard-00000.parquet",), ())


def captures(archive: Path, tmp_path: Path, prefixes: tuple[str, ...]) -> list:
    return list(CaptureReader(prefixes)(str(build_index([archive], tmp_path / "index.parquet"))))


def test_only_captures_below_the_prefix_that_are_not_held_go_on(archive, tmp_path):
    rows = captures(archive, tmp_path, ("https://a.example/",))
    held = side(tmp_path / "judged", [judged("https://a.example/x/1", hit=False)], JudgedPage)
    decided = JudgeConfig(accepted=("https://a.example/",), refused=("https://a.example/y/",))
    config = UnheldConfig(decided=decided, new=decided.accepted)
    answers = list(UnheldStage(config, StageContext(tmp_path, {"judged": held})).run([*rows, rows[1]]))
    assert [answer.url for answer in answers if not isinstance(answer, Drop)] == ["https://a.example/x/2"]
    assert {answer.url: answer.reason for answer in answers if isinstance(answer, Drop)} == {
        "https://a.example/x/1": "held",
        "https://a.example/x/2": "captured-twice",
        "https://a.example/y/1": "refused-prefix",
    }


def test_a_fetched_page_is_the_page_as_crawled_and_a_broken_one_a_drop_with_its_reason(archive, tmp_path):
    rows = captures(archive, tmp_path, ("https://a.example/x/",))
    data = bytearray(archive.read_bytes())
    second = rows[1]
    data[second.offset : second.offset + second.length] = gzip.compress(b"nothing here")[:1] * second.length
    archive.write_bytes(bytes(data))
    first, broken = FetchStage(FetchStageConfig(), StageContext(tmp_path)).run(rows)
    assert isinstance(first, Page)
    assert (first.record_id, first.url, first.prefilter) == (rows[0].record_id, URLS[0], "prefix")
    assert "theorem" in first.text
    assert isinstance(broken, Drop)
    assert (broken.record_id, broken.reason) == (second.record_id, "not-fetched")
    assert broken.detail.startswith("cut-record")


def test_a_host_that_is_gone_stops_the_fetching_and_drops_nothing(archive, tmp_path):
    """A drop would be for good: run again when the host answers, the page is had."""
    with WebServer({"/a.warc.gz": archive.read_bytes()}) as server:
        address = server.address("/a.warc.gz")
        rows = [replace(row, warc=address) for row in captures(archive, tmp_path, ("https://a.example/x/",))]
        stage = FetchStage(FetchStageConfig(fetch=QUICK), StageContext(tmp_path))
        assert [page.url for page in stage.run(rows)] == URLS[:2]
        server.faults = lambda _: Fault.BUSY
        with pytest.raises(InputError, match=r"a\.warc\.gz.*a host that answers \(.*status 503.*run again"):
            list(stage.run(rows))


def scored(url: str, *, score: float, shows: bool) -> PageScore:
    return PageScore(record_id=url, url=url, host=url.split("/")[2], score=score, tokens=10, shows=shows)


def test_a_prefix_takes_whole_folders_or_only_what_shows_mathematics(tmp_path):
    cut = BudgetCut(record_id="cut", score=0.9, tie=2**62, pages=1, tokens=10, seen_pages=4, seen_tokens=40)
    sides = {"cut": side(tmp_path / "cut", [cut], BudgetCut)}
    pages = [
        scored("https://a.example/x/contents", score=0.2, shows=False),
        scored("https://a.example/x/theorem", score=0.2, shows=True),
        scored("https://a.example/x/hit", score=0.95, shows=False),
        scored("https://b.example/theorem", score=0.2, shows=True),
    ]
    for must_show, expected in ((False, ["contents", "theorem", "hit"]), (True, ["theorem", "hit"])):
        config = JudgeConfig(accepted=("https://a.example/x/",), must_show=must_show)
        judged_pages = list(JudgeStage(config, StageContext(tmp_path, sides)).run(pages))
        assert [page.url for page in judged_pages if page.collected] == [f"https://a.example/x/{n}" for n in expected]
        assert [page.shows for page in judged_pages] == [False, True, False, True]


def held_page(url: str) -> Page:
    return Page(record_id=url, url=url, host=url.split("/")[2], title="", text="words")


def test_labels_come_from_prefixes_and_hit_rates_alone(tmp_path):
    seen = [judged(f"https://none.example/{number}", hit=False) for number in range(30)]
    seen += [judged("https://none.example/hit", hit=True)]
    seen += [judged(f"https://some.example/{number}", hit=number < 10) for number in range(20)]
    seen += [judged("https://yes.example/q/1", hit=False), judged("https://no.example/1", hit=False)]
    rates = list(HitRateStage(HitRateConfig(), StageContext(tmp_path / "files")).run(seen))
    sides = {"judged": side(tmp_path / "j", seen, JudgedPage), "domains": side(tmp_path / "d", rates, HitRate)}
    decided = JudgeConfig(accepted=("https://yes.example/q/",), refused=("https://no.example/",))
    stage = NewSeedStage(NewSeedConfig(decided=decided), StageContext(tmp_path, sides))
    urls = ["https://yes.example/q/1", "https://yes.example/q/new", "https://no.example/1", "https://none.example/1",
            "https://none.example/hit", "https://some.example/19"]  # fmt: skip
    answers = {answer.url: answer for answer in stage.run(map(held_page, urls))}
    labels = {url: answer.label for url, answer in answers.items() if isinstance(answer, SeedPage)}
    reasons = {url: answer.reason for url, answer in answers.items() if isinstance(answer, Drop)}
    assert labels == {
        "https://yes.example/q/1": SeedLabel.MATH,
        "https://yes.example/q/new": SeedLabel.MATH,
        "https://none.example/1": SeedLabel.OTHER,
    }
    assert reasons == {
        "https://no.example/1": "refused-prefix",
        "https://none.example/hit": "hit",
        "https://some.example/19": "host-holds-hits",
    }
