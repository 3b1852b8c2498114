"""Which curves the report of a run shows, and in which figures.

In: a `RunRead`. Out: `Figure`s with panels or stacks; a number that is 0 in every step gets no curve but is named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from rl.journal import StepRecord, StepTimes
from rl.watch.curves import Panel, Series, Stack
from rl.watch.run_reading import RunRead, staleness_counts

Read = Callable[[StepRecord], float]
_NO_PHASE = {"step", "tokens_per_second"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One card of the report: panels below one another, the first one as high as can be, or one stack."""

    name: str
    title: str
    note: str
    panels: Sequence[Panel] = ()
    stack: Stack | None = None


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    read: Read
    noisy: bool = False
    merge: Callable[[Sequence[float]], float] | None = None


_REWARD = _Curve("reward", lambda record: record.reward_mean, noisy=True)
_RIGHT = _Curve("right", lambda record: record.pass_rate, noisy=True)
_SOLVED = _Curve("solved", lambda record: record.solved, noisy=True)
_KL = _Curve("KL", lambda record: record.kl)
_ENTROPY = _Curve("entropy", lambda record: record.entropy)
_LENGTH = _Curve("mean", lambda record: record.length_mean)
_LONGEST = _Curve("longest", lambda record: record.length_max, merge=max)
_CUT = _Curve("cut", lambda record: record.cut)
_GRADIENT = _Curve("gradient norm", lambda record: record.grad_norm, merge=max)
_RATE = _Curve("learning rate", lambda record: record.learning_rate)
_CLIPPED_LOW = _Curve("clipped below", lambda record: record.clipped_low)
_CLIPPED_HIGH = _Curve("clipped above", lambda record: record.clipped_high)
_CAPPED = _Curve("capped", lambda record: record.importance_capped)
_GAP = _Curve("mean", lambda record: record.sampler_gap)
_GAP_MOST = _Curve("largest", lambda record: record.sampler_gap_max, merge=max)
_LOSS = _Curve("loss", lambda record: record.loss)


def learning_figures(run: RunRead) -> list[Figure]:
    """What shows whether the policy learns."""
    found = [
        _figure(run, "reward", "Reward", "mean of the step's samples", [("reward", [_REWARD])]),
        _figure(
            run,
            "right",
            "Right samples",
            "share of the judged samples, and of the problems with a right one",
            [("share right", [_RIGHT, _SOLVED])],
        ),
        _held_out(run),
        _figure(run, "kl", "KL", "nats a token, from the reference policy", [("KL", [_KL])]),
        _figure(run, "entropy", "Entropy", "nats a token", [("entropy", [_ENTROPY])]),
        _figure(
            run,
            "length",
            "Length",
            "tokens a sample; below, the share that was cut at the limit",
            [("tokens a sample", [_LENGTH, _LONGEST]), ("share cut", [_CUT])],
        ),
    ]
    return [figure for figure in found if figure is not None]


def optimizer_figures(run: RunRead) -> list[Figure]:
    """What shows whether the updates are sound."""
    found = [
        _figure(
            run,
            "gradient",
            "Gradient",
            "norm before clipping, the step's largest; below, the learning rate",
            [("gradient norm", [_GRADIENT]), ("learning rate", [_RATE])],
        ),
        _figure(run, "loss", "Loss", "of the objective; near 0 by its construction", [("loss", [_LOSS])]),
        _figure(
            run,
            "clipped",
            "Clipped",
            "share of the tokens whose ratio left the trust region",
            [("share clipped", [_CLIPPED_LOW, _CLIPPED_HIGH])],
        ),
        _figure(
            run,
            "capped",
            "Importance weights capped",
            "share, of the sampler's correction",
            [("share capped", [_CAPPED])],
        ),
        _figure(
            run,
            "gap",
            "Sampler gap",
            "|log-probability of the trainer − of the sampler| a token, logarithmic",
            [("gap", [_GAP, _GAP_MOST])],
            logarithmic=True,
        ),
        _staleness(run),
        _groups(run),
    ]
    return [figure for figure in found if figure is not None]


