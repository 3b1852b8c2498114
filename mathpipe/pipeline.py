"""Every stage in order, one line each: READ THIS FIRST.

In: a `PipelineConfig` (YAML, `configs/`). Out: the steps that the runner runs, and the funnel the report shows.

    seed ─▶ ngrams ───────────────┐                benchmark_index ──────┐
      └───▶ classifier ───────────┼──────────┐                           │
    WARCs ─▶ crawl ─▶ language ─▶ quality ─▶ classify ─▶ deduplicate ─▶ decontaminate ─▶ curate ─▶ mine ─▶ problems
                                                 └▶ keys ─▶ matches ─▶ clusters ┘     └▶ certificate

`curate` leaves the pages, `problems` what they ask: shards of `Problem` that `mathpipe generate` takes as
`problems.path`. What finds it more pages to read is `mathpipe.recall`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from crawl.ngrams import MineNgramsStage, NgramConfig
from crawl.remote import FetchConfig
from crawl.seed import SeedConfig, SeedReader, SeedStage
from crawl.stage import CrawlConfig, CrawlStage
from crawl.warc import PageReader, expand_sources
from filters.benchmark_index import IndexConfig
from filters.benchmark_items import BenchmarkItem, read_benchmark
from filters.build_benchmark_index import BuildBenchmarkIndexStage
from filters.certificate import BenchmarkCertificate, CertificateConfig
from filters.certificate_sample import CertificateSampleStage, ShardRanks, ShardSample
from filters.certificate_stage import CertificateStage
from filters.classify import ClassifyConfig, ClassifyStage
from filters.clusters import ClustersStage, Membership
from filters.curate import CurateConfig, CurateStage, host_partition
from filters.decontaminate import REMOVED_FILE, DecontaminateConfig, DecontaminateStage
from filters.decontaminate_problems import (
    DecontaminateProblemsConfig,
    DecontaminateProblemsStage,
    question_partition,
)
from filters.deduplicate import DeduplicateConfig, DeduplicateStage
from filters.duplicate_keys import DuplicateKey, KeysStage, partition_of
from filters.duplicate_matches import Match, MatchesConfig, MatchesStage
from filters.language import LanguageConfig, LanguageStage
from filters.quality import QualityConfig, QualityStage
from filters.training import TrainClassifierConfig, TrainClassifierStage
from mathpipe.core.config import Config, OutputFolder
from mathpipe.core.executor import RunnerConfig
from mathpipe.core.records import Page, Problem, RawPage, SeedPage
from mathpipe.core.step import Files, Gather, Step
from mathpipe.generate.mining import MineConfig, MineStage
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL

# The steps that a page goes through, for the report's funnel; what is mined from it is no page any more.
FUNNEL = DEFAULT_FUNNEL


class PipelineConfig(Config):
    """A whole run: where pages come from, what is protected, and each stage's own values."""

    name: str = Field(pattern=r"^[\w.-]+$")  # the run's folder below `output`
    output: OutputFolder = Path("data/runs")
    sources: list[str]  # WARC files, globs, addresses, or a crawl by name: CC-MAIN-2026-04[:100]
    fetch: FetchConfig = FetchConfig()  # how remote ones are had
    benchmarks: list[str]  # files or globs of the benchmarks to protect
    seed: SeedConfig
    seed_sources: list[str] | None = None  # WARCs that hold the labelled pages; None: the sources
    ngrams: NgramConfig = NgramConfig()
    crawl: CrawlConfig = CrawlConfig()
    language: LanguageConfig = LanguageConfig()
    quality: QualityConfig = QualityConfig()
    classifier: TrainClassifierConfig = TrainClassifierConfig()
    classify: ClassifyConfig = ClassifyConfig()
    duplicates: MatchesConfig = MatchesConfig()
    duplicate_partitions: int = Field(default=4, ge=1)  # more spread the memory of near-duplicate search thinner
    deduplicate: DeduplicateConfig = DeduplicateConfig()
    benchmark_index: IndexConfig = IndexConfig()
    decontaminate: DecontaminateConfig = DecontaminateConfig()
    certificate: CertificateConfig = CertificateConfig()
    curate: CurateConfig = CurateConfig()
    mine: MineConfig = MineConfig()
    problems: DecontaminateProblemsConfig = DecontaminateProblemsConfig()
    problem_shards: int = Field(default=1, ge=1)
    runner: RunnerConfig = RunnerConfig()


def steps_of(config: PipelineConfig) -> list[Step]:
    """The steps of a run, in order. Raises `InputError` where a glob matches nothing."""
    c = config
    warcs = Files(tuple(expand_sources(c.sources, c.fetch)), PageReader(c.fetch))
    labels = tuple(str(path) for path in c.seed.labels)
    seeds = Files((*expand_sources(c.seed_sources or c.sources, c.fetch), *labels), SeedReader(c.fetch))
    benchmarks = Files(tuple(expand_sources(c.benchmarks)), read_benchmark)
    keys, hosts = Gather(c.duplicate_partitions, partition_of), Gather(c.curate.shards, host_partition)
    one, questions = Gather(), Gather(c.problem_shards, question_partition)
    # fmt: off
    return [
        Step("seed", SeedStage, c.seed, seeds, RawPage, SeedPage),
        Step("ngrams", MineNgramsStage, c.ngrams, "seed", SeedPage, SeedPage, gather=one),
        Step("classifier", TrainClassifierStage, c.classifier, "seed", SeedPage, SeedPage, gather=one),
        Step("crawl", CrawlStage, c.crawl, warcs, RawPage, Page, sides=("ngrams",)),
        Step("language", LanguageStage, c.language, "crawl", Page, Page),
        Step("quality", QualityStage, c.quality, "language", Page, Page),
        Step("classify", ClassifyStage, c.classify, "quality", Page, Page, sides=("classifier",)),
        Step("keys", KeysStage, c.duplicates, "classify", Page, DuplicateKey),
        Step("matches", MatchesStage, c.duplicates, "keys", DuplicateKey, Match, gather=keys),
        Step("clusters", ClustersStage, c.duplicates, "matches", Match, Membership, gather=one),
        Step("deduplicate", DeduplicateStage, c.deduplicate, "classify", Page, Page, sides=("clusters",)),
        Step("benchmark_index", BuildBenchmarkIndexStage, c.benchmark_index, benchmarks, BenchmarkItem,
             BenchmarkItem, gather=one),
        Step("decontaminate", DecontaminateStage, c.decontaminate, "deduplicate", Page, Page,
             sides=("benchmark_index",)),
        Step("certificate_sample", CertificateSampleStage, c.certificate, "deduplicate", Page, ShardSample),
        Step("certificate", CertificateStage, c.certificate, "certificate_sample", ShardRanks, BenchmarkCertificate,
             sides=("certificate_sample", "benchmark_index", f"decontaminate/{REMOVED_FILE}"), gather=one),
        Step("curate", CurateStage, c.curate, "decontaminate", Page, Page, gather=hosts),
        Step("mine", MineStage, c.mine, "curate", Page, Problem),
        Step("problems", DecontaminateProblemsStage, c.problems, "mine", Problem, Problem,
             sides=("benchmark_index",), gather=questions),
    ]
    # fmt: on
