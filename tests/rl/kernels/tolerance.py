"""Apple's rule of tolerance: ours may be off the truth as far as plain PyTorch is at the same dtype, and little more.

The truth is computed in fp64 from the same rounded inputs. The small constant per element is one rounding of the
largest logit (an ulp of a logit moves a probability by that much, and other shapes of product round otherwise) or two
of the largest element. Over all elements the root mean square of our errors must not be above plain's by more than a
tenth and a tenth of a rounding, so that being a little worse everywhere does not pass. (Pieces of one or two rows do
not pass that: MKL sums such products less exactly than those of nine rows. That is the product's doing, not ours.)
"""

import torch
from torch import Tensor


def assert_no_worse_than_plain(
    ours: Tensor,
    plain: Tensor,
    truth: Tensor,
    *,
    what: str,
    dtype: torch.dtype,
    logit: float = 0.0,
    floor: float = 1e-30,
) -> None:
    """Errors per element, relative to the largest element of the truth (`floor`, if that is a sum that cancels)."""
    assert torch.isfinite(ours).all(), f"{what}: not finite"
    truth = truth.double()
    scale = truth.abs().max().clamp(min=floor)
    rounding = torch.finfo(dtype).eps
    mine = (ours.double() - truth).abs() / scale
    theirs = (plain.double() - truth).abs() / scale
    excess = (mine - theirs).max().item()
    assert excess <= max(2.0, logit) * rounding, (
        f"{what}: an element is {excess:.2e} further off than plain PyTorch's ({dtype})"
    )
    rms, plain_rms = mine.square().mean().sqrt().item(), theirs.square().mean().sqrt().item()
    if truth.numel() < 64:
        return
    assert rms <= 1.1 * plain_rms + 0.1 * rounding, (
        f"{what}: rms error {rms:.2e}, plain PyTorch {plain_rms:.2e} ({dtype})"
    )
