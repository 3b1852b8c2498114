"""Proofs of Lean statements: one completion, of which only the proof is taken, never a statement of the model's own.

A model that writes the theorem anew may have changed it; what is checked is the problem's statement with the text
after the model's own `:= by`.
"""

from __future__ import annotations

import re

from mathpipe.core.records import Finish, Segment, SegmentKind
from mathpipe.generate.forms.blocks import find_blocks
from mathpipe.generate.forms.steps import Ask, Job, Solution, Solving, ask

_LANGUAGES = {"lean", "lean4", ""}


def solve(job: Job) -> Solving:
    """One completion; the answer is the proof's text, to be checked against the problem's statement."""
    completion = yield from ask(Ask(job.prompt, job.config.max_tokens, job.file.stop if job.few_shot else ()))
    text = completion.text
    proof = text if job.few_shot else _last_block(text)
    if proof is not None:
        proof = proof_body(proof, job.problem.statement or "")
    complete = completion.finish is Finish.STOP
    return Solution(
        text=text,
        segments=[Segment(SegmentKind.CODE, proof)] if proof and job.few_shot else _segments(text, proof),
        finish=completion.finish,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=len(completion.token_ids),
        answer=proof or None if complete else None,
        detail=completion.detail or ("" if proof else "no proof in the text"),
    )


def proof_body(code: str, statement: str) -> str:
    """The proof in a block that may repeat the statement (`theorem name ... := by`), keeping its indentation."""
    names = re.findall(r"\b(?:theorem|lemma)\s+(\S+)", statement)
    if names:
        repeated = re.search(rf"\b(?:theorem|lemma)\s+{re.escape(names[-1])}\b", code)
        if repeated is not None:
            start = _assignment_after(code, repeated.end())
            code = code[start:] if start >= 0 else ""
    return code.strip("\n").rstrip()


def _assignment_after(code: str, start: int) -> int:
    """The place after the first `:=` outside brackets (a binder may hold one of its own), or -1."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] in "([{⦃") - (code[at] in ")]}⦄")
        if depth == 0 and code.startswith(":=", at):
            return at + 2
    return -1


def _last_block(text: str) -> str | None:
    blocks = [block for block in find_blocks(text) if block.language in _LANGUAGES and block.code.strip()]
    return blocks[-1].code if blocks else None


def _segments(text: str, proof: str | None) -> list[Segment]:
    blocks = [block for block in find_blocks(text) if block.language in _LANGUAGES and block.code.strip()]
    if not blocks or proof is None:
        return [Segment(SegmentKind.TEXT, text)] if text.strip() else []
    last = blocks[-1]
    parts = [
        Segment(SegmentKind.TEXT, text[: last.begin]),
        Segment(SegmentKind.CODE, proof),
        Segment(SegmentKind.TEXT, text[last.end :]),
    ]
    return [part for part in parts if part.text.strip()]
