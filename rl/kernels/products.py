"""Matrix products that accumulate in fp32, as the gradients of a head cut into pieces must.

Rounding each piece's product to bf16 before they are summed biases a gradient although each single error looks
small, so dW (and dX where columns are cut) is summed in fp32, or fp64 for fp64 inputs.
"""

import torch
from torch import Tensor

# A CPU has no product from bf16 into fp32: operands are copied to fp32, of at most so many columns at a time.
_COLUMNS = 16_384


def accumulator_dtype(dtype: torch.dtype) -> torch.dtype:
    """fp64 for fp64, fp32 for anything else."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def add_product(total_MN: Tensor, left_MK: Tensor, right_KN: Tensor, *, first: bool) -> None:
    """total += left @ right (total = left @ right if `first`); the product is not rounded to the operands' dtype."""
    beta = 0.0 if first else 1.0
    if left_MK.dtype == total_MN.dtype:
        torch.addmm(total_MN, left_MK, right_KN, beta=beta, out=total_MN)
    elif total_MN.is_cuda:  # bf16 and fp16 operands, one rounding at the end
        torch.addmm(total_MN, left_MK, right_KN, beta=beta, out_dtype=total_MN.dtype, out=total_MN)
    else:
        right_KN = right_KN.to(total_MN.dtype)
        for start in range(0, total_MN.shape[0], _COLUMNS):
            part_MN = total_MN[start : start + _COLUMNS]
            torch.addmm(
                part_MN, left_MK[start : start + _COLUMNS].to(total_MN.dtype), right_KN, beta=beta, out=part_MN
            )
