"""The GGUF file computes what the model computes, by llama.cpp's conventions; what it cannot say is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from mathpipe.core.errors import InputError
from rl.export import export_gguf, export_merged, find_source
from rl.export.tensors import interleave
from tests.rl.export.folders import adapter_folder, loaded, logits, model_folder
from tests.rl.export.reader import GgufModel

IDS = torch.randint(5, 300, (40,), generator=torch.Generator().manual_seed(7)).tolist()
GEMMA = {"tie_word_embeddings": True}
WINDOWS = {**GEMMA, "query_pre_attn_scalar": 16, "sliding_window": 16}
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
SCALED = {"full_attention": {**ROPE, "rope_type": "linear", "factor": 8.0}, "sliding_attention": ROPE}
MODELS = {
    "llama": ("llama", {}),
    "llama with biases": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama with a tied head": ("llama", {"tie_word_embeddings": True}),
    "llama with wide heads": ("llama", {"head_dim": 32}),
    "llama 3's rope": ("llama", {"rope_parameters": {**ROPE, "rope_type": "llama3", **LLAMA3}}),
    "linear rope": ("llama", {"rope_parameters": {**ROPE, "rope_type": "linear", "factor": 4.0}}),
    "mistral": ("mistral", {"sliding_window": None}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {"head_dim": 32}),
    "gemma": ("gemma", GEMMA),
    "gemma 2": ("gemma2", WINDOWS),
    "gemma 3": ("gemma3", {**WINDOWS, "num_hidden_layers": 7}),
    "gemma 3 scaled": ("gemma3", {**WINDOWS, "num_hidden_layers": 7, "rope_parameters": SCALED}),
}


def exported(folder: Path, out: Path, dtype: str = "fp32") -> GgufModel:
    done = export_gguf(find_source(folder), out, dtype)
    return GgufModel(done.folder / done.files[0])


@pytest.mark.parametrize("name", MODELS)
def test_the_file_gives_transformers_logits(tmp_path, name):
    family, changes = MODELS[name]
    folder = model_folder(tmp_path / "model", family, **changes)
    wanted = logits(loaded(folder), IDS)
    torch.testing.assert_close(exported(folder, tmp_path / "out").logits(IDS), wanted, atol=3e-5, rtol=1e-5)


def test_query_and_key_rows_of_each_head_are_interleaved():
    rows = torch.arange(8.0)[:, None]
    assert interleave(rows, 1).flatten().tolist() == [0, 4, 1, 5, 2, 6, 3, 7]
    assert interleave(rows, 2).flatten().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert interleave(rows.flatten(), 2).tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


@pytest.mark.parametrize(("family", "permuted"), [("llama", True), ("mistral", True), ("qwen2", False)])
def test_only_llamas_rows_change_their_places(tmp_path, family, permuted):
    folder = model_folder(tmp_path / "model", family)
    model = loaded(folder)
    layer = model.model.layers[1].self_attn
    tensors = exported(folder, tmp_path / "out").tensors
    assert torch.equal(tensors["blk.1.attn_q.weight"], layer.q_proj.weight) is not permuted
    assert torch.equal(tensors["blk.1.attn_k.weight"], layer.k_proj.weight) is not permuted
    assert torch.equal(tensors["blk.1.attn_v.weight"], layer.v_proj.weight)


def test_keys_say_the_models_sizes(tmp_path):
    rope = {**ROPE, "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    file = exported(model_folder(tmp_path / "policy", "qwen2", rope_parameters=rope), tmp_path / "out", "bf16")
    wanted = {
        "context_length": 256,
        "embedding_length": 64,
        "block_count": 2,
        "feed_forward_length": 96,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "attention.key_length": 16,
        "attention.value_length": 16,
        "rope.freq_base": 10_000.0,
        "rope.dimension_count": 16,
        "rope.scaling.type": "yarn",
        "rope.scaling.factor": 4.0,
        "rope.scaling.original_context_length": 64,
        "vocab_size": 352,
    }
    assert {name: file.key(name) for name in wanted} == wanted
    assert file.key("attention.layer_norm_rms_epsilon") == pytest.approx(1e-6)
    assert (file.keys["general.name"], file.keys["general.file_type"]) == ("policy", 32)


def test_norms_stay_in_fp32_and_matrices_take_the_type_asked_for(tmp_path):
    folder = model_folder(tmp_path / "model", "qwen2")
    for dtype, kind in (("fp32", "F32"), ("fp16", "F16"), ("bf16", "BF16"), ("q8_0", "Q8_0")):
        kinds = exported(folder, tmp_path / dtype, dtype).kinds
        assert {kinds[name] for name in kinds if "norm" in name or name.endswith("bias")} == {"F32"}
        assert {kinds[name] for name in kinds if "norm" not in name and name.endswith("weight")} == {kind}


@pytest.mark.parametrize(("dtype", "limit"), [("bf16", 2**-9), ("fp16", 2**-12), ("q8_0", 6e-3)])
def test_a_smaller_type_only_rounds(tmp_path, dtype, limit):
    folder = model_folder(tmp_path / "model")
    exact, rounded = (exported(folder, tmp_path / name, name).tensors for name in ("fp32", dtype))
    for name, weight in exact.items():
        assert (rounded[name] - weight).norm() <= limit * weight.norm()


def test_weights_keep_their_dtype_unless_another_is_asked_for(tmp_path):
    folder = model_folder(tmp_path / "model", "qwen2")
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    file = exported(folder, tmp_path / "out", "auto")
    stored = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).model.embed_tokens.weight
    assert (tmp_path / "out" / "model-bf16.gguf").is_file()
    assert torch.equal(file.tensors["token_embd.weight"], stored.float())


def test_rows_that_no_block_divides_stay_in_fp16_and_it_is_said(tmp_path):
    folder = model_folder(tmp_path / "model", intermediate_size=80)
    done = export_gguf(find_source(folder), tmp_path / "out", "q8_0")
    assert "2 matrices stay in fp16" in done.notes[0]
    file = GgufModel(done.folder / done.files[0])
    assert (file.kinds["blk.0.ffn_down.weight"], file.kinds["blk.0.ffn_up.weight"]) == ("F16", "Q8_0")


@pytest.mark.parametrize(
    "options",
    [{}, {"modules_to_save": ["embed_tokens", "lm_head"]}, {"use_rslora": True, "rank_pattern": {"q_proj": 8}}],
    ids=["lora", "whole modules", "ranks"],
)
@pytest.mark.parametrize("tied", [False, True])
def test_an_adapters_file_is_that_of_the_merged_weights_bit_for_bit(tmp_path, options, tied):
    base = model_folder(tmp_path / "base", tie_word_embeddings=tied)
    adapter = adapter_folder(tmp_path / "adapter", base, **options)
    export_merged(find_source(adapter), tmp_path / "merged", "fp32")
    streamed, merged = exported(adapter, tmp_path / "a"), exported(tmp_path / "merged", tmp_path / "b")
    plain = exported(base, tmp_path / "c")
    assert streamed.tensors.keys() == merged.tensors.keys()
    assert all(torch.equal(streamed.tensors[name], weight) for name, weight in merged.tensors.items())
    assert not torch.equal(streamed.tensors["blk.0.attn_q.weight"], plain.tensors["blk.0.attn_q.weight"])
    assert ("output.weight" in streamed.tensors) is (not tied or "modules_to_save" in options)


def test_adapters_that_cannot_be_merged_piece_by_piece_are_to_be_merged_first(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base, use_dora=True)
    with pytest.raises(InputError, match=r"LoRA without biases and magnitudes; export it with --as merged"):
        export_gguf(find_source(adapter), tmp_path / "out")
    export_merged(find_source(adapter), tmp_path / "merged")
    assert exported(tmp_path / "merged", tmp_path / "out").key("block_count") == 2


def test_a_head_that_an_adapter_parts_from_the_embedding_is_refused_where_llama_cpp_has_one_for_both(tmp_path):
    base = model_folder(tmp_path / "base", "gemma", tie_word_embeddings=True)
    adapter = adapter_folder(tmp_path / "adapter", base, modules_to_save=["lm_head"])
    with pytest.raises(InputError, match="gemma: head: the embedding as head"):
        export_gguf(find_source(adapter), tmp_path / "out")


def test_shards_are_read_as_one(tmp_path):
    folder = model_folder(tmp_path / "model")
    model = loaded(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="100KB")
    assert len(list(folder.glob("model-*.safetensors"))) > 2
    file = exported(folder, tmp_path / "out")
    torch.testing.assert_close(file.logits(IDS), logits(model, IDS), atol=3e-5, rtol=1e-5)


def test_an_attention_window_that_llama_cpp_does_not_know_cuts_the_context_and_is_said(tmp_path):
    folder = model_folder(tmp_path / "model", "mistral", sliding_window=32)
    done = export_gguf(find_source(folder), tmp_path / "out", "fp32")
    assert "no attention window for mistral: the context is cut from 256 to 32 tokens" in done.notes[0]
    file = GgufModel(done.folder / done.files[0])
    assert file.key("context_length") == 32
    wanted = logits(loaded(folder), IDS[:32])
    torch.testing.assert_close(file.logits(IDS[:32]), wanted, atol=3e-5, rtol=1e-5)
    assert "num_ctx 32\n" in (done.folder / "Modelfile").read_text()


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("llama", {"hidden_act": "gelu"}, "llama: activation: the family's own"),
        ("qwen2", {"head_dim": 32}, "qwen2: head_dim: hidden_size divided by num_attention_heads"),
        ("qwen3", {"attention_bias": True}, "qwen3: biases: no attention_bias"),
        ("gemma", {"tie_word_embeddings": False}, "gemma: head: the embedding as head"),
        ("gemma2", {**WINDOWS, "query_pre_attn_scalar": 24}, "gemma2: query_pre_attn_scalar: the size of a head"),
        (
            "gemma2",
            {**WINDOWS, "layer_types": ["full_attention"] * 2},
            "gemma2: layer_types: full attention in every",
        ),
        ("gemma2", {**WINDOWS, "attn_logit_softcapping": None}, "gemma2: soft caps: both for Gemma 2"),
        ("llama", {"rope_parameters": {**ROPE, "rope_type": "dynamic", "factor": 2.0}}, "rope_type default, linear"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(tmp_path, family, changes, message):
    folder = model_folder(tmp_path / "model", family, **changes)
    with pytest.raises(InputError, match=message):
        export_gguf(find_source(folder), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_architecture_names_those_that_are_known(tmp_path):
    from transformers import GPT2Config, GPT2LMHeadModel

    GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=32, n_layer=1, n_head=2)).save_pretrained(tmp_path / "model")
    known = "one of llama, mistral, qwen2, qwen3, gemma, gemma2, gemma3_text"
    with pytest.raises(InputError, match=f"architecture 'gpt2' as GGUF: {known}"):
        export_gguf(find_source(tmp_path / "model"), tmp_path / "out")


def test_numbers_beyond_fp16_are_refused_and_leave_no_folder(tmp_path):
    folder = model_folder(tmp_path / "model")
    model = loaded(folder)
    model.model.layers[1].mlp.up_proj.weight.data[0, 0] = 70_000.0
    model.save_pretrained(folder)
    with pytest.raises(InputError, match=r"layers\.1\.mlp\.up_proj\.weight: numbers that fp16 can hold"):
        export_gguf(find_source(folder), tmp_path / "out", "fp16")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]
    assert np.isfinite(exported(folder, tmp_path / "out", "bf16").tensors["blk.1.ffn_up.weight"].numpy()).all()


def test_weights_that_are_missing_or_strange_are_named(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = model_folder(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    gone = weights.pop("model.layers.1.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"layers\.1\.mlp\.up_proj\.weight: all 21 tensors \(1 are not there\)"):
        export_gguf(find_source(folder), tmp_path / "out")
    weights |= {"model.layers.1.mlp.up_proj.weight": gone, "model.layers.1.extra.weight": gone.clone()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match=r"layers\.1\.extra\.weight: only what a llama has"):
        export_gguf(find_source(folder), tmp_path / "out")
