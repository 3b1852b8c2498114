"""Rejection sampling and expert iteration: samples in, judged, chosen, and written as training sets.

`select` judges and chooses, `write_selection` writes TRL's layouts, `next_round` says what to sample next.
"""

from mathpipe.selection.config import Band, SelectionConfig
from mathpipe.selection.records import AnswerSource, Checked, Fate, Layout, Selection
from mathpipe.selection.rounds import NextRound, RoundConfig, RoundRecord, next_round, read_rounds, write_round
from mathpipe.selection.rows import generation_prompts
from mathpipe.selection.select import select
from mathpipe.selection.verdict_store import VerdictStore
from mathpipe.selection.write import WrittenSelection, write_selection

__all__ = [
    "AnswerSource",
    "Band",
    "Checked",
    "Fate",
    "Layout",
    "NextRound",
    "RoundConfig",
    "RoundRecord",
    "Selection",
    "SelectionConfig",
    "VerdictStore",
    "WrittenSelection",
    "generation_prompts",
    "next_round",
    "read_rounds",
    "select",
    "write_round",
    "write_selection",
]
