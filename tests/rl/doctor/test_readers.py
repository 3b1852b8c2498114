"""Tokenizers that agree with one another and with themselves; text that survives; numbers and how they are cut."""

import json

import pytest
from transformers import AutoTokenizer, LlamaTokenizer

from mathpipe.generate.templates.chat_template import load_template_file
from rl.doctor import Status, examine, repair
from rl.doctor.agreement import grouping
from rl.doctor.texts import MATHEMATICS
from tests.rl.doctor.models import TEXTS, broken, edit, save_healthy, tokenizer
from tests.rl.sentence_pieces import train_sentence_pieces


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A model whose folder holds a SentencePiece model and the tokenizer.json that transformers makes of it."""
    folder = save_healthy(tmp_path_factory.mktemp("pair") / "model")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    train_sentence_pieces(folder, TEXTS)
    made = LlamaTokenizer.from_pretrained(folder, add_bos_token=False)
    made.add_special_tokens({"pad_token": "<pad>"})
    made.chat_template = load_template_file("plain").jinja
    made.save_pretrained(folder)
    for file in ("config.json", "generation_config.json"):
        ids = {
            "bos_token_id": made.bos_token_id,
            "eos_token_id": made.eos_token_id,
            "pad_token_id": made.pad_token_id,
        }
        edit(folder / file, **ids)
    return folder


def finding_of(folder, name):
    return next(finding for finding in examine(folder, quick=True) if finding.name == name)


def test_a_faithful_pair_differs_on_a_leading_blank_at_most(pair):
    finding = finding_of(pair, "tokenizers-agree")
    assert finding.figures["compared_with"] == "tokenizer.model"
    # What transformers 5.19 makes of a SentencePiece model reads "  a" with one blank too few.
    assert finding.status is Status.WARNING
    assert "a blank at a text's beginning: ' a'" in finding.found


def test_a_tokenizer_json_with_other_merges_is_a_fault_that_nobody_can_mend_blindly(pair, tmp_path):
    folder = broken(
        pair, tmp_path / "model", lambda folder: tokenizer(folder, lambda s: s["model"]["merges"].clear())
    )
    finding = finding_of(folder, "tokenizers-agree")
    assert finding.status is Status.FAULT
    assert "tokenizer.json and tokenizer.model differ on" in finding.found
    assert finding.repairs == ()
    assert "trained with" in finding.mend


def test_a_leading_blank_that_decoding_loses_is_warned_of(pair):
    finding = finding_of(pair, "text-survives")
    assert finding.status is Status.WARNING
    assert "' a' comes back as 'a'" in finding.found


def test_a_file_that_is_no_sentencepiece_model_is_said_to_be_none(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: (folder / "tokenizer.model").write_bytes(b"IQ== 0\n"))
    finding = finding_of(folder, "tokenizers-agree")
    assert finding.status is Status.NOT_APPLICABLE
    assert "no SentencePiece model" in finding.found


def test_vocabulary_and_merges_beside_tokenizer_json_are_compared(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = [" ".join(merge) for merge in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n")
    assert finding_of(folder, "tokenizers-agree").status is Status.OK
    (folder / "merges.txt").write_text("\n".join(lines[1:]))
    assert "differ from merge 0 on" in finding_of(folder, "tokenizers-agree").found
    (folder / "vocab.json").write_text(json.dumps({**model["vocab"], "a": 0}))
    assert "number 1 tokens differently: 'a'" in finding_of(folder, "tokenizers-agree").found


def test_signs_without_a_token_are_a_fault(healthy, tmp_path):
    def only_ascii(state):
        vocabulary = state["model"]["vocab"]
        state["model"]["unk_token"] = "Ā"
        for letter in ("Î", "ł", "Ñ"):  # bytes of Greek and Cyrillic letters and of other signs
            vocabulary[f"[{letter}]"] = vocabulary.pop(letter)
        state["model"]["merges"] = []

    folder = broken(healthy, tmp_path / "model", lambda folder: tokenizer(folder, only_ascii))
    edit(folder / "tokenizer_config.json", unk_token="Ā")
    finding = finding_of(folder, "text-survives")
    assert finding.status is Status.FAULT
    assert finding.figures["with_unknown"] > 0


def test_a_clean_up_that_older_releases_would_do_is_warned_of_and_mended(healthy, tmp_path):
    def ask(folder):
        edit(folder / "tokenizer_config.json", clean_up_tokenization_spaces=True)

    folder = broken(healthy, tmp_path / "model", ask)
    assert finding_of(folder, "text-survives").status is Status.WARNING
    assert finding_of(repair(folder, tmp_path / "mended").folder, "text-survives").status is Status.OK


def test_a_repaired_tokenizer_reads_as_before(healthy, tmp_path):
    folder = broken(
        healthy, tmp_path / "model", lambda folder: edit(folder / "tokenizer_config.json", pad_token=None)
    )
    mended = repair(folder, tmp_path / "mended").folder
    before, after = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(mended)
    assert [before.encode(text) for text in MATHEMATICS] == [after.encode(text) for text in MATHEMATICS]
    assert before.chat_template == after.chat_template
    assert "local_files_only" not in json.loads((mended / "tokenizer_config.json").read_text())


@pytest.mark.parametrize(
    ("cut", "name"),
    [
        ({"1234567": list("1234567"), "42": ["4", "2"]}, "single digits"),
        ({"1234567": ["123", "456", "7"], "42": ["42"]}, "groups of three from the left"),
        ({"1234567": ["1", "234", "567"], "42": ["42"]}, "groups of three from the right"),
        (
            {"1234567": ["12", "34567"], "42": ["42"]},
            "merged as they came: numbers of one length have several shapes",
        ),
        ({"1234567": ["<unk>"], "42": ["42"]}, "not in digits"),
    ],
)
def test_the_grouping_of_digits_is_named(cut, name):
    assert grouping(cut) == name
