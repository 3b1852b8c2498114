"""The steps of a loop, in order, one line each.

    once:     seed ─▶ ngrams ─▶ crawl          (and index, where none is given)
    a round:  classifier ─▶ scores ─▶ cut ─▶ judged ─▶ domains ─▶ proposals      report
              decisions ─▶ captures ─▶ fetched ─▶ learn  ─▶ classifier of the next round

Every round is a run folder of its own, so each step resumes as in any run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from crawl.archive import name_of
from crawl.common_crawl.zipnum import CLUSTER_FILE
from crawl.ngrams import MineNgramsStage
from crawl.seed import SeedReader, SeedStage
from crawl.snapshot import is_snapshot, snapshot_index
from crawl.warc import PageReader, expand_sources
from filters.classifier_report import ClassifierReportStage, ReportConfig, ReportRow
from filters.ranked_budget import BudgetConfig, BudgetCut, RankedBudgetStage
from filters.score_pages import PageScore, ScorePagesStage
from filters.training import TrainClassifierStage
from mathpipe.core.records import Page, RawPage, SeedPage
from mathpipe.core.step import Files, Gather, Step
from mathpipe.core.store import read_records
from mathpipe.recall.config import RecallConfig, of_round
from mathpipe.recall.crawling import ScoredPagesConfig, ScoredPagesStage
from mathpipe.recall.fetching import (
    INDEX_FILE,
    Archive,
    CaptureReader,
    CaptureRow,
    FetchStage,
    FetchStageConfig,
    IndexConfig,
    IndexStage,
    UnheldConfig,
    UnheldStage,
    read_archive,
)
from mathpipe.recall.hit_rates import HitRate, HitRateStage, domain_partition
from mathpipe.recall.judging import JudgeConfig, JudgedPage, JudgeStage
from mathpipe.recall.new_seed import NewSeedConfig, NewSeedStage
from mathpipe.recall.proposals import Proposal, ProposeConfig, ProposeStage

PAGES_FOLDER = "pages"


@dataclass(frozen=True, slots=True)
class Held:
    """Shards that a round starts from: pages, and the seed to learn from."""

    pages: tuple[str, ...]
    seed: tuple[str, ...]


def read_page_shard(path: str) -> Iterator[Page]:
    """The pages of a shard of this loop."""
    return read_records(Path(path), Page)


def read_seed_shard(path: str) -> Iterator[SeedPage]:
    """The seed pages of a shard of this loop."""
    return read_records(Path(path), SeedPage)


def steps_once(config: RecallConfig) -> list[Step]:
    """What all rounds share: the first seed and the pages that are scored."""
    c, reader = config, PageReader(config.fetch)
    warcs = expand_sources(c.sources, c.fetch)
    labels = tuple(str(path) for path in c.seed.labels)
    seed_warcs = expand_sources(c.seed_sources, c.fetch) if c.seed_sources else warcs
    seeds = Files((*seed_warcs, *labels), SeedReader(c.fetch))
    pages = ScoredPagesConfig(crawl=c.crawl, share=c.unfiltered_share)
    # fmt: off
    steps = [
        Step("seed", SeedStage, c.seed, seeds, RawPage, SeedPage),
        Step("ngrams", MineNgramsStage, c.ngrams, "seed", SeedPage, SeedPage, gather=Gather()),
        Step("crawl", ScoredPagesStage, pages, Files(tuple(warcs), reader), RawPage, Page, sides=("ngrams",)),
    ]
    if c.index is None:
        archives = Files(tuple(warcs), read_archive)
        index = IndexConfig(fetch=c.fetch)
        steps.append(Step("index", IndexStage, index, archives, Archive, Archive, gather=Gather()))
    # fmt: on
    return steps


def steps_to_propose(config: RecallConfig, number: int, held: Held, standing: JudgeConfig) -> list[Step]:
    """The first half of a round: from a seed to proposals."""
    c, one, domains = config, Gather(), Gather(config.hit_rates.partitions, domain_partition)
    seed, pages = Files(held.seed, read_seed_shard), Files(held.pages, read_page_shard)
    report = ReportConfig(classifier=c.classifier, folds=c.report_folds)
    ask = ProposeConfig(rule=c.proposals, decided=standing)
    # fmt: off
    return [
        Step("classifier", TrainClassifierStage, c.classifier, seed, SeedPage, SeedPage, gather=one),
        Step("report", ClassifierReportStage, report, seed, SeedPage, ReportRow, gather=one),
        Step("scores", ScorePagesStage, c.score, pages, Page, PageScore, sides=("classifier",)),
        Step("cut", RankedBudgetStage, _budget(c, number), "scores", PageScore, BudgetCut, gather=one),
        Step("judged", JudgeStage, standing, "scores", PageScore, JudgedPage, sides=("cut",)),
        Step("domains", HitRateStage, c.hit_rates, "judged", JudgedPage, HitRate, gather=domains),
        Step("proposals", ProposeStage, ask, "domains", HitRate, Proposal),
    ]
    # fmt: on


def steps_to_learn(
    config: RecallConfig, held: Held, standing: JudgeConfig, new: Sequence[str], other_rate: float
) -> list[Step]:
    """The second half: pages below the new prefixes, and what the next classifier learns from."""
    learn = NewSeedConfig(decided=standing, other_share=config.learn.other_share, other_rate=other_rate)
    fetch = FetchStageConfig(crawl=config.crawl, fetch=config.fetch)
    pages = Files(held.pages, read_page_shard)
    steps = [Step("learn", NewSeedStage, learn, pages, Page, SeedPage, sides=("judged", "domains"))]
    if new:
        unheld = UnheldConfig(decided=standing, new=tuple(new))
        captures = Files(_index_files(config), CaptureReader(tuple(new), config.fetch))
        steps = [
            Step("captures", UnheldStage, unheld, captures, CaptureRow, CaptureRow, sides=("judged",)),
            Step("fetched", FetchStage, fetch, "captures", CaptureRow, Page),
            *steps,
            Step("learn_fetched", NewSeedStage, learn, "fetched", Page, SeedPage),
        ]
    return steps


def _budget(config: RecallConfig, number: int) -> BudgetConfig:
    if not config.budget_tokens:
        return config.budget
    return config.budget.model_copy(update={"tokens": int(of_round(config.budget_tokens, number))})


def _index_files(config: RecallConfig) -> tuple[str, ...]:
    if config.index is None:
        made = config.output / config.name / PAGES_FOLDER / "steps" / "index" / "files-00000" / INDEX_FILE
        return (str(made),)
    files: list[str] = []
    for index in config.index:
        if is_snapshot(index):
            files += snapshot_index(index, config.fetch)
        else:
            found = expand_sources([index], config.fetch)
            files += [file for file in found if name_of(file) != CLUSTER_FILE] or found  # it tells of the others
    return tuple(dict.fromkeys(files))
