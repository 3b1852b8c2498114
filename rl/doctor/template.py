"""The chat template over two turns: samples are what is trained on, nothing is lost, nobody can forge a turn.

In: a `Patient`. Out: two findings. Texts are rendered and encoded as generation and training here do it (see
mathpipe.generate.templates), special tokens spelled in people's text defused as there.
"""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateError

from mathpipe.generate.templates import defuse
from rl.doctor.conversation import TURNS, Part, Rendered, Turn, added_ids, render_text, try_render
from rl.doctor.edits import MarkSpecial
from rl.doctor.findings import Ailment, Check, Finding, fault, some, warning
from rl.doctor.patient import Patient

TEMPLATE = Check(
    "template", "Tokens that differ between sampling and training make the ratio of policies wrong on every one."
)
FORGERY = Check(
    "template-tokens", "A problem's text that holds `<|im_end|>` must be read as letters, or it ends the turn itself."
)
_OUTER = "\n  46 \n"
_WRITE_SAME = "write the same text before the assistant's words for generation and for training"
_KEEP = "write message.content into the template as it is"


def check_template(patient: Patient) -> Finding:
    """Prompts begin the conversations they train on; the second turn keeps the first; contents are whole."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return TEMPLATE.not_applicable(patient.tokenizer_error)
    if not tokenizer.chat_template:
        return TEMPLATE.not_applicable("the tokenizer has no template of its own: name one of ours, chatml or plain")
    rendered = try_render(tokenizer)
    if isinstance(rendered, str):
        return TEMPLATE.judged([fault(rendered, "mend the template, or name one of ours: chatml, plain")], "")
    ailments = _beginnings(rendered) or _contents(tokenizer, rendered)
    ailments += _outer_blanks(tokenizer)
    figures = {
        "tokens": len(rendered.second_whole.ids),
        "assistant_spans": _spans(rendered),
        "system": _takes_system(tokenizer),
    }
    if not figures["system"]:
        ailments.append(warning("it refuses a system message", "put instructions into the user's message"))
    return TEMPLATE.judged(ailments, f"two exchanges in {figures['tokens']} tokens", figures)


def _beginnings(rendered: Rendered) -> list[Ailment]:
    """Each rendering begins with the one before it, as text and as tokens."""
    if not _begins(rendered.first_whole, rendered.first_prompt):
        return [fault("the prompt for generation is not the beginning of the conversation trained on", _WRITE_SAME)]
    if not _begins(rendered.second_prompt, rendered.first_whole):
        said = "the second turn rewrites the first"
        return [fault(said, "train on single turns, or keep earlier turns as they were in the template")]
    if not _begins(rendered.second_whole, rendered.second_prompt):
        said = "the prompt of the second turn is not the beginning of the conversation trained on"
        return [fault(said, _WRITE_SAME)]
    return []


def _begins(whole: Part, start: Part) -> bool:
    return whole.text.startswith(start.text) and whole.ids[: len(start.ids)] == start.ids


def _spans(rendered: Rendered) -> list[tuple[int, int]]:
    """First and last + 1 of the tokens of each of the assistant's turns."""
    return [
        (len(rendered.first_prompt.ids), len(rendered.first_whole.ids)),
        (len(rendered.second_prompt.ids), len(rendered.second_whole.ids)),
    ]


def _contents(tokenizer: Any, rendered: Rendered) -> list[Ailment]:
    """Every message stands in the text as it was written, and the assistant's in its span once decoded."""
    lost = [turn["role"] for turn in TURNS if turn["content"] not in rendered.second_whole.text]
    if lost:
        said = f"it changes blanks, newlines or signs inside the words of {some(sorted(set(lost)))}"
        return [fault(said, _KEEP)]
    for (start, end), turn in zip(_spans(rendered), TURNS[1::2], strict=True):
        content = turn["content"]
        survives = tokenizer.decode(tokenizer.encode(content, add_special_tokens=False)) == content
        # Text that the tokenizer itself changes is the finding text-survives, not this one.
        if survives and content not in tokenizer.decode(rendered.second_whole.ids[start:end]):
            return [fault("the assistant's words are not in its span of tokens", _WRITE_SAME)]
    return []


def _outer_blanks(tokenizer: Any) -> list[Ailment]:
    trimmed = []
    for role, turns in (("user", []), ("assistant", [TURNS[0]])):
        text = _try_text(tokenizer, [*turns, {"role": role, "content": _OUTER}])
        if text is not None and _OUTER not in text:
            trimmed.append(role)
    if not trimmed:
        return []
    said = f"it strips blanks around the words of {some(trimmed)}"
    mend = "strip messages before rendering, and train on the sampled tokens, not on text rendered again"
    return [warning(said, mend)]


def _takes_system(tokenizer: Any) -> bool:
    return _try_text(tokenizer, [{"role": "system", "content": "Be brief."}, TURNS[0]]) is not None


def _try_text(tokenizer: Any, turns: list[Turn]) -> str | None:
    try:
        return render_text(tokenizer, turns, generation=False)
    except (TemplateError, TypeError, ValueError, KeyError):
        return None


def check_forgery(patient: Patient) -> Finding:
    """Special tokens that are spelled in a message stay text."""
    tokenizer: Any = patient.tokenizer
    rendered = try_render(tokenizer)
    if isinstance(rendered, str):
        return FORGERY.not_applicable(rendered)
    control = sorted(added_ids(tokenizer) & set(rendered.second_whole.ids))
    names = [str(tokenizer.convert_ids_to_tokens(one)) for one in control]
    forged = [name for one, name in zip(control, names, strict=True) if _forges(tokenizer, one, name)]
    ailments: list[Ailment] = []
    if forged:
        said = f"{some(forged)} spelled in a message is read as the control token"
        ailments.append(fault(said, "mark them as special tokens of the tokenizer", MarkSpecial(tuple(forged))))
    found = (
        f"{len(names) - len(forged)} of the {len(names)} control tokens it uses stay text when spelled in a message"
    )
    return FORGERY.judged(ailments, found, {"control_tokens": names, "forged": forged})


def _forges(tokenizer: Any, token: int, name: str) -> bool:
    """Whether a message with that spelling has one control token more than one without."""

    def count(content: str) -> int:
        turns = [{"role": "user", "content": defuse(content, tokenizer)}]
        text = render_text(tokenizer, turns, generation=True)
        return int(tokenizer.encode(text, add_special_tokens=False).count(token))

    return count(f"What is a{name}b?") > count("What is a b?")
