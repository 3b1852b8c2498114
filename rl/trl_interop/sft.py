"""The cold start through TRL's `SFTTrainer`: a selection's solutions, our template, our mask.

In: a model, `sft` shards of selections, TRL's `SFTConfig`. Out: a trainer, ready to `train()`. Sequences are rendered
and masked here, by the template that generation, GRPO and evaluation use, so that TRL neither templates nor guesses
what is learned: the assistant's words and the end of its turn, without what a sandbox printed. On rows without
programs TRL's own way (messages and the tokenizer's template) comes to the same tokens and labels; a test says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.generate.templates.chat_template import OWN, load_template_file
from mathpipe.selection.records import SftRow
from rl.learner.model import load_tokenizer
from rl.sft_examples import Example, examples_of, read_rows
from rl.trl_interop.datasets import dataset_class

_NOT_LEARNED = -100


def sft_dataset(rows: Iterable[SftRow], tokenizer: Any, template: str = OWN, context_tokens: int = 4096) -> Any:
    """Rows as `input_ids` and `labels`, -100 where nothing is learned; rows longer than the context are left out."""
    examples = examples_of(rows, tokenizer, template, context_tokens)
    if not examples:
        raise InputError(
            "data set", f"at least one row of at most {context_tokens} tokens", "raise context_tokens, or keep more"
        )
    return dataset_class().from_list([_row(example) for example in examples])


def cold_start_trainer(
    model: str, data: Sequence[Path], args: Any, template: str = OWN, context_tokens: int = 4096
) -> Any:
    """An `SFTTrainer` on the `sft` shards in these folders; `args` is an `SFTConfig`.

    The tokenizer that it saves has the template. Packing and padding are TRL's; `args.max_length` is set to the
    context, for TRL would cut what is longer.
    """
    from trl.trainer.sft_trainer import SFTTrainer

    tokenizer = load_tokenizer(model)
    rows = sft_dataset(read_rows(data), tokenizer, template, context_tokens)
    if template != OWN:
        tokenizer.chat_template = load_template_file(template).jinja
    args.max_length = context_tokens
    return SFTTrainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)


def _row(example: Example) -> dict[str, list[int]]:
    labels = [
        token if learned else _NOT_LEARNED
        for token, learned in zip(example.completion_ids, example.learned, strict=True)
    ]
    return {
        "input_ids": [*example.prompt_ids, *example.completion_ids],
        "labels": [_NOT_LEARNED] * len(example.prompt_ids) + labels,
    }
