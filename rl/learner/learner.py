"""The learner: a policy, its reference and its optimizer. Sequences in; scores, updates and weights out.

One optimizer step takes any number of sequences, packed into micro-batches of `micro_batch_tokens`. The loss is a sum
of weighted tokens whose weights were divided by the whole step's counts (`token_batch`), so that the cut into
micro-batches changes no gradient. Head and loss are one pass (`rl.kernels.policy_head`). Nothing waits for the device
before a step's last micro-batch.

With several processes (`ranks`) every one calls each method with the same arguments and gets the same answers.

Legend: K completion tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mathpipe.core.errors import InputError
from rl.kernels import linear_logprob, policy_head
from rl.kernels.policy_head import PolicyHeadOutput
from rl.learner.config import LearnerConfig, LossConfig
from rl.learner.critic import Critic, CriticConfig, Goal, ValueTotals
from rl.learner.guards import Found, Guard, LearnerDiverged
from rl.learner.host_memory import HostMemory
from rl.learner.lora import Adapters, plain_weights
from rl.learner.model import PackedPolicy, checkpoint_activations, device_of, load_policy, load_tokenizer
from rl.learner.optimizer import clip, make_optimizer, norms, set_learning_rate, total_norm, trained_parameters
from rl.learner.ranks import Ranks, reshard, shard, whole
from rl.learner.reference import FrozenModel, OlderAdapters, Reference
from rl.learner.report import Tally, Totals, UpdateReport
from rl.learner.token_batch import StepCounts, count, token_batch, token_values, units, unlearned
from rl.losses import Loss, TokenBatch
from rl.packing import Packed, Tokens, pack, read_tokens
from rl.trajectories import TrainSequence


class Learner:
    """A policy in this process. `version` counts optimizer steps; `model` is transformers' model."""

    def __init__(
        self,
        model: str,
        config: LearnerConfig,
        loss: LossConfig,
        *,
        max_length: int,
        temperature: float,
        critic: CriticConfig | None = None,
        importance_cap: float = 2.0,
    ) -> None:
        self.config = config
        self._importance_cap = importance_cap
        self.version = 0
        self.tokenizer = load_tokenizer(model)
        self._loss: Loss = loss.make()
        self._entropy_bonus = loss.entropy_bonus
        self._max_length, self._temperature = max_length, temperature
        self._ranks = Ranks.here(sharded=config.sharded)
        self._dtype: torch.dtype = getattr(torch, config.dtype)
        self._device = torch.device(device_of(config))
        self._notes = _notes(config, self._device)
        self.model, self._adapters = self._load(model)
        self._policy = self._spread(self.model)
        self._reference = self._make_reference(model) if loss.needs_reference else None
        self._trained = trained_parameters(self.model, getattr(torch, config.gradient_dtype))
        self._optimizer = make_optimizer(self.model, self._trained, config)
        self._critic = self._make_critic(model, critic or CriticConfig())
        self._guard = Guard()
        self._host = HostMemory()

    @property
    def has_reference(self) -> bool:
        """Whether `reference_logprobs` are needed."""
        return self._reference is not None

    @torch.no_grad()
    def score(
        self, sequences: Sequence[Tokens], *, reference: bool = False, temperature: float | None = None
    ) -> list[tuple[float, ...]]:
        """Log-probabilities of each completion's tokens, at the sampler's temperature unless another is given."""
        temperature = temperature or self._temperature
        if not reference:
            return self._scores(self._policy, sequences, temperature)
        if self._reference is None:
            raise ValueError("no reference policy: the loss has no KL term")
        with self._reference.active() as policy:
            return self._scores(policy, sequences, temperature)

    @torch.no_grad()
    def values(self, sequences: Sequence[Tokens]) -> list[tuple[float, ...]]:
        """The critic's values of the states that predict each completion's tokens."""
        if self._critic is None:
            raise ValueError("no critic: configure one")
        head = self._critic.values
        trunk = self._critic.trunk or self._policy
        return self._of_tokens(trunk, sequences, lambda states_KD, weight_VD, _: head(states_KD, weight_VD))

    def update(self, sequences: Sequence[TrainSequence]) -> UpdateReport:
        """One optimizer step on all sequences, of the critic too where there is one.

        Raises `LearnerDiverged`, with the weights as they were, for a loss or gradient that is not finite, and for a
        gradient of 0 where there should be one.
        """
        counts = count(sequences, self._loss, self._max_length)
        self._host.wake()
        self._drop_gradients()
        tally = self._forward_backward(sequences, counts)
        totals = tally.read(self._ranks)
        norm, warnings = self._checked_gradients(totals, counts)
        values = self._critic_step()
        rate = set_learning_rate(self._optimizer, self.config, self.version)
        self._optimizer.step()
        self._drop_gradients()
        self.version += 1
        notes, self._notes = self._notes, ()
        return UpdateReport(
            loss=totals.loss,
            grad_norm=norm,
            learning_rate=rate,
            sequences=len(sequences),
            tokens=counts.tokens,
            micro_batches=len(totals.losses),
            passes=totals.passes,
            statistics=totals.means(),
            logprobs=tally.logprobs(self._ranks),
            warnings=notes + warnings,
            value_loss=values.loss,
            explained_variance=values.explained_variance,
        )

    def gradients(self, sequences: Sequence[TrainSequence]) -> dict[str, Tensor]:
        """What `update` would step with, before clipping, whole: to compare with other implementations."""
        self._drop_gradients()
        self._forward_backward(sequences, count(sequences, self._loss, self._max_length))
        found = {item.name: whole(item.parameter.grad) for item in self._trained if item.parameter.grad is not None}
        found |= {} if self._critic is None else self._critic.gradients()
        self._drop_gradients()
        return found

    def weights(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of the policy under transformers' name, whole and merged, as a sampler takes them."""
        reshard(self._policy)
        yield from plain_weights(self.model, self._dtype)

    def rest(self) -> None:
        """Leave the device to a sampler until the next `update`: what can lie in the host's memory goes there.

        Between updates there are no gradients. Blocks that torch keeps for itself are given back, as a sampler with
        an allocator of its own could not have them.
        """
        on_gpu = self._device.type == "cuda"
        if on_gpu if self.config.offload_optimizer is None else self.config.offload_optimizer:
            critics = [] if self._critic is None else self._critic.optimizers
            self._host.rest([self._optimizer, *critics])
        if on_gpu:
            torch.cuda.empty_cache()

    def renew_reference(self) -> None:
        """The policy as it is becomes the reference (iterative GRPO)."""
        if self._reference is not None:
            reshard(self._policy)
            self._reference.renew()

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds: what learns, reference, optimizer, version; this rank's part of each."""
        reshard(self._policy)
        return {
            "model": {item.name: item.held.detach() for item in self._trained},
            "reference": None if self._reference is None else self._reference.state(),
            "optimizer": self._optimizer.state_dict(),
            "critic": None if self._critic is None else self._critic.state(),
            "version": self.version,
            "quiet": self._guard.quiet,
            "ranks": (self._ranks.rank, self._ranks.world),
        }

    @torch.no_grad()
    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint, bit for bit. Raises `InputError` for one of other parameters or another rank."""
        self._host.wake()
        reshard(self._policy)
        if tuple(state["ranks"]) != (self._ranks.rank, self._ranks.world):
            raise InputError(
                f"checkpoint of rank {state['ranks'][0]} of {state['ranks'][1]}",
                f"one of rank {self._ranks.rank} of {self._ranks.world}",
                "resume with as many processes, or start from the saved policy",
            )
        for item in self._trained:
            saved = state["model"].get(item.name)
            if saved is None or saved.shape != item.held.shape:
                raise InputError(
                    f"checkpoint without {item.name} of shape {tuple(item.held.shape)}",
                    "the parameters that this configuration trains",
                    "resume with the model and lora settings it was written with",
                )
            item.held.copy_(saved)
        if self._reference is not None:
            self._reference.load_state(state["reference"])
        if self._critic is not None:
            self._critic.load_state(state["critic"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.version, self._guard.quiet = state["version"], state["quiet"]

    def save(self, folder: Path) -> None:
        """The policy in transformers' format, with tokenizer and template; adapters also by themselves beside it."""
        ties = self.model.config.get_text_config().tie_word_embeddings
        tensors = {name: tensor.cpu() for name, tensor in self.weights() if not (ties and name == "lm_head.weight")}
        writes = self._ranks.rank == 0
        if writes:
            self.model.save_pretrained(folder, state_dict=tensors)
            self.tokenizer.save_pretrained(folder)
        if self._adapters is not None:
            self._adapters.save(folder / "adapter", writes=writes)

    # --- loading ---------------------------------------------------------------------------------------------------

    def _load(self, name: str) -> tuple[Any, Adapters | None]:
        """The model, with adapters and checkpoints in it. One to be sharded waits on the host, with fp32 weights."""
        config, several = self.config, self._ranks.world > 1
        model = load_policy(name, config, device="cpu" if several else "")
        if several and config.lora is None and config.master_weights:
            model.float()  # of what was rounded to `dtype`: as one process has it, and as the sampler sees it
        adapters = None if config.lora is None else Adapters(model, config.lora)
        if config.checkpoint_activations:
            checkpoint_activations(model, offload=config.offload_activations and self._device.type != "cpu")
        return model, adapters

    def _spread(self, model: Any) -> PackedPolicy:
        policy = PackedPolicy(model)
        if self._ranks.world > 1:
            shard(policy, model, self._dtype, self._device.type, self._ranks)
        return policy

    def _make_reference(self, name: str) -> Reference:
        if self._adapters is not None:
            return OlderAdapters(self._policy, self._adapters)
        frozen = load_policy(name, self.config, device="cpu" if self._ranks.world > 1 else "").requires_grad_(False)
        return FrozenModel(self._spread(frozen), self._policy)

    def _make_critic(self, name: str, config: CriticConfig) -> Critic | None:
        if config.kind == "none":
            return None
        width = self.model.config.get_text_config().hidden_size
        critic = Critic(config, self.config, width, self._device, self._ranks)
        if config.kind == "separate":
            model, _ = self._load(name)
            model.set_output_embeddings(model.get_input_embeddings())  # its head goes: nothing reads it
            model.config.tie_word_embeddings = True
            critic.take_trunk(
                model, self._spread(model), trained_parameters(model, getattr(torch, self.config.gradient_dtype))
            )
        return critic

    # --- passes ----------------------------------------------------------------------------------------------------

    def _scores(
        self, policy: PackedPolicy, sequences: Sequence[Tokens], temperature: float
    ) -> list[tuple[float, ...]]:
        def head(hidden_KD: Tensor, weight_VD: Tensor, target_K: Tensor) -> Tensor:
            return linear_logprob(
                hidden_KD, weight_VD, target_K, temperature=temperature, softcap=policy.softcap
            ).logprob_T

        return self._of_tokens(policy, sequences, head)

    def _of_tokens(
        self, policy: PackedPolicy, sequences: Sequence[Tokens], head: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> list[tuple[float, ...]]:
        """One number a completion token: of its state, the head's weight and the token itself."""
        found: dict[int, tuple[float, ...]] = {}
        lengths = [read_tokens(item) for item in sequences]
        for places in self._ranks.plan(lengths, self.config.micro_batch_tokens):
            chosen = [sequences[place] for place in places or [lengths.index(min(lengths))]]
            packed = pack(chosen, self._device)
            number_K = policy(packed, lambda states, weight, target=packed.target_K: head(states, weight, target))
            rows = packed.split(number_K.cpu())
            found |= {place: tuple(row.tolist()) for place, row in zip(places, rows, strict=False)}
        reshard(policy)
        everywhere = {place: row for part in self._ranks.gathered(found) for place, row in part.items()}
        return [everywhere[place] for place in range(len(sequences))]

    def _forward_backward(self, sequences: Sequence[TrainSequence], counts: StepCounts) -> Tally:
        """Gradients of all micro-batches, summed."""
        tally = Tally()
        groups = units(sequences, self._loss)
        lengths = [sum(sequences[place].tokens for place in group) for group in groups]
        for numbers in self._ranks.plan(lengths, self.config.micro_batch_tokens) or [[]]:
            places = [place for number in numbers for place in groups[number]]
            chosen = [sequences[place] for place in places] or [unlearned(sequences)]
            packed = pack(chosen, self._device)
            batch = token_batch(chosen, packed, self._loss, counts, self._importance_cap)
            goal = self._goal(chosen, packed, batch)
            output, value_loss = self._policy(packed, partial(self._heads, packed=packed, batch=batch, goal=goal))
            (output.loss if value_loss is None else output.loss + value_loss).backward()
            tally.add(output)
            if batch.sampler_logprob_T is not None:
                tally.keep(places, packed, output.logprob_T)
            self._separate_backward(packed, goal)
        return tally

    def _heads(
        self, states_KD: Tensor, weight_VD: Tensor, packed: Packed, batch: TokenBatch, goal: Goal | None
    ) -> tuple[PolicyHeadOutput, Tensor | None]:
        """The policy's loss, and the value loss of a critic that shares the policy's states."""
        output = self._head(states_KD, weight_VD, packed.target_K, batch)
        if goal is None or self._critic is None or self._critic.trunk is not None:
            return output, None
        return output, self._critic.loss(self._critic.values(states_KD), goal)

    def _goal(self, sequences: Sequence[TrainSequence], packed: Packed, batch: TokenBatch) -> Goal | None:
        if self._critic is None:
            return None
        return_K = token_values(sequences, "returns", packed)
        if return_K is None:
            raise ValueError(
                "a critic learns from returns: give them with each sequence, see rl.generalised_advantages"
            )
        return Goal(return_K, token_values(sequences, "old_values", packed), batch.weight_T)

    def _separate_backward(self, packed: Packed, goal: Goal | None) -> None:
        if goal is None or self._critic is None or self._critic.trunk is None:
            return
        value_K = self._critic.trunk(packed, self._critic.values)
        self._critic.loss(value_K, goal).backward()

    def _critic_step(self) -> ValueTotals:
        if self._critic is None:
            return ValueTotals()
        try:
            self._critic.check_gradients(self.version + 1)
        except LearnerDiverged:
            self._drop_gradients()
            raise
        self._critic.step(self.version)
        return self._critic.read()

    def _head(self, hidden_KD: Tensor, weight_VD: Tensor, target_K: Tensor, batch: TokenBatch) -> PolicyHeadOutput:
        return policy_head(
            hidden_KD,
            weight_VD,
            target_K,
            batch,
            loss=self._loss,
            entropy_bonus=self._entropy_bonus,
            temperature=self._temperature,
            softcap=self._policy.softcap,
        )

    def _checked_gradients(self, totals: Totals, counts: StepCounts) -> tuple[float, tuple[str, ...]]:
        """Clip all gradients by their common norm; gives back the norm before, and warnings."""
        named = {item.name: gradient for item in self._trained if (gradient := item.take_gradient()) is not None}
        norms_P = norms(named.values())
        norm = total_norm(norms_P, self._ranks).item()
        found = Found(
            step=self.version + 1,
            losses=totals.losses,
            names=list(named),
            norms=norms_P.tolist(),
            norm=norm,
            loss=totals.loss,
            coefficients=totals.coefficients,
            expected=counts.expected,
            clipped=totals.clipped,
        )
        try:
            warnings = self._guard.check(found)
        except LearnerDiverged:
            self._drop_gradients()
            raise
        clip(list(named.values()), norm, self.config.max_grad_norm)
        return norm, warnings

    def _drop_gradients(self) -> None:
        for item in self._trained:
            item.parameter.grad = item.held.grad = None
        if self._critic is not None:
            self._critic.drop_gradients()


def _notes(config: LearnerConfig, device: torch.device) -> tuple[str, ...]:
    """What a configuration asks for and this device has no use for; said in the first report."""
    if config.offload_activations and device.type == "cpu":
        return ("offload_activations does nothing on a CPU: activations are in the host's memory already",)
    return ()
