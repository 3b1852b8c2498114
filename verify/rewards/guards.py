"""The guards against gaming in their order: the cheap ones first, those that read the answer last."""

from __future__ import annotations

from verify.rewards.gaming import Guard
from verify.rewards.guards_of_answers import catch_all, hedge, several_answers, tautology
from verify.rewards.guards_of_text import (
    beyond_limit,
    box_in_code,
    broken_characters,
    empty_box,
    hidden_characters,
    lookalikes,
    many_boxes,
    many_marks,
    not_text,
    open_box,
    prompt_echo,
)

GUARDS: tuple[Guard, ...] = (
    not_text,
    beyond_limit,
    empty_box,
    open_box,
    box_in_code,
    broken_characters,
    hidden_characters,
    lookalikes,
    prompt_echo,
    many_boxes,
    many_marks,
    hedge,
    several_answers,
    catch_all,
    tautology,
)