def time_figures(run: RunRead) -> list[Figure]:
    """Where the time goes."""
    if not run.lines:
        return []
    steps = [line.record.step for line in run.lines]
    names = [item.name for item in fields(StepTimes) if item.name not in _NO_PHASE]
    values = {name: [float(getattr(line.times, name)) for line in run.lines] for name in names}
    rest = [max(0.0, line.times.step - sum(values[name][at] for name in names)) for at, line in enumerate(run.lines)]
    if sum(rest) > 0.005 * run.seconds:
        values["other"] = rest
    shown = {name: seconds for name, seconds in values.items() if any(seconds)}
    phases = Stack(title="Seconds a step", layers=list(shown), places=steps, values=list(shown.values()), unit=" s")
    speed = Series(
        name="tokens/s", points=[(line.record.step, line.times.tokens_per_second) for line in run.lines], noisy=True
    )
    return [
        Figure("time", "Time by phase", "seconds a step", stack=phases),
        Figure("speed", "Tokens a second", "sampled, over the whole step", [Panel(title="tokens/s", series=[speed])]),
    ]


def always_zero(run: RunRead) -> list[str]:
    """Names of the numbers that were 0 in every step, which have no curve."""
    watched = {
        "reward": _REWARD,
        "KL": _KL,
        "samples cut": _CUT,
        "clipped below": _CLIPPED_LOW,
        "clipped above": _CLIPPED_HIGH,
        "importance weights capped": _CAPPED,
        "staleness": _Curve("staleness", lambda record: record.staleness_max),
    }
    return [name for name, curve in watched.items() if run.lines and not _lives(run, curve)]


def _figure(
    run: RunRead,
    name: str,
    title: str,
    note: str,
    panels: Sequence[tuple[str, Sequence[_Curve]]],
    *,
    logarithmic: bool = False,
) -> Figure | None:
    """The figure with the curves that are not 0 throughout; None where none is left."""
    drawn: list[Panel] = []
    for label, asked in panels:
        alive = [_series(run, curve) for curve in asked if _lives(run, curve)]
        if alive:
            drawn.append(Panel(title=label, series=alive, logarithmic=logarithmic, low=bool(drawn)))
    return Figure(name, title, note, drawn) if drawn else None


def _lives(run: RunRead, curve: _Curve) -> bool:
    return any(curve.read(line.record) for line in run.lines)


def _series(run: RunRead, curve: _Curve) -> Series:
    points = [(line.record.step, curve.read(line.record)) for line in run.lines]
    if curve.merge is None:
        return Series(name=curve.name, points=points, noisy=curve.noisy)
    return Series(name=curve.name, points=points, noisy=curve.noisy, merge=curve.merge)


def held_out_series(run: RunRead, name: str, colour: int | None = None) -> Series:
    """Held-out pass@1 by step, with its standard errors."""
    return Series(
        name=name,
        points=[(score.step, score.pass_at_1) for score in run.scores],
        errors=[score.error for score in run.scores],
        marked=True,
        colour=colour,
    )


def _held_out(run: RunRead) -> Figure | None:
    if not run.scores:
        return None
    note = f"mean over {run.scores[-1].problems:,} problems that are not trained on, ± its standard error"
    panel = Panel(title="pass@1", series=[held_out_series(run, "pass@1")])
    return Figure("held-out", "Held-out pass@1", note, [panel])


def _staleness(run: RunRead) -> Figure | None:
    counts = staleness_counts(run)
    if set(counts) <= {0}:
        return None
    places = range(min(counts), max(counts) + 1)
    values = [[float(counts.get(place, 0)) for place in places]]
    stack = Stack(title="Staleness", layers=["samples"], places=list(places), values=values, place="updates")
    return Figure(
        "staleness", "Staleness", "samples by how many updates old the weights were that drew them", stack=stack
    )


def _groups(run: RunRead) -> Figure | None:
    if not run.lines:
        return None
    kept = [float(line.record.groups_kept) for line in run.lines]
    flat = [float(line.record.groups_without_variance) for line in run.lines]
    stack = Stack(
        title="Groups",
        layers=["teach", "all rewards equal"],
        places=[line.record.step for line in run.lines],
        values=[kept, flat],
    )
    return Figure(
        "groups",
        "Groups",
        "problems a step: those that teach, and those whose samples all have one reward",
        stack=stack,
    )
