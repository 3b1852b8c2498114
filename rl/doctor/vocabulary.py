"""The tokenizer and the rows of embedding and head: enough rows, the same number, and trained ones.

In: a `Patient`. Out: two findings. Rows are read in chunks (see `row_survey`), embedding first, then the head.
"""

from __future__ import annotations

from typing import Any

from rl.doctor.edits import SetValue
from rl.doctor.findings import Ailment, Check, Finding, Status, fault, some, warning
from rl.doctor.patient import Patient
from rl.doctor.row_edits import FillRows, GrowRows
from rl.doctor.row_survey import RowSurvey, survey
from rl.doctor.special_tokens import used_special_ids
from rl.doctor.stored_weights import Stored
from rl.doctor.texts import MATHEMATICS

VOCABULARY = Check(
    "vocabulary",
    "A token without a row of its own in embedding and head crashes training, or reads another's memory.",
)
ROWS = Check(
    "untrained-rows",
    "A row that was never trained is noise where it is read, and its logit is not pushed down where it is sampled.",
)
_MULTIPLE = 64  # tensor cores' tiles, and shards of a head over up to 64 devices


def check_vocabulary(patient: Patient) -> Finding:
    """Every token has a row; embedding, head and configuration have the same number."""
    tokenizer, rows = patient.tokenizer, patient.rows
    if tokenizer is None:
        return VOCABULARY.not_applicable(patient.tokenizer_error)
    needed = max(len(tokenizer), max(tokenizer.get_vocab().values()) + 1)
    ailments = _sizes(patient, rows, needed)
    if rows % _MULTIPLE:
        mend = f"resize_token_embeddings(pad_to_multiple_of={_MULTIPLE}) before training anew"
        ailments.append(warning(f"{rows} is no multiple of {_MULTIPLE}", mend))
    for key in ("pad_token_id", "bos_token_id", "eos_token_id"):
        value = getattr(patient.config, key, None)
        ids = value if isinstance(value, list | tuple) else [] if value is None else [value]
        if any(not 0 <= one < rows for one in ids):
            repair = SetValue("config.json", patient.config_key(key), getattr(tokenizer, key))
            ailments.append(fault(f"config.json's {key} {value} has no row", "write the tokenizer's", repair))
    figures = {"tokenizer": needed, "rows": rows, "beyond_tokenizer": max(0, rows - needed)}
    padded = f", a multiple of {_MULTIPLE}" if rows % _MULTIPLE == 0 else ""
    found = f"{needed} tokens in {rows} rows{padded}; {max(0, rows - needed)} rows beyond the tokenizer"
    return VOCABULARY.judged(ailments, found, figures)


