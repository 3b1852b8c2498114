"""Models that lack something, or are stored in an unusual way: each check says so instead of failing."""

import json
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from mathpipe.core.errors import InputError
from rl.doctor import Status, examine, repair
from rl.doctor.agreement import _saved_again
from rl.doctor.edits import SetValue
from rl.doctor.examination import faults
from rl.doctor.patient import load_patient
from rl.doctor.row_edits import FillRows
from rl.doctor.stored_weights import lengthen, open_weights, write_rows
from tests.rl.doctor.models import (
    BOS,
    EMBEDDING,
    HEAD,
    ROWS,
    START,
    broken,
    configs,
    edit,
    template,
    tensors,
    tokenizer,
    writes_bos,
)


def finding_of(folder, name):
    return next(finding for finding in examine(folder) if finding.name == name)


@pytest.fixture
def model(healthy, tmp_path):
    return broken(healthy, tmp_path / "model", lambda _: None)


def test_a_head_stored_equal_to_a_tied_embedding_is_well(model):
    tensors(model, lambda found: found.update({HEAD: found[EMBEDDING].clone()}))
    finding = finding_of(model, "tied-embeddings")
    assert (finding.status, finding.found) == (
        Status.OK,
        "tied; the head is stored as well, equal to the embedding",
    )


def test_a_head_of_another_size_than_the_embedding_is_a_fault_of_both_checks(model):
    tensors(model, lambda found: found.update({HEAD: found[EMBEDDING][:320].clone()}))
    assert "the head has 320 rows" in finding_of(model, "vocabulary").found
    assert finding_of(model, "tied-embeddings").status is Status.FAULT


def test_weights_in_integers_are_said_to_be_and_not_judged_by_row(model):
    tensors(model, lambda found: found.update({EMBEDDING: (found[EMBEDDING] * 1000).to(torch.int8)}))
    assert finding_of(model, "untrained-rows").found == "the embedding is stored as I8"
    assert finding_of(model, "finite-weights").status is Status.OK
    tensors(model, lambda found: found.update({key: value.to(torch.int8) for key, value in found.items()}))
    assert "most weights are I8" in finding_of(model, "dtype").found


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float16])
def test_a_nan_is_found_in_every_float(tmp_path, healthy, dtype):
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    found = load_file(folder / "model.safetensors")
    found["model.layers.0.mlp.up_proj.weight"][5, 7] = torch.nan
    name = "model.layers.0.mlp.up_proj.weight"
    found[name] = found[name].to(dtype)
    save_file(found, folder / "model.safetensors")
    assert finding_of(folder, "finite-weights").figures["not_finite"] == {name: 1}


def test_a_sum_that_overflows_is_no_fault(model):
    tensors(model, lambda found: found["model.norm.weight"].fill_(3e38))
    assert finding_of(model, "finite-weights").status is Status.OK


def test_a_file_that_is_no_safetensors_is_a_fault(model):
    (model / "model.safetensors").write_bytes(b"not a model, whatever its name says")
    assert "model.safetensors: no safetensors header" in finding_of(model, "weight-files").found


def test_pad_that_is_the_unknown_token_is_warned_of_and_mended(model, tmp_path):
    edit(model / "tokenizer_config.json", unk_token="Ā", pad_token="Ā")  # the byte 0, which no text here holds
    configs(model, pad_token_id=AutoTokenizer.from_pretrained(model).pad_token_id)
    finding = finding_of(model, "pad")
    assert finding.status is Status.WARNING
    assert "pad is the unknown token (Ā)" in finding.found
    assert AutoTokenizer.from_pretrained(repair(model, tmp_path / "mended").folder).pad_token == "<pad>"


def test_a_tokenizer_without_bos_needs_none(model):
    edit(model / "tokenizer_config.json", bos_token=None)
    configs(model, bos_token_id=None)
    assert finding_of(model, "bos").found == "the tokenizer has none"
    assert faults(examine(model)) == ()


def test_bos_twice_before_plain_text_is_a_fault(model):
    def twice(state):
        writes_bos(state)
        state["post_processor"]["single"].insert(0, state["post_processor"]["single"][0])

    tokenizer(model, twice)
    assert "before a plain text 2 times" in finding_of(model, "bos").found


def test_bos_in_training_and_not_in_generation_is_a_fault(model):
    template(model, lambda text: text.replace("bos_token or", "('' if add_generation_prompt else bos_token) or"))
    assert "for one of generation and training only" in finding_of(model, "bos").found


def test_another_bos_in_a_configuration_is_warned_of_and_mended(model, tmp_path):
    edit(model / "config.json", bos_token_id=9)
    assert "config.json has another BOS, id 9" in finding_of(model, "bos").found
    assert finding_of(repair(model, tmp_path / "mended").folder, "bos").status is Status.OK


def test_a_prompt_of_the_second_turn_that_is_trained_otherwise_is_a_fault(model):
    only_later = "messages|length > 2 and add_generation_prompt"
    template(model, lambda text: text + "{%- if " + only_later + " -%}{{- 'Think. ' -}}{%- endif -%}")
    said = finding_of(model, "template").found
    assert "the prompt of the second turn is not the beginning of the conversation trained on" in said


def test_lists_of_suppressed_tokens_are_warned_of_and_emptied(model, tmp_path):
    edit(model / "generation_config.json", suppress_tokens=[7, 8])
    assert "suppress_tokens is set" in finding_of(model, "sampling").found
    mended = repair(model, tmp_path / "mended")
    assert "generation_config.json: suppress_tokens [7, 8] -> null" in mended.changes


