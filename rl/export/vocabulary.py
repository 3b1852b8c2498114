"""The tokenizer as GGUF's metadata: tokens, their types, merges or scores, special tokens, what is put in front.

In: a transformers tokenizer with a `tokenizers` backend, and the number of rows of the embedding. Out: a
`Vocabulary`. Two kinds are known: byte-level BPE ("gpt2": merges, and a pre-tokenizer by name) and SentencePiece's
BPE ("llama": scores). The latter's scores are read off the merges: a token's is minus the place of its first merge,
which orders merging as the score does, wherever every way to make a token of two is among the merges, as in tables
that were made from a SentencePiece model. Unigram models are refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gguf import TokenType

from mathpipe.core.errors import InputError
from rl.export.pre_tokenizer import choose

_SPACE = "▁"
_UNREACHED = -1e6  # below every merge: such a token is never made of two


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What llama.cpp is told of the tokenizer; `scores` for the kind llama, `merges` and `pre` for gpt2."""

    kind: str
    pre: str
    tokens: list[str]
    types: list[int]
    bos: int | None
    eos: int | None
    pad: int | None
    unk: int | None
    add_bos: bool
    add_eos: bool
    merges: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    space_prefix: bool | None = None
    notes: tuple[str, ...] = ()


def vocabulary_of(tokenizer: Any, rows: int) -> Vocabulary:
    """The tokenizer for a model whose embedding has `rows` rows."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise InputError("tokenizer", "a fast one (tokenizer.json)", "save it with a tokenizers backend")
    state = json.loads(backend.to_str())
    if len(tokenizer) > rows or max(tokenizer.get_vocab().values()) >= rows:
        raise InputError(
            f"tokenizer with {len(tokenizer)} tokens", f"at most {rows}, the embedding's rows", "resize the model"
        )
    kind = _kind(state)
    common = _common(tokenizer)
    tokens, types = _tokens(state, rows, kind, tokenizer.unk_token_id)
    if kind == "gpt2":
        choice = choose(backend)
        merges = [" ".join(pair) for pair in _merges(state)]
        notes = [note for note in (choice.note(), _normaliser_note(state)) if note]
        return Vocabulary(kind, choice.name, tokens, types, **common, merges=merges, notes=tuple(notes))
    scores, incomplete = _scores(state, tokens, types)
    prefix, note = _space_prefix(state, tokenizer)
    notes = [text for text in (note, _incomplete_note(incomplete)) if text]
    return Vocabulary(
        kind, "default", tokens, types, **common, scores=scores, space_prefix=prefix, notes=tuple(notes)
    )


def _kind(state: dict[str, Any]) -> str:
    model = state["model"]
    if model["type"] == "BPE":
        if "ByteLevel" in _types(state["pre_tokenizer"]):
            return "gpt2"
        if model.get("byte_fallback") and _SPACE in json.dumps(
            [state["normalizer"], state["pre_tokenizer"]], ensure_ascii=False
        ):
            return "llama"
    raise InputError(
        f"tokenizer of type {model['type']}",
        "byte-level BPE, or SentencePiece's BPE with byte fallback",
        "use --as merged and llama.cpp's own converter",
    )


def _types(part: dict[str, Any] | None) -> list[str]:
    """A part's type and those of the parts it is made of."""
    if part is None:
        return []
    inner = [*part.get("pretokenizers", []), *part.get("normalizers", [])]
    return [part["type"], *(name for one in inner for name in _types(one))]


def _common(tokenizer: Any) -> dict[str, Any]:
    around = tokenizer.encode("a", add_special_tokens=True)
    return {
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "pad": tokenizer.pad_token_id,
        "unk": tokenizer.unk_token_id,
        "add_bos": tokenizer.bos_token_id is not None and around[0] == tokenizer.bos_token_id,
        "add_eos": tokenizer.eos_token_id is not None and around[-1] == tokenizer.eos_token_id,
    }


