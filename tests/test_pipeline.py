"""The whole pipeline over the pages that the repository ships, judged by what is known of each page."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mathpipe.core.config import load_config
from mathpipe.core.executor import Mode
from mathpipe.core.records import Drop, FormulaSource, Page, Problem
from mathpipe.core.runner import Runner
from mathpipe.core.status import verify_digests
from mathpipe.core.store import read_records
from mathpipe.inspect.explain import Fate, explain
from mathpipe.pipeline import FUNNEL, PipelineConfig, steps_of

ROOT = Path(__file__).resolve().parent.parent
FIXTURE = ROOT / "data" / "fixture"


class Outcome:
    """A finished run beside the truth about its pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth = {row["url"]: row for row in map(json.loads, (FIXTURE / "index.jsonl").read_text().splitlines())}
        self.seed = {json.loads(line)["url"] for line in (FIXTURE / "labels.jsonl").read_text().splitlines()}
        self.pages = {step: self._records(step, "shard", Page) for step in FUNNEL}
        self.drops = {step: self._records(step, "drops", Drop) for step in FUNNEL}

    def _records(self, step: str, kind: str, record: type) -> list:
        shards = sorted((self.folder / "steps" / step).glob(f"{kind}-*.parquet"))
        return [row for shard in shards for row in read_records(shard, record)]

    def reason(self, url: str) -> str:
        """'step: reason' of the page's drop, or 'kept'."""
        for step in FUNNEL:
            for drop in self.drops[step]:
                if drop.url == url:
                    return f"{step}: {drop.reason}"
        return "kept"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> Outcome:
    output = tmp_path_factory.mktemp("pipeline")
    paths = {
        key: [f"{FIXTURE}/{name}"] for key, name in (("sources", "*.warc.gz"), ("benchmarks", "benchmark.jsonl"))
    }
    overrides = [f"output={output}", f"runner.mode={Mode.INLINE}", f"seed.labels=[{FIXTURE}/labels.jsonl]"]
    overrides += [f"{key}={value}" for key, value in paths.items()]
    config = load_config(ROOT / "configs" / "fixture.yaml", PipelineConfig, overrides)
    folder = output / config.name
    Runner(folder, steps_of(config), config.runner, print).run(config)
    return Outcome(folder)


def test_every_response_is_kept_or_dropped_with_a_reason_once(outcome):
    dropped = [drop.record_id for step in FUNNEL for drop in outcome.drops[step]]
    kept = [page.record_id for page in outcome.pages["curate"]]
    assert len(dropped) + len(kept) == len(outcome.truth)
    assert not set(dropped) & set(kept)
    assert max(Counter(dropped + kept).values()) == 1


def test_no_page_with_a_formula_is_lost_by_the_prefilter(outcome):
    usable = {
        url
        for url, row in outcome.truth.items()
        if row["formats"] and row["status"] == 200 and not row.get("truncated")
    }
    seen = {page.url for page in outcome.pages["crawl"]}
    assert usable - seen == set()


def test_every_formula_source_reaches_the_text(outcome):
    emitted = Counter[str]()
    for page in outcome.pages["crawl"]:
        for count in page.formula_counts:
            emitted[count.source] += count.emitted
    assert {source for source in FormulaSource if not emitted[source]} == set()


def test_kept_pages_are_english_mathematics(outcome):
    kinds = Counter(outcome.truth[page.url]["kind"] for page in outcome.pages["curate"])
    assert kinds["math"] / kinds.total() >= 0.9
    assert {outcome.truth[page.url]["language"] for page in outcome.pages["curate"]} == {"en"}


def test_pages_of_hosts_the_seed_never_saw_are_kept_too(outcome):
    seed_hosts = {url.split("/")[2] for url in outcome.seed}
    unseen = [
        url
        for url, row in outcome.truth.items()
        if row["kind"] == "math" and row["formats"] and row["language"] == "en" and row["status"] == 200
        and url.split("/")[2] not in seed_hosts and not row["copy_of"] and not row.get("contains")
        and not row.get("note")
    ]  # fmt: skip
    kept = [url for url in unseen if outcome.reason(url) == "kept"]
    assert len(unseen) >= 8
    assert len(kept) / len(unseen) >= 0.8