def test_without_a_generation_config_the_configuration_decides_where_to_stop(model, tmp_path):
    (model / "generation_config.json").unlink()
    assert finding_of(model, "sampling").status is Status.NOT_APPLICABLE
    edit(model / "config.json", eos_token_id=BOS)
    assert finding_of(model, "eos").status is Status.FAULT
    assert finding_of(repair(model, tmp_path / "mended").folder, "eos").status is Status.OK
    assert "not there" in SetValue("generation_config.json", ("top_k",), 0).apply(model)


def test_a_model_without_heads_or_positions_is_not_judged_by_them(healthy, tmp_path):
    config = AutoConfig.for_model("mamba", vocab_size=ROWS, hidden_size=64, num_hidden_layers=1, state_size=4)
    folder = tmp_path / "mamba"
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((healthy / name).read_bytes())
    assert finding_of(folder, "context").status is Status.NOT_APPLICABLE
    assert finding_of(folder, "attention").status is Status.NOT_APPLICABLE
    assert finding_of(folder, "untrained-rows").status is Status.OK


def test_a_model_that_transformers_has_no_language_model_for_is_examined_as_far_as_it_goes(model):
    edit(model / "config.json", model_type="clip_vision_model", architectures=None)
    patient = load_patient(model)
    assert patient.architecture is None
    assert patient.embedding is None
    for name in ("untrained-rows", "tied-embeddings"):
        assert finding_of(model, name).status is Status.NOT_APPLICABLE


def test_rope_by_layer_type_is_read(model):
    kinds = {
        "full_attention": {"rope_type": "linear", "factor": 0.5, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    edit(model / "config.json", model_type="gemma3_text", rope_parameters=kinds, sliding_window=64)
    assert "linear scaling has the factor 0.5" in finding_of(model, "context").found


def test_a_tokenizer_that_changes_when_saved_is_a_fault(healthy):
    one = AutoTokenizer.from_pretrained(healthy)
    assert _saved_again(one) == []
    one.chat_template = None
    one.backend_tokenizer.pre_tokenizer = None  # kept in tokenizer.json, so it comes back the same
    assert _saved_again(one) == []

    class Forgetful(type(one)):
        def save_pretrained(self, folder):
            AutoTokenizer.from_pretrained(healthy).save_pretrained(folder)

    one.__class__ = Forgetful
    said = " ".join(ailment.found for ailment in _saved_again(one))
    assert "texts differently" in said
    assert "another chat_template" in said


def test_a_tokenizers_tables_that_are_no_json_are_a_fault(model):
    (model / "vocab.json").write_text("{")
    (model / "merges.txt").write_text("")
    assert "tables are unreadable" in finding_of(model, "tokenizers-agree").found


def test_without_the_package_sentencepiece_that_is_said(model, monkeypatch):
    (model / "tokenizer.model").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    assert "without the package sentencepiece" in finding_of(model, "tokenizers-agree").found


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_configuration_that_is_no_json_object_is_bad_input(model, text):
    (model / "generation_config.json").write_text(text)
    with pytest.raises(InputError, match=r"generation_config\.json.*JSON object"):
        load_patient(model)


def test_bytes_are_never_written_where_they_do_not_fit(model):
    stored = open_weights(model).tensors[EMBEDDING]
    with pytest.raises(ValueError, match="has 64 numbers, not 3"):
        write_rows(stored, [0], torch.zeros(3))
    before = (model / "model.safetensors").read_bytes()
    with pytest.raises(ValueError, match="has 64 numbers, not 3"):
        lengthen(stored.file, {EMBEDDING: (1, torch.zeros(3))})
    assert (model / "model.safetensors").read_bytes() == before
    with pytest.raises(ValueError, match="holds no tensor nowhere"):
        FillRows("nowhere", (0,), ROWS).apply(model)


def test_several_ailments_are_healed_at_once(model, tmp_path):
    tokenizer(model, writes_bos)
    edit(model / "tokenizer_config.json", pad_token="<|im_end|>", model_max_length=4096)
    configs(model, eos_token_id=BOS, pad_token_id=None)
    edit(model / "config.json", vocab_size=320)
    edit(model / "generation_config.json", top_p=0.9)
    tensors(model, lambda found: found[EMBEDDING][START].zero_())
    assert {one.name for one in faults(examine(model))} == {"pad", "bos", "eos", "vocabulary", "untrained-rows"}
    mended = repair(model, tmp_path / "mended")
    assert {one.status for one in mended.findings} == {Status.OK, Status.NOT_APPLICABLE}
    assert mended.changes[-1].startswith(f"{EMBEDDING}: 1 rows set to the mean")
    config = json.loads((mended.folder / "config.json").read_text())
    assert (config["vocab_size"], config["eos_token_id"], config["pad_token_id"]) == (ROWS, 3, 1)


def test_hidden_files_are_not_taken_along_and_folders_are(model, tmp_path):
    (model / ".cache").mkdir()
    (model / ".cache" / "lock").write_text("")
    (model / "notes").mkdir()
    (model / "notes" / "card.md").write_text("card")
    copy = repair(model, tmp_path / "mended").folder
    assert (copy / "notes" / "card.md").read_text() == "card"
    assert not (copy / ".cache").exists()
