"""The crawl and seed stages: one page or one drop a response, with where it came from and why it went."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crawl.ngrams import NGRAMS_FILE, NgramTable
from crawl.prefilter import PrefilterConfig
from crawl.seed import SeedConfig, SeedDropReason, SeedStage, read_labels, read_seed_source, sampled
from crawl.stage import CrawlConfig, CrawlDropReason, CrawlStage
from crawl.warc import ReadConfig, read_pages
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page, RawPage, SeedLabel, SeedPage
from mathpipe.core.stage import StageContext, StepOutput
from tests.crawl.warc_files import http, page, record, write_gzip

TEXT = "Every bounded sequence has a convergent subsequence, and so the claim follows at once from it. " * 3
MATHS = rf"<html><head><title>Sums</title></head><body><p>We show that \(a+b=c\) holds. {TEXT}</p></body></html>"
PLAIN = f"<html><body><p>{TEXT}</p></body></html>"


def raw(body: str | bytes, **fields: object) -> RawPage:
    data = body.encode() if isinstance(body, str) else body
    defaults: dict[str, object] = {
        "record_id": "r1",
        "url": "https://a.example/x",
        "content_type": "text/html; charset=utf-8",
        "body_length": len(data),
        "warc": "a.warc.gz",
        "warc_offset": 17,
        "warc_length": 99,
        "crawl_date": "2026-10-01T00:00:00Z",
    }
    return RawPage(body=data, **{**defaults, **fields})  # type: ignore[arg-type]


def crawl(
    item: RawPage, config: CrawlConfig | None = None, sides: dict[str, StepOutput] | None = None
) -> Page | Drop:
    stage = CrawlStage(config or CrawlConfig(), StageContext(Path(), sides or {}))
    (result,) = stage.run([item])
    return result


def reason(item: RawPage, config: CrawlConfig | None = None) -> str:
    result = crawl(item, config)
    assert isinstance(result, Drop)
    assert (result.record_id, result.url) == (item.record_id, item.url)
    return result.reason


def test_a_page_keeps_where_it_came_from() -> None:
    result = crawl(raw(MATHS))
    assert isinstance(result, Page)
    assert [formula.latex for formula in result.formulas] == ["a+b=c"]
    assert (result.record_id, result.url, result.host, result.title) == (
        "r1",
        "https://a.example/x",
        "a.example",
        "Sums",
    )
    assert (result.warc, result.warc_offset, result.warc_length) == ("a.warc.gz", 17, 99)
    assert (result.crawl_date, result.charset, result.prefilter) == ("2026-10-01T00:00:00Z", "utf-8", "markup:paren")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": 404}, CrawlDropReason.HTTP_STATUS),
        ({"content_type": "application/pdf"}, CrawlDropReason.NOT_HTML),
        ({"content_type": "image/svg+xml"}, CrawlDropReason.NOT_HTML),
        ({"clipped": True}, CrawlDropReason.CLIPPED),
        ({"body_length": 50_000_000}, CrawlDropReason.TOO_LARGE),
    ],
)
def test_each_fault_of_a_response_has_its_reason(fields: dict[str, object], expected: CrawlDropReason) -> None:
    assert reason(raw(MATHS, **fields)) == expected


def test_an_empty_body_is_dropped() -> None:
    assert reason(raw(b" \n")) == CrawlDropReason.EMPTY


def test_a_page_without_mathematics_is_dropped_unparsed() -> None:
    assert reason(raw(PLAIN)) == CrawlDropReason.NO_MATH_SEEN


def test_a_page_with_little_text_is_dropped() -> None:
    assert reason(raw(r"<p>\(a\)</p>")) == CrawlDropReason.NO_TEXT


def test_a_page_a_hundred_thousand_deep_is_one_drop() -> None:
    assert reason(raw("<div>" * 100_000 + r"\(a\)")) == CrawlDropReason.TOO_DEEP


def test_clipped_pages_can_be_kept() -> None:
    assert isinstance(crawl(raw(MATHS, clipped=True), CrawlConfig(keep_clipped=True)), Page)


def test_a_missing_content_type_is_judged_by_the_body() -> None:
    assert isinstance(crawl(raw(MATHS, content_type="")), Page)
    assert reason(raw(rb"%PDF-1.4 \(a\)", content_type="")) == CrawlDropReason.NOT_HTML


def test_xhtml_is_html() -> None:
    assert isinstance(crawl(raw(MATHS, content_type="Application/XHTML+XML")), Page)


def test_mined_ngrams_let_plain_mathematics_in(tmp_path: Path) -> None:
    NgramTable({"convergent subsequence": 5.0}, 0.1).save(tmp_path / NGRAMS_FILE)
    sides = {"ngrams": StepOutput((), (tmp_path,))}
    result = crawl(raw(PLAIN), sides=sides)
    assert isinstance(result, Page)
    assert result.prefilter.startswith("ngrams:")
    closed = CrawlConfig(prefilter=PrefilterConfig(ngrams=False))
    assert isinstance(crawl(raw(PLAIN), closed, sides), Drop)


def test_every_response_of_an_archive_is_answered_once(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    offsets = write_gzip(
        path,
        page(MATHS.encode()),
        page(PLAIN.encode()),
        record(http(b"%PDF", "Content-Type: application/pdf")),
        page(b"<p>" + b"x" * 3000),
        page(MATHS.encode()),
    )
    path.write_bytes(path.read_bytes()[: offsets[4] + 40])
    pages = list(read_pages(str(path), config=ReadConfig(max_body_bytes=2000)))
    config = CrawlConfig(max_body_bytes=2000)
    results = list(CrawlStage(config, StageContext(tmp_path)).run(pages))
    assert [item.record_id for item in results] == [item.record_id for item in pages]
    assert [item.reason if isinstance(item, Drop) else "page" for item in results] == [
        "page",
        CrawlDropReason.NO_MATH_SEEN,
        CrawlDropReason.NOT_HTML,
        CrawlDropReason.TOO_LARGE,
        CrawlDropReason.CLIPPED,
    ]


def write_labels(path: Path, *rows: dict[str, str]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def seed(tmp_path: Path, items: list[RawPage], **fields: object) -> list[SeedPage | Drop]:
    labels = write_labels(
        tmp_path / "labels.jsonl",
        {"url": "https://a.example/x", "kind": "math"},
        {"url": "https://b.example/x", "kind": "other"},
        {"url": "https://c.example/x", "kind": "mixed"},
    )
    config = SeedConfig.model_validate({"labels": [labels], **fields})
    return list(SeedStage(config, StageContext(tmp_path)).run(items))


def outcome(item: SeedPage | Drop) -> str:
    return item.reason if isinstance(item, Drop) else item.label.value


PAGES = [raw(MATHS, record_id=host, url=f"https://{host}.example/x") for host in "abcd"]


def test_labelled_pages_are_the_seed_and_mixed_ones_are_not(tmp_path: Path) -> None:
    assert [outcome(item) for item in seed(tmp_path, PAGES)] == [
        "math",
        "other",
        SeedDropReason.SEED_KIND_SKIPPED,
        SeedDropReason.SEED_UNLABELLED,
    ]


def test_a_seed_page_carries_text_and_formula_count(tmp_path: Path) -> None:
    first = seed(tmp_path, PAGES)[0]
    assert isinstance(first, SeedPage)
    assert (first.formula_count, first.host, first.record_id) == (1, "a.example", "a")
    assert "convergent subsequence" in first.text


def test_the_prefilter_plays_no_part_in_the_seed(tmp_path: Path) -> None:
    assert outcome(seed(tmp_path, [raw(PLAIN, url="https://b.example/x")])[0]) == "other"


def test_kinds_can_be_mapped(tmp_path: Path) -> None:
    results = seed(tmp_path, PAGES, kinds={"mixed": "math"})
    assert [outcome(item) for item in results][2] == "math"


def test_hosts_can_be_chosen_and_held_out(tmp_path: Path) -> None:
    chosen = seed(tmp_path, PAGES[:2], hosts=["a.example"])
    held_out = seed(tmp_path, PAGES[:2], exclude_hosts=["a.example"])
    assert [outcome(item) for item in chosen] == ["math", SeedDropReason.SEED_HOST]
    assert [outcome(item) for item in held_out] == [SeedDropReason.SEED_HOST, "other"]


def test_pages_per_label_are_limited(tmp_path: Path) -> None:
    again = [raw(MATHS, record_id=str(number)) for number in range(3)]
    assert [outcome(item) for item in seed(tmp_path, again, max_pages_per_label=2)] == [
        "math",
        "math",
        SeedDropReason.SEED_NOT_SAMPLED,
    ]


def test_a_faulty_page_keeps_the_crawls_reason(tmp_path: Path) -> None:
    assert outcome(seed(tmp_path, [raw(MATHS, clipped=True)])[0]) == CrawlDropReason.CLIPPED


def test_labelled_texts_are_a_source_of_their_own(tmp_path: Path) -> None:
    labels = write_labels(
        tmp_path / "t.jsonl",
        {"text": "a theorem", "label": "math"},
        {"text": "x", "label": "mixed"},
        {"url": "https://a.example/", "kind": "math"},
    )
    records = list(read_seed_source(str(labels)))
    stage = SeedStage(SeedConfig(labels=(labels,)), StageContext(tmp_path))
    theorem, skipped = stage.run(records)
    assert isinstance(theorem, SeedPage)
    assert (theorem.text, theorem.label) == ("a theorem", SeedLabel.MATH)
    assert isinstance(skipped, Drop)
    assert skipped.reason == SeedDropReason.SEED_KIND_SKIPPED
    assert [theorem.record_id, skipped.record_id] == [record.record_id for record in records]


def test_sampling_depends_on_the_url_alone() -> None:
    urls = [f"https://a.example/{number}" for number in range(2000)]
    chosen = {url for url in urls if sampled(url, 0.25)}
    assert 400 < len(chosen) < 600
    assert chosen <= {url for url in urls if sampled(url, 0.5)}
    assert all(sampled(url, 1.0) for url in urls)


@pytest.mark.parametrize("line", ["nonsense", "[1]", '{"url": "x"}', '{"kind": "math"}'])
def test_a_bad_label_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"url": "https://a.example/", "kind": "math"}\n\n' + line + "\n")
    with pytest.raises(InputError, match=r"labels\.jsonl:3"):
        read_labels([path])


def test_a_missing_label_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_labels([tmp_path / "none.jsonl"])
