"""The whole loop on a small web: what it finds, asks, refuses, and how it goes on after a kill."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from crawl.common_crawl import build_index
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.prefix_decisions import FILE_NAME, Decision, append_decision
from mathpipe.core.records import Page, SeedLabel, SeedPage
from mathpipe.core.store import read_records
from mathpipe.recall.config import DecideConfig, Decisions
from mathpipe.recall.hit_rates import HitRate, HitRateConfig
from mathpipe.recall.judging import JudgedPage
from mathpipe.recall.proposals import ProposalConfig
from mathpipe.recall.rounds import End, Outcome, RecallLoop
from tests.crawl.remote.test_remote_file import QUICK
from tests.recall.small_web import LATEX_OF_COOKING, PROOF_IN_WORDS, QUESTIONS, loop_config, write_web
from tests.web_server import Fault, WebServer

ROOT = Path(__file__).resolve().parents[2]
LEMMAS = "https://lemmas.example/"


@pytest.fixture(scope="module")
def web(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("web")
    write_web(folder)
    return folder


def run(web: Path, output: Path, **changes: object) -> Outcome:
    return RecallLoop(loop_config(web, output, **changes), lambda _: None, lambda _: None).run()


@pytest.fixture(scope="module")
def finished(web, tmp_path_factory) -> tuple[Outcome, Path]:
    output = tmp_path_factory.mktemp("finished")
    return run(web, output), output / "loop"


def records(folder: Path, number: int, step: str, kind: type) -> list:
    shards = sorted((folder / f"round-{number:02d}" / "steps" / step).glob("shard-*.parquet"))
    return [row for shard in shards for row in read_records(shard, kind)]


def collected(folder: Path, number: int) -> set[str]:
    return {page.url for page in records(folder, number, "judged", JudgedPage) if page.collected}


def test_mathematics_of_hosts_that_the_seed_never_saw_is_collected_whole(finished):
    outcome, folder = finished
    found = collected(folder, outcome.rounds[-1].round)
    assert {url for url in found if url.startswith((QUESTIONS, LEMMAS))} == {
        f"{prefix}{number}.html" for prefix in (QUESTIONS, LEMMAS) for number in range(26)
    }
    assert not [url for url in found - {PROOF_IN_WORDS} if "travel" in url or "garden" in url or "users" in url]


def test_latex_on_another_subject_is_left_and_mathematics_in_plain_words_is_taken(finished):
    outcome, folder = finished
    found = collected(folder, outcome.rounds[-1].round)
    assert LATEX_OF_COOKING not in found
    assert PROOF_IN_WORDS in found


def test_the_loop_ends_when_nearly_all_was_collected_a_round_before(finished):
    outcome, _ = finished
    assert outcome.end is End.STOP_RULE
    assert outcome.rounds[-1].overlap >= 0.98
    assert outcome.rounds[0].overlap is None


def test_the_proposal_names_the_folder_that_carries_the_hits(finished):
    _, folder = finished
    decided = json.loads((folder / "round-01" / "decided.json").read_text())
    assert QUESTIONS in decided["accepted"]
    assert "https://analysis.example/" not in decided["accepted"]


def test_domains_parquet_counts_pages_and_hits_of_domain_host_and_path(finished):
    _, folder = finished
    rows = {row.record_id: row for row in read_records(folder / "round-01" / "domains.parquet", HitRate)}
    assert rows["analysis.example"].pages == 52
    assert rows[QUESTIONS].pages == 26
    assert rows["https://analysis.example/users/"].hits == 0
    assert rows[QUESTIONS].hits == rows["https://analysis.example/"].hits == rows["analysis.example"].hits
    assert (rows["travel.example"].pages, rows["travel.example"].hits) == (27, 0)


def test_no_label_of_an_unseen_host_is_read_and_users_pages_are_no_positives(finished):
    _, folder = finished
    learnt = records(folder, 1, "learn", SeedPage)
    positives = {page.url for page in learnt if page.label is SeedLabel.MATH}
    assert not [url for url in positives if "users" in url or "travel" in url]
    assert {page.host for page in learnt if page.label is SeedLabel.OTHER} <= {
        "travel.example", "garden.example", "cooking.example", "analysis.example",
    }  # fmt: skip


def test_each_round_reports_overlap_cost_and_scores_in_and_out_of_distribution(finished):
    outcome, folder = finished
    row = json.loads((folder / "round-02" / "round.json").read_text())
    assert row["overlap"] == outcome.rounds[1].overlap
    assert row["core_seconds"] > 0
    assert 0.9 < row["f1_in"] <= 1.0
    assert 0.9 < row["f1_hosts"] <= 1.0


def test_run_again_it_makes_nothing_and_says_the_same(finished, web):
    outcome, folder = finished
    before = manifests(folder)
    assert run(web, folder.parent) == outcome
    assert manifests(folder) == before


def manifests(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("manifest.jsonl")}


def shards(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and ".tmp" not in path.parts]
    kept = [path for path in files if path.suffix == ".parquet" or path.name in ("decided.json", "classifier.bin")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept if path.name != "index.parquet"}


def test_asked_it_waits_for_a_decision_and_goes_on_with_it(web, tmp_path):
    ask = DecideConfig(by=Decisions.ASK)
    outcome = run(web, tmp_path, decide=ask, rounds=2, report_folds=0)
    assert (outcome.end, len(outcome.rounds)) == (End.WAITING, 1)
    assert QUESTIONS in {proposal.record_id for proposal in outcome.waiting}
    assert not (tmp_path / "loop" / "round-01" / "decided.json").exists()
    file = tmp_path / "loop" / FILE_NAME
    append_decision(file, QUESTIONS, Decision.ACCEPT, "me")
    append_decision(file, LEMMAS, Decision.REFUSE, "me")
    outcome = run(web, tmp_path, decide=ask, rounds=2, report_folds=0)
    assert (outcome.end is End.WAITING, len(outcome.rounds)) == (False, 2)
    assert outcome.rounds[0].accepted == outcome.rounds[0].refused == 1
    assert not [url for url in collected(tmp_path / "loop", 2) if url.startswith(LEMMAS)]


def test_a_refused_prefix_is_neither_learnt_from_nor_collected_nor_asked_about_again(web, tmp_path):
    folder = tmp_path / "loop"
    folder.mkdir()
    append_decision(folder / FILE_NAME, QUESTIONS.replace("https", "http"), Decision.REFUSE, "me")
    outcome = run(web, tmp_path, rounds=3, report_folds=0)
    for report in outcome.rounds[:-1]:
        learnt = records(folder, report.round, "learn", SeedPage)
        learnt += records(folder, report.round, "learn_fetched", SeedPage)
        assert not [page.url for page in learnt if page.url.startswith(QUESTIONS)]
    assert not [url for url in collected(folder, 2) if url.startswith(QUESTIONS)]
    assert outcome.rounds[1].refused == 1


def test_pages_that_no_source_held_are_fetched_by_index(web, tmp_path):
    index = build_index([web / "web-0.warc.gz", web / "web-1.warc.gz"], tmp_path / "index.parquet")
    half = {"sources": [str(web / "web-0.warc.gz")], "seed_sources": [str(web / "*.gz")], "index": [str(index)]}
    outcome = run(web, tmp_path, **half, report_folds=0, proposals=ProposalConfig(min_pages=5))
    held = {page.url for page in records(tmp_path / "loop", 1, "judged", JudgedPage)}
    assert len([url for url in held if url.startswith(LEMMAS)]) == 13
    fetched = records(tmp_path / "loop", 1, "fetched", Page)
    assert outcome.rounds[0].fetched == len(fetched) > 0
    assert not held & {page.url for page in fetched}
    last = [page.url for page in records(tmp_path / "loop", 2, "judged", JudgedPage) if page.url.startswith(LEMMAS)]
    assert len(last) == len(set(last)) == 26
    assert {f"{LEMMAS}{number}.html" for number in range(26)} <= collected(tmp_path / "loop", 2)


def test_over_a_network_that_fails_the_loop_fetches_and_collects_what_it_does_from_disk(web, tmp_path):
    """Archives and index on a server that is busy, cuts connections, lies: every seventh request goes wrong."""
    faults = (Fault.BUSY, Fault.CUT, Fault.LENGTH_LIES, Fault.NO_ANSWER, Fault.SHORT_BODY, Fault.THROTTLED)
    archives = {f"/web-{part}.warc.gz": (web / f"web-{part}.warc.gz").read_bytes() for part in range(2)}
    few = {"report_folds": 0, "proposals": ProposalConfig(min_pages=5)}
    index = build_index([web / "web-0.warc.gz", web / "web-1.warc.gz"], tmp_path / "index.parquet")
    here = {
        "sources": [str(web / "web-0.warc.gz")],
        "seed_sources": [str(web / "*.gz")],
        "index": [str(index)],
        **few,
    }
    outcome = run(web, tmp_path / "disk", **here)
    with WebServer(
        archives, lambda asked: faults[asked.number // 7 % len(faults)] if asked.number % 7 == 3 else None
    ) as server:
        warcs = [server.address(path) for path in archives]
        index = build_index(warcs, tmp_path / "remote.parquet", config=QUICK)
        archives["/index.parquet"] = index.read_bytes()
        there = {"sources": warcs[:1], "seed_sources": warcs, "index": [server.address("/index.parquet")], **few}
        found = run(web, tmp_path / "net", fetch=QUICK, **there)
    assert len([asked for asked in server.requests if asked.fault]) > 3
    assert [round_.fetched for round_ in found.rounds] == [round_.fetched for round_ in outcome.rounds]
    assert found.rounds[0].fetched > 0
    for number in range(1, len(found.rounds) + 1):
        assert collected(tmp_path / "net" / "loop", number) == collected(tmp_path / "disk" / "loop", number)


def test_domains_counted_in_several_tasks_give_the_same_loop(finished, web, tmp_path):
    outcome, clean = finished
    split = run(web, tmp_path, hit_rates=HitRateConfig(partitions=3))
    assert len(list((tmp_path / "loop" / "round-01" / "steps" / "domains").glob("shard-*.parquet"))) == 3
    plain = [dataclasses.replace(report, core_seconds=0.0) for report in outcome.rounds]
    assert [dataclasses.replace(report, core_seconds=0.0) for report in split.rounds] == plain
    for number in range(1, len(plain) + 1):
        assert collected(tmp_path / "loop", number) == collected(clean, number)


def test_a_token_budget_a_round_bounds_what_the_classifier_takes(web, tmp_path):
    outcome = run(web, tmp_path, budget_tokens=(2_000, 4_000), rounds=2, report_folds=0, stop_share=1.0)
    for report, budget in zip(outcome.rounds, (2_000, 4_000), strict=True):
        pages = records(tmp_path / "loop", report.round, "judged", JudgedPage)
        hits = [page for page in pages if page.hit]
        assert 0 < sum(page.tokens for page in hits) <= budget
        assert min(page.score for page in hits) >= max(page.score for page in pages if not page.hit)


@pytest.mark.slow
def test_on_ray_workers_the_bytes_are_the_same(finished, web, tmp_path):
    outcome, clean = finished
    changes = {"runner": RunnerConfig(mode=Mode.RAY, workers=2), "rounds": len(outcome.rounds)}
    run(web, tmp_path, **changes)
    assert shards(tmp_path / "loop") == shards(clean)


@pytest.mark.slow
def test_killed_at_random_points_and_resumed_the_bytes_are_the_same(finished, web, tmp_path):
    _, clean = finished
    expected = shards(clean)
    command = [sys.executable, "-m", "tests.recall.loop_run", str(web), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for pause in (2.0, 3.5, 5.0, 8.0):
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert shards(tmp_path / "loop") == expected


def test_domains_parquet_opens_as_a_plain_table(finished):
    _, folder = finished
    table = pq.read_table(folder / "round-01" / "domains.parquet")
    assert {"level", "domain", "host", "pages", "hits", "share", "collected", "mean_score", "tokens"} <= set(
        table.column_names
    )
