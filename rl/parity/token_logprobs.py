"""Log-probabilities of the same tokens from two sources, side by side.

In: sequences of token ids with a log-probability each, from a transformers model, a JSONL file that any engine can
write, or vLLM (rl/parity/vllm_logprobs.py). Out: a `TokenTable`. `logprobs[i]` is that of `token_ids[i]` given all
tokens before it, so the first of a sequence has none (NaN here, null in JSON), and positions without one on either
side are left out. Differences are right minus left; with left the trainer and right the engine that sampled the
tokens, exp(difference) is the inverse of the importance ratio, and the mean of exp(-d) - 1 + d estimates KL(right
|| left) (Schulman's k3).

Legend: T tokens, D hidden width, V vocabulary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rl.parity.errors import ParityError

Decode = Callable[[Sequence[int]], str]

_QUANTILES = (0.01, 0.1, 0.5, 0.9, 0.99)
_CONTEXT_TOKENS = 12
_CHUNK_ROWS = 1024  # rows of logits upcast at a time: 0.6 GB of fp32 at a vocabulary of 152K


@dataclass(frozen=True)
class ScoredSequence:
    """Token ids and the log-probability (nats) of each, NaN where there is none."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True)
class TokenLogprobs:
    """What one source says, and its name."""

    source: str
    sequences: tuple[ScoredSequence, ...]


@dataclass(frozen=True)
class WorstToken:
    """A token whose two log-probabilities differ most, and the text that ends with it."""

    sequence: int
    position: int
    token_id: int
    left: float
    right: float
    difference: float
    context: str


