"""Contenders of both benchmarks of the heads, on the data's device: plain PyTorch, torch, Liger, TRL and ours."""

from collections.abc import Callable

import torch
from liger_kernel.chunked_loss import LigerFusedLinearGRPOLoss
from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss
from torch import Tensor
from trl.kernels.chunked_logprob import ChunkedLogProbFunction

from rl.kernels import linear_cross_entropy, linear_logprob, policy_head
from rl.losses import Aggregation, TokenBatch, make_loss, token_weights

SEQUENCE = 256


Step = Callable[[Tensor, Tensor, Tensor], Tensor]


class Data:
    """Inputs of all steps at one size; sequences of 256 tokens."""

    def __init__(
        self, tokens: int, width: int, vocabulary: int, *, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        draw = torch.Generator().manual_seed(0)
        self.hidden_TD = torch.randn(tokens, width, generator=draw).to(device, dtype)
        self.weight_VD = (torch.randn(vocabulary, width, generator=draw) / width**0.5).to(device, dtype)
        self.target_T = torch.randint(0, vocabulary, (tokens,), generator=draw).to(device)
        sequences = tokens // SEQUENCE
        self.sequence_T = torch.arange(tokens, device=device) // SEQUENCE
        self.advantage_S = torch.randn(sequences, generator=draw).to(device)
        with torch.no_grad():
            scored = linear_logprob(self.hidden_TD, self.weight_VD, self.target_T)
            self.old_T = scored.logprob_T + 0.1 * torch.randn(tokens, generator=draw).to(device)
        self.batch = TokenBatch(
            weight_T=token_weights(Aggregation.TOKEN_MEAN, self.sequence_T, sequences=sequences),
            sequence_T=self.sequence_T,
            sequences=sequences,
            advantage_T=self.advantage_S[self.sequence_T],
            old_logprob_T=self.old_T,
        )


def surrogate(logprob_T: Tensor, data: Data) -> Tensor:
    ratio_T = (logprob_T - data.old_T).exp()
    advantage_T = data.advantage_S[data.sequence_T]
    return -torch.minimum(ratio_T * advantage_T, ratio_T.clamp(0.8, 1.2) * advantage_T).mean()


def plain_logprob(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> tuple[Tensor, Tensor]:
    logp_TV = (hidden_TD @ weight_VD.t()).float().log_softmax(-1)
    fixed_TV = logp_TV.detach()
    return logp_TV.gather(1, target_T[:, None]).squeeze(1), -(fixed_TV.exp() * fixed_TV).sum(1)


def trl_logprob(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
    settings = (1.0, 8192, None, 1.0, ("entropy",))
    logprob_T: Tensor = ChunkedLogProbFunction.apply(hidden_TD, weight_VD, None, target_T, *settings)[0]
    return logprob_T


def liger_grpo(data: Data, *, compiled: bool) -> Step:
    module = LigerFusedLinearGRPOLoss(
        beta=0.0, compiled=compiled, use_ref_model=False, loss_type="bnpo", epsilon_high=0.2, chunk_size=1
    )
    sequences = data.advantage_S.numel()

    def step(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        value: Tensor = module(
            hidden_TD.unflatten(0, (sequences, SEQUENCE)),
            weight_VD,
            target_T.view(sequences, SEQUENCE),
            torch.ones(sequences, SEQUENCE, dtype=torch.int64, device=target_T.device),
            data.advantage_S,
            old_per_token_logps=data.old_T.view(sequences, SEQUENCE),
        )[0]
        return value

    return step


def plain_cross_entropy(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy((hidden_TD @ weight_VD.t()).float(), target_T)


def contenders(data: Data) -> dict[str, dict[str, Step]]:
    """By task, by name; the first of each task is plain PyTorch, the last ours. Triton's run on a GPU only."""
    fused = torch.nn.functional.linear_cross_entropy
    options = torch.nn.LinearCrossEntropyOptions
    liger = LigerFusedLinearCrossEntropyLoss()
    loss = make_loss("bnpo")
    gpu = data.hidden_TD.is_cuda

    def plain_policy(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        return surrogate(plain_logprob(hidden_TD, weight_VD, target_T)[0], data)

    def plain_mean(hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor) -> Tensor:
        return plain_logprob(hidden_TD, weight_VD, target_T)[0].mean()

    only_gpu: dict[str, dict[str, Step]] = {
        "cross-entropy": {
            "torch.compile": torch.compile(plain_cross_entropy),
            "Liger fused": lambda h, w, t: liger(w, h, t),
        },
        "log-probabilities": {"torch.compile": torch.compile(plain_mean)},
        "GRPO loss (bnpo)": {"torch.compile": torch.compile(plain_policy)},
    }
    tasks: dict[str, list[dict[str, Step]]] = {
        "cross-entropy": [
            {"plain PyTorch": plain_cross_entropy},
            {"torch fused": fused, "torch fused, chunked": lambda h, w, t: fused(h, w, t, options=options())},
            {"linear_cross_entropy": linear_cross_entropy},
        ],
        "log-probabilities": [
            {"plain PyTorch": plain_mean},
            {"TRL chunked": lambda h, w, t: trl_logprob(h, w, t).mean()},
            {"linear_logprob": lambda h, w, t: linear_logprob(h, w, t).logprob_T.mean()},
        ],
        "GRPO loss (bnpo)": [
            {"plain PyTorch": plain_policy},
            {
                "TRL chunked + its loss": lambda h, w, t: surrogate(trl_logprob(h, w, t), data),
                "Liger chunked": liger_grpo(data, compiled=gpu),
            },
            {"policy_head": lambda h, w, t: policy_head(h, w, t, data.batch, loss=loss).loss},
        ],
    }
    return {
        task: plain | (only_gpu[task] if gpu else {}) | peers | ours for task, (plain, peers, ours) in tasks.items()
    }
