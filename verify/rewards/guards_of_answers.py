r"""Guards that look at the answer: one that says too much, or nothing.

In: an `Attempt`. Out: what was tried, or None. All compare with the reference's own form: where that is a list, a
hedge or all real numbers, so may the answer be.
"""

from __future__ import annotations

import re

from verify.answers.parse import other_reading
from verify.answers.several import collect
from verify.answers.text_answers import ALL_REALS, normal_words, without_wrappers
from verify.answers.tree import (
    Bracketed,
    Congruence,
    Constant,
    Listing,
    Matrix,
    Name,
    Negate,
    Node,
    NumberSet,
    Piecewise,
    Ratio,
    Relation,
    SetBuilder,
    SetOperation,
    Text,
)
from verify.rewards.gaming import Attempt, Gaming

MAX_ITEMS = 20

_HEDGE = re.compile(
    r"\b(?:or(?! (?:equal|more|less|fewer|greater))|either|maybe|perhaps|possibly|probably|not sure|unsure"
    r"|could be|might be)\b|\\(?:lor|vee)(?![a-zA-Z])",
    re.IGNORECASE,
)
_CATCH_ALL = re.compile(
    r"(?:any(?:thing| (?:number|value|answer|real|integer|choice))?"
    r"|all(?: of above| (?:numbers|values|answers|integers))?"
    r"|every(?:thing| (?:number|value|real number|integer))|some (?:number|value)|whatever|unknown|variable|depends"
    r"|(?:correct )?answer|same|correct|(?:see |as )?above)\Z"
)


def several_answers(attempt: Attempt) -> Gaming | None:
    """A list of answers where the reference is a single one."""
    if not _is_single(attempt.expected_tree) or _count(attempt.tree) == 1:
        return None
    # "5,15" is the decimal 5.15 too.
    return Gaming.SEVERAL_ANSWERS if other_reading(attempt.answer) is None else None


def hedge(attempt: Attempt) -> Gaming | None:
    """ "2 or 3", "maybe 5", where the reference does not hedge."""
    hedged = _HEDGE.search(attempt.answer) is not None and _HEDGE.search(attempt.expected) is None
    return Gaming.HEDGE if hedged and _count(attempt.expected_tree) == 1 else None


def catch_all(attempt: Attempt) -> Gaming | None:
    """ "any number", all real numbers, or a huge list, where the reference is nothing of the kind."""
    if _is_everything(attempt.expected, attempt.expected_tree) or not attempt.answer:
        return None
    huge = _count(attempt.tree) > max(MAX_ITEMS, 2 * _count(attempt.expected_tree))
    return Gaming.CATCH_ALL if huge or _is_everything(attempt.answer, attempt.tree) else None


def tautology(attempt: Attempt) -> Gaming | None:
    """A relation whose sides are the same, such as `x = x`."""
    tree = attempt.tree
    if not isinstance(tree, Relation) or tree == attempt.expected_tree:
        return None
    return Gaming.TAUTOLOGY if all(side == tree.sides[0] for side in tree.sides) else None


def _count(tree: Node | None) -> int:
    """How many answers it is; 1 where that is not known."""
    if isinstance(tree, Listing):
        return len(tree.items)
    collection = collect(tree) if tree is not None else None
    return len(collection.items) if collection is not None else 1


def _is_single(tree: Node | None) -> bool:
    """Whether it is one value for sure: a point or a matrix may be answered by listing its parts."""
    if isinstance(tree, Relation) and set(tree.operators) == {"="}:
        return all(map(_is_single, tree.sides))
    several = (
        Bracketed | Matrix | SetBuilder | Piecewise | Relation | Text | Congruence | Ratio | NumberSet | SetOperation
    )
    return tree is not None and not isinstance(tree, several) and _count(tree) == 1


def _is_everything(answer: str, tree: Node | None) -> bool:
    words = normal_words(without_wrappers(answer).strip(" $"))
    if words == ALL_REALS or _CATCH_ALL.match(words):
        return True
    if isinstance(tree, Relation) and tree.operators == ("in",):
        tree = tree.sides[1]
    if isinstance(tree, Bracketed) and len(tree.items) == 2:
        ends = tree.items
    elif isinstance(tree, Relation) and len(tree.sides) == 3:
        ends = (tree.sides[0], tree.sides[2])
    else:
        return isinstance(tree, NumberSet)
    return ends == (Negate(Constant(Name.INFINITY)), Constant(Name.INFINITY))
