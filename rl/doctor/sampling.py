"""Defaults of generation that silently change what is sampled from.

In: a `Patient`. Out: one finding. A sampler that takes its settings from generation_config.json (transformers'
`generate`, vLLM's server) draws from a distribution that is not the policy's; log-probabilities of what was cut away
do not exist, and ratios are wrong on every token.
"""

from __future__ import annotations

from rl.doctor.edits import SetValue
from rl.doctor.findings import Ailment, Check, Finding, fault, warning
from rl.doctor.patient import Patient

SAMPLING = Check(
    "sampling", "Training needs samples of the whole distribution; these defaults cut or bend it without a word."
)
_FILE = "generation_config.json"
# What leaves the distribution whole.
_NEUTRAL: dict[str, float | int] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "num_beams": 1,
}
_LISTS = ("suppress_tokens", "begin_suppress_tokens", "bad_words_ids", "forced_bos_token_id", "forced_eos_token_id")


def check_sampling(patient: Patient) -> Finding:
    """Every setting neutral or unset."""
    values = patient.generation_json
    if values is None:
        return SAMPLING.not_applicable(f"there is no {_FILE}")
    ailments: list[Ailment] = []
    for name, neutral in _NEUTRAL.items():
        value = values.get(name)
        if value is not None and value != neutral and not (name == "top_k" and value == -1):
            repair = SetValue(_FILE, (name,), neutral)
            bad = name == "temperature" and not value > 0
            kind = fault if bad and values.get("do_sample") else warning
            ailments.append(kind(f"{name} is {value}", f"set {name} to {neutral}, or give it with each call", repair))
    for name in _LISTS:
        if values.get(name):
            repair = SetValue(_FILE, (name,), None)
            ailments.append(warning(f"{name} is set", f"set {name} to null for training", repair))
    said = f"{_FILE} leaves the distribution whole" if not ailments else ""
    if values.get("top_k") is None:
        said += "; " if said else ""
        said += "top_k is unset, where transformers' generate takes 50: give top_k=0 with each call"
    return SAMPLING.judged(ailments, said, {name: values.get(name) for name in _NEUTRAL})
