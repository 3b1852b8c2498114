"""All values of a recall loop; each stage's own lie beside the stage."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, NonNegativeInt

from crawl.ngrams import NgramConfig
from crawl.remote import FetchConfig
from crawl.seed import SeedConfig
from crawl.stage import CrawlConfig
from filters.ranked_budget import BudgetConfig
from filters.score_pages import ScorePagesConfig
from filters.training import TrainClassifierConfig
from mathpipe.core.config import Config, OutputFolder
from mathpipe.core.executor import RunnerConfig
from mathpipe.recall.hit_rates import HitRateConfig
from mathpipe.recall.judging import PlacesConfig
from mathpipe.recall.proposals import ProposalConfig

Share = Annotated[float, Field(ge=0, le=1)]


class Decisions(StrEnum):
    """Who accepts prefixes. A person's decision in `prefixes.jsonl` counts before the rule's either way."""

    AUTO = "auto"
    ASK = "ask"


class DecideConfig(Config):
    """How proposals are decided."""

    by: Decisions = Decisions.AUTO
    # The rule takes a proposal whose share of hits is above this; a value a round, the last for all that follow. The
    # first classifier knows the seed's hosts alone and is asked for clear cases; then it is the recipe's tenth.
    auto_share: tuple[Share, ...] = Field(default=(0.3, 0.1), min_length=1)
    # What the rule took it gives back, for good, in a later round whose classifier finds no more than this share of
    # its pages likely: the first classifier knows three hosts and errs, one that has seen more errs less.
    keep_share: Share = 0.1


class LearnConfig(Config):
    """What the loop's own labels are, see `new_seed`."""

    other_share: float = Field(
        default=0.1, ge=0, le=1, description="Pages of hosts with at most these hits are other"
    )
    others_per_math: float = Field(default=1.0, ge=0, description="Of those, so many a page that is labelled math")
    min_prefix_score: float = Field(default=0.0, ge=0, le=1, description="Below it no page is taken for its prefix")
    must_show: bool = Field(
        default=False, description="For its prefix a page is taken only if it shows formulas or mathematical words"
    )


class RecallConfig(Config):
    """A whole loop: pages, first seed, budgets, rules, and when it ends."""

    name: str = Field(pattern=r"^[\w.-]+$")  # the loop's folder below `output`
    output: OutputFolder = Path("data/recall")
    sources: list[str] = Field(description="WARC files, globs, addresses or a snapshot: the pages that are scored")
    index: list[str] | None = Field(default=None, description="Index to fetch by; None: one is made of the sources")
    seed: SeedConfig
    seed_sources: list[str] | None = None  # WARCs that hold the labelled pages; None: the sources
    ngrams: NgramConfig = NgramConfig()
    crawl: CrawlConfig = CrawlConfig()
    unfiltered_share: float = Field(
        default=1.0, ge=0, le=1, description="Of the pages that the prefilter passes over, scored nevertheless"
    )
    fetch: FetchConfig = FetchConfig()
    classifier: TrainClassifierConfig = TrainClassifierConfig()
    score: ScorePagesConfig = ScorePagesConfig()
    budget: BudgetConfig = BudgetConfig()
    # Tokens of each round's budget, the last for all that follow; empty: those of `budget` for every round.
    budget_tokens: tuple[NonNegativeInt, ...] = ()
    places: PlacesConfig = PlacesConfig()
    hit_rates: HitRateConfig = HitRateConfig()
    proposals: ProposalConfig = ProposalConfig()
    decide: DecideConfig = DecideConfig()
    learn: LearnConfig = LearnConfig()
    report_folds: int = Field(default=3, ge=0, description="Parts of hosts held out in turn; 0: no report")
    rounds: int = Field(default=4, ge=1)
    stop_share: float = Field(default=0.98, gt=0, le=1, description="Ends when so much was collected a round before")
    runner: RunnerConfig = RunnerConfig()


def of_round(values: tuple[float, ...], number: int) -> float:
    """The value of a round, counted from 1; the last one stands for all that follow."""
    return values[min(number, len(values)) - 1]
