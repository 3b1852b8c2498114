"""The token that ends a stretch of text, for byte-level and SentencePiece tokenizers."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, trainers
from transformers import PreTrainedTokenizerFast

from rl.token_positions import decoder_of, last_tokens
from tests.generate.tiny_model import make_tokenizer

CORPUS = ["▁First▁3▁+▁2▁=▁5.▁The▁answer▁is▁5."] * 20
TEXTS = [
    "3 + 2 = 5.\n\nThe answer is 5.",
    "Es sind 3 € und 2 €.\n\nΣ = 5 € 🙂\n\nAlso 5.",
    "三加二等于五。\n\n答案是五。",
    "  indented\n\n\n\nmore  \n\nend\n",
    "é\n\né",
]


def byte_level():
    return make_tokenizer()


def sentencepiece():
    """As Llama 2's: blanks as ▁, one in front of the first word, bytes for what is unknown, newlines among it."""
    learned = Tokenizer(models.BPE())
    learned.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=80, show_progress=False))
    model = json.loads(learned.to_str())["model"]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"]]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


TOKENIZERS = [byte_level(), sentencepiece()]


def ends_of(text):
    return [at for at in range(1, len(text) + 1) if not text[at - 1].isspace() and text[at : at + 2] in ("\n\n", "")]


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=["byte-level", "sentencepiece"])
@pytest.mark.parametrize("text", TEXTS)
def test_a_stretch_ends_with_the_token_that_makes_it_whole(tokenizer, text):
    decode = decoder_of(tokenizer)
    ids = [*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id]
    ends = ends_of(text)
    assert decode(ids) == text
    found = last_tokens(ids, text, ends, decode)
    for end, last in zip(ends, found, strict=True):
        assert decode(ids[: last + 1]).startswith(text[:end])
        assert not decode(ids[:last]).startswith(text[:end])


def test_a_character_of_several_tokens_is_whole_with_its_last():
    tokenizer = byte_level()
    ids = tokenizer.encode("a€\n\nb", add_special_tokens=False)
    assert [tokenizer.decode([token]) for token in ids] == ["a", "\ufffd", "\ufffd", "\ufffd", "\n", "\n", "b"]
    assert last_tokens(ids, "a€\n\nb", [1, 2, 5], decoder_of(tokenizer)) == [0, 3, 6]


def test_a_blank_that_the_prompt_explains_may_stand_in_front():
    """The sampler decodes behind the prompt, where SentencePiece's first blank is kept."""
    tokenizer = sentencepiece()
    ids = tokenizer.encode("The answer\n\nis", add_special_tokens=False)
    decode = decoder_of(tokenizer)
    expected = last_tokens(ids, "The answer\n\nis", [10], decode)
    assert last_tokens(ids, " The answer\n\nis", [11], decode) == expected
    assert decode(ids[: expected[0] + 1]) == "The answer"


def test_a_text_that_a_stop_text_shortened_is_the_beginning_of_its_tokens():
    tokenizer = byte_level()
    ids = tokenizer.encode("one\n\ntwo\n\nQuestion:", add_special_tokens=False)
    (last,) = last_tokens(ids, "one\n\ntwo\n\n", [3], decoder_of(tokenizer))
    assert decoder_of(tokenizer)(ids[: last + 1]) == "one"


def test_a_completion_that_was_cut_within_a_character_has_its_ends():
    tokenizer = byte_level()
    ids = tokenizer.encode("one\n\n€", add_special_tokens=False)[:-1]
    decode = decoder_of(tokenizer)
    (last,) = last_tokens(ids, decode(ids), [3], decode)
    assert decode(ids[: last + 1]) == "one"


def test_tokens_of_another_text_are_told():
    assert last_tokens([10, 11], "something else", [3], decoder_of(byte_level())) is None


@settings(max_examples=60)
@given(st.lists(st.text(alphabet="ab €é🙂=1", min_size=1, max_size=8), min_size=1, max_size=4))
def test_ends_rise_and_each_prefix_holds_its_stretch(parts):
    text = "\n\n".join(parts).strip()
    for tokenizer in TOKENIZERS:
        decode = decoder_of(tokenizer)
        ids = tokenizer.encode(text, add_special_tokens=False)
        ends = ends_of(text)
        found = last_tokens(ids, text, ends, decode) if text else []
        assert found == sorted(found)
        assert all(decode(ids[: last + 1]).startswith(text[:end]) for end, last in zip(ends, found, strict=True))
