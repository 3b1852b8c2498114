"""The certificate: plantings, counts, samples, the two files, and the stage that makes them in a run."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.benchmark_index import IndexConfig, Matchable
from filters.benchmark_items import BenchmarkItem
from filters.build_benchmark_index import BuildBenchmarkIndexStage, build_index
from filters.certificate import (
    BenchmarkCertificate,
    Certificate,
    CertificateConfig,
    PlantedCount,
    RemovedPage,
    build_certificate,
    host_sample,
    sampled,
)
from filters.certificate_sample import CertificateSampleStage, ShardRanks, ShardSample, merged
from filters.certificate_stage import CertificateStage, as_markdown, removed_pages, write_certificate
from filters.decontaminate import DecontaminateConfig, DecontaminateStage
from filters.planting import Rewrite, planted, rewritten, rewritten_statement
from mathpipe.core.errors import InputError
from mathpipe.core.records import Formula, FormulaCount, FormulaSource, Page
from mathpipe.core.stage import StageContext, StepOutput
from mathpipe.core.store import read_records, write_records

GEESE = (
    "Janine's geese lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for "
    "her friends every day with four. How much does she make at the market for $2 per egg?"
)
ROOTS = (
    "Let $\\alpha$ and $\\beta$ be the roots of $x^2 - 7x + \\frac{5}{2} = 0$. Find the polynomial with leading "
    "coefficient one whose roots are $\\alpha^2$ and $\\beta^2$, if $\\alpha \\le \\beta$."
)
SHORT = "Simplify $\\frac{3}{4} \\cdot 12x - 7$."
LEAN = "theorem two_odds (a b : ℤ) (ha : Odd a) (hb : Odd b) : Even (a + b) := by"


def items() -> list[BenchmarkItem]:
    return [
        BenchmarkItem(benchmark="words", item_id="geese", question=GEESE),
        BenchmarkItem(benchmark="mixed", item_id="roots", question=ROOTS),
        BenchmarkItem(benchmark="mixed", item_id="short", question=SHORT),
        BenchmarkItem(benchmark="mixed", item_id="tiny", question="Compute $7!$"),
        BenchmarkItem(benchmark="lean/formal", item_id="odds", question=LEAN, formal=True),
    ]


def page(name: str, text: str) -> Page:
    return Page(record_id=name, url=f"https://{name}.example/", host="", title="", text=text)


def hosts(count: int = 6) -> list[Page]:
    return [
        page(f"host{number}", f"Paragraph one of {number}.\n\nIt says little.\n\nThe end.") for number in range(count)
    ]


def certificate(config: CertificateConfig | None = None) -> Certificate:
    return build_certificate(hosts(), items(), build_index(items()), config, pages=6)


def removed(name: str, benchmark: str = "words") -> RemovedPage:
    return RemovedPage(name, f"https://{name}.example/", benchmark, "geese", "words", "janine s geese")


def test_planting_puts_the_text_between_paragraphs() -> None:
    host = page("h", "one\n\ntwo\n\nthree")
    places = {planted(host, "ITEM", Random(seed)).text for seed in range(40)}
    assert places == {
        "ITEM\n\none\n\ntwo\n\nthree", "one\n\nITEM\n\ntwo\n\nthree", "one\n\ntwo\n\nITEM\n\nthree",
        "one\n\ntwo\n\nthree\n\nITEM",
    }  # fmt: skip


def test_verbatim_is_verbatim() -> None:
    assert rewritten(ROOTS, Rewrite.VERBATIM, Random(1)) == ROOTS


def test_latex_is_written_another_way() -> None:
    text = rewritten("If $\\frac{1}{2} \\le x^2$ and $\\dfrac{a}{b} \\neq (c)$.", Rewrite.LATEX, Random(1))
    assert "\\dfrac12" in text
    assert "\\frac{a}{b}" in text
    assert "\\leqslant" in text
    assert "x^{2}" in text
    assert "\\not=" in text
    assert "\\left(c\\right)" in text


def test_delimiters_change() -> None:
    texts = {rewritten("Let $x$ be", Rewrite.LATEX, Random(seed)) for seed in range(30)}
    assert texts == {"Let $x$ be", "Let \\(x\\) be", "Let \\[x\\] be"}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("$x^2 + y_{10}$", "x² + y₁₀"),
        ("$\\frac{1}{2}\\pi$", "(1)/(2)π"),
        ("$\\frac{a}{\\sqrt{b^{2}}}$", "(a)/(√(b²))"),
        ("$a \\le b \\times c$", "a ≤  b ×  c"),
        ("$x - 3$", "x − 3"),
        ("$60^\\circ$", "60°"),
        ("$x \\in \\mathbb{R}$", "x ∈  ℝ"),
        ("$2^{x+1}$", "2^(x+1)"),
        ("$5$ apples", "5 apples"),
    ],
)
def test_formulas_become_plain_unicode(formula: str, expected: str) -> None:
    assert rewritten(formula, Rewrite.UNICODE, Random(1)) == expected


def test_markdown_quotes_emphasises_and_escapes() -> None:
    text = rewritten(GEESE, Rewrite.MARKDOWN, Random(3))
    assert text.startswith("### Problem 7\n\n> ")
    assert all(line.startswith("> ") for line in text.split("\n")[2:])
    assert "\\$2" in text
    assert re.search(r"[*_]", text)


def test_spacing_changes_case_and_space_but_no_word() -> None:
    text = rewritten(GEESE, Rewrite.SPACING, Random(1))
    assert text != GEESE
    assert re.findall(r"[a-z]+|\d+", text.lower()) == re.findall(r"[a-z]+|\d+", GEESE.lower())


def test_money_is_not_taken_for_a_formula() -> None:
    assert rewritten("He pays $5 now and $7 later.", Rewrite.LATEX, Random(1)) == "He pays $5 now and $7 later."


def test_lean_statements_are_renamed_and_broken_but_not_rewritten_as_latex() -> None:
    spaced = rewritten_statement(LEAN, Rewrite.SPACING, Random(1))
    assert spaced is not None
    assert spaced.split() == LEAN.replace("two_odds", "another_name").split()
    assert rewritten_statement(LEAN, Rewrite.MARKDOWN, Random(1)) == f"```lean4\n{LEAN}\n```"
    assert rewritten_statement(LEAN, Rewrite.VERBATIM, Random(1)) == LEAN
    assert rewritten_statement(LEAN, Rewrite.LATEX, Random(1)) is None
    assert rewritten_statement(LEAN, Rewrite.UNICODE, Random(1)) is None


@given(st.text(alphabet="$\\{}()^_ abc12+-=\n", max_size=60), st.sampled_from(list(Rewrite)), st.integers(0, 5))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_rewritten_and_the_same_seed_gives_the_same(text: str, rewrite: Rewrite, seed: int) -> None:
    assert rewritten(text, rewrite, Random(seed)) == rewritten(text, rewrite, Random(seed))


def test_every_matchable_item_is_planted_in_every_writing_and_found() -> None:
    rows = {row.benchmark: row for row in certificate().benchmarks}
    assert rows["words"] == BenchmarkCertificate(
        benchmark="words", items=1, by_ngram=1, by_whole=0, not_matchable=0,
        planted=[PlantedCount(rewrite, Matchable.NGRAM, 1, 1) for rewrite in Rewrite],
    )  # fmt: skip
    mixed = rows["mixed"]
    assert (mixed.items, mixed.by_ngram, mixed.by_whole, mixed.not_matchable) == (3, 1, 1, 1)
    assert [(count.planted, count.found) for count in mixed.planted] == [(1, 1)] * 10
    assert [count.rewrite for count in rows["lean/formal"].planted] == [
        Rewrite.VERBATIM, Rewrite.MARKDOWN, Rewrite.SPACING,
    ]  # fmt: skip
    assert certificate().found_share(Rewrite.LATEX) == 1.0


def test_items_that_cannot_be_matched_are_listed_with_the_reason() -> None:
    notes = certificate().unmatchable
    assert [(note.benchmark, note.item_id, note.text) for note in notes] == [("mixed", "tiny", "Compute $7!$")]
    assert "fewer than 3 words" in notes[0].why


def test_a_planting_that_is_missed_is_counted_and_shown() -> None:
    strict = IndexConfig(ngram=50)  # the geese have 36 words: matched as a whole only
    question = GEESE.replace("16 eggs", "$ab^{cd}$ eggs")
    made = [BenchmarkItem(benchmark="b", item_id="1", question=question)]
    result = build_certificate(hosts(), made, build_index(made, strict), pages=6)
    found = {count.rewrite: count.found for count in result.benchmarks[0].planted}
    assert found[Rewrite.VERBATIM] == 1
    assert found[Rewrite.UNICODE] == 0  # "ab" of plain text reads as a word
    assert result.found_share(Rewrite.UNICODE) == 0.0
    assert [note.why for note in result.missed] == ["planted unicode, not found"]


def test_pages_that_hold_an_item_are_no_hosts() -> None:
    dirty = [page("dirty", GEESE)]
    result = build_certificate(dirty, items(), build_index(items()))
    assert [(row.items, row.planted) for row in result.benchmarks] == [(1, []), (3, []), (1, [])]
    assert "Nothing was planted" in as_markdown(result)
    assert "Nothing was planted" not in as_markdown(certificate())
    assert build_certificate([*dirty, *hosts(1)], items(), build_index(items())).found_share(Rewrite.VERBATIM) == 1.0


def test_items_and_index_must_belong_together() -> None:
    with pytest.raises(InputError, match="the 1 that the index"):
        build_certificate(hosts(), items(), build_index(items()[:1]))


def test_a_sample_of_items_is_planted_and_the_same_one_each_time() -> None:
    many = [
        BenchmarkItem(
            benchmark="b", item_id=str(number), question=f"How many marbles numbered {number} fit in basket {number}?"
        )
        for number in range(30)
    ]
    config = CertificateConfig(items_per_benchmark=4)
    runs = [build_certificate(hosts(), many, build_index(many), config) for _ in range(2)]
    assert runs[0] == runs[1]
    assert sum(count.planted for count in runs[0].benchmarks[0].planted) == 4 * len(Rewrite)
    assert runs[0].benchmarks[0].items == 30


def test_removed_pages_are_counted_by_benchmark_and_sampled_whatever_their_order() -> None:
    pages = [removed(f"r{number}") for number in range(20)] + [removed("m", "mixed")]
    result = build_certificate(
        hosts(), items(), build_index(items()), CertificateConfig(shown=5), pages=100, removed=pages
    )
    assert {row.benchmark: row.removed_pages for row in result.benchmarks} == {
        "words": 20,
        "mixed": 1,
        "lean/formal": 0,
    }
    assert (result.pages, result.removed) == (100, 21)
    assert len(result.removed_sample) == 5
    assert sampled(pages, 5, 1) == sampled(pages[::-1], 5, 1)
    assert sampled(pages, 5, 1) != sampled(pages, 5, 2)


def test_hosts_are_a_bounded_sample_that_does_not_depend_on_order() -> None:
    pages = [page(f"p{number}", "x" * (number + 1)) for number in range(500)]
    config = CertificateConfig(host_pages=10, host_characters=300)
    chosen, count = host_sample(iter(pages), config)
    assert count == 500
    assert len(chosen) == 10
    assert all(len(one.text) <= 300 for one in chosen)
    assert host_sample(reversed(pages), config) == (chosen, 500)
    assert host_sample([page("empty", "")], config) == ([], 1)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_the_samples_of_shards_come_to_the_sample_of_all_however_they_are_cut(
    tmp_path_factory: pytest.TempPathFactory, cut: list[int], host_pages: int
) -> None:
    pages = [page(f"p{number}", "x" * (number % 9) * 40) for number in range(len(cut))]
    config = CertificateConfig(host_pages=host_pages, host_characters=300)
    folder = tmp_path_factory.mktemp("shards")
    shards = [folder / f"{number}.parquet" for number in range(5)]
    for number, path in enumerate(shards):
        stage = CertificateSampleStage(config, StageContext(files=folder, shard_index=number, shard_count=5))
        own = [one for one, place in zip(pages, cut, strict=True) if place == number]
        write_records(path, stage.run(own), ShardSample)
    ranks = [one for path in shards for one in read_records(path, ShardRanks)]
    assert merged(ranks, shards, config) == host_sample(pages, config)


def test_the_samples_hold_no_formulas_for_nothing_is_planted_in_them(tmp_path: Path) -> None:
    formulas = [Formula("x", False, FormulaSource.KATEX)]
    one = replace(page("p", "$x$"), formulas=formulas, formula_counts=[FormulaCount(FormulaSource.KATEX, 1, 1)])
    [sample] = CertificateSampleStage(CertificateConfig(), StageContext(files=tmp_path, shard_index=7)).run([one])
    assert isinstance(sample, ShardSample)
    assert (sample.shard, sample.pages, sample.host_ids, sample.hosts) == (7, 1, ["p"], [page("p", "$x$")])


def test_the_list_of_removed_pages_survives_a_record_that_is_tried_singly(tmp_path: Path) -> None:
    index = StepOutput(shards=(), files=(tmp_path / "index",))
    (tmp_path / "index").mkdir()
    list(BuildBenchmarkIndexStage(IndexConfig(), StageContext(files=tmp_path / "index")).run(items()))
    (tmp_path / "clean").mkdir()
    context = StageContext(files=tmp_path / "clean", sides={"benchmark_index": index})
    stage = DecontaminateStage(DecontaminateConfig(), context)
    for name in ("one", "two"):  # as the runner feeds records after a worker died
        list(stage.run(iter([page(name, GEESE)])))
    listed = removed_pages(StepOutput(shards=(), files=(tmp_path / "clean",)))
    assert [one.record_id for one in listed] == ["one", "two"]


def test_the_json_holds_everything_and_the_page_shows_it(tmp_path: Path) -> None:
    pages = [removed("r0"), RemovedPage("r1", "https://r1.example/", "mixed", "short", "whole", "a | b")]
    result = build_certificate(hosts(), items(), build_index(items()), pages=10, removed=pages)
    write_certificate(result, tmp_path)
    data = json.loads((tmp_path / "certificate.json").read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(asdict(result)))
    text = (tmp_path / "certificate.md").read_text(encoding="utf-8")
    assert "10 pages were searched and 2 removed" in text
    assert "| words | 1 | 1 | 0 | 0 | 1/1 | 1/1 | 1/1 | 1/1 | 1/1 | 1 |" in text
    assert "| https://r1.example/ | mixed | short | whole | a \\| b |" in text
    assert "- min_content_words: 3" in text


def test_a_run_without_removals_says_none() -> None:
    assert "## Pages removed\n\nNone." in as_markdown(certificate())


def test_the_stage_reads_its_sides_and_leaves_two_files_and_a_table(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("index", "clean", "certificate")}
    for folder in folders.values():
        folder.mkdir()
    made = list(BuildBenchmarkIndexStage(IndexConfig(), StageContext(files=folders["index"])).run(items()))
    shard = tmp_path / "items.parquet"
    write_records(shard, made, BenchmarkItem)
    index_side = StepOutput(shards=(shard,), files=(folders["index"],))
    pages = [*hosts(), page("dirty", f"Look:\n\n{GEESE}")]
    context = StageContext(files=folders["clean"], sides={"benchmark_index": index_side})
    list(DecontaminateStage(DecontaminateConfig(), context).run(pages))
    removed_side = StepOutput(shards=(), files=(folders["clean"],))
    assert [one.record_id for one in removed_pages(removed_side)] == ["dirty"]

    samples = tmp_path / "samples.parquet"
    write_records(samples, CertificateSampleStage(CertificateConfig(), context).run(pages), ShardSample)
    sides = {
        "benchmark_index": index_side,
        "decontaminate": removed_side,
        "certificate_sample": StepOutput(shards=(samples,), files=()),
    }
    stage = CertificateStage(CertificateConfig(), StageContext(files=folders["certificate"], sides=sides))
    rows = [row for row in stage.run(read_records(samples, ShardRanks)) if isinstance(row, BenchmarkCertificate)]
    assert [(row.benchmark, row.removed_pages) for row in rows] == [("lean/formal", 0), ("mixed", 0), ("words", 1)]
    data = json.loads((folders["certificate"] / "certificate.json").read_text(encoding="utf-8"))
    assert (data["pages"], data["removed"]) == (7, 1)
    assert data["removed_sample"][0]["url"] == "https://dirty.example/"
    write_records(tmp_path / "rows.parquet", rows, BenchmarkCertificate)
    assert list(read_records(tmp_path / "rows.parquet", BenchmarkCertificate)) == rows


def test_the_certificate_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_certificate(certificate(), tmp_path / name)
    for name in ("certificate.json", "certificate.md"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_memory_is_stated_independently_of_the_input() -> None:
    config = CertificateConfig()
    assert CertificateStage.memory_bytes(config, 10) == CertificateStage.memory_bytes(config, 10**9)
