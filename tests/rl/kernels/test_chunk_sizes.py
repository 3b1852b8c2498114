"""A piece of the logits stays within its budget, and pieces cover everything once."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from rl.kernels.chunk_sizes import MIB, most_rows, row_pieces, tile

HIDDEN = torch.empty(0, dtype=torch.float32)


def test_the_default_piece_of_a_real_vocabulary() -> None:
    assert most_rows(128_256, HIDDEN, None) == 128 * MIB // (128_256 * 4)
    assert row_pieces(4096, 128_256, HIDDEN, None)[0] == slice(0, 256)
    assert tile(4096, 128_256, HIDDEN, None).rows == 4096


@given(st.integers(0, 3000), st.integers(1, 5000), st.integers(1, 1 << 20))
def test_row_pieces_cover_every_row_once_within_the_budget(tokens: int, vocabulary: int, chunk_bytes: int) -> None:
    pieces = row_pieces(tokens, vocabulary, HIDDEN, chunk_bytes)
    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(tokens))
    most = max(1, chunk_bytes // (4 * vocabulary))
    assert all(piece.stop - piece.start <= most for piece in pieces)
    assert len(pieces) == -(-tokens // most), "no more pieces than needed"


@given(st.integers(1, 3000), st.integers(1, 300_000), st.integers(4, 1 << 24))
def test_a_tile_stays_within_the_budget_and_the_matrix(tokens: int, vocabulary: int, chunk_bytes: int) -> None:
    size = tile(tokens, vocabulary, HIDDEN, chunk_bytes)
    assert 1 <= size.rows <= tokens
    assert 1 <= size.columns <= vocabulary
    assert size.rows * size.columns * 4 <= chunk_bytes
