"""The recall loop from a seed of 200 pages of three hosts, measured on the hosts that the seed never saw.

    python -m benchmarks.recall_loop [--quick] [--keep FOLDER] [--every-seed]

Reads `web/` of MATHPIPE_SHARED_DATA. The seed is 200 labelled pages, a third of each host, chosen by a hash of the
address. The hosts are those of a rule: the one with the most pages of mathematics, and the two with the most English
pages of anything else. `--every-seed` adds seeds of other hosts, so that every host of mathematics is unseen in
one; `--quick` runs two rounds. The loop is given the addresses and labels of those 200 pages and no others: labels of
all other pages are read here, after it has ended.

Counted are pages labelled `math` and `other` on hosts without a seed page; `mixed` sources and the planted copies are
left out. A page labelled math that could not be extracted counts as missed. Labels are those of a page's source, so a
manual's contents list is mathematics: the lines "by eye" count the pages that were judged by eye instead, those of
the mixed sources left out as well. `floor` is what `learn.min_prefix_score` would leave, `must show` what
`learn.must_show` would. The challenge pages (LaTeX on other subjects, mathematics without LaTeX) are put to each
round's classifier.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from benchmarks.web_pages import REPOSITORY, judgements, labels, web_folder
from crawl.seed import SeedConfig
from filters.classifier import MODEL_FILE, MathClassifier
from filters.fasttext_training import FastTextSettings
from filters.training import TrainClassifierConfig
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.store import read_records
from mathpipe.recall.config import RecallConfig
from mathpipe.recall.judging import JudgedPage
from mathpipe.recall.round_report import round_table
from mathpipe.recall.rounds import RecallLoop, round_name

CHALLENGE = REPOSITORY / "tests" / "cases" / "classifier" / "challenge.jsonl"
SEED_PAGES = 200
RULE = ("doc.sagemath.example", "postgresql.example", "docs.python.example")
OTHERS = (
    ("docs.gap-system.example", "docs.sympy.example", "postgresql.example"),
    ("maxima.example", "docs.python.example", "news.example"),
    ("lilianweng.example", "git-scm.example", "docs.python.example"),
    ("lilianweng.example", "docs.sympy.example", "git-scm.example"),  # Git's manual the one other: a poor seed
)
SMALL = FastTextSettings(dim=64, bucket=200_000)
ROUNDS = 4
_HEAD = f"{'':34s}{'recall':>8s}{'precision':>11s}{'F1':>8s}{'found':>7s}{'right':>7s}{'math':>6s}"


@dataclass(frozen=True, slots=True)
class Score:
    """Pages found, of them right, and all that were to be found."""

    found: int
    right: int
    wanted: int

    def __str__(self) -> str:
        recall, precision = self.right / max(1, self.wanted), self.right / max(1, self.found)
        f1 = 2 * self.right / max(1, self.found + self.wanted)
        return f"{recall:8.3f}{precision:11.3f}{f1:8.3f}{self.found:7d}{self.right:7d}{self.wanted:6d}"


def host_of(row: dict[str, str]) -> str:
    return urlsplit(row["url"]).hostname or ""


def seed_rows(rows: Sequence[dict[str, str]], hosts: Sequence[str]) -> list[dict[str, str]]:
    """200 labelled pages of the hosts, as even as can be."""
    chosen: list[dict[str, str]] = []
    for number, host in enumerate(hosts):
        own = [row for row in rows if host_of(row) == host and row["kind"] != "mixed"]
        count = SEED_PAGES // len(hosts) + (number < SEED_PAGES % len(hosts))
        chosen += sorted(own, key=lambda row: blake2b(row["url"].encode()).digest())[:count]
    return chosen


def loop_of(web: Path, hosts: Sequence[str], rows: Sequence[dict[str, str]], folder: Path, rounds: int) -> RecallLoop:
    """The loop, with a label file that holds the seed's pages and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    name = "-".join(host.removesuffix(".example") for host in hosts)
    seed = folder / f"seed-{name}.jsonl"
    lines = (json.dumps({"url": row["url"], "kind": row["kind"]}) for row in seed_rows(rows, hosts))
    seed.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    config = RecallConfig(
        name=name,
        output=folder,
        sources=[str(web / "*.warc.gz")],
        seed=SeedConfig(labels=(seed,)),
        classifier=TrainClassifierConfig(fasttext=SMALL),
        rounds=rounds,
        runner=RunnerConfig(mode=Mode.INLINE),
    )
    return RecallLoop(config, lambda _: None, lambda report: print(f"  round {report.round} done", flush=True))


