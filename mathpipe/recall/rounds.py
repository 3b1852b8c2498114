"""The loop: seed → train → score all pages → hit rates → proposals → decisions → fetch → new seed, and again.

In: a `RecallConfig`. Out, in `output/name`:

    prefixes.jsonl                  what a person decided (written by hand or by the browser; read only here)
    pages/                          the first seed and all pages: a run folder
    round-01/ round-02/ …           a run folder each, with domains.parquet, decided.json and round.json

Method: DeepSeekMath's corpus collection (arXiv 2402.03300, section 2.1). Killed anywhere and run again it goes on
where it was; the shards come out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from mathpipe.core.manifest import Manifest
from mathpipe.core.prefix_decisions import FILE_NAME
from mathpipe.core.runner import Runner
from mathpipe.core.step import Step
from mathpipe.core.store import read_records
from mathpipe.recall.config import Decisions, RecallConfig
from mathpipe.recall.deciding import Decided, Grounds, decide, keep_decisions, kept_decisions
from mathpipe.recall.judging import JudgeConfig
from mathpipe.recall.proposals import Proposal, reading_order
from mathpipe.recall.rate_table import likely_shares, others_rate, write_table
from mathpipe.recall.round_report import RoundReport, write_report
from mathpipe.recall.steps import PAGES_FOLDER, Held, steps_once, steps_to_learn, steps_to_propose

T = TypeVar("T")


class End(StrEnum):
    """Why the loop ended, or stands still."""

    STOP_RULE = "stop rule"  # nearly all was collected a round before
    ROUNDS = "rounds"  # as many as were asked for
    WAITING = "waiting"  # for a person to decide


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rounds so far, why there are no more, and the proposals that wait."""

    end: End
    rounds: tuple[RoundReport, ...]
    waiting: tuple[Proposal, ...]


class RecallLoop:
    """One loop and its folder."""

    def __init__(
        self, config: RecallConfig, say: Callable[[str], None], after_round: Callable[[RoundReport], None]
    ) -> None:
        self.config = config
        self.folder = config.output / config.name
        self._say = say
        self._after_round = after_round

    def run(self) -> Outcome:
        """Go on until the stop rule, the number of rounds, or a decision that only a person can take."""
        held = self.start()
        first_seed = held.seed
        before = Decided()
        reports: list[RoundReport] = []
        while True:
            number = len(reports) + 1
            steps = steps_to_propose(self.config, number, held, self._standing(before))
            self._run(round_name(number), steps)
            proposals = sorted(self._records(number, "proposals", Proposal), key=reading_order)
            table = write_table(self.folder / round_name(number), self._shards(round_name(number), "domains"))
            likely = likely_shares(table, before.by_rule)
            grounds = Grounds(number, self.config.decide, proposals, before, likely)
            kept = kept_decisions(self.folder / round_name(number), grounds)
            decided = kept or decide(grounds, self.folder / FILE_NAME)
            report = self._report(number, proposals, decided)
            end = self._end(report, decided, before, is_kept=kept is not None)
            if end is None:
                keep_decisions(self.folder / round_name(number), decided)
                new = sorted(set(decided.accepted) - set(before.accepted))
                held = self._go_on(number, steps, held, new, self._standing(decided), table, first_seed)
                before = decided
                report = self._report(number, proposals, decided)  # once more: fetching has its cost
            reports.append(report)
            self._after_round(report)
            if end is not None:
                waiting = tuple(item for item in proposals if item.record_id in set(decided.waiting))
                return Outcome(end, tuple(reports), waiting)

    def start(self) -> Held:
        """What all rounds share: the first seed and the pages."""
        self._run(PAGES_FOLDER, steps_once(self.config))
        return Held(self._shards(PAGES_FOLDER, "crawl"), self._shards(PAGES_FOLDER, "seed"))

    def _run(self, folder: str, steps: Sequence[Step]) -> None:
        Runner(self.folder / folder, steps, self.config.runner.below(folder), self._say).run(self.config)

    def _shards(self, folder: str, step: str) -> tuple[str, ...]:
        place = self.folder / folder / "steps" / step
        entries = sorted(Manifest(place).entries.items())
        names = [output.path for _, entry in entries for output in entry.outputs if output.path.startswith("shard-")]
        return tuple(str(place / name) for name in names)

    def _records(self, number: int, step: str, kind: type[T]) -> list[T]:
        shards = self._shards(round_name(number), step)
        return [record for shard in shards for record in read_records(Path(shard), kind)]

    def _standing(self, decided: Decided) -> JudgeConfig:
        config = self.config
        return JudgeConfig(
            accepted=decided.accepted,
            refused=decided.refused,
            min_prefix_score=config.learn.min_prefix_score,
            must_show=config.learn.must_show,
            likely_score=config.budget.min_score,
            places=config.places,
        )

    def _end(self, report: RoundReport, decided: Decided, before: Decided, *, is_kept: bool) -> End | None:
        gave_back = decided.given_back != before.given_back  # what is collected will change once more
        if report.overlap is not None and report.overlap >= self.config.stop_share and not gave_back:
            return End.STOP_RULE
        if report.round >= self.config.rounds:
            return End.ROUNDS
        said_nothing = (decided.accepted, decided.refused) == (before.accepted, before.refused)
        asks = self.config.decide.by is Decisions.ASK and not is_kept
        return End.WAITING if asks and decided.waiting and said_nothing else None

    def _go_on(
        self,
        number: int,
        steps: Sequence[Step],
        held: Held,
        new: Sequence[str],
        standing: JudgeConfig,
        table: Path,
        first_seed: tuple[str, ...],
    ) -> Held:
        """Fetch below the new prefixes and label; the pages and the seed of the next round."""
        more = steps_to_learn(self.config, held, standing, new, others_rate(table, standing, self.config.learn))
        self._run(round_name(number), [*steps, *more])
        names = [step.name for step in more]
        learnt = [
            shard for name in names if name.startswith("learn") for shard in self._shards(round_name(number), name)
        ]
        fetched = self._shards(round_name(number), "fetched") if "fetched" in names else ()
        return Held((*held.pages, *fetched), (*first_seed, *learnt))

    def _report(self, number: int, proposals: Sequence[Proposal], decided: Decided) -> RoundReport:
        before = self.folder / round_name(number - 1) if number > 1 else None
        return write_report(number, self.folder / round_name(number), before, proposals, decided)


def round_name(number: int) -> str:
    """Folder of a round."""
    return f"round-{number:02d}"
