"""Safetensors by their bytes: several files, faulty ones, and a file rewritten with longer tensors."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from rl.doctor import Status, examine, repair
from rl.doctor.stored_weights import INDEX, chunks, lengthen, open_weights, read_rows
from tests.rl.doctor.models import EMBEDDING, added, edit


@pytest.fixture
def sharded(healthy, tmp_path):
    """The healthy model in files of at most 60 kB."""
    folder = tmp_path / "sharded"
    AutoModelForCausalLM.from_pretrained(healthy).save_pretrained(folder, max_shard_size="60KB")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).write_bytes((healthy / name).read_bytes())
    return folder


def status(folder, name="weight-files"):
    return next(finding for finding in examine(folder, quick=True) if finding.name == name)


def test_chunks_and_rows_are_the_tensor(tmp_path, monkeypatch):
    monkeypatch.setattr("rl.doctor.stored_weights._CHUNK_BYTES", 100)
    value = torch.randn(37, 5).to(torch.bfloat16)
    save_file({"a": torch.ones(3), "b": value, "c": torch.tensor(2.0)}, tmp_path / "model.safetensors")
    stored = open_weights(tmp_path).tensors
    parts = list(chunks(stored["b"]))
    assert [first for first, _ in parts] == [0, 10, 20, 30]
    assert torch.equal(torch.cat([part for _, part in parts]), value)
    assert torch.equal(torch.stack(list(read_rows(stored["b"], [36, 0]))), value[[36, 0]])
    assert [part.tolist() for _, part in chunks(stored["c"])] == [[2.0]]


def test_lengthen_keeps_every_other_byte_and_adds_the_row(tmp_path):
    path = tmp_path / "model.safetensors"
    before = {"a": torch.randn(3, 4), "b": torch.randn(5, 2).half(), "bias": torch.randn(5)}
    save_file(before, path, metadata={"format": "pt"})
    lengthen(path, {"b": (3, torch.tensor([1.0, 2.0])), "bias": (3, torch.tensor(7.0))})
    after = load_file(path)
    assert torch.equal(after["a"], before["a"])
    assert torch.equal(after["b"][:5], before["b"])
    assert after["b"][5:].tolist() == [[1.0, 2.0]] * 3
    assert after["bias"][5:].tolist() == [7.0] * 3


def test_a_model_in_several_files_is_whole(sharded):
    finding = status(sharded)
    assert finding.status is Status.OK
    assert finding.figures["files"] > 1


def test_rows_are_added_in_the_file_that_holds_the_embedding_and_the_index_agrees(sharded, tmp_path):
    added(sharded, *[f"<extra-{number}>" for number in range(200)])
    mended = repair(sharded, tmp_path / "mended")
    model = AutoModelForCausalLM.from_pretrained(mended.folder)
    assert model.get_input_embeddings().weight.shape == (512, 64)
    sizes = [
        json.loads((folder / INDEX).read_text())["metadata"]["total_size"] for folder in (sharded, mended.folder)
    ]
    assert sizes[1] - sizes[0] == 128 * 64 * 4


def test_a_missing_file_is_a_fault(sharded):
    next(iter(sorted(sharded.glob("*.safetensors")))).unlink()
    assert status(sharded).status is Status.FAULT
    assert "model-00001-of-" in status(sharded).found
    assert "is missing" in status(sharded).found


def test_an_index_that_names_what_no_file_holds_is_a_fault(sharded):
    index = json.loads((sharded / INDEX).read_text())
    file = index["weight_map"][EMBEDDING]
    index["weight_map"] |= {"model.extra": file}
    (sharded / INDEX).write_text(json.dumps(index))
    assert "1 tensors of model.safetensors.index.json are in no file, model.extra first" in status(sharded).found


def test_tensors_in_another_file_than_the_index_says_are_a_fault(sharded):
    index = json.loads((sharded / INDEX).read_text())
    name = "model.norm.weight"
    others = sorted(set(index["weight_map"].values()) - {index["weight_map"][name]})
    index["weight_map"][name] = others[0]
    (sharded / INDEX).write_text(json.dumps(index))
    assert "another file than" in status(sharded).found


def test_a_tensor_that_the_index_lacks_is_warned_of(sharded):
    index = json.loads((sharded / INDEX).read_text())
    index["weight_map"].pop("model.norm.weight")
    (sharded / INDEX).write_text(json.dumps(index))
    assert status(sharded).status is Status.WARNING


def test_an_index_that_is_no_json_is_a_fault(sharded):
    (sharded / INDEX).write_text("{")
    assert "is unreadable" in status(sharded).found


def test_weights_of_another_shape_than_the_configuration_are_a_fault(sharded):
    edit(sharded / "config.json", intermediate_size=128)
    assert "is [96, 64], not [128, 64]" in status(sharded).found or "is [64, 96]" in status(sharded).found


def test_a_folder_without_safetensors_is_warned_of_and_the_rest_not_applicable(healthy, tmp_path):
    for path in healthy.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert status(tmp_path).status is Status.WARNING
    for name in ("dtype", "tied-embeddings", "untrained-rows"):
        assert status(tmp_path, name).status is Status.NOT_APPLICABLE


def test_a_dtype_that_the_configuration_does_not_name_is_warned_of_and_mended(healthy, tmp_path):
    folder = tmp_path / "model"
    AutoModelForCausalLM.from_pretrained(healthy).save_pretrained(folder)
    edit(folder / "config.json", dtype="bfloat16")
    finding = status(folder, "dtype")
    assert (finding.status, finding.found) == (
        Status.WARNING,
        "float32; config.json says bfloat16, most weights are float32",
    )
    assert status(repair(folder, tmp_path / "mended").folder, "dtype").status is Status.OK
