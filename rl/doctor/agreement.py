"""Do all readers of the folder see the same tokens, does text survive, and how are numbers cut?

In: a `Patient`. Out: three findings. Since release 5 transformers has one tokenizer a model; the slow one that others
use (llama.cpp, older releases) is the folder's SentencePiece model, or its vocab.json and merges.txt. It is compared
with tokenizer.json, and the tokenizer with itself, saved and loaded again.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rl.doctor.edits import SetValue
from rl.doctor.findings import Ailment, Check, Finding, fault, some, warning
from rl.doctor.patient import LOAD_ERRORS, Patient, load_tokenizer, one_line
from rl.doctor.texts import LEADING_BLANKS, MATHEMATICS, NUMBERS

READERS = Check(
    "tokenizers-agree", "Two readers of one folder that split a formula differently show the model two languages."
)
SURVIVAL = Check(
    "text-survives", "A sign or a blank lost between text and tokens is lost to problems, solutions and verdicts."
)
DIGITS = Check(
    "numbers", "How digits are grouped decides how hard arithmetic is; the grouping must be the one trained with."
)
_PIECE_FILES = ("tokenizer.model", "spiece.model")


def check_readers(patient: Patient) -> Finding:
    """The fast tokenizer, the slow one, and the fast one saved and loaded again."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return READERS.not_applicable(patient.tokenizer_error)
    slow, what = _slow(patient)
    ailments = _saved_again(tokenizer)
    if slow is not None:
        ailments += _compare(tokenizer, slow, what)
    elif _has_tables(patient):
        what = "vocab.json and merges.txt against tokenizer.json"
        ailments += _compare_tables(patient)
    elif not ailments:
        return READERS.not_applicable(f"{what}; saved and loaded again, the tokenizer reads the same")
    figures = {"texts": len(MATHEMATICS) + len(LEADING_BLANKS), "compared_with": what}
    return READERS.judged(ailments, f"compared with {what}, and with itself saved and loaded again", figures)


def _slow(patient: Patient) -> tuple[Callable[[str], list[int]] | None, str]:
    """An encoder made from the SentencePiece model, and its name; or None and why."""
    path = next((patient.folder / name for name in _PIECE_FILES if (patient.folder / name).is_file()), None)
    if path is None:
        return None, "the folder holds no slow tokenizer"
    if not (patient.folder / "tokenizer.json").is_file():
        return None, f"{path.name} is the only one in the folder"
    try:
        from sentencepiece import SentencePieceProcessor

        processor: Any = SentencePieceProcessor(model_file=str(path))
    except ImportError:
        return None, f"{path.name} cannot be read without the package sentencepiece"
    except (RuntimeError, OSError) as error:
        return None, f"{path.name} is no SentencePiece model ({one_line(error)})"
    return lambda text: [int(one) for one in processor.encode(text)], path.name


def _compare(tokenizer: Any, slow: Callable[[str], list[int]], what: str) -> list[Ailment]:
    def differing(texts: Sequence[str]) -> list[str]:
        return [text for text in texts if _encode(tokenizer, text) != slow(text)]

    found = []
    if wrong := differing(MATHEMATICS):
        said = f"tokenizer.json and {what} differ on {len(wrong)} of {len(MATHEMATICS)} texts: {wrong[0]!r}"
        found.append(fault(said, "find out which one the model was trained with, and delete the other"))
    elif wrong := differing(LEADING_BLANKS):
        said = f"tokenizer.json and {what} differ on a blank at a text's beginning: {wrong[0]!r}"
        found.append(warning(said, "begin no text with a blank, or use one of the two everywhere"))
    return found


def _has_tables(patient: Patient) -> bool:
    return all((patient.folder / name).is_file() for name in ("tokenizer.json", "vocab.json", "merges.txt"))


def _compare_tables(patient: Patient) -> list[Ailment]:
    folder = patient.folder
    try:
        model = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [fault(f"the tokenizer's tables are unreadable ({one_line(error)})", "save the tokenizer anew")]
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    own = [tuple(one.split(" ") if isinstance(one, str) else one) for one in model.get("merges", [])]
    mend = "find out which one the model was trained with, and delete the other"
    found = []
    if wrong := [
        token for token, number in vocabulary.items() if model.get("vocab", {}).get(token, number) != number
    ]:
        found.append(
            fault(f"vocab.json and tokenizer.json number {len(wrong)} tokens differently: {wrong[0]!r}", mend)
        )
    if merges != own:
        at = next((n for n, (one, other) in enumerate(zip(merges, own, strict=False)) if one != other), len(merges))
        found.append(fault(f"merges.txt and tokenizer.json differ from merge {at} on", mend))
    return found