def _sizes(patient: Patient, rows: int, needed: int) -> list[Ailment]:
    found = []
    key = patient.config_key("vocab_size")
    if needed > rows:
        target = -(-needed // _MULTIPLE) * _MULTIPLE
        names = _tensors_with_rows(patient)
        repairs = (GrowRows(names, target, key),) if names else ()
        mend = f"add rows at the mean of the trained ones: resize_token_embeddings({target})"
        found.append(fault(f"{needed - rows} tokens have no row", mend, *repairs))
    stored, head = patient.embedding, patient.head
    if stored is not None and int(patient.config.vocab_size) != rows:
        said = f"config.json's vocab_size {patient.config.vocab_size} is not the embedding's {rows} rows"
        found.append(fault(said, "write the rows' number there", SetValue("config.json", key, rows)))
    if stored is not None and head is not None and head.shape[0] != rows:
        found.append(fault(f"the head has {head.shape[0]} rows", "save the model anew from the code that made it"))
    return found


def _tensors_with_rows(patient: Patient) -> tuple[str, ...]:
    """Embedding, head and head's bias, as stored."""
    head = patient.head
    bias = None
    if head is not None and patient.weights is not None:
        bias = patient.weights.tensors.get(head.name.removesuffix(".weight") + ".bias")
    return tuple(item.name for item in (patient.embedding, head, bias) if item is not None)


def check_rows(patient: Patient) -> Finding:
    """Which tokens' rows were never trained, and whether any of them is used."""
    if patient.embedding is None:
        return ROWS.not_applicable("the embedding is not among the folder's safetensors")
    if patient.tokenizer is None:
        return ROWS.not_applicable(patient.tokenizer_error)
    head = None if patient.tied else patient.head
    ailments, figures, said = [], {}, []
    for label, stored in (("embedding", patient.embedding), ("head", head)):
        if stored is None:
            continue
        if stored.dtype not in {"F64", "F32", "F16", "BF16"}:
            return ROWS.not_applicable(f"the {label} is stored as {stored.dtype}")
        looked = survey(stored, len(patient.tokenizer))
        figures[label] = _figures(patient, looked)
        said.append(_said(label, looked, len(patient.tokenizer)))
        ailment = _judge(patient, label, stored, looked)
        ailments += [ailment] if ailment is not None else []
    return ROWS.judged(ailments, "; ".join(said), figures)


def _said(label: str, looked: RowSurvey, known: int) -> str:
    beyond = sum(row >= known for row in looked.untrained)
    parts = [f"{label}: median norm {looked.median_norm:.3g}"]
    parts += [f"{len(looked.at_mean)} rows at the mean"] if looked.at_mean else []
    parts += [f"{beyond} untrained beyond the tokenizer"] if beyond else []
    return ", ".join(parts)


def _judge(patient: Patient, label: str, stored: Stored, looked: RowSurvey) -> Ailment | None:
    """A fault where an untrained row is used; a warning where only tokens that nothing needs have one."""
    tokenizer: Any = patient.tokenizer
    known = len(tokenizer)
    untrained = sorted(row for row in looked.untrained if row < known and row != tokenizer.pad_token_id)
    if not untrained:
        return None
    special = sorted(used_special_ids(patient) & set(untrained))
    words = sorted(_mathematics_ids(tokenizer) & looked.certain - set(special))
    names = [tokenizer.convert_ids_to_tokens(row) for row in untrained]
    counts = {name: len(set(rows) & set(untrained)) for name, rows in _by_evidence(looked).items()}
    evidence = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    said = f"{len(untrained)} untrained rows in the {label} ({evidence}): {some(names, 6)}"
    if special:
        said += (
            f"; {len(special)} belong to control tokens in use: {some([names[untrained.index(r)] for r in special])}"
        )
    if words:
        said += f"; {len(words)} to tokens that mathematics needs"
    status = Status.FAULT if special or words else Status.WARNING
    return Ailment(
        status,
        said,
        "set them to the mean of the trained rows, in fp32, rounded once",
        (FillRows(stored.name, tuple(untrained), known),),
    )


def _by_evidence(looked: RowSurvey) -> dict[str, tuple[int, ...]]:
    return {
        "blank": looked.blank,
        "repeated": looked.repeated,
        "faint": looked.faint,
        "like unused ones": looked.unused_like,
    }


def _figures(patient: Patient, looked: RowSurvey) -> dict[str, Any]:
    tokenizer: Any = patient.tokenizer
    used = used_special_ids(patient) & looked.untrained
    counts = {name.replace(" ", "_"): len(rows) for name, rows in _by_evidence(looked).items()}
    return {
        "rows": looked.rows,
        "median_norm": looked.median_norm,
        **counts,
        "at_mean": len(looked.at_mean),
        "beyond_tokenizer": sum(row >= len(tokenizer) for row in looked.untrained),
        "used_special_tokens": sorted(str(tokenizer.convert_ids_to_tokens(row)) for row in used),
        "first_rows": sorted(looked.untrained)[:20],
    }


def _mathematics_ids(tokenizer: Any) -> set[int]:
    """Tokens of our mathematical texts in ASCII: rare signs are warned of, not called faults."""
    texts = [text for text in MATHEMATICS if text.isascii()]
    return {int(one) for text in texts for one in tokenizer.encode(text, add_special_tokens=False)}
