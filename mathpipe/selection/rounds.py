"""Expert iteration's data side: which problems the next round samples again, with which seed, how this one went.

In: a selection, and the records of the rounds before. Out: problems not yet solved reliably, the next round's seed,
and a record of this round. The loop (ReST-EM, Singh et al., arXiv 2312.06585): sample with the model of the last
round, keep what is verified, train, sample again; training itself is `rl`'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem
from mathpipe.selection.records import AnswerSource, ProblemResult, Selection


class RoundConfig(Config):
    """When a problem needs no more samples."""

    reliable: float = Field(default=0.9, gt=0, le=1)  # pass rate from which on a problem counts as solved reliably
    min_judged: int = Field(default=4, ge=1)  # judged samples, below which no pass rate is reliable
    seed: int = 0  # `GenerationConfig.seed` of the first round; each round adds one, so no request comes twice


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundRecord:
    """One round. `new` lists the problems that no round before had solved."""

    number: int
    seed: int  # of this round's generation
    models: list[str]
    problems: int
    judged: int  # problems with at least one judged sample
    samples: int
    solved: int  # problems with at least one right sample
    solved_share: float  # of the judged problems
    reliable: int
    kept: int  # rows of the SFT set
    solved_ever: int
    new: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NextRound:
    """What to sample next, with which `GenerationConfig.seed`."""

    problems: list[Problem]
    seed: int
    record: RoundRecord


def next_round(
    selection: Selection, history: Sequence[RoundRecord] = (), config: RoundConfig | None = None
) -> NextRound:
    """Problems not solved reliably, in their order. A majority's vote solves nothing: it may agree on an error."""
    chosen = config or RoundConfig()
    results = selection.results
    samples = [one.sample for result in results for one in result.judgements]
    before = {name for record in history for name in record.new}
    solved = [result.problem.problem_id for result in results if _is_solved(result)]
    judged = sum(_is_verified(result) for result in results)
    number = len(history)
    new = [name for name in solved if name not in before]
    record = RoundRecord(
        number=number,
        seed=chosen.seed + number,
        models=sorted({sample.model for sample in samples}),
        problems=len(results),
        judged=judged,
        samples=len(samples),
        solved=len(solved),
        solved_share=len(solved) / judged if judged else 0.0,
        reliable=sum(is_reliable(result, chosen) for result in results),
        kept=len(selection.kept),
        solved_ever=len(before) + len(new),
        new=new,
    )
    unsolved = [one.problem for one in results if not is_reliable(one, chosen)]
    return NextRound(unsolved, chosen.seed + number + 1, record)


def _is_verified(result: ProblemResult) -> bool:
    return result.source is AnswerSource.REFERENCE and result.judged > 0


def _is_solved(result: ProblemResult) -> bool:
    return _is_verified(result) and result.solved > 0


def is_reliable(result: ProblemResult, config: RoundConfig) -> bool:
    """Whether enough of enough samples were right."""
    rate = result.pass_rate
    return (
        _is_verified(result) and rate is not None and result.judged >= config.min_judged and rate >= config.reliable
    )


def read_rounds(path: Path) -> list[RoundRecord]:
    """The rounds so far; none where the file is not there. Raises `InputError` for a line that is no record."""
    if not path.is_file():
        return []
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(RoundRecord(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}: line {number}", f"a round's record ({error})", "restore the file") from None
    return records


def write_round(path: Path, record: RoundRecord) -> None:
    """Set the round's record: added at the end, or in place of the one a repeated round left, with those after it."""
    kept = [one for one in read_rounds(path) if one.number < record.number]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".tmp")
    text = "".join(json.dumps(asdict(one)) + "\n" for one in [*kept, record])
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