def measure(
    pages: Sequence[JudgedPage], takes: Callable[[JudgedPage], bool], truth: dict[str, bool], seen: Sequence[str]
) -> Score:
    """The score over the addresses of `truth` on hosts without a seed page."""
    wanted = {url for url, math in truth.items() if math and urlsplit(url).hostname not in seen}
    found = {page.url for page in pages if takes(page) and page.url in truth and page.host not in seen}
    return Score(len(found), len(found & wanted), len(wanted))


def print_rounds(loop: RecallLoop, count: int, hosts: Sequence[str], rows: Sequence[dict[str, str]]) -> None:
    """A line a round and way of taking pages."""
    truth = {row["url"]: row["kind"] == "math" for row in rows if row["kind"] != "mixed"}
    by_eye = {row.url: row.verdict != "other" for row in judgements() if row.url in truth}
    print(_HEAD)
    pages: list[JudgedPage] = []
    ways: dict[str, Callable[[JudgedPage], bool]] = {
        "classifier, score ≥ 0.5": lambda page: page.score >= 0.5,
        "above the cut": lambda page: page.hit,
        "collected": lambda page: page.collected,
    }
    for number in range(1, count + 1):
        shards = sorted((loop.folder / round_name(number) / "steps" / "judged").glob("shard-*.parquet"))
        pages = [page for shard in shards for page in read_records(shard, JudgedPage)]
        for way, takes in ways.items():
            print(f"round {number}  {way:24s}  {measure(pages, takes, truth, hosts)}")
    narrower = {f"floor {floor}": _with_floor(floor) for floor in (0.0, 0.1, 0.3, 0.5)}
    narrower["must show"] = lambda page: page.collected and (page.hit or page.shows)
    for name, takes in narrower.items():
        print(f"{f'last round, {name}':34s}{measure(pages, takes, truth, hosts)}")
        print(f"{'  the same, by eye':34s}{measure(pages, takes, by_eye, hosts)}")
    for host in sorted({page.host for page in pages} - set(hosts)):
        of_host = {url: math for url, math in truth.items() if urlsplit(url).hostname == host}
        if of_host:
            print(f"  {host:32s}{measure(pages, ways['collected'], of_host, hosts)}")


def _with_floor(floor: float) -> Callable[[JudgedPage], bool]:
    return lambda page: page.collected and (page.hit or page.score >= floor)


def print_challenge(loop: RecallLoop, count: int) -> None:
    """How many challenge pages each round's classifier puts on their side."""
    entries = [json.loads(line) for line in CHALLENGE.read_text(encoding="utf-8").splitlines()]
    for number in range(1, count + 1):
        file = loop.folder / round_name(number) / "steps" / "classifier" / "files-00000" / MODEL_FILE
        scores = MathClassifier.load(file).score([entry["text"] for entry in entries])
        wrong = [
            f"{entry['name']} {score:.2f}"
            for entry, score in zip(entries, scores, strict=True)
            if (score >= 0.5) != (entry["label"] == "math")
        ]
        right = f"{len(entries) - len(wrong)} of {len(entries)}"
        print(f"round {number}: {right} challenge pages on their side {wrong or ''}")


def main() -> int:
    """Print the tables; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--every-seed", action="store_true", help="seeds of other hosts too")
    parser.add_argument("--keep", type=Path, help="folder for the loops; run again, it goes on there")
    arguments = parser.parse_args()
    web = web_folder()
    if web is None:
        print("skipped: the data folder is missing; set MATHPIPE_SHARED_DATA to it")
        return 0
    rows = labels(web)
    with tempfile.TemporaryDirectory() as temporary:
        for hosts in (RULE, *OTHERS) if arguments.every_seed else (RULE,):
            print(f"\nseed: {SEED_PAGES} pages of {', '.join(hosts)}", flush=True)
            folder = arguments.keep or Path(temporary)
            loop = loop_of(web, hosts, rows, folder, 2 if arguments.quick else ROUNDS)
            outcome = loop.run()
            Console(width=180).print(round_table(outcome.rounds))
            print(f"ended by: {outcome.end}")
            print_rounds(loop, len(outcome.rounds), hosts, rows)
            print_challenge(loop, len(outcome.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
