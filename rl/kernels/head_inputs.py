"""What the heads ask of their inputs, in one place, and what autocast makes of them."""

import torch
from torch import Tensor

from rl.kernels.row_softmax import Scores


def checked(
    hidden_TD: Tensor, weight_VD: Tensor, target_T: Tensor, *, counted_T: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Hidden states and weight as the head computes with them: under autocast in its dtype, or as they are.

    Raises:
        ValueError: shapes, dtypes or devices do not go together.
        IndexError: on a CPU, a target outside the vocabulary where `counted_T` is true (on a GPU the check would have
            to wait for the device; it is not made).
    """
    if hidden_TD.dim() != 2 or weight_VD.dim() != 2 or hidden_TD.shape[1] != weight_VD.shape[1]:
        raise ValueError(
            f"hidden must be (tokens, width) and weight (vocabulary, width); got {tuple(hidden_TD.shape)} and "
            f"{tuple(weight_VD.shape)}: flatten batch and time first, and pass lm_head.weight as it is"
        )
    if hidden_TD.device != weight_VD.device:
        raise ValueError(f"hidden is on {hidden_TD.device}, weight on {weight_VD.device}: move them together")
    check_target(target_T, hidden_TD, vocabulary=weight_VD.shape[0], counted_T=counted_T)
    return _common_dtype(hidden_TD, weight_VD)


def check_target(
    target_T: Tensor, rows: Tensor, *, vocabulary: int | None = None, counted_T: Tensor | None = None
) -> None:
    """Targets fit the rows (hidden states, or logits: then the vocabulary is their width); errors as in `checked`."""
    if target_T.shape != rows.shape[:1] or target_T.dtype != torch.int64:
        raise ValueError(
            f"target must be int64 with one token id for each of {rows.shape[0]} tokens; got "
            f"{target_T.dtype} of shape {tuple(target_T.shape)}"
        )
    if target_T.device != rows.device:
        raise ValueError(f"target is on {target_T.device}, the rest on {rows.device}: move them together")
    if rows.device.type == "cpu":
        _check_range(target_T, rows.shape[1] if vocabulary is None else vocabulary, counted_T)


def checked_scores(temperature: float, softcap: float) -> Scores:
    """Raises ValueError for a temperature that is not positive or a negative cap."""
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0; greedy decoding has no log-probabilities")
    if softcap < 0:
        raise ValueError(f"softcap={softcap} must be 0 (none) or positive, as a model's final_logit_softcapping")
    return Scores(temperature, softcap)


def needs_gradient(*tensors: Tensor) -> bool:
    """Whether autograd will ask for a gradient of one of them."""
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _check_range(target_T: Tensor, vocabulary: int, counted_T: Tensor | None) -> None:
    wrong_T = (target_T < 0) | (target_T >= vocabulary)
    if counted_T is not None:
        wrong_T &= counted_T
    if wrong_T.any():
        position = int(wrong_T.nonzero()[0])
        raise IndexError(
            f"target {int(target_T[position])} at token {position} is no token id: the vocabulary has {vocabulary}, "
            f"so ids go from 0 to {vocabulary - 1}"
        )


def _common_dtype(hidden_TD: Tensor, weight_VD: Tensor) -> tuple[Tensor, Tensor]:
    device = hidden_TD.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        return hidden_TD.to(dtype), weight_VD.to(dtype)
    if hidden_TD.dtype != weight_VD.dtype:
        raise ValueError(
            f"hidden is {hidden_TD.dtype} and weight {weight_VD.dtype}: cast one, or run under torch.autocast"
        )
    return hidden_TD, weight_VD
