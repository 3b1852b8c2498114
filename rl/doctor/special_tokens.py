"""Pad, BOS and EOS: each there, each once, and the same for tokenizer, configurations and template.

In: a `Patient`. Out: three findings. The assistant's end of turn is the one that counts: a sampler that does not stop
there runs on to its limit, and a pad token that is the end of turn is masked out of the loss with the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rl.doctor.conversation import Rendered, added_ids, end_of_turn, try_render
from rl.doctor.edits import BosIntoTemplate, GivePad, LeaveBosToTemplate, SetEos, SetValue
from rl.doctor.findings import Ailment, Check, Finding, fault, some, warning
from rl.doctor.patient import Patient

PAD = Check("pad", "Padding is masked out of the loss: a pad that is also EOS teaches the model never to stop.")
BOS = Check("bos", "A model has seen BOS once, in front; twice or not at all, its first predictions are off.")
EOS = Check("eos", "Where sampler, trainer and template end a turn by different tokens, answers run on or are cut.")
_GENERATION = "generation_config.json"


def check_pad(patient: Patient) -> Finding:
    """A pad token of its own."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return PAD.not_applicable(patient.tokenizer_error)
    pad, rendered = tokenizer.pad_token_id, try_render(tokenizer)
    used = set() if isinstance(rendered, str) else set(rendered.second_whole.ids)
    eos, stops = set(_ids(tokenizer.eos_token_id)), stop_ids(patient)
    taken = frozenset(used | eos | set(stops) | set(_ids(tokenizer.bos_token_id)))
    repair = GivePad(taken, patient.config_key("pad_token_id"))
    mend = "give the tokenizer a pad token that nothing else uses"
    ailments: list[Ailment] = []
    if pad is None:
        ailments.append(fault("the tokenizer has no pad token", mend, repair))
    elif pad in eos:
        ailments.append(fault(f"pad is an end of text ({tokenizer.pad_token}, id {pad})", mend, repair))
    elif pad in used:
        ailments.append(fault(f"the chat template uses the pad token {tokenizer.pad_token}", mend, repair))
    elif pad in {tokenizer.bos_token_id, tokenizer.unk_token_id}:
        which = "BOS" if pad == tokenizer.bos_token_id else "the unknown token"
        ailments.append(warning(f"pad is {which} ({tokenizer.pad_token})", mend, repair))
    elif pad in stops:
        mend = "keep it out of texts that are learned, or choose another pad"
        ailments.append(warning(f"sampling stops at the pad token {tokenizer.pad_token} too", mend))
    if not ailments:
        ailments += _pad_of_configs(patient, int(pad))
    figures = {"pad": pad, "pad_token": tokenizer.pad_token, "eos": sorted(eos)}
    return PAD.judged(ailments, "" if pad is None else f"{tokenizer.pad_token} (id {pad})", figures)


def _pad_of_configs(patient: Patient, pad: int) -> list[Ailment]:
    found = []
    for name, key, values in _both(patient, "pad_token_id"):
        other = _ids(values.get("pad_token_id"))
        if other and other != [pad]:
            repair = SetValue(name, key, pad)
            found.append(warning(f"{name} has another pad, id {other[0]}", f"write {pad} there", repair))
    return found


def check_bos(patient: Patient) -> Finding:
    """BOS exactly once, for generation and training, with and without the tokenizer's own special tokens."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return BOS.not_applicable(patient.tokenizer_error)
    bos = tokenizer.bos_token_id
    if bos is None:
        return BOS.judged([], "the tokenizer has none")
    rendered = try_render(tokenizer)
    plain = [int(one) for one in tokenizer.encode("a", add_special_tokens=True)]
    writes = plain[:1] == [bos]
    ailments = _doubled_on_plain_text(plain, bos)
    figures: dict[str, Any] = {"bos": bos, "tokenizer_writes_it": writes}
    if not isinstance(rendered, str):
        counts = _bos_counts(tokenizer, rendered)
        figures |= {"times": counts}
        ailments += ailments or _bos_in_template(tokenizer, rendered, counts, writes=writes)
    ailments += [
        warning(f"{name} has another BOS, id {other[0]}", f"write {bos} there", SetValue(name, key, bos))
        for name, key, values in _both(patient, "bos_token_id")
        if (other := _ids(values.get("bos_token_id"))) and other != [bos]
    ]
    where = "written by the tokenizer" if writes else "not written by the tokenizer itself"
    return BOS.judged(ailments, f"{tokenizer.bos_token} (id {bos}), {where}", figures)


def _doubled_on_plain_text(plain: Sequence[int], bos: int) -> list[Ailment]:
    if list(plain).count(bos) < 2:
        return []
    return [fault(f"the tokenizer puts BOS before a plain text {list(plain).count(bos)} times", "mend its processor")]


def _bos_counts(tokenizer: Any, rendered: Rendered) -> dict[str, int]:
    """How many BOS stand at the beginning, or anywhere where BOS isn't EOS as well; by use and way of encoding."""
    bos, counts = tokenizer.bos_token_id, {}
    for use, part in (("generation", rendered.first_prompt), ("training", rendered.second_whole)):
        for own in (False, True):
            ids = tokenizer.encode(part.text, add_special_tokens=own)
            head = next((at for at, token in enumerate(ids) if token != bos), len(ids))
            counts[f"{use}, add_special_tokens={own}"] = head if bos == tokenizer.eos_token_id else ids.count(bos)
    return counts


