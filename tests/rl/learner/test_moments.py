"""Moments in 8 bits: how near they come, and that slow changes are not lost."""

import pytest
import torch

from rl.learner.moments import BLOCK, EightBitMoments, FullMoments, Moments


def kept(first: torch.Tensor, second: torch.Tensor, seed: int = 0) -> Moments:
    tensors, piece = EightBitMoments.new(first), slice(0, first.numel())
    EightBitMoments.write(tensors, piece, Moments(first, second), torch.Generator().manual_seed(seed))
    return EightBitMoments.read(tensors, piece)


def test_first_moments_come_back_within_half_a_step_of_their_root() -> None:
    first = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    found = kept(first, first.square()).first_N
    scale = torch.stack([block.abs().max() for block in first.split(BLOCK)]).repeat_interleave(BLOCK)[:1000]
    roots = [(item.abs() / scale).sqrt() * item.sign() for item in (found, first)]
    assert (roots[0] - roots[1]).abs().max() < 0.5 / 127 + 1e-6
    assert torch.equal(found.sign() * first.sign() >= 0, torch.ones(1000, dtype=torch.bool))


def test_second_moments_span_nine_orders_and_are_never_zero() -> None:
    second = torch.logspace(-9, 0, BLOCK)
    found = kept(second, second).second_N
    roots = [item.sqrt().sqrt() for item in (found, second)]
    assert (roots[0] - roots[1]).abs().max() < 1 / 255 + 1e-6
    assert found.min() > 0
    assert kept(torch.zeros(BLOCK), torch.zeros(BLOCK)).second_N.abs().max() == 0


def test_blocks_do_not_share_a_scale() -> None:
    first = torch.cat([torch.full((BLOCK,), 1e-6), torch.full((BLOCK,), 1e3), torch.full((7,), 2.0)])
    torch.testing.assert_close(kept(first, first).first_N, first)


def test_a_second_moment_follows_a_change_of_a_thousandth_a_step() -> None:
    tensors, piece = EightBitMoments.new(torch.zeros(BLOCK)), slice(0, BLOCK)
    steady = torch.full((BLOCK,), 1e-2)
    EightBitMoments.write(tensors, piece, Moments(steady.clone(), steady.clone()), torch.Generator().manual_seed(0))
    squares = torch.full((BLOCK,), 4e-2)
    squares[0] = 1.0  # holds the scale, so that no code moves with it
    for step in range(2000):
        moments = EightBitMoments.read(tensors, piece)
        moments.second_N.mul_(0.999).add_(squares, alpha=0.001)
        EightBitMoments.write(tensors, piece, moments, torch.Generator().manual_seed(step))
    exact = 4e-2 - 3e-2 * 0.999**2000
    assert EightBitMoments.read(tensors, piece).second_N[1:].mean().item() == pytest.approx(exact, rel=0.05)


def test_pieces_are_read_and_written_apart() -> None:
    values = torch.arange(1.0, 2 * BLOCK + 11)
    tensors, draw = EightBitMoments.new(values), torch.Generator().manual_seed(0)
    pieces = [slice(0, BLOCK), slice(BLOCK, values.numel())]
    for piece in pieces:
        EightBitMoments.write(tensors, piece, Moments(values[piece].clone(), values[piece].clone()), draw)
    found = torch.cat([EightBitMoments.read(tensors, piece).first_N for piece in pieces])
    torch.testing.assert_close(found, values, rtol=0.13, atol=0.1)
    assert sum(item.nbytes for item in tensors.values()) == 3 * BLOCK * 2 + 3 * 4 * 2


def test_full_moments_are_changed_in_place() -> None:
    tensors = FullMoments.new(torch.zeros(5))
    FullMoments.read(tensors, slice(1, 3)).first_N.add_(2)
    assert tensors["first"].tolist() == [0, 2, 2, 0, 0]
