"""Pairs for DPO from the policy's own samples: of each group better samples against worse ones (online DPO).

In: judged samples by group. Out: `Groups` whose samples are chosen and rejected by turns, as the loss takes them. The
best sample of a group is paired with its worst, the second with the last but one, and so on while their rewards
differ; no sample is in two pairs. The order of equals is that of sampling.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from rl.advantages import TOLERANCE
from rl.batch import Advantaged, Groups
from rl.trajectories import Scored, Trajectory


def preference_pairs(scored: Sequence[Scored]) -> Groups:
    """Pairs of all groups (samples with the same `group` stand together): +1 on the chosen, -1 on the rejected."""
    groups = [list(items) for _, items in itertools.groupby(scored, key=lambda item: item.trajectory.group)]
    found = [list(_pairs(group)) for group in groups]
    samples = tuple(
        _marked(item, sign) for pairs in found for pair in pairs for item, sign in zip(pair, (1.0, -1.0), strict=True)
    )
    kept = sum(bool(pairs) for pairs in found)
    return Groups(samples, kept, len(groups) - kept)


def _pairs(group: Sequence[Scored]) -> Iterator[tuple[Trajectory, Trajectory]]:
    judged = [(item.reward, item.trajectory) for item in group if item.reward is not None]
    ranked = sorted(judged, key=lambda item: -item[0])
    for (high, chosen), (low, rejected) in zip(ranked[: len(ranked) // 2], reversed(ranked), strict=False):
        if high - low > TOLERANCE:
            yield chosen, rejected


def _marked(trajectory: Trajectory, sign: float) -> Advantaged:
    return Advantaged(trajectory, (sign,) * len(trajectory.completion_ids))