def _bos_in_template(tokenizer: Any, rendered: Rendered, counts: dict[str, int], *, writes: bool) -> list[Ailment]:
    alone = [number for key, number in counts.items() if key.endswith("False")]
    with_own = [number for key, number in counts.items() if key.endswith("True")]
    if max(alone) > 1:
        return [fault(f"the template writes BOS {max(alone)} times", "write bos_token once, at its beginning")]
    if max(alone) != min(alone):
        return [fault("the template writes BOS for one of generation and training only", "write it in both")]
    if alone[0] and rendered.first_prompt.ids[0] != tokenizer.bos_token_id:
        return [fault("BOS does not stand in front", "move bos_token to the template's beginning")]
    if max(with_own) > 1:
        return [
            fault(
                "the template writes BOS and the tokenizer one more: the rendered text has two unless it is encoded "
                "with add_special_tokens=False",
                "let one of them write it: the template",
                LeaveBosToTemplate(str(tokenizer.bos_token)),
            )
        ]
    if writes and not alone[0]:
        mend = "begin the template with {{ bos_token }}, and encode its text with add_special_tokens=False"
        repairs = (BosIntoTemplate(), LeaveBosToTemplate(str(tokenizer.bos_token)))
        return [fault("the template has no BOS, though the tokenizer writes it before a plain text", mend, *repairs)]
    return []


def check_eos(patient: Patient) -> Finding:
    """One end of turn for the template, the tokenizer and both configurations."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return EOS.not_applicable(patient.tokenizer_error)
    rendered = try_render(tokenizer)
    end = None if isinstance(rendered, str) else end_of_turn(tokenizer, rendered)
    own = tokenizer.eos_token_id
    figures = {
        "tokenizer": own,
        "template": end,
        "config": _ids(getattr(patient.config, "eos_token_id", None)),
        "generation_config": _ids((patient.generation_json or {}).get("eos_token_id")),
    }
    ailments: list[Ailment] = []
    if not isinstance(rendered, str) and end is None:
        ailments.append(
            fault(
                "the template ends the assistant's turn with no special token, so nothing tells a sampler to stop",
                "end the assistant's turn with {{ eos_token }} in the template",
            )
        )
    if own is None:
        repairs = () if end is None else (SetEos(tokenizer.convert_ids_to_tokens(end)),)
        ailments.append(fault("the tokenizer has no EOS", "set eos_token to the end of turn", *repairs))
    wanted = list(dict.fromkeys(token for token in (end, own) if token is not None))
    if wanted:
        ailments += _stops(patient, wanted)
    if end is not None and own is not None and end != own:
        ailments.append(_two_ends(tokenizer, end))
    names = some([tokenizer.convert_ids_to_tokens(token) for token in wanted])
    return EOS.judged(ailments, f"turns and texts end with {names}" if wanted else "", figures)


def _stops(patient: Patient, wanted: list[int]) -> list[Ailment]:
    """Ends that a sampler or the configuration does not know."""
    found, stops = [], stop_ids(patient)
    for name, key, values in _both(patient, "eos_token_id"):
        here = _ids(values.get("eos_token_id"))
        missing = [token for token in wanted if token not in here]
        if not missing or (name == _GENERATION and not here):
            continue
        whole = list(dict.fromkeys([*wanted, *(here if len(missing) < len(wanted) else [])]))
        repair = SetValue(name, key, whole[0] if len(whole) == 1 else tuple(whole))
        said = f"{name} stops at {here or 'nothing'} and not at {missing}"
        # What a sampler stops at must hold all of them; the other file is read by some programs only.
        decides = stops == here or len(missing) == len(wanted)
        mend = f"write {whole} as its eos_token_id"
        found.append(fault(said, mend, repair) if decides else warning(said, mend, repair))
    return found


def _two_ends(tokenizer: Any, end: int) -> Ailment:
    name = tokenizer.convert_ids_to_tokens(end)
    return warning(
        f"the template ends a turn with {name}, the tokenizer a text with {tokenizer.eos_token}",
        f"stop at both when sampling; set eos_token to {name} for trainers that write EOS after an answer themselves",
    )


def stop_ids(patient: Patient) -> list[int]:
    """Where transformers and vLLM stop: generation_config.json's, else config.json's."""
    own = _ids((patient.generation_json or {}).get("eos_token_id"))
    return own or _ids(getattr(patient.config, "eos_token_id", None))


def _both(patient: Patient, name: str) -> list[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """The two configurations: file, key, values."""
    found = [("config.json", patient.config_key(name), {name: getattr(patient.config, name, None)})]
    if patient.generation_json is not None:
        found.append((_GENERATION, (name,), patient.generation_json))
    return found


def _ids(value: Any) -> list[int]:
    if value is None:
        return []
    return [int(one) for one in value] if isinstance(value, list | tuple) else [int(value)]


def used_special_ids(patient: Patient) -> set[int]:
    """Control tokens that a conversation or a stop needs; the pad token is none of them."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return set()
    found = {*_ids(tokenizer.bos_token_id), *_ids(tokenizer.eos_token_id)}
    rendered = try_render(tokenizer)
    if not isinstance(rendered, str):
        found |= added_ids(tokenizer) & set(rendered.second_whole.ids)
    return found - set(_ids(tokenizer.pad_token_id))
