"""Untrained rows: what counts as one, what they are mended to, what is left alone."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

from rl.doctor import Status, examine, repair
from rl.doctor.patient import load_patient
from rl.doctor.row_survey import survey
from rl.doctor.stored_weights import open_weights
from tests.rl.doctor.models import EMBEDDING, END, HEAD, PAD, ROWS, START, added, broken, edit, save_healthy, tensors


def surveyed(folder, rows_VH, known):
    save_file({"e": rows_VH}, folder / "model.safetensors")
    return survey(open_weights(folder).tensors["e"], known)


def some_rows(count=50, width=16):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(1))


def found(folder, name="untrained-rows"):
    return next(finding for finding in examine(folder, quick=True) if finding.name == name)


def test_each_evidence_is_told_apart(tmp_path):
    rows_VH = some_rows()
    rows_VH[3] = 0
    rows_VH[4] *= 1e-5
    rows_VH[[7, 9]] = rows_VH[8].clone()
    rows_VH[11] *= 0.02
    looked = surveyed(tmp_path, rows_VH, 50)
    assert (looked.blank, looked.repeated, looked.faint) == ((3, 4), (7, 8, 9), (11,))
    assert (looked.unused_like, looked.at_mean) == ((), ())
    trained = [row for row in range(50) if row not in {3, 4, 7, 8, 9, 11}]
    assert torch.allclose(looked.mean_H, rows_VH[trained].double().mean(0).float(), atol=1e-7)


def test_a_row_beside_those_beyond_the_tokenizer_is_like_an_unused_one(tmp_path):
    rows_VH = some_rows()
    rows_VH[40:] = 2.0 + 1e-3 * some_rows(10)
    rows_VH[5] = 2.0 + 1e-3 * some_rows(51)[-1]
    looked = surveyed(tmp_path, rows_VH, 40)
    assert looked.unused_like == (5, *range(40, 50))
    assert looked.median_norm == pytest.approx(float(rows_VH.norm(dim=1).median()))
    trained = [row for row in range(40) if row != 5]
    assert torch.allclose(looked.mean_H, rows_VH[trained].mean(0), atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_rows_at_the_mean_are_mended_ones_and_no_ailment(tmp_path, dtype):
    rows_VH = some_rows()
    rows_VH[[3, 4, 5]] = torch.cat([rows_VH[:3], rows_VH[6:]]).mean(0)
    looked = surveyed(tmp_path, rows_VH.to(dtype), 50)
    assert looked.at_mean == (3, 4, 5)
    assert looked.untrained == frozenset()


def test_rows_are_set_to_the_mean_of_the_trained_in_fp32_rounded_once_and_no_other_byte_changes(tmp_path):
    folder = save_healthy(tmp_path / "model", tied=False, dtype=torch.bfloat16)

    def change(found):
        found[EMBEDDING][[START, 200]] = 0
        found[HEAD][END] = 0

    tensors(folder, change)
    before = load_file(folder / "model.safetensors")
    mended = repair(folder, tmp_path / "mended")
    after = load_file(mended.folder / "model.safetensors")
    for name, rows in ((EMBEDDING, [START, 200]), (HEAD, [END])):
        untrained = {*rows, PAD} if name == EMBEDDING else set(rows)
        trained = [row for row in range(ROWS) if row not in untrained]
        mean_H = before[name][trained].double().mean(0).float().to(torch.bfloat16)
        assert all((after[name][row] == mean_H).all() for row in rows)
        kept = [row for row in range(ROWS) if row not in rows]
        assert torch.equal(after[name][kept], before[name][kept])
    others = [name for name in before if name not in {EMBEDDING, HEAD}]
    assert all(torch.equal(after[name], before[name]) for name in others)
    assert not after[EMBEDDING][PAD].any()


def test_a_blank_pad_row_is_as_it_should_be(healthy):
    assert not load_file(healthy / "model.safetensors")[EMBEDDING][PAD].any()
    assert found(healthy).status is Status.OK


def test_a_token_that_nothing_uses_is_warned_of_and_mended(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: added(folder, "<spare>"))
    tensors(folder, lambda found: found[EMBEDDING][309].zero_())
    finding = found(folder)
    assert finding.status is Status.WARNING
    assert "1 untrained rows in the embedding (1 blank): <spare>" in finding.found
    assert found(repair(folder, tmp_path / "mended").folder).status is Status.OK


def test_blank_rows_beyond_the_tokenizer_are_said_and_no_ailment(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    tensors(folder, lambda found: found[EMBEDDING][320:].zero_())
    finding = found(folder)
    assert finding.status is Status.OK
    assert finding.figures["embedding"]["beyond_tokenizer"] == ROWS - 320
    assert "64 untrained beyond the tokenizer" in finding.found


def test_a_digit_without_a_trained_row_is_a_fault(healthy, tmp_path):
    from transformers import AutoTokenizer

    seven = AutoTokenizer.from_pretrained(healthy).encode("7", add_special_tokens=False)[0]
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    tensors(folder, lambda found: found[EMBEDDING][seven].zero_())
    assert found(folder).status is Status.FAULT
    assert "1 to tokens that mathematics needs" in found(folder).found


def test_a_new_pad_token_gets_a_row_where_there_is_none_left(tmp_path):
    folder = save_healthy(tmp_path / "model", rows=309, tied=False)

    def lose_pad(state):
        state["added_tokens"] = [one for one in state["added_tokens"] if one["content"] != "<pad>"]
        state["model"]["vocab"]["<used>"] = state["model"]["vocab"].pop("<pad>")

    path = folder / "tokenizer.json"
    state = json.loads(path.read_text())
    lose_pad(state)
    path.write_text(json.dumps(state))
    edit(folder / "tokenizer_config.json", pad_token=None)
    before = load_file(folder / "model.safetensors")
    mended = repair(folder, tmp_path / "mended")
    assert "pad token <|pad|> (new), id 309" in mended.changes[0]
    after = load_file(mended.folder / "model.safetensors")
    assert after[EMBEDDING].shape == after[HEAD].shape == (320, 64)
    assert torch.equal(after[HEAD][:309], before[HEAD])
    assert torch.allclose(after[HEAD][309:], before[HEAD].mean(0).expand(11, 64), atol=1e-7)
    config = json.loads((mended.folder / "config.json").read_text())
    assert (config["vocab_size"], config["pad_token_id"]) == (320, 309)
    assert found(mended.folder, "pad").status is Status.OK


@pytest.mark.parametrize(
    ("family", "table", "head"),
    [
        ("gpt_neox", "gpt_neox.embed_in.weight", "embed_out.weight"),
        ("gpt2", "transformer.wte.weight", None),
        ("mixtral", EMBEDDING, HEAD),
    ],
)
def test_embedding_and_head_are_found_whatever_a_family_calls_them(healthy, tmp_path, family, table, head):
    sizes = {"vocab_size": ROWS, "bos_token_id": 0, "eos_token_id": END, "pad_token_id": PAD}
    heads = {"num_attention_heads": 1, "num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 96}
    config = AutoConfig.for_model(family, **sizes, **heads)
    if family == "mixtral":
        config.num_key_value_heads, config.num_local_experts = 1, 2
    folder = tmp_path / "model"
    if family == "gpt2":
        config.n_embd, config.n_layer, config.n_head = 64, 1, 1
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((healthy / name).read_bytes())
    patient = load_patient(folder)
    assert patient.embedding.name == table
    assert (patient.head.name if patient.head else None) == head
    assert {one.name for one in examine(folder) if one.status is Status.FAULT} == set()


def test_a_vocabulary_that_is_no_multiple_of_64_is_warned_of(tmp_path):
    finding = found(save_healthy(tmp_path / "model", rows=330), "vocabulary")
    assert finding.status is Status.WARNING
    assert "330 is no multiple of 64" in finding.found
