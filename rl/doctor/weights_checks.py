"""The weights' files: all there, head and embedding tied as the configuration says, one dtype, finite numbers.

In: a `Patient`. Out: four findings. Only the last reads all numbers, a piece of a tensor at a time.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from rl.doctor.edits import SetValue
from rl.doctor.findings import Ailment, Check, Finding, fault, some, warning
from rl.doctor.patient import Patient
from rl.doctor.stored_weights import Stored, chunks, readable

FILES = Check("weight-files", "A tensor that is missing is filled with random numbers, with no more than a log line.")
TIED = Check("tied-embeddings", "Loaders that tie and loaders that do not make two models of one folder.")
DTYPE = Check("dtype", "Weights are cast to the configuration's dtype on loading; what is lost stays lost.")
FINITE = Check("finite-weights", "One NaN in the weights makes every loss NaN.")
_NONE = "the folder holds no safetensors"
_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def check_files(patient: Patient) -> Finding:
    """The index complete, no file cut off, every parameter there in its shape."""
    weights = patient.weights
    if weights is None:
        return FILES.judged([warning(_NONE, "load the model and save_pretrained() it: other formats run code")], "")
    mend = "fetch or save the files anew"
    ailments = [fault(said, mend) for said in weights.faults]
    if weights.strays:
        said = f"{len(weights.strays)} tensors are not in the index: {some(weights.strays, 3)}"
        ailments.append(warning(said, "save the model anew"))
    if not weights.faults:
        ailments += _parameters(patient)
    total = sum(item.end - item.start for item in weights.tensors.values())
    files = len({item.file for item in weights.tensors.values()})
    figures = {"tensors": len(weights.tensors), "files": files, "bytes": total}
    named = f"{files} file" if files == 1 else f"{files} files"
    return FILES.judged(ailments, f"{len(weights.tensors)} tensors in {named}, {total / 2**20:.1f} MiB", figures)


def _parameters(patient: Patient) -> list[Ailment]:
    """Against what transformers builds, where it takes tensors by their own names."""
    wanted, weights = patient.architecture, patient.weights
    if wanted is None or weights is None or wanted.renamed_on_load or wanted.embedding not in weights.tensors:
        return []
    # A head without tensor is the finding tied-embeddings.
    absent = [name for name in wanted.parameters if name not in weights.tensors and name != wanted.head]
    misshapen = [
        f"{name} is {list(weights.tensors[name].shape)}, not {list(shape)}"
        for name, shape in wanted.parameters.items()
        if name in weights.tensors
        and weights.tensors[name].shape != shape
        and weights.tensors[name].shape[1:] != shape[1:]  # the number of rows is the finding vocabulary
    ]
    found = []
    if absent:
        said = f"{len(absent)} parameters are in no file: {some(absent, 3)}"
        found.append(fault(said, "fetch or save the files anew"))
    if misshapen:
        found.append(fault(f"{len(misshapen)} tensors have another shape: {misshapen[0]}", "mend config.json"))
    return found


def check_tied(patient: Patient) -> Finding:
    """tie_word_embeddings as the files have it."""
    names, embedding, head = patient.architecture, patient.embedding, patient.head
    if embedding is None or names is None:
        return TIED.not_applicable("the embedding is not among the folder's safetensors")
    if names.head is None:
        return TIED.not_applicable("the model has no head")
    figures = {"tie_word_embeddings": patient.tied, "head_stored": head is not None}
    if head is None or head.name == embedding.name:
        ailments = [] if patient.tied else [_no_head(names.head)]
        return TIED.judged(ailments, "one tensor for embedding and head" if patient.tied else "", figures)
    if not patient.tied:
        return TIED.judged([], "embedding and head are two tensors", figures)
    if _equal(embedding, head):
        return TIED.judged([], "tied; the head is stored as well, equal to the embedding", figures)
    said = "tie_word_embeddings is set, but a head is stored that differs from the embedding"
    repair = SetValue("config.json", ("tie_word_embeddings",), False)
    return TIED.judged([fault(said, "set tie_word_embeddings to false", repair)], "", figures)


def _no_head(name: str) -> Ailment:
    said = f"tie_word_embeddings is not set, but {name} is not stored: the head would be random"
    repair = SetValue("config.json", ("tie_word_embeddings",), True)
    return fault(said, "set tie_word_embeddings to true, if the head is the embedding", repair)


def _equal(one: Stored, other: Stored) -> bool:
    if one.shape != other.shape:
        return False
    pairs = zip(chunks(one), chunks(other), strict=False)
    return all(bool((left.float() == right.float()).all()) for (_, left), (_, right) in pairs)


def check_dtype(patient: Patient) -> Finding:
    """What is stored, and what the configuration says."""
    if patient.weights is None or not patient.weights.tensors:
        return DTYPE.not_applicable(_NONE)
    bytes_by_dtype: Counter[str] = Counter()
    for item in patient.weights.tensors.values():
        bytes_by_dtype[item.dtype] += item.end - item.start
    most = bytes_by_dtype.most_common(1)[0][0]
    named = str(getattr(patient.whole_config, "dtype", None) or "").removeprefix("torch.")
    ailments: list[Ailment] = []
    if most not in _DTYPES:
        ailments.append(warning(f"most weights are {most}", "dequantise them before training"))
    elif named and named != _DTYPES[most]:
        key = "torch_dtype" if "torch_dtype" in patient.config_json else "dtype"
        repair = SetValue("config.json", (key,), _DTYPES[most])
        said = f"config.json says {named}, most weights are {_DTYPES[most]}"
        ailments.append(warning(said, "write the dtype that is stored", repair))
    figures: dict[str, Any] = {"bytes": dict(bytes_by_dtype), "config": named or None}
    return DTYPE.judged(ailments, some([_DTYPES.get(name, name) for name in bytes_by_dtype]), figures)


def check_finite(patient: Patient, *, quick: bool = False) -> Finding:
    """No NaN and no infinity in any tensor."""
    if quick:
        return FINITE.not_applicable("left out by --quick")
    if patient.weights is None or not patient.weights.tensors:
        return FINITE.not_applicable(_NONE)
    bad: dict[str, int] = {}
    for item in sorted(patient.weights.tensors.values(), key=lambda one: (str(one.file), one.start)):
        count = _not_finite(item)
        if count:
            bad[item.name] = count
    ailments: list[Ailment] = []
    if bad:
        said = f"{sum(bad.values())} numbers in {len(bad)} tensors are not finite: {some(list(bad), 3)}"
        ailments.append(fault(said, "go back to an earlier checkpoint"))
    return FINITE.judged(ailments, f"{len(patient.weights.tensors)} tensors read", {"not_finite": bad})


def _not_finite(stored: Stored) -> int:
    """A sum is finite only if all its numbers are; where it is not, they are counted, for it may have overflowed."""
    import torch

    if not readable(stored):
        return 0
    sums = (
        (part, part.float().sum() if part.itemsize == 1 else part.sum(dtype=torch.float32))
        for _, part in chunks(stored)
    )
    return sum(int((~part.float().isfinite()).sum()) for part, total in sums if not total.isfinite())
