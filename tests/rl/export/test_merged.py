"""Merged weights compute what base and adapter compute; an adapter stays one; nothing is left half written."""

import json

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from mathpipe.core.errors import InputError
from mathpipe.generate import EngineConfig, make_engine
from mathpipe.generate.engines import Request
from rl.export import export_adapter, export_merged, find_source
from tests.rl.export.folders import PROMPT, adapter_folder, byte_level, loaded, logits, model_folder

IDS = torch.randint(5, 300, (40,), generator=torch.Generator().manual_seed(7)).tolist()
WHOLE = ["embed_tokens", "lm_head"]
OPTIONS = {
    "linear layers": {},
    "rank-stabilised": {"use_rslora": True},
    "magnitudes": {"use_dora": True},
    "embedding and head whole": {"modules_to_save": WHOLE},
    "embedding by LoRA": {"target_modules": ["q_proj", "embed_tokens"]},
    "head by LoRA": {"target_modules": ["q_proj", "lm_head"]},
}


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`")
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", OPTIONS)
def test_merged_weights_give_the_logits_of_base_and_adapter(tmp_path, name, tied):
    base = model_folder(tmp_path / "base", tie_word_embeddings=tied)
    adapter = adapter_folder(tmp_path / "adapter", base, **OPTIONS[name])
    wanted = logits(PeftModel.from_pretrained(loaded(base), adapter), IDS)
    done = export_merged(find_source(adapter), tmp_path / "out")
    scale = wanted.abs().max()
    torch.testing.assert_close(logits(loaded(done.folder), IDS) / scale, wanted / scale, atol=1e-5, rtol=0)
    assert (logits(loaded(base), IDS) - wanted).abs().max() > 0.01 * scale


def test_the_sum_is_rounded_once(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base)
    export_merged(find_source(adapter), tmp_path / "exact", "fp32")
    export_merged(find_source(adapter), tmp_path / "rounded", "bf16")
    exact = loaded(tmp_path / "exact").state_dict()
    rounded = AutoModelForCausalLM.from_pretrained(tmp_path / "rounded", dtype="auto").state_dict()
    assert all(torch.equal(rounded[name], value.bfloat16()) for name, value in exact.items())
    assert json.loads((tmp_path / "rounded" / "config.json").read_text())["dtype"] == "bfloat16"


def test_tokenizer_template_and_generation_settings_come_along(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base)
    done = export_merged(find_source(adapter), tmp_path / "out")
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (done.folder / name).read_bytes() == (adapter / name).read_bytes()
    assert json.loads((done.folder / "generation_config.json").read_text())["temperature"] == 0.7
    turns = [{"role": "user", "content": PROMPT}]
    rendered = AutoTokenizer.from_pretrained(done.folder).apply_chat_template(turns, tokenize=False)
    assert rendered == byte_level().apply_chat_template(turns, tokenize=False)


def test_an_adapter_without_a_tokenizer_has_its_bases(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base)
    for path in [*adapter.glob("tokenizer*"), adapter / "chat_template.jinja"]:
        path.unlink()
    done = export_merged(find_source(adapter), tmp_path / "out")
    assert (done.folder / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("kind", ["transformers", pytest.param("vllm", marks=pytest.mark.vllm)])
def test_engines_load_the_folder_and_go_on_as_base_and_adapter_do(tmp_path, kind):
    base = model_folder(tmp_path / "base", hidden_size=128, num_attention_heads=2, num_key_value_heads=1, head_dim=64)
    adapter = adapter_folder(tmp_path / "adapter", base)
    export_merged(find_source(adapter), tmp_path / "out", "fp32")
    policy = PeftModel.from_pretrained(loaded(base), adapter)
    wanted = policy.generate(input_ids=torch.tensor([IDS]), do_sample=False, max_new_tokens=8)[0, len(IDS) :].tolist()
    config = EngineConfig(kind=kind, model=str(tmp_path / "out"), dtype="float32", context_tokens=256)
    with make_engine(config) as engine:
        [done] = engine.generate(
            [Request(request_id="one", prompt_token_ids=tuple(IDS), temperature=0, max_tokens=8)]
        )
    assert list(done.token_ids) == wanted


def test_an_adapter_is_exported_in_pefts_layout_with_its_bases_name(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base)
    done = export_adapter(find_source(adapter, str(base)), tmp_path / "out")
    assert json.loads((done.folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert {"adapter_model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(done.files)
    assert not any(name.startswith("model") for name in done.files)
    again = logits(PeftModel.from_pretrained(loaded(base), done.folder), IDS)
    assert torch.equal(again, logits(PeftModel.from_pretrained(loaded(base), adapter), IDS))


def test_full_weights_hold_no_adapter_and_take_no_base(tmp_path):
    base = model_folder(tmp_path / "base")
    with pytest.raises(InputError, match="these are full weights, which have none to export; use --as merged"):
        export_adapter(find_source(base), tmp_path / "out")
    with pytest.raises(InputError, match="--base: an adapter to put on it"):
        find_source(base, str(base))


def test_a_base_that_is_not_there_is_to_be_given(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "adapter", base)
    base.rename(tmp_path / "moved")
    with pytest.raises(InputError, match=r"or a hub name in the local cache; give its folder by --base"):
        find_source(adapter)
    with pytest.raises(InputError, match="base no/such-model: a model folder"):
        find_source(adapter, "no/such-model")
    export_merged(find_source(adapter, str(tmp_path / "moved")), tmp_path / "out")
    with pytest.raises(InputError, match="a folder with config.json or adapter_config.json"):
        find_source(tmp_path)


def test_an_adapter_of_another_base_is_refused(tmp_path):
    adapter = adapter_folder(tmp_path / "adapter", model_folder(tmp_path / "base"))
    other = model_folder(tmp_path / "other", hidden_size=96, num_attention_heads=6)
    with pytest.raises(InputError, match="an adapter of .*other .*; give its base by --base"):
        export_merged(find_source(adapter, str(other)), tmp_path / "out")


@pytest.mark.parametrize("export", [export_merged, export_adapter])
def test_nothing_is_written_over(tmp_path, export):
    adapter = adapter_folder(tmp_path / "adapter", model_folder(tmp_path / "base"))
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="a folder that does not exist yet"):
        export(find_source(adapter), tmp_path / "out")


def test_weights_that_are_no_numbers_are_refused_and_leave_no_folder(tmp_path):
    base = model_folder(tmp_path / "base")
    model = loaded(base)
    model.model.layers[0].mlp.up_proj.weight.data[0, 0] = 1e30
    model.save_pretrained(base)
    with pytest.raises(InputError, match=r"layers\.0\.mlp\.up_proj\.weight: finite numbers in torch\.float16"):
        export_merged(find_source(base), tmp_path / "out", "fp16")
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
