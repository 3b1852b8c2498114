"""A selection as rows of TRL's layouts, each with verdict, pass rate, provenance and licence.

In: a selection, and what makes a prompt of a problem. Out: `SftRow`, `DpoRow`, `GrpoRow`, `JudgedRow`. Prompts and
completions are chat messages: TRL applies the model's own template, so there is one for training and generation, as
long as `prompt_of` is the one that the samples were made with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from mathpipe.core.records import Form, Problem, ProblemKind
from mathpipe.generate.forms.settings import DEFAULT_PROMPTS
from mathpipe.generate.prompts import load_prompt
from mathpipe.generate.templates import Message
from mathpipe.selection.records import (
    AnswerSource,
    Checked,
    DpoRow,
    GrpoRow,
    JudgedRow,
    Judgement,
    ProblemResult,
    PromptOf,
    Selection,
    SftRow,
)
from verify import IoTest

_CHECKED = {
    ProblemKind.ANSWER: Checked.ANSWER_CORRECT,
    ProblemKind.CODE: Checked.TESTS_PASSED,
    ProblemKind.PROOF: Checked.PROOF_ACCEPTED,
}
_FORMS = {
    ProblemKind.ANSWER: Form.CHAIN_OF_THOUGHT,
    ProblemKind.CODE: Form.PROGRAM,
    ProblemKind.PROOF: Form.PROOF,
}


def plain_prompt(problem: Problem, _form: Form) -> list[Message]:
    """The bare question as the user's turn, a Lean statement below it. Give `mathpipe.generate`'s prompts instead."""
    text = problem.question
    if problem.statement and problem.statement not in text:
        text = f"{text}\n\n{problem.statement}".strip()
    return [Message("user", text)]


def generation_prompts(names: Mapping[Form, str] | None = None) -> PromptOf:
    """The prompts that generation asks with: the shipped one of each form, or the files that are named.

    Raises `ConfigError` for a name that is no prompt.
    """
    files = {form: load_prompt(name) for form, name in {**DEFAULT_PROMPTS, **(names or {})}.items()}
    return lambda problem, form: list(files[form].messages(problem))


def checked_of(result: ProblemResult) -> Checked:
    """What a right sample of this problem is known to be."""
    return Checked.MAJORITY_AGREES if result.source is AnswerSource.MAJORITY else _CHECKED[result.problem.kind]


def sft_rows(selection: Selection, prompt_of: PromptOf = plain_prompt) -> Iterator[SftRow]:
    """One row for each kept sample."""
    for result, one in selection.kept:
        problem, sample = result.problem, one.sample
        yield SftRow(
            prompt=prompt_of(problem, sample.form), completion=_said(one), checked=checked_of(result),
            form=sample.form, answer=one.answer, reference=result.answer, answer_source=result.source,
            agreement=result.agreement, pass_rate=result.pass_rate or 0.0, judged=result.judged,
            outcome=sample.outcome, reason=_reason(one), detail=sample.detail, reasoning=one.reasoning,
            completion_tokens=sample.completion_tokens, segments=sample.segments, sample_id=sample.sample_id,
            problem_id=problem.problem_id, model=sample.model, seed=sample.seed, source=problem.source,
            split=problem.split, origin=problem.origin, subject=problem.subject, level=problem.level,
            license=problem.license,
        )  # fmt: skip


def dpo_rows(selection: Selection, prompt_of: PromptOf = plain_prompt) -> Iterator[DpoRow]:
    """One row for each pair."""
    results = {result.problem.problem_id: result for result in selection.results}
    for pair in selection.pairs:
        result = results[pair.problem_id]
        problem, right, wrong = result.problem, pair.chosen.sample, pair.rejected.sample
        yield DpoRow(
            prompt=prompt_of(problem, right.form), chosen=_said(pair.chosen), rejected=_said(pair.rejected),
            checked=checked_of(result), form=right.form, reference=result.answer, answer_source=result.source,
            pass_rate=result.pass_rate or 0.0, judged=result.judged,
            chosen_answer=pair.chosen.answer, chosen_outcome=right.outcome, chosen_reason=_reason(pair.chosen),
            chosen_tokens=right.completion_tokens, chosen_sample_id=right.sample_id, chosen_model=right.model,
            chosen_seed=right.seed,
            rejected_answer=pair.rejected.answer, rejected_outcome=wrong.outcome,
            rejected_reason=_reason(pair.rejected),
            rejected_tokens=wrong.completion_tokens, rejected_sample_id=wrong.sample_id, rejected_model=wrong.model,
            rejected_seed=wrong.seed,
            problem_id=problem.problem_id, source=problem.source, split=problem.split, origin=problem.origin,
            license=problem.license,
        )  # fmt: skip


def grpo_rows(selection: Selection, prompt_of: PromptOf = plain_prompt) -> Iterator[GrpoRow]:
    """One row for each problem worth exploring; its prompt is that of the form most of its samples have."""
    for result in selection.grpo:
        problem = result.problem
        samples = [one.sample for one in result.judgements]
        forms = Counter(sample.form for sample in samples)
        form = max(forms, key=lambda one: (forms[one], one.value)) if forms else _FORMS[problem.kind]
        yield GrpoRow(
            prompt=prompt_of(problem, form), answer=result.answer,
            tests=[IoTest(test.stdin, test.stdout) for test in problem.tests], statement=problem.statement,
            kind=problem.kind, form=form, answer_source=result.source, agreement=result.agreement,
            pass_rate=result.pass_rate, judged=result.judged, problem_id=problem.problem_id,
            sample_ids=[sample.sample_id for sample in samples], models=sorted({sample.model for sample in samples}),
            seeds=[sample.seed for sample in samples], source=problem.source, split=problem.split,
            origin=problem.origin, subject=problem.subject, level=problem.level, license=problem.license,
        )  # fmt: skip


def judged_rows(selection: Selection) -> Iterator[JudgedRow]:
    """One row for each sample, right or wrong."""
    for result in selection.results:
        problem = result.problem
        for one in result.judgements:
            sample = one.sample
            yield JudgedRow(
                sample_id=sample.sample_id, problem_id=problem.problem_id, question=problem.question,
                text=sample.text,
                segments=sample.segments, form=sample.form, fate=one.fate, solved=one.solved, outcome=sample.outcome,
                reason=_reason(one), detail=sample.detail, seconds=one.verdict.seconds if one.verdict else 0.0,
                answer=one.answer, reference=result.answer, answer_source=result.source, agreement=result.agreement,
                pass_rate=result.pass_rate, judged=result.judged, reasoning=one.reasoning, finish=sample.finish,
                completion_tokens=sample.completion_tokens, model=sample.model, seed=sample.seed,
                source=problem.source, split=problem.split, origin=problem.origin, license=problem.license,
            )  # fmt: skip


def _said(one: Judgement) -> list[Message]:
    return [Message("assistant", one.sample.text)]


def _reason(one: Judgement) -> str:
    return one.verdict.reason if one.verdict is not None else ""
