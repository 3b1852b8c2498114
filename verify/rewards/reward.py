"""What a reward is: a callable in TRL's signature, and how several are summed.

In: completions (texts, or lists of chat messages) and the batch's columns as keywords, as TRL's GRPO trainer passes
them (`prompts`, `completion_ids`, every column of the data set). Out: a score for each completion, or None where it
cannot be scored; the trainer leaves None out. A `Reward` holds values and module-level functions only: it can be
pickled into Ray workers and called from any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mathpipe.core.errors import InputError

Score = float | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One call: what each completion says (None where it is no text), and the columns by name."""

    texts: list[str | None]
    columns: Mapping[str, object]

    def column(self, name: str) -> Sequence[object]:
        """A column with one value for each completion."""
        values = self.columns.get(name)
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != len(self.texts):
            given = "missing" if values is None else f"{type(values).__name__} that does not fit"
            raise InputError(
                f"reward column {name!r} ({given})",
                f"a list of {len(self.texts)} values, one for each completion",
                "add the column to the data set, or name the one that holds it",
            )
        return values

    def log(self, name: str, values: Sequence[object]) -> None:
        """Show values beside the completions, where the trainer offers that (TRL's `log_extra`)."""
        show = self.columns.get("log_extra")
        if callable(show):
            show(name, list(values))

    def prompts(self) -> list[str]:
        """The text of each prompt; empty texts where the trainer passes none."""
        if "prompts" not in self.columns:
            return [""] * len(self.texts)
        return [text_of(prompt, role=None) or "" for prompt in self.column("prompts")]


Scorer = Callable[[Batch], list[Score]]


@dataclass(frozen=True, slots=True)
class Reward:
    """A reward function. TRL logs it under `__name__`."""

    name: str
    scorer: Scorer

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, completions: Sequence[object], **columns: object) -> list[Score]:
        """A score for each completion, or None; columns that it does not know are ignored."""
        return self.scorer(Batch([text_of(completion) for completion in completions], columns))


@dataclass(frozen=True, slots=True)
class Weighted:
    """A part of a sum. Where a `required` part is None, so is the sum: what is left could not be compared."""

    reward: Reward
    weight: float = 1.0
    required: bool = False


def compose(*parts: Weighted | Reward, name: str = "") -> Reward:
    """The weighted sum of the parts that have a score; None where none has, or where a required part has none."""
    if not parts:
        raise InputError("compose", "at least one reward", "pass the rewards that are to be summed")
    weighted = tuple(part if isinstance(part, Weighted) else Weighted(part) for part in parts)
    return Reward(name or "+".join(part.reward.name for part in weighted), _Sum(weighted))


@dataclass(frozen=True, slots=True)
class _Sum:
    parts: tuple[Weighted, ...]

    def __call__(self, batch: Batch) -> list[Score]:
        columns = [part.reward.scorer(batch) for part in self.parts]
        for part, scores in zip(self.parts, columns, strict=True):
            batch.log(part.reward.name, scores)
        return [self._total(scores) for scores in zip(*columns, strict=True)]

    def _total(self, scores: tuple[Score, ...]) -> Score:
        pairs = list(zip(self.parts, scores, strict=True))
        if any(part.required and score is None for part, score in pairs):
            return None
        known = [part.weight * score for part, score in pairs if score is not None]
        return sum(known) if known else None


def text_of(completion: object, role: str | None = "assistant") -> str | None:
    """What a completion says: its characters, or those of its messages of that role (None: of all).

    A subclass of `str` may compare or search as it pleases: only its characters are taken. None for anything else.
    """
    if isinstance(completion, str):
        return str.__str__(completion)
    if not isinstance(completion, Sequence) or isinstance(completion, bytes | bytearray):
        return None
    said = [
        _content(message.get("content"))
        for message in completion
        if isinstance(message, Mapping) and role in (None, message.get("role"))
    ]
    texts = [text for text in said if text is not None]
    return "\n".join(texts) if texts else None


def _content(content: object) -> str | None:
    """A message's text; of a list of parts, those that are text."""
    if isinstance(content, str):
        return str.__str__(content)
    if isinstance(content, list):
        parts = [_content(part.get("text")) for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if part is not None) or None
    return None
