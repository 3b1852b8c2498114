"""The datasheet: its figures are those of the run, no page becomes markup, and an unfinished run has none."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry
from mathpipe.core.records import Page
from mathpipe.core.store import digest_file, write_records
from mathpipe.inspect.datasheet import write_datasheet
from mathpipe.inspect.datasheet_facts import read_datasheet, source_name
from mathpipe.inspect.datasheet_places import registrable_domain
from mathpipe.inspect.datasheet_records import Datasheet
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder
from tests.inspect.corpus_run import HOSTILE_LICENCE, KEPT, finish, write_corpus
from tests.inspect.small_run import write_certificate, write_run
from tests.seen_page import Seen


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def sheet(corpus: Path) -> Datasheet:
    return read_datasheet(RunFolder(corpus), DEFAULT_FUNNEL)


@pytest.fixture(scope="module")
def seen(corpus: Path) -> Seen:
    return Seen(write_datasheet(corpus).html.read_text(encoding="utf-8"))


def values_of(run: Path) -> dict[str, object]:
    values: dict[str, object] = json.loads(write_datasheet(run).json.read_text(encoding="utf-8"))
    return values


def test_text_and_formulas_are_counted_over_the_curated_pages(sheet: Datasheet) -> None:
    texts = [page.text for page in KEPT]
    assert sheet.size.pages == 3
    assert sheet.size.characters == sum(map(len, texts))
    assert sheet.size.utf8_bytes == sum(len(text.encode()) for text in texts)
    assert sheet.size.words == sum(len(text.split()) for text in texts)
    assert (sheet.size.formulas, sheet.size.display_formulas, sheet.size.pages_with_formulas) == (3, 2, 2)
    assert sheet.size.tokens is None
    assert [(row.source, row.formulas, row.pages) for row in sheet.formulas] == [("tex-delimiters", 3, 2)]


def test_every_step_says_what_it_dropped_and_why(sheet: Datasheet) -> None:
    steps = {step.name: step for step in sheet.steps}
    assert (steps["crawl"].rows_in, steps["crawl"].rows_out, steps["crawl"].quarantined) == (10, 8, 1)
    assert steps["language"].dropped == {"other-language": 1}
    assert [step.name for step in sheet.steps] == list(DEFAULT_FUNNEL)
    assert {step.name for step in sheet.other_steps} == {"certificate", "clusters", "problems"}
    assert (sheet.quarantined.records, sheet.quarantined.by_step) == (1, {"crawl": 1})


def test_licences_are_counted_and_none_stated_is_its_own_figure(sheet: Datasheet) -> None:
    assert [(row.license, row.pages, row.hosts) for row in sheet.licences.rows] == [
        (HOSTILE_LICENCE, 1, 1), ("CC-BY-SA-4.0", 1, 1)]  # fmt: skip
    assert (sheet.licences.none_stated, sheet.licences.stated, sheet.licences.others) == (1, 2, 0)
    assert "not free" in sheet.licences.note


def test_hosts_domains_and_languages(sheet: Datasheet) -> None:
    assert [(row.host, row.pages) for row in sheet.hosts.top] == [
        ("a.example", 1), ("b.example", 1), ("evil.example", 1)]  # fmt: skip
    assert (sheet.hosts.total, sheet.hosts.hosts_with_half_of_the_pages) == (3, 2)
    assert sheet.hosts.share_of_largest == pytest.approx(1 / 3, abs=1e-6)
    assert sheet.hosts.share_of_ten_largest == 1.0
    assert [(row.language, row.pages) for row in sheet.languages] == [("en", 3)]


def test_duplicates_decontamination_and_problems(sheet: Datasheet) -> None:
    assert sheet.duplicates is not None
    assert (sheet.duplicates.clusters, sheet.duplicates.removed_by_reason) == (1, {"duplicate-near": 1})
    assert sheet.decontamination is not None
    assert sheet.decontamination.pages_removed == 1
    assert [(row.rewrite, row.planted, row.found) for row in sheet.decontamination.planted] == [
        ("verbatim", 200, 200), ("latex", 200, 197)]  # fmt: skip
    assert sheet.problems is not None
    assert (sheet.problems.problems, sheet.problems.with_answer, sheet.problems.by_kind) == (2, 1, {"answer": 2})


def test_every_curated_shard_has_the_digest_that_anybody_can_compute(corpus: Path, sheet: Datasheet) -> None:
    assert [file.rows for file in sheet.files] == [2, 1, 0]
    for file in sheet.files:
        data = (corpus / file.path).read_bytes()
        assert (file.sha256, file.size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


def test_the_same_run_gives_the_same_bytes(corpus: Path) -> None:
    first, second = ([path.read_bytes() for path in (w.json, w.html)]
                     for w in (write_datasheet(corpus), write_datasheet(corpus)))  # fmt: skip
    assert first == second


def test_where_a_run_was_executed_does_not_change_the_configurations_digest(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    before = values_of(run)
    values = json.loads((run / "run.json").read_text())
    values["config"] |= {"output": "/elsewhere", "runner": {"workers": 7}}
    (run / "run.json").write_text(json.dumps(values))
    assert values_of(run)["config_sha256"] == before["config_sha256"]
    values["config"]["classify"] = {"threshold": 0.6, "model": "/home/me/secret/model.bin"}
    (run / "run.json").write_text(json.dumps(values))
    after = values_of(run)
    assert after["config_sha256"] != before["config_sha256"]
    assert after["settings"] == {"classify": {"threshold": 0.6, "model": "model.bin"}}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/me/crawl-0.warc.gz", "crawl-0.warc.gz"),
        ("https://me:secret@data.example/a/b.warc.gz?token=1", "https://data.example/a/b.warc.gz"),
        ("s3://commoncrawl/x.warc.gz", "s3://commoncrawl/x.warc.gz"),
    ],
)
def test_sources_are_named_without_folders_and_credentials(source: str, name: str) -> None:
    assert source_name(source) == name


def test_the_page_says_what_the_json_says(seen: Seen) -> None:
    for words in (
        "small <run>",
        "crawl 10 8 1 no-math-seen 1",
        "1 page states none (33.3%), 2 state one.",
        "CC-BY-SA-4.0 1 33.3% 1",
        "verbatim 200 of 200, latex 197 of 200",
        "1 cluster of pages that say the same",
        "2 problems were mined",
        "half of all pages lie with 2 hosts",
        "not free",
    ):
        assert words in seen.text


def test_hostile_pages_stay_text(corpus: Path, seen: Seen) -> None:
    assert not {tag for tag, _ in seen.elements} & {"script", "img", "iframe", "object", "link", "base"}
    assert HOSTILE_LICENCE in seen.text
    for _, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "action")]
        assert (attributes.get("href") or "#").startswith("#")
    page = (corpus / "datasheet.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "\x1b" not in page


def test_links_within_the_page_have_their_target(seen: Seen) -> None:
    names = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    inner = {(attributes["href"] or "")[1:] for _, attributes in seen.elements if "href" in attributes}
    assert inner
    assert inner <= set(names)
    assert len(names) == len(set(names))


def test_shards_from_before_licences_were_read_say_so(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    folder = run / "steps" / "curate"
    shutil.rmtree(folder)
    folder.mkdir()
    path = folder / "shard-00000.parquet"
    write_records(path, KEPT, Page)
    pq.write_table(pq.read_table(path).drop_columns(["license"]), path)
    output = OutputFile(path.name, path.stat().st_size, digest_file(path))
    Manifest(folder).add(ShardEntry(0, "k", (), 3, 3, 0.1, 1, 1, outputs=(output,)))
    written = write_datasheet(run)
    assert json.loads(written.json.read_text())["licences"]["recorded"] is False
    assert "made before statements were read" in Seen(written.html.read_text()).text


def test_the_size_of_archives_that_were_read_by_address_is_not_known(
    corpus: Path, sheet: Datasheet, tmp_path: Path
) -> None:
    assert sheet.sources.size_bytes == 2_000_000
    run = tmp_path / "run"
    shutil.copytree(corpus, run)
    manifest = Manifest(run / "steps" / "crawl")
    manifest.add(replace(manifest.entries[0], inputs=("https://crawl.example/a.warc.gz",), bytes_in=0))
    written = write_datasheet(run)
    assert json.loads(written.json.read_text())["sources"]["size_bytes"] is None
    assert re.search(r"1 archive of a web crawl \(\d+ responses\) was read", Seen(written.html.read_text()).text)


def test_a_run_that_kept_nothing_has_a_datasheet(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    folder = run / "steps" / "curate"
    shutil.rmtree(folder)
    folder.mkdir()
    file = write_records(folder / "shard-00000.parquet", [], Page)
    output = OutputFile(file.path.name, file.size_bytes, file.digest)
    Manifest(folder).add(ShardEntry(0, "k", (), 0, 0, 0.1, 1, 1, outputs=(output,)))
    finish(run)
    assert "0 pages of 0 hosts" in Seen(write_datasheet(run).html.read_text()).text


@pytest.mark.parametrize("content", ["[]", '{"benchmarks": 3}', '{"benchmarks": [{"planted": [1]}], "removed": "x"}'])
def test_a_certificate_of_another_shape_leaves_gaps_not_errors(tmp_path: Path, content: str) -> None:
    run = write_corpus(tmp_path / "run")
    shutil.rmtree(run / "steps" / "certificate")
    write_certificate(run, content)
    assert "Decontamination" in Seen(write_datasheet(run).html.read_text()).text


def test_an_unfinished_run_is_refused_in_one_line(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")  # no `run_finished`
    with pytest.raises(InputError, match="it never finished"):
        write_datasheet(run)
    finish(run, ("quality",))
    with pytest.raises(InputError, match="single steps were run after it"):
        write_datasheet(run)
    finish(run)
    shutil.rmtree(run / "steps" / "curate")
    with pytest.raises(InputError, match="its curated shards are missing"):
        write_datasheet(run)
    assert not (run / "datasheet.json").exists()


def test_a_run_that_goes_on_is_refused(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    (run / "run.json").write_text(json.dumps({"name": "x", "finished": None}))
    with pytest.raises(InputError, match="it never finished"):
        write_datasheet(run)


def test_a_rotten_shard_is_named_and_nothing_is_vouched_for(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    path = run / "steps" / "curate" / "shard-00001.parquet"
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptShardError, match=r"shard-00001\.parquet"):
        write_datasheet(run)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("math.stackexchange.com", "stackexchange.com"),
        ("www.bbc.co.uk", "bbc.co.uk"),
        ("algebra.github.io", "algebra.github.io"),
        ("192.168.1.2", "192.168.1.2"),
        ("localhost", "localhost"),
        ("", ""),
        ("[::1", "[::1"),
    ],
)
def test_registrable_domains(host: str, domain: str) -> None:
    assert registrable_domain(host) == domain
