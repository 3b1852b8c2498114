"""A SentencePiece model as Llama 2's, trained here on a few texts."""

from collections.abc import Sequence
from pathlib import Path


def train_sentence_pieces(folder: Path, texts: Sequence[str]) -> None:
    """Write `tokenizer.model` and `tokenizer.vocab`: BPE with bytes to fall back on and digits apart."""
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(list(texts) * 4),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=340,
        byte_fallback=True,
        split_digits=True,
        hard_vocab_limit=False,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        minloglevel=2,
    )