def _tokens(state: dict[str, Any], rows: int, kind: str, unknown: int | None) -> tuple[list[str], list[int]]:
    """Every row's token; rows that no token has are named and marked as unused."""
    tokens = [f"[PAD{row}]" for row in range(rows)]
    types = [int(TokenType.UNUSED)] * rows
    for token, row in state["model"]["vocab"].items():
        tokens[row], types[row] = token, int(TokenType.NORMAL)
        if kind == "llama" and len(token) == 6 and token.startswith("<0x"):
            types[row] = int(TokenType.BYTE)
    for added in state["added_tokens"]:
        control = added["special"]
        # llama.cpp looks for a user's tokens in the text as it was written, before blanks are replaced.
        tokens[added["id"]] = added["content"] if control else added["content"].replace(_SPACE, " ")
        types[added["id"]] = int(TokenType.CONTROL if control else TokenType.USER_DEFINED)
    if kind == "llama" and unknown is not None:
        types[unknown] = int(TokenType.UNKNOWN)
    if len(set(tokens)) < rows:
        raise InputError("tokenizer", "tokens that differ from one another", "llama.cpp finds tokens by their text")
    return tokens, types


def _merges(state: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for pair in state["model"]["merges"]:
        left, right = pair.split(" ") if isinstance(pair, str) else pair
        yield left, right


def _scores(state: dict[str, Any], tokens: list[str], types: list[int]) -> tuple[list[float], int]:
    """Scores in the order of the merges, and how many tokens can be made in a way that is no merge."""
    places: dict[str, int] = {}
    pairs = set()
    for place, (left, right) in enumerate(_merges(state)):
        places.setdefault(left + right, place)
        pairs.add((left, right))
    plain = {token for token, kind in zip(tokens, types, strict=True) if kind == int(TokenType.NORMAL)}
    incomplete = sum(
        any(
            (token[:cut], token[cut:]) not in pairs
            for cut in range(1, len(token))
            if token[:cut] in plain and token[cut:] in plain
        )
        for token in plain
    )
    return [float(-places[token]) if token in places else _UNREACHED for token in tokens], incomplete


def _space_prefix(state: dict[str, Any], tokenizer: Any) -> tuple[bool, str | None]:
    """Whether llama.cpp is to put a blank in front of text, and a note where it will do so elsewhere than here.

    It does so at the beginning and after every special token, or never. A tokenizer that does so at the beginning
    alone never does in a conversation that opens with a special token: that is what the policy has seen.
    """
    parts = [state["normalizer"] or {}, state["pre_tokenizer"] or {}]
    flat = [one for part in parts for one in [part, *part.get("normalizers", []), *part.get("pretokenizers", [])]]
    if any(one.get("type") == "Prepend" for one in flat):
        return True, None
    scheme = next((one.get("prepend_scheme") for one in flat if one.get("type") == "Metaspace"), "never")
    if scheme != "first":
        return scheme == "always", None
    where = "this tokenizer puts a blank in front of a text's first word only; llama.cpp will put "
    if _opens_with_special(tokenizer):
        return False, where + "none: right for conversations, but a prompt without the chat template lacks it"
    return True, where + "one after every special token too: text right after one may get another first token"


def _opens_with_special(tokenizer: Any) -> bool:
    if not isinstance(tokenizer.chat_template, str):
        return False
    asked = [{"role": "user", "content": "1 + 1?"}]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    return any(text.startswith(token) for token in tokenizer.all_special_tokens)


def _incomplete_note(count: int) -> str | None:
    if not count:
        return None
    return (
        f"{count} tokens can be made of two others in a way that is no merge of this tokenizer; llama.cpp, which "
        "goes by scores, takes such ways too, so that some text will be cut into other tokens"
    )


def _normaliser_note(state: dict[str, Any]) -> str | None:
    names = [name for name in _types(state["normalizer"]) if name != "Sequence"]
    if not names or names == ["NFC"]:
        return None  # nearly all text is in NFC as it is written: docs/export.md
    return f"the tokenizer normalises text by {', '.join(names)}, and llama.cpp does not"