@dataclass(frozen=True)
class TokenTable:
    """Differences, right minus left, in nats; `differences[i]` belongs to sequence i, NaN where not compared."""

    left: str
    right: str
    tokens: int
    mean: float
    sd: float
    max_abs: float
    ratio_quantiles: dict[float, float]
    kl: float
    worst: tuple[WorstToken, ...]
    differences: tuple[tuple[float, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values; a difference that is not finite is None."""
        row = asdict(self)
        row["ratio_quantiles"] = {str(q): _json_number(value) for q, value in self.ratio_quantiles.items()}
        row["differences"] = [[_json_number(value) for value in sequence] for sequence in self.differences]
        for name in ("mean", "sd", "max_abs", "kl"):
            row[name] = _json_number(row[name])
        for worst in row["worst"]:
            worst.update({name: _json_number(worst[name]) for name in ("left", "right", "difference")})
        return row


def compare_token_logprobs(
    left: TokenLogprobs, right: TokenLogprobs, *, decode: Decode | None = None, worst: int = 10
) -> TokenTable:
    """Lay two sources side by side.

    Args:
        left: the source that differences are measured against.
        right: the one in question.
        decode: turns token ids into text for the worst tokens' context; without it, the ids are shown.
        worst: how many of the worst tokens to keep; equal ones are none.

    Raises:
        ParityError: the token ids differ (the first place is named), or no token has a log-probability on both sides.
    """
    _require_same_tokens(left, right)
    differences = [
        np.array(b.logprobs, dtype=np.float64) - np.array(a.logprobs, dtype=np.float64)
        for a, b in zip(left.sequences, right.sequences, strict=True)
    ]
    flat = np.concatenate([np.zeros(0), *differences])
    shared = flat[~np.isnan(flat)]
    if not shared.size:
        raise ParityError(
            f"{left.source} and {right.source}", "a token with a log-probability in both", "give longer sequences"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        kl = float(np.mean(np.exp(-shared) - 1 + shared))
        quantiles = dict(zip(_QUANTILES, map(float, np.quantile(np.exp(shared), _QUANTILES)), strict=True))
        mean, sd = float(shared.mean()), float(shared.std())
    return TokenTable(
        left=left.source,
        right=right.source,
        tokens=int(shared.size),
        mean=mean,
        sd=sd,
        max_abs=float(np.abs(shared).max()),
        ratio_quantiles=quantiles,
        kl=kl,
        worst=tuple(_worst(left, right, differences, decode or _ids_as_text, worst)),
        differences=tuple(tuple(map(float, row)) for row in differences),
    )


def from_model(
    model: nn.Module,
    token_ids: Sequence[Sequence[int]],
    *,
    temperature: float = 1.0,
    kernel: str | None = None,
    source: str = "transformers",
) -> TokenLogprobs:
    """Score sequences with a transformers model, one at a time, in evaluation mode and without gradients.

    Args:
        model: a causal language model.
        token_ids: sequences of token ids.
        temperature: logits are divided by it, after the upcast to fp32.
        kernel: None for a plain log-softmax in fp32 over the model's own logits, some rows at a time; otherwise the
            `impl` of `rl.kernels.linear_logprob`, which never holds all logits.
        source: name in tables.

    Raises:
        ParityError: `kernel` is given for a model whose head is not a linear layer without bias.
    """
    score = _plain_scores if kernel is None else _kernel_scores(kernel)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            sequences = [_scored(score, model, tuple(ids), temperature) for ids in token_ids]
    finally:
        for module, mode in modes:
            module.training = mode
    return TokenLogprobs(source, tuple(sequences))


def from_file(path: Path) -> TokenLogprobs:
    """Read JSONL with `{"token_ids": [...], "logprobs": [...]}` a line; null where a token has no log-probability.

    Raises:
        ParityError: the file or a line is not that; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ParityError(str(path), f"a readable JSONL file ({error})", "check the path") from None
    rows = [_sequence(f"{path}:{number}", line) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise ParityError(str(path), "at least one line", 'write {"token_ids": [...], "logprobs": [...]} a line')
    return TokenLogprobs(path.name, tuple(rows))


def write_file(scored: TokenLogprobs, path: Path) -> None:
    """Write what `from_file` reads."""
    rows = (
        {"token_ids": list(row.token_ids), "logprobs": [_json_number(value) for value in row.logprobs]}
        for row in scored.sequences
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


_Score = Callable[[nn.Module, Tensor, float], Tensor]


def _scored(score: _Score, model: nn.Module, ids: tuple[int, ...], temperature: float) -> ScoredSequence:
    if len(ids) < 2:
        return ScoredSequence(ids, (math.nan,) * len(ids))
    device = next(model.parameters()).device
    logprob_T = score(model, torch.tensor(ids, device=device), temperature)
    return ScoredSequence(ids, (math.nan, *logprob_T.tolist()))


def _plain_scores(model: nn.Module, ids_T: Tensor, temperature: float) -> Tensor:
    logits_TV = model(ids_T[None], use_cache=False).logits[0, :-1]
    high = torch.float64 if logits_TV.dtype is torch.float64 else torch.float32
    pieces = []
    for start in range(0, logits_TV.shape[0], _CHUNK_ROWS):
        logp_RV = (logits_TV[start : start + _CHUNK_ROWS].to(high) / temperature).log_softmax(-1)
        pieces.append(logp_RV.gather(1, ids_T[1:][start : start + _CHUNK_ROWS, None])[:, 0])
    return torch.cat(pieces)


def _kernel_scores(impl: str) -> _Score:
    from rl.kernels.linear_logprob import linear_logprob

    def score(model: nn.Module, ids_T: Tensor, temperature: float) -> Tensor:
        transformer: Any = model  # get_decoder and the like are methods of transformers' models
        head: Any = transformer.get_output_embeddings()
        if not isinstance(head, nn.Linear) or getattr(head, "bias", None) is not None:
            raise ParityError(
                type(model).__name__, "a head that is a linear layer without bias", "leave out kernel= for this model"
            )
        hidden_TD = transformer.get_decoder()(ids_T[None], use_cache=False).last_hidden_state[0, :-1]
        softcap = getattr(transformer.config, "final_logit_softcapping", None) or 0.0
        return linear_logprob(
            hidden_TD, head.weight, ids_T[1:], temperature=temperature, softcap=softcap, impl=impl
        ).logprob_T

    return score


def _require_same_tokens(left: TokenLogprobs, right: TokenLogprobs) -> None:
    counts = len(left.sequences), len(right.sequences)
    if counts[0] != counts[1]:
        raise ParityError(
            f"{left.source} and {right.source}",
            f"the same sequences, not {counts[0]} and {counts[1]} of them",
            "score the same tokens with both",
        )
    for number, (a, b) in enumerate(zip(left.sequences, right.sequences, strict=True)):
        if a.token_ids == b.token_ids:
            continue
        pairs = zip(a.token_ids, b.token_ids, strict=False)
        place = next((i for i, (x, y) in enumerate(pairs) if x != y), min(len(a.token_ids), len(b.token_ids)))
        raise ParityError(
            f"{left.source} and {right.source}, sequence {number}",
            f"the same token ids, but they part at position {place}",
            "check the template and the tokenizer, and whether one adds a token at the start",
        )


def _worst(
    left: TokenLogprobs, right: TokenLogprobs, differences: list[np.ndarray[Any, Any]], decode: Decode, count: int
) -> list[WorstToken]:
    places = [
        (abs(float(value)), sequence, position)
        for sequence, row in enumerate(differences)
        for position, value in enumerate(row)
        if value and not np.isnan(value)
    ]
    found = []
    for _, sequence, position in sorted(places, key=lambda place: (-place[0], *place[1:]))[:count]:
        a, b = left.sequences[sequence], right.sequences[sequence]
        found.append(
            WorstToken(
                sequence=sequence,
                position=position,
                token_id=a.token_ids[position],
                left=a.logprobs[position],
                right=b.logprobs[position],
                difference=float(differences[sequence][position]),
                context=decode(a.token_ids[max(0, position + 1 - _CONTEXT_TOKENS) : position + 1]),
            )
        )
    return found


def _sequence(where: str, line: str) -> ScoredSequence:
    repair = 'write {"token_ids": [5, 9], "logprobs": [null, -1.25]}'
    try:
        row = json.loads(line)
        ids = tuple(int(value) for value in row["token_ids"])
        logprobs = tuple(math.nan if value is None else float(value) for value in row["logprobs"])
    except (ValueError, TypeError, KeyError) as error:
        raise ParityError(where, f"an object with token_ids and logprobs ({error!r})", repair) from None
    if len(ids) != len(logprobs):
        raise ParityError(
            where,
            f"a log-probability for each token, not {len(logprobs)} for {len(ids)}",
            "write null for a token that has none, such as the first",
        )
    return ScoredSequence(ids, logprobs)


def _ids_as_text(token_ids: Sequence[int]) -> str:
    return " ".join(map(str, token_ids))


def _json_number(value: float) -> float | None:
    return value if math.isfinite(value) else None
