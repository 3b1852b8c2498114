"""What is learned from: conversations as token ids, each token marked as learned or not.

In: rows of a selection's `sft` layout, or conversations. Out: `Example`s. The template is the one that generation
renders with. Learned are the assistant's words and the end of its turn, but not what a sandbox printed in between (as
ToRA does, Gou et al., arXiv 2309.17452): the policy would learn to make outputs up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.records import SegmentKind
from mathpipe.core.store import read_records
from mathpipe.generate.templates import ChatTemplate
from mathpipe.selection.records import SftRow

# As `mathpipe.generate.forms` feeds outputs back: fences inside are set off, so that none ends the block.
_OUTPUT = re.compile(r"```output\n.*?\n```\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Example:
    """A sequence to learn from; `learned` says for each token of the completion whether it counts."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...]
    learned: tuple[bool, ...]


def example_of(ids: Sequence[int], learned: Sequence[bool]) -> Example:
    """The example of a rendered conversation: its prompt is what comes before the first learned token."""
    if True not in learned or learned[0]:
        raise InputError("example", "tokens to learn, and at least one before them", "give a prompt and a completion")
    start = list(learned).index(True)
    return Example(tuple(ids[:start]), tuple(ids[start:]), tuple(learned[start:]))


def read_rows(folders: Iterable[Path]) -> list[SftRow]:
    """The rows of several selections in their order; of rows that reason alike on one problem, the first."""
    rows: dict[tuple[str, str, str], SftRow] = {}
    for folder in folders:
        shards = sorted(folder.glob("shard-*.parquet"))
        if not shards:
            raise InputError(str(folder), "a folder of sft shards", "run mathpipe select first")
        for shard in shards:
            for row in read_records(shard, SftRow):
                rows.setdefault((row.problem_id, row.form, row.reasoning or row.sample_id), row)
    return list(rows.values())


def examples_of(rows: Iterable[SftRow], tokenizer: Any, template: str, context_tokens: int) -> list[Example]:
    """The rows as examples; those longer than the context are left out."""
    chat = ChatTemplate(tokenizer, template)
    examples = []
    for row in rows:
        ids, learned = chat.render_example([*row.prompt, *row.completion])
        if len(ids) > context_tokens:
            continue
        if any(part.kind is SegmentKind.OUTPUT for part in row.segments):
            learned = without_outputs(ids, learned, row, tokenizer)
        examples.append(example_of(ids, learned))
    return examples


def without_outputs(ids: Sequence[int], learned: Sequence[bool], row: SftRow, tokenizer: Any) -> list[bool]:
    """The mask less every token that holds a character of a program's output.

    Raises `InputError` where the tokenizer does not say which characters its tokens hold.
    """
    text = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    start = text.rfind(row.completion[-1].content)
    if list(read["input_ids"]) != list(ids) or start < 0:
        raise InputError(
            f"sample {row.sample_id}", "a tokenizer that gives a text's tokens back", "train on another form"
        )
    spans = [(found.start(), found.end()) for found in _OUTPUT.finditer(text, start)]
    return [
        flag and not any(first < end and last > begin for begin, end in spans)
        for flag, (first, last) in zip(learned, read["offset_mapping"], strict=True)
    ]
