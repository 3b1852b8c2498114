"""Which right samples are kept, and which right and wrong ones make a pair.

In: a problem's judged samples. Out: the same with their fates, and pairs. All choices are by length and id: the same
samples give the same selection in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mathpipe.core.records import Finish, Form, Sample
from mathpipe.selection.config import SelectionConfig
from mathpipe.selection.reasoning import reasoning_classes
from mathpipe.selection.records import AnswerSource, Fate, Judgement, Layout, Pair, ProblemResult


def with_classes(judgements: Sequence[Judgement], near_equal: float) -> list[Judgement]:
    """Name each sample's class of equal reasoning: right ones among right ones, wrong among wrong, form by form."""
    groups: dict[tuple[Form, bool | None], list[Sample]] = defaultdict(list)
    for one in judgements:
        groups[one.sample.form, one.solved].append(one.sample)
    names: dict[str, str] = {}
    for samples in groups.values():
        names.update(reasoning_classes(samples, near_equal))
    return [replace(one, reasoning=names[one.sample.sample_id]) for one in judgements]


def with_fates(result: ProblemResult, config: SelectionConfig) -> ProblemResult:
    """Say of each sample what becomes of it; the kept ones are the shortest of their classes, as many as the cap."""
    leaders = leading(result.judgements)
    cap = _cap(result, config)
    kept = {one.sample.sample_id for one in _in_turn(leaders)[:cap]}
    led = {one.sample.sample_id for one in leaders}

    def fate(one: Judgement) -> Fate:
        if one.solved is not True:
            return _unsolved(result, one)
        if one.sample.finish is not Finish.STOP:
            return Fate.UNFINISHED
        if one.sample.sample_id not in led:
            return Fate.SAME_REASONING
        if one.sample.sample_id in kept:
            return Fate.KEPT
        if result.judged < config.min_judged:
            return Fate.FEW_JUDGED
        return Fate.OVER_CAP if cap else Fate.OUTSIDE_BANDS

    return replace(result, judgements=[replace(one, fate=fate(one)) for one in result.judgements])


def _unsolved(result: ProblemResult, one: Judgement) -> Fate:
    if result.source is AnswerSource.NONE:
        return Fate.NO_REFERENCE
    return Fate.UNSCORED if one.solved is None else Fate.WRONG


def leading(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The shortest finished right sample of each class, shortest first."""
    first: dict[str, Judgement] = {}
    for one in sorted(judgements, key=_length):
        if one.solved is True and one.sample.finish is Finish.STOP:
            first.setdefault(one.reasoning, one)
    return list(first.values())


def _length(one: Judgement) -> tuple[int, int, str]:
    return one.sample.completion_tokens, len(one.sample.text), one.sample.sample_id


def _in_turn(leaders: Sequence[Judgement]) -> list[Judgement]:
    """The forms take turns, so that a cap does not leave only the tersest form."""
    places: dict[Form, int] = defaultdict(int)
    turns = []
    for one in leaders:
        turns.append((places[one.sample.form], one.sample.form.value, one))
        places[one.sample.form] += 1
    return [one for *_, one in sorted(turns, key=lambda turn: turn[:2])]


def _cap(result: ProblemResult, config: SelectionConfig) -> int:
    rate = result.pass_rate
    if rate is None or result.judged < config.min_judged or not _wanted(result, config, Layout.SFT):
        return 0
    if rate == 1:
        return config.always_solved_cap
    return next((band.cap for band in config.bands if band.above < rate <= band.up_to), 0)


def _wanted(result: ProblemResult, config: SelectionConfig, layout: Layout) -> bool:
    """Whether what the samples were held against is good enough for the layout."""
    match result.source:
        case AnswerSource.REFERENCE:
            return True
        case AnswerSource.MAJORITY:
            return layout in config.majority_in
        case AnswerSource.NONE:
            return False


def pairs_of(result: ProblemResult, config: SelectionConfig) -> list[Pair]:
    """Right and wrong samples of one form, each used once; the wrong one is the nearest in length.

    Length is matched because a preference for the short (or the long) is learnt faster than one for the right.
    """
    if not _wanted(result, config, Layout.DPO):
        return []
    wrong = _distinct_wrong(result.judgements)
    pairs: list[Pair] = []
    for chosen in _in_turn(leading(result.judgements)):
        fitting = [one for one in wrong if one.sample.form is chosen.sample.form]
        if not fitting or len(pairs) == config.pairs_per_problem:
            continue
        length = chosen.sample.completion_tokens or len(chosen.sample.text)
        rejected = min(fitting, key=lambda one: (abs(_tokens(one, chosen) - length), _length(one)))
        wrong.remove(rejected)
        pairs.append(Pair(result.problem.problem_id, chosen, rejected))
    return pairs


def _tokens(one: Judgement, beside: Judgement) -> int:
    """Length in tokens where both sides know theirs, else in characters."""
    return one.sample.completion_tokens if beside.sample.completion_tokens else len(one.sample.text)


def _distinct_wrong(judgements: Iterable[Judgement]) -> list[Judgement]:
    first: dict[str, Judgement] = {}
    for one in sorted(judgements, key=_length):
        if one.solved is False and one.sample.text.strip():
            first.setdefault(one.reasoning, one)
    return list(first.values())


def is_for_grpo(result: ProblemResult, config: SelectionConfig) -> bool:
    """Whether samples of the problem differ in reward, as far as those at hand can tell."""
    rate = result.pass_rate
    if rate is None or result.judged < config.min_judged or not _wanted(result, config, Layout.GRPO):
        return False
    return 0 < rate < 1 or (rate == 0 and config.grpo_never_solved) or (rate == 1 and config.grpo_always_solved)
