"""Every check in order: configuration and tokenizer first, then what must be read from the weights.

In: a folder or a name. Out: findings. To add a check, write a function from `Patient` to `Finding` and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from rl.doctor.agreement import check_numbers, check_readers, check_survival
from rl.doctor.context import check_attention, check_context
from rl.doctor.findings import Check, Finding, Status, fault
from rl.doctor.patient import Patient, load_patient
from rl.doctor.sampling import check_sampling
from rl.doctor.special_tokens import check_bos, check_eos, check_pad
from rl.doctor.template import check_forgery, check_template
from rl.doctor.vocabulary import check_rows, check_vocabulary
from rl.doctor.weights_checks import check_dtype, check_files, check_finite, check_tied

TOKENIZER = Check("tokenizer", "Without its tokenizer a model's tokens have no meaning.")


def examine(model: str | Path, *, quick: bool = False) -> tuple[Finding, ...]:
    """All findings on a model; `quick` leaves out reading every weight."""
    patient = load_patient(model)
    return tuple(check(patient) for check in checks(quick=quick))


def checks(*, quick: bool = False) -> tuple[Callable[[Patient], Finding], ...]:
    """Every check."""
    return (
        _check_tokenizer,
        check_pad,
        check_bos,
        check_eos,
        check_template,
        check_forgery,
        check_readers,
        check_survival,
        check_numbers,
        check_context,
        check_attention,
        check_sampling,
        check_files,
        check_dtype,
        check_tied,
        check_vocabulary,
        check_rows,
        partial(check_finite, quick=quick),
    )


def faults(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that must be mended."""
    return tuple(finding for finding in findings if finding.status is Status.FAULT)


def _check_tokenizer(patient: Patient) -> Finding:
    if patient.tokenizer is None:
        mend = "put the tokenizer's files beside the weights"
        return TOKENIZER.judged([fault(patient.tokenizer_error, mend)], "")
    return TOKENIZER.judged([], f"{type(patient.tokenizer).__name__}, {len(patient.tokenizer)} tokens")