def test_plain_text_mathematics_without_any_formula_is_kept(outcome):
    plain = [
        url
        for url, row in outcome.truth.items()
        if row["kind"] == "math" and not row["formats"] and row["language"] == "en" and row["status"] == 200
        and not row["copy_of"] and not row.get("contains") and not row.get("note")
    ]  # fmt: skip
    originals = {row["copy_of"] for row in outcome.truth.values()}
    kept = [url for url in plain if outcome.reason(url) == "kept" or url in originals]
    assert len(plain) >= 30
    assert len(kept) / len(plain) >= 0.9


def test_of_a_planted_copy_and_its_original_at_most_one_is_kept(outcome):
    kept = {page.url for page in outcome.pages["curate"]}
    pairs = [(url, row["copy_of"]) for url, row in outcome.truth.items() if row["copy_of"]]
    assert len(pairs) == 9
    assert [pair for pair in pairs if set(pair) <= kept] == []


def test_pages_that_hold_a_benchmark_item_are_removed(outcome):
    holders = [url for url, row in outcome.truth.items() if row.get("contains")]
    assert len(holders) == 3
    assert [outcome.reason(url) for url in holders if outcome.reason(url) == "kept"] == []
    contaminated = [drop.url for drop in outcome.drops["decontaminate"]]
    assert set(contaminated) <= set(holders)
    assert contaminated


def test_awkward_responses_cost_one_row_each(outcome):
    expected = {
        "not HTML",
        "body cut by the crawl",
        "empty body",
        "error page",
        "redirect",
        "5,000 elements one in another",
    }
    awkward = {row["note"]: url for url, row in outcome.truth.items() if row.get("note") in expected}
    assert set(awkward) == expected
    dropped_by = Counter(drop.url for step in FUNNEL for drop in outcome.drops[step])
    assert {note: dropped_by[url] for note, url in awkward.items()} == dict.fromkeys(expected, 1)


def test_the_certificate_names_the_benchmark_and_what_was_found(outcome):
    (path,) = (outcome.folder / "steps" / "certificate").glob("files-*/certificate.json")
    (benchmark,) = json.loads(path.read_text())["benchmarks"]
    assert benchmark["benchmark"] == "benchmark"
    assert benchmark["items"] == 20


def test_every_published_file_digests_to_its_manifest(outcome):
    assert verify_digests(outcome.folder) == []


def test_curated_pages_lie_together_by_host_best_first(outcome):
    shards = sorted((outcome.folder / "steps" / "curate").glob("shard-*.parquet"))
    hosts_of = [[page.host for page in read_records(shard, Page)] for shard in shards]
    assert all(hosts == sorted(hosts) for hosts in hosts_of)
    assert max(Counter(host for hosts in hosts_of for host in set(hosts)).values()) == 1


def test_problems_are_mined_from_curated_pages_and_no_benchmark_item_is_among_them(outcome):
    folder = outcome.folder / "steps" / "problems"
    problems = [row for shard in sorted(folder.glob("shard-*.parquet")) for row in read_records(shard, Problem)]
    kept = {page.url for page in outcome.pages["curate"]}
    assert len(problems) >= 8
    assert {problem.origin.split("#")[0] for problem in problems} <= kept
    assert len({problem.problem_id for problem in problems}) == len(problems)
    [apples] = [problem for problem in problems if problem.question.startswith("A shop sells apples at 3 for 2")]
    assert apples.origin.endswith("#item 2")


def test_a_page_is_explained_to_its_end_whether_or_not_problems_were_mined_from_it(outcome):
    mined = outcome._records("mine", "drops", Drop)
    without = next(drop.url for drop in mined if drop.reason == "no-problems")
    explanation = explain(outcome.folder, without, FUNNEL)
    assert explanation.fate is Fate.KEPT
    assert [step.step for step in explanation.records[0].steps] == list(FUNNEL)
