"""What the plain fallback does beyond the claims of every engine."""

import importlib

import pytest
import torch

from mathpipe.core.errors import ConfigError, InputError
from mathpipe.generate.engines import EngineConfig, EngineError, Request, make_engine
from mathpipe.generate.engines.kv_batch import KvBatch, read_prompt
from tests.generate.conftest import engine_config
from tests.generate.tiny_model import save_tiny_model


def test_a_prompt_is_read_once_for_all_its_samples(tiny_folder):
    with make_engine(engine_config(tiny_folder)) as engine:
        prompt = tuple(range(30))
        # 40 samples in 16 places: most join later.
        done = list(engine.generate([Request(request_id="a", prompt_token_ids=prompt, n=40, max_tokens=6)]))
        assert (len(done), engine.prompt_tokens_read) == (40, 30)


def test_padding_on_the_left_changes_logits_by_rounding_only(plain_engine):
    """fp32: the same row alone and beside a row 60 tokens longer."""
    model = plain_engine._model
    short, long = read_prompt(model, range(20, 30)), read_prompt(model, range(20, 90))
    alone, padded = KvBatch(model), KvBatch(model)
    alone.join([short])
    padded.join([long, short])
    worst = 0.0
    for token in (40, 41, 42, 43):
        worst = max(worst, (alone.advance([token])[0] - padded.advance([7, token])[1]).abs().max().item())
    assert worst < 2e-5


def test_rows_leave_without_moving_the_others(plain_engine):
    model = plain_engine._model
    prefixes = [read_prompt(model, range(20, 20 + length)) for length in (4, 60, 9)]
    batch, alone = KvBatch(model), KvBatch(model)
    batch.join(prefixes)
    batch.advance([5, 6, 7])
    batch.keep([0, 2])
    assert batch.lengths == [5, 10]
    alone.join([prefixes[2]])
    alone.advance([7])
    torch.testing.assert_close(batch.advance([8, 9])[1], alone.advance([9])[0], atol=2e-5, rtol=0)


def test_bfloat16_runs(tiny_folder):
    config = engine_config(tiny_folder).model_copy(update={"dtype": "bfloat16"})
    with make_engine(config) as engine:
        [one] = engine.generate([Request(request_id="a", prompt_token_ids=(0, 20), max_tokens=4, ignore_eos=True)])
    assert len(one.token_ids) == 4


def test_the_fingerprint_follows_the_weights_and_not_the_batch(tiny_folder, tmp_path):
    other = save_tiny_model(tmp_path / "other", seed=1)
    again = save_tiny_model(tmp_path / "again")
    prints = [
        make_engine(engine_config(tiny_folder)).fingerprint,
        make_engine(engine_config(tiny_folder).model_copy(update={"max_sequences": 3})).fingerprint,
        make_engine(engine_config(again)).fingerprint,
        make_engine(engine_config(other)).fingerprint,
    ]
    assert prints[0] == prints[1] == prints[2] != prints[3]


def test_a_missing_model_is_one_clear_line(tmp_path):
    with pytest.raises(ConfigError, match=r"engine\.model: .*a folder with a config\.json"):
        make_engine(EngineConfig(kind="transformers", model=str(tmp_path / "none")))


def test_a_broken_model_is_one_clear_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match="a model that transformers loads"):
        make_engine(EngineConfig(kind="transformers", model=str(tmp_path)))


def test_without_vllm_auto_says_so_and_falls_back(tiny_folder, monkeypatch):
    module = importlib.import_module("mathpipe.generate.engines.make_engine")

    said = []
    monkeypatch.setattr(module, "has_vllm", lambda: False)
    with make_engine(engine_config(tiny_folder, "auto"), said.append) as engine:
        assert type(engine).__name__ == "TransformersEngine"
    assert said == ["vllm is not installed: generating with transformers, several times slower"]
    with pytest.raises(EngineError, match="vllm to be installed"):
        make_engine(engine_config(tiny_folder, "vllm"))


def test_messages_without_a_template_are_refused(tmp_path):
    folder = save_tiny_model(tmp_path, template=None)
    from mathpipe.generate.templates import Message

    with make_engine(engine_config(folder)) as engine, pytest.raises(InputError, match="no chat template"):
        engine.submit(Request(request_id="a", messages=(Message("user", "hi"),)))
