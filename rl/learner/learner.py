"""The learner: a policy, its reference and its optimizer. Sequences in; scores, updates and weights out.

One optimizer step takes any number of sequences, packed into micro-batches of `micro_batch_tokens`. The loss is a sum
of weighted tokens whose weights were divided by the whole step's counts (`rl.losses.token_weights`), so that the
cut into micro-batches changes no gradient. Head and loss are one pass (`rl.kernels.policy_head`).

Legend: T tokens read, K completion tokens, S sequences, D width, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rl.kernels import linear_logprob, policy_head
from rl.kernels.policy_head import PolicyStatistics
from rl.learner.config import LearnerConfig, LossConfig
from rl.learner.model import load_policy, load_tokenizer
from rl.losses import Aggregation, Loss, TokenBatch, token_weights
from rl.packed_attention import starts_of
from rl.packing import Packed, Tokens, micro_batches, pack
from rl.trajectories import TrainSequence


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """One optimizer step. Means are over the tokens that were scored."""

    loss: float
    grad_norm: float
    learning_rate: float
    sequences: int
    tokens: int  # completion tokens that count in the loss
    micro_batches: int
    passes: int
    statistics: dict[str, float]
    warnings: tuple[str, ...] = ()


class Learner:
    """A policy in this process. `version` counts optimizer steps."""

    def __init__(self, model: str, config: LearnerConfig, loss: LossConfig, *, max_length: int, temperature: float):
        self.config = config
        self.version = 0
        self.tokenizer = load_tokenizer(model)
        self.model = load_policy(model, config)
        self._loss: Loss = loss.make()
        self._entropy_bonus = loss.entropy_bonus
        self._max_length = max_length
        self._temperature = temperature
        self._reference = load_policy(model, config).requires_grad_(False) if loss.kl else None
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay
        )

    @property
    def has_reference(self) -> bool:
        """Whether `reference_logprobs` are needed."""
        return self._reference is not None

    @torch.no_grad()
    def score(
        self, sequences: Sequence[Tokens], *, reference: bool = False, temperature: float | None = None
    ) -> list[tuple[float, ...]]:
        """Log-probabilities of each completion's tokens, at the sampler's temperature unless another is given."""
        model = self._reference if reference else self.model
        if model is None:
            raise ValueError("no reference policy: the loss has no KL term")
        found: list[tuple[float, ...]] = [()] * len(sequences)
        for places in micro_batches([_length(item) for item in sequences], self.config.micro_batch_tokens):
            packed = pack([sequences[place] for place in places], model.device)
            hidden_KD = _states(model, packed)
            logprob_K, _ = linear_logprob(
                hidden_KD, model.lm_head.weight, packed.target_K, temperature=temperature or self._temperature
            )
            for place, values in zip(places, packed.split(logprob_K), strict=True):
                found[place] = tuple(values.tolist())
        return found

    def update(self, sequences: Sequence[TrainSequence]) -> UpdateReport:
        """One optimizer step on all sequences."""
        for group in self._optimizer.param_groups:
            group["lr"] = self.config.learning_rate * min(1.0, (self.version + 1) / max(1, self.config.warm_up_steps))
        tokens = sum(sequence.learned_tokens for sequence in sequences)
        self._optimizer.zero_grad(set_to_none=True)
        total, statistics, passes = 0.0, None, 0
        cuts = micro_batches([_length(item) for item in sequences], self.config.micro_batch_tokens)
        for places in cuts:
            chosen = [sequences[place] for place in places]
            packed = pack(chosen, self.model.device)
            batch = self._token_batch(chosen, packed, len(sequences), tokens)
            output = policy_head(
                _states(self.model, packed),
                self.model.lm_head.weight,
                packed.target_K,
                batch,
                loss=self._loss,
                entropy_bonus=self._entropy_bonus,
                temperature=self._temperature,
            )
            output.loss.backward()
            total += output.loss.item()
            statistics = output.statistics if statistics is None else statistics.merge(output.statistics)
            passes = max(passes, output.passes)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_grad_norm)
        self._optimizer.step()
        self.version += 1
        return UpdateReport(
            loss=total,
            grad_norm=norm.item(),
            learning_rate=self._optimizer.param_groups[0]["lr"],
            sequences=len(sequences),
            tokens=tokens,
            micro_batches=len(cuts),
            passes=passes,
            statistics=_means(statistics),
        )

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of the policy under transformers' name, as a sampler takes them."""
        for name, tensor in self.model.state_dict().items():
            yield name, tensor.detach()

    def renew_reference(self) -> None:
        """The policy as it is becomes the reference (iterative GRPO)."""
        if self._reference is not None:
            self._reference.load_state_dict(self.model.state_dict())

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: weights, reference, optimizer, version."""
        reference = None if self._reference is None else self._reference.state_dict()
        return {
            "model": self.model.state_dict(),
            "reference": reference,
            "optimizer": self._optimizer.state_dict(),
            "version": self.version,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(state["model"])
        if self._reference is not None:
            self._reference.load_state_dict(state["reference"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.version = state["version"]

    def save(self, folder: Path) -> None:
        """The policy in transformers' format, with tokenizer and template."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def _token_batch(
        self, sequences: Sequence[TrainSequence], packed: Packed, total_sequences: int, total_tokens: int
    ) -> TokenBatch:
        """What is known of each completion token; a token that is not learned has weight 0."""
        device = packed.target_K.device

        def joined(name: str) -> Tensor | None:
            rows = [getattr(sequence, name) for sequence in sequences]
            if any(row is None for row in rows):
                return None
            return torch.tensor([value for row in rows for value in row], dtype=torch.float32, device=device)

        learned = [flag for item in sequences for flag in (item.learned or (True,) * len(item.completion_ids))]
        learned_K = torch.tensor(learned, device=device)
        weight_K = torch.zeros(len(learned), device=device)
        weight_K[learned_K] = token_weights(
            Aggregation(self._loss.aggregation),
            packed.sequence_K[learned_K],
            sequences=len(sequences),
            total_sequences=total_sequences,
            total_tokens=total_tokens,
            max_length=self._max_length,
        )
        return TokenBatch(
            weight_T=weight_K,
            sequence_T=packed.sequence_K,
            sequences=len(sequences),
            advantage_T=joined("advantages"),
            old_logprob_T=joined("old_logprobs"),
            reference_logprob_T=joined("reference_logprobs"),
            importance_T=joined("importance"),
        )


def _states(model: Any, packed: Packed) -> Tensor:
    """The states that predict the completions' tokens, shape (K, D)."""
    hidden_1TD = model.model(
        input_ids=packed.ids_T[None],
        position_ids=packed.positions_T[None],
        use_cache=False,
        packed_starts=starts_of(packed.starts_S1, packed.longest),
    ).last_hidden_state
    states_KD: Tensor = hidden_1TD[0].index_select(0, packed.state_K)
    return states_KD


def _length(sequence: Tokens) -> int:
    return len(sequence.prompt_ids) + len(sequence.completion_ids) - 1


def _means(statistics: PolicyStatistics | None) -> dict[str, float]:
    return {} if statistics is None else {name: _finite(value) for name, value in statistics.means().items()}


def _finite(value: float) -> float:
    return value if math.isfinite(value) else float("nan")
