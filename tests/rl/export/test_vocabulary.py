"""The tokenizer in a GGUF file gives the tokenizer's own tokens, or says that it will not."""

import json

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from mathpipe.core.errors import InputError
from rl.export import export_gguf, find_source
from rl.export.pre_tokenizer import choose, known, splitter
from rl.export.vocabulary import vocabulary_of
from tests.rl.export.folders import PROMPT, TEXTS, byte_level, model_folder, sentence_piece
from tests.rl.export.reader import GgufModel, sentence_piece_ids

NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
# As the models' own tokenizer.json has them.
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def trained(pre_tokenizer, *, ignore_merges: bool = False, normalizer=None) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*TEXTS, *known().texts] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def split(pattern: str):
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), letters])


@pytest.mark.parametrize(
    ("pre_tokenizer", "whole_words", "name"),
    [
        (split(LLAMA3), True, "llama-bpe"),
        (split(LLAMA3), False, "smaug-bpe"),
        (split(QWEN2), False, "qwen2"),
        (pre_tokenizers.ByteLevel(add_prefix_space=False), False, "trillion"),
    ],
)
def test_the_known_ways_of_cutting_are_recognised(pre_tokenizer, whole_words, name):
    choice = choose(trained(pre_tokenizer, ignore_merges=whole_words).backend_tokenizer)
    assert (choice.name, choice.note()) == (name, None)


def test_the_cold_starts_single_digits_are_smollms():
    choice = choose(byte_level().backend_tokenizer)
    assert (choice.name, choice.alike, choice.tokens_alike, choice.note()) == ("smollm", 12, 12, None)


def test_every_known_way_is_found_again_from_its_own_cuts():
    for candidate in known().pre_tokenizers:
        choice = choose(trained(splitter(candidate), ignore_merges=candidate.whole_words).backend_tokenizer)
        assert (choice.name, choice.note()) == (candidate.name, None)


def test_a_way_that_llama_cpp_does_not_know_gets_the_nearest_and_a_warning():
    pairs = split(r"\p{N}{1,2}(?=(?:\p{N}{2})*(?!\p{N}))|[^\s\p{N}]+|\s+")
    vocabulary = vocabulary_of(trained(pairs), 400)
    assert "no pre-tokenizer of llama.cpp cuts text as this tokenizer does: the nearest, " in vocabulary.notes[0]
    assert "of 12 test texts alike" in vocabulary.notes[0]


def test_a_normaliser_that_llama_cpp_lacks_is_named_and_nfc_is_not():
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False)
    lower = vocabulary_of(trained(plain, normalizer=normalizers.Lowercase()), 400)
    assert lower.notes[-1] == "the tokenizer normalises text by Lowercase, and llama.cpp does not"
    assert vocabulary_of(trained(plain, normalizer=normalizers.NFC()), 400).notes == ()


def test_byte_level_tokens_merges_and_special_tokens_are_the_tokenizers(tmp_path):
    tokenizer = byte_level()
    folder = model_folder(tmp_path / "model", tokenizer=tokenizer)
    done = export_gguf(find_source(folder), tmp_path / "out", "q8_0")
    keys = GgufModel(done.folder / done.files[0]).keys
    assert (keys["tokenizer.ggml.model"], keys["tokenizer.ggml.pre"]) == ("gpt2", "smollm")
    tokens, types = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
    assert [tokens[place] for place in range(len(tokenizer))] == tokenizer.convert_ids_to_tokens(
        range(len(tokenizer))
    )
    assert (tokens[len(tokenizer)], len(tokens), types[len(tokenizer) :]) == (
        f"[PAD{len(tokenizer)}]",
        352,
        [UNUSED] * (352 - len(tokenizer)),
    )
    assert types[:5] == [CONTROL] * 4 + [NORMAL]
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    assert keys["tokenizer.ggml.merges"] == [" ".join(pair) for pair in state["model"]["merges"]]
    ids = [keys[f"tokenizer.ggml.{name}_token_id"] for name in ("bos", "eos", "padding")]
    assert ids == [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert (keys["tokenizer.ggml.add_bos_token"], keys["tokenizer.ggml.add_eos_token"]) == (False, False)
    assert keys["tokenizer.chat_template"] == tokenizer.chat_template


def test_what_a_tokenizer_puts_around_text_is_told():
    tokenizer = trained(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    vocabulary = vocabulary_of(tokenizer, 400)
    assert (vocabulary.add_bos, vocabulary.add_eos) == (True, True)


def test_a_users_own_tokens_are_not_control_tokens():
    tokenizer = trained(pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.add_tokens([AddedToken("<think>", special=False)])
    vocabulary = vocabulary_of(tokenizer, 420)
    assert (vocabulary.tokens[400], vocabulary.types[400]) == ("<think>", USER)


def test_a_sentence_piece_vocabulary_gives_its_tokens_by_scores(tmp_path):
    pytest.importorskip("sentencepiece", reason="it comes with vLLM")
    tokenizer = sentence_piece(tmp_path / "pieces")
    folder = model_folder(tmp_path / "model", "mistral", tokenizer=tokenizer, sliding_window=None)
    done = export_gguf(find_source(folder), tmp_path / "out", "q8_0")
    keys = GgufModel(done.folder / done.files[0]).keys
    assert (keys["tokenizer.ggml.model"], keys["tokenizer.ggml.add_space_prefix"]) == ("llama", True)
    assert keys["tokenizer.ggml.token_type"][:4] == [UNKNOWN, CONTROL, CONTROL, BYTE]
    assert (keys["tokenizer.ggml.add_bos_token"], keys["tokenizer.ggml.add_eos_token"]) == (True, False)
    for text in [*TEXTS, *known().texts, PROMPT]:
        if not text.startswith(" "):  # docs/export.md
            assert sentence_piece_ids(keys, text) == tokenizer.encode(text, add_special_tokens=False)


def test_a_blank_in_front_of_the_first_word_alone_is_left_out_for_conversations(tmp_path):
    pytest.importorskip("sentencepiece", reason="it comes with vLLM")
    tokenizer = sentence_piece(tmp_path / "pieces", legacy=False)
    vocabulary = vocabulary_of(tokenizer, 400)
    assert vocabulary.space_prefix is False
    assert "right for conversations, but a prompt without the chat template lacks it" in vocabulary.notes[0]
    tokenizer.chat_template = None
    vocabulary = vocabulary_of(tokenizer, 400)
    assert vocabulary.space_prefix is True
    assert "text right after one may get another first token" in vocabulary.notes[0]


def test_merges_that_scores_cannot_say_are_counted(tmp_path):
    vocab = {"<unk>": 0, "▁": 1, "a": 2, "b": 3, "c": 4, "ab": 5, "bc": 6, "abc": 7}
    tokenizer = Tokenizer(
        models.BPE(vocab, [("a", "b"), ("b", "c"), ("ab", "c")], unk_token="<unk>", byte_fallback=True)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    vocabulary = vocabulary_of(fast, 8)
    assert vocabulary.scores[5:] == [0.0, -1.0, -2.0]
    assert vocabulary.notes[0].startswith("1 tokens can be made of two others in a way that is no merge")


def test_a_unigram_model_and_too_small_an_embedding_are_refused():
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], unk_id=0))
    with pytest.raises(InputError, match="tokenizer of type Unigram: byte-level BPE, or SentencePiece's BPE"):
        vocabulary_of(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>"), 8)
    with pytest.raises(InputError, match=r"tokenizer with \d+ tokens: at most 300, the embedding's rows"):
        vocabulary_of(byte_level(), 300)
