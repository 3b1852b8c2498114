"""Which proposals are taken: a person's lines in `prefixes.jsonl` first, then the rule, and who still has to say.

In: proposals, hit rates, the file, and what stood before. Out: `Decided`, kept in the round's folder: a round that
went on with decisions keeps them when it is run again, so that a line written later counts from the next round on.
What the rule took it examines again every round: a prefix of which the newest classifier finds hardly any page likely
is given back, and only a person can take it again. What a person decided stands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.manifest import digest_of
from mathpipe.core.prefix_decisions import Decision, decision_for, read_lines
from mathpipe.core.store import fsync_folder
from mathpipe.recall.config import DecideConfig, Decisions, of_round
from mathpipe.recall.proposals import Proposal

DECIDED_FILE = "decided.json"


class Decided(Config):
    """The prefixes that stand after a round; `waiting` are proposals that nobody decided."""

    basis: str = ""  # digest of the grounds
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    by_rule: tuple[str, ...] = ()  # of the accepted ones, in this round or before
    given_back: tuple[str, ...] = ()  # the rule took them once and takes them no more


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a round's decisions rest on, a person's lines apart."""

    number: int  # of the round, from 1
    rule: DecideConfig
    proposals: Sequence[Proposal]
    before: Decided
    likely: Mapping[str, float]  # of a prefix's pages the share that is likely, for prefixes that the rule took

    def basis(self) -> str:
        """A digest of all of it."""
        rule = f"{self.rule.by.value} {of_round(self.rule.auto_share, self.number)} {self.rule.keep_share}"
        proposed = (f"{item.record_id} {item.share}" for item in self.proposals)
        examined = (f"{prefix} {self.likely.get(prefix)}" for prefix in self.before.by_rule)
        return digest_of(rule, *proposed, *examined, self.before.model_dump_json())


def decide(grounds: Grounds, file: Path) -> Decided:
    """Examine what the rule took before, then decide the round's proposals."""
    rule, before = grounds.rule, grounds.before
    last = {_https(line.prefix): line.decision for line in read_lines(file)}
    said = {prefix: decision for prefix, decision in last.items() if decision is not Decision.WITHDRAW}
    rests = [prefix for prefix in before.by_rule if prefix not in said]
    fallen = {prefix for prefix in rests if grounds.likely.get(prefix, 1.0) <= rule.keep_share}
    given_back = fallen.union(before.given_back)
    stands = dict.fromkeys((prefix for prefix in rests if prefix not in fallen), Decision.ACCEPT) | said
    limit = of_round(rule.auto_share, grounds.number)
    taken: list[str] = []
    waiting: list[str] = []
    for proposal in grounds.proposals:
        prefix = proposal.record_id
        if decision_for(prefix, stands) is None:
            takes = rule.by is Decisions.AUTO and proposal.share > limit and prefix not in given_back
            (taken if takes else waiting).append(prefix)
    stands |= dict.fromkeys(taken, Decision.ACCEPT)
    return Decided(
        basis=grounds.basis(),
        accepted=_of(stands, Decision.ACCEPT),
        refused=_of(stands, Decision.REFUSE),
        waiting=tuple(waiting),
        by_rule=tuple(sorted(stands.keys() - said.keys())),
        given_back=tuple(sorted(given_back)),
    )


def kept_decisions(folder: Path, grounds: Grounds) -> Decided | None:
    """What this round went on with before, where it was decided on the same grounds."""
    try:
        found = Decided.model_validate(json.loads((folder / DECIDED_FILE).read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, ValidationError) as error:
        raise InputError(
            str(folder / DECIDED_FILE), f"the decisions of a round ({error})", "delete it and run again"
        ) from None
    return found if found.basis == grounds.basis() else None


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


def _of(stands: dict[str, Decision], decision: Decision) -> tuple[str, ...]:
    return tuple(sorted(prefix for prefix, said in stands.items() if said is decision))


def _https(prefix: str) -> str:
    return f"https://{prefix.removeprefix('http://')}" if prefix.startswith("http://") else prefix
