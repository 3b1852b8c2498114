"""What selection keeps: values only.

The bands follow rejection sampling as it is practised (Yuan et al., arXiv 2308.01825: distinct reasoning paths;
Tong et al., DART-Math, arXiv 2407.13690: without a cap easy problems fill the set): hard problems may give many
solutions, easy ones few.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mathpipe.core.config import Config
from mathpipe.selection.records import Layout


class Band(Config):
    """Problems whose pass rate p has `above` < p <= `up_to` give at most `cap` solutions each."""

    above: float = Field(ge=0, le=1)
    up_to: float = Field(ge=0, le=1)
    cap: int = Field(ge=0)

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        if self.above >= self.up_to:
            raise ValueError("above must be less than up_to")
        return self


class SelectionConfig(Config):
    """How samples are judged, which are kept, and how many."""

    # A problem that no sample solved has nothing to keep; for one that all solved see `always_solved_cap`.
    bands: tuple[Band, ...] = (
        Band(above=0, up_to=0.25, cap=8),
        Band(above=0.25, up_to=0.75, cap=4),
        Band(above=0.75, up_to=1, cap=2),
    )
    always_solved_cap: int = Field(default=0, ge=0)  # solutions of a problem with pass rate 1, in place of its band's
    min_judged: int = Field(default=2, ge=1)  # samples with a judgement, below which a pass rate says nothing
    guards: bool = True  # refuse what games the verifier (`verify.rewards.GUARDS`)

    # Two solutions reason alike where this share of their word triples is common and they use the same numbers.
    near_equal: float = Field(default=0.8, gt=0, le=1)

    pairs_per_problem: int = Field(default=4, ge=0)

    # Where no reference is known, the class of equal answers with the most votes stands in for it. A tie elects none.
    majority: bool = True
    majority_min_share: float = Field(default=0.5, gt=0, le=1)  # of all samples of the problem, silent ones included
    majority_min_votes: int = Field(default=3, ge=1)
    majority_in: frozenset[Layout] = frozenset({Layout.SFT})  # a false reference hurts pairs and rewards most

    grpo_never_solved: bool = False  # problems with pass rate 0: no gradient until one sample is right
    grpo_always_solved: bool = False  # problems with pass rate 1: no gradient at all

    refused_splits: frozenset[str] = frozenset({"test"})  # problems that must never reach a training set
