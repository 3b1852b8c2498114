"""Which proposals are taken: a person's lines in `prefixes.jsonl` first, then the rule, and who still has to say.

In: proposals, the file, and what stood before. Out: `Decided`, kept in the round's folder: a round that went on with
decisions keeps them when it is run again, so that a line written later counts from the next round on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.manifest import digest_of
from mathpipe.core.prefix_decisions import Decision, decision_for, read_lines
from mathpipe.core.store import fsync_folder
from mathpipe.recall.config import DecideConfig, Decisions, of_round
from mathpipe.recall.judging import JudgeConfig
from mathpipe.recall.proposals import Proposal

DECIDED_FILE = "decided.json"


class Decided(Config):
    """The prefixes that stand after a round; `waiting` are proposals that nobody decided."""

    basis: str  # digest of the proposals, the rule, and what stood before
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    by_rule: tuple[str, ...] = ()  # of the accepted ones

    def standing(self, config: JudgeConfig) -> JudgeConfig:
        """The judging config with these prefixes."""
        return config.model_copy(update={"accepted": self.accepted, "refused": self.refused})


def decide(
    proposals: Sequence[Proposal], before: JudgeConfig, file: Path, config: DecideConfig, number: int
) -> Decided:
    """Decide a round's proposals."""
    said = {_https(line.prefix): line.decision for line in read_lines(file)}
    stands = before.decisions() | said
    limit = of_round(config.auto_share, number)
    by_rule: list[str] = []
    waiting: list[str] = []
    for proposal in proposals:
        if decision_for(proposal.record_id, stands) is not None:
            continue
        taken = config.by is Decisions.AUTO and proposal.share > limit
        (by_rule if taken else waiting).append(proposal.record_id)
    stands |= dict.fromkeys(by_rule, Decision.ACCEPT)
    return Decided(
        basis=_basis(proposals, before, config, number),
        accepted=_of(stands, Decision.ACCEPT),
        refused=_of(stands, Decision.REFUSE),
        waiting=tuple(waiting),
        by_rule=tuple(sorted(by_rule)),
    )


def kept_decisions(
    folder: Path, proposals: Sequence[Proposal], before: JudgeConfig, config: DecideConfig, number: int
) -> Decided | None:
    """What this round went on with before, where it was decided on the same grounds."""
    try:
        found = Decided.model_validate(json.loads((folder / DECIDED_FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError) as error:
        raise InputError(
            str(folder / DECIDED_FILE), f"the decisions of a round ({error})", "delete it and run again"
        ) from None
    return found if found.basis == _basis(proposals, before, config, number) else None


def keep_decisions(folder: Path, decided: Decided) -> None:
    """Write them for good: from here on the round is one that went on."""
    path = folder / DECIDED_FILE
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(decided.model_dump(mode="json"), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    fsync_folder(folder)


def _basis(proposals: Sequence[Proposal], before: JudgeConfig, config: DecideConfig, number: int) -> str:
    rule = f"{config.by.value} {of_round(config.auto_share, number)}"
    return digest_of(rule, *(f"{item.record_id} {item.share}" for item in proposals), before.model_dump_json())


def _of(stands: dict[str, Decision], decision: Decision) -> tuple[str, ...]:
    return tuple(sorted(prefix for prefix, said in stands.items() if said is decision))


def _https(prefix: str) -> str:
    return f"https://{prefix.removeprefix('http://')}" if prefix.startswith("http://") else prefix