def _saved_again(tokenizer: Any) -> list[Ailment]:
    """The tokenizer as a training run would leave it."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            tokenizer.save_pretrained(folder)
            again = load_tokenizer(Path(folder))
        except LOAD_ERRORS as error:
            return [fault(f"saved, it cannot be loaded again ({one_line(error)})", "use another transformers")]
        texts = (*MATHEMATICS, *LEADING_BLANKS)
        wrong = [text for text in texts if _encode(tokenizer, text) != _encode(again, text)]
        named = ("bos_token_id", "eos_token_id", "pad_token_id", "chat_template")
        lost = [name for name in named if getattr(tokenizer, name) != getattr(again, name)]
    found = []
    if wrong:
        said = f"saved and loaded again, it reads {len(wrong)} texts differently: {wrong[0]!r}"
        found.append(fault(said, "keep the original files; do not save it anew with this transformers"))
    if lost:
        found.append(fault(f"saved and loaded again, it has another {some(lost)}", "set it before saving"))
    return found


def check_survival(patient: Patient) -> Finding:
    """Texts are the same after encoding and decoding."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return SURVIVAL.not_applicable(patient.tokenizer_error)
    unknown = tokenizer.unk_token_id
    wrong = [(text, back) for text in MATHEMATICS if (back := _there_and_back(tokenizer, text)) != text]
    unread = [text for text in MATHEMATICS if unknown is not None and unknown in _encode(tokenizer, text)]
    ailments: list[Ailment] = []
    if wrong or unread:
        said = f"{len(wrong)} of {len(MATHEMATICS)} texts come back changed"
        said += f": {_first_difference(*wrong[0])}" if wrong else ""
        said += f"; {len(unread)} hold signs it does not know" if unread else ""
        ailments.append(fault(said, "use another tokenizer, or keep what it loses out of the data"))
    elif lead := [text for text in LEADING_BLANKS if _there_and_back(tokenizer, text) != text]:
        back = _there_and_back(tokenizer, lead[0])
        said = f"a blank at a text's beginning is lost: {lead[0]!r} comes back as {back!r}"
        ailments.append(warning(said, "strip what is generated before comparing it, and begin no text with a blank"))
    if patient.tokenizer_json.get("clean_up_tokenization_spaces") is True:
        repair = SetValue("tokenizer_config.json", ("clean_up_tokenization_spaces",), False)
        said = "clean_up_tokenization_spaces is set: older releases take the blank out of `6 .` and `don 't`"
        ailments.append(warning(said, "set it to false", repair))
    figures = {"texts": len(MATHEMATICS), "changed": len(wrong), "with_unknown": len(unread)}
    kept = len(MATHEMATICS) - len(wrong)
    return SURVIVAL.judged(ailments, f"{kept} of {len(MATHEMATICS)} texts come back as they were", figures)


def check_numbers(patient: Patient) -> Finding:
    """Informative: how the tokenizer cuts digits."""
    tokenizer = patient.tokenizer
    if tokenizer is None:
        return DIGITS.not_applicable(patient.tokenizer_error)
    cut = {number: _pieces(tokenizer, number) for number in NUMBERS}
    figures = {"pieces": cut}
    return DIGITS.judged([], f"{grouping(cut)}: 1234567 is {' '.join(cut['1234567'])}", figures)


def grouping(cut: dict[str, list[str]]) -> str:
    """The rule by which numbers are cut, if there is one."""
    lengths = {number: [len(piece) for piece in pieces] for number, pieces in cut.items()}
    if any("".join(pieces) != number for number, pieces in cut.items()):
        return "not in digits"
    rules = {
        "single digits": [_cut(number, 1, left=True) for number in lengths],
        "groups of three from the left": [_cut(number, 3, left=True) for number in lengths],
        "groups of three from the right": [_cut(number, 3, left=False) for number in lengths],
    }
    found = next((name for name, wanted in rules.items() if wanted == list(lengths.values())), None)
    return found or "merged as they came: numbers of one length have several shapes"


def _cut(number: str, size: int, *, left: bool) -> list[int]:
    whole, rest = divmod(len(number), size)
    sizes = [size] * whole
    return ([*sizes, rest] if left else [rest, *sizes]) if rest else sizes


def _pieces(tokenizer: Any, number: str) -> list[str]:
    """The text of each token, by decoding ever longer beginnings; marks of a blank in front are left out."""
    ids = _encode(tokenizer, number)
    texts = [str(tokenizer.decode(ids[:count])).strip() for count in range(len(ids) + 1)]
    pieces = [after[len(before) :] for before, after in itertools.pairwise(texts)]
    return [piece for piece in pieces if piece]


def _encode(tokenizer: Any, text: str) -> list[int]:
    return [int(one) for one in tokenizer.encode(text, add_special_tokens=False)]


def _there_and_back(tokenizer: Any, text: str) -> str:
    return str(tokenizer.decode(_encode(tokenizer, text)))


def _first_difference(text: str, back: str) -> str:
    shorter = min(len(text), len(back))
    at = next((n for n in range(shorter) if text[n] != back[n]), shorter)
    start = max(0, at - 4)
    return f"{text[start : at + 8]!r} as {back[start : at + 8]!r}"
