"""Presets and what is refused."""

import pytest

from mathpipe.core.config import load_config
from mathpipe.core.errors import ConfigError
from rl.grpo_config import GrpoConfig
from rl.presets import PRESETS

LEAST = """
name: run
model: somewhere
problems: {path: problems.jsonl}
steps: 3
"""


def config(tmp_path, text="", *overrides):
    path = tmp_path / "grpo.yaml"
    path.write_text(LEAST + text)
    return load_config(path, GrpoConfig, overrides)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_configuration(tmp_path, preset):
    assert config(tmp_path, f"preset: {preset}").loss.make().name


def test_deepseekmath_is_the_papers(tmp_path):
    found = config(tmp_path)
    assert found.loss.kl == 0.04
    assert found.learner.learning_rate == 1e-6
    assert (found.sampling.samples, found.sampling.max_tokens, found.learner.updates) == (64, 1024, 1)
    assert found.sampling.problems * found.sampling.samples == 1024


def test_dapo_clips_higher_above_and_draws_again(tmp_path):
    found = config(tmp_path, "preset: dapo")
    options = found.loss.make().options
    assert (options["clip_low"], options["clip_high"], options["kl"]) == (0.2, 0.28, 0.0)
    assert found.mask_cut_completions
    assert found.dynamic_sampling.rounds == 4


def test_what_is_written_wins_over_the_preset_key_by_key(tmp_path):
    found = config(tmp_path, "sampling: {samples: 8}\nloss: {options: {kl: 0.0}}")
    assert (found.sampling.samples, found.sampling.max_tokens) == (8, 1024)
    assert found.loss.kl == 0.0


def test_a_loss_of_another_name_takes_none_of_the_presets_options(tmp_path):
    assert config(tmp_path, "loss: {name: cispo}").loss.make().options["kl"] == 0.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: depseekmath", "did you mean deepseekmath"),
        ("sampling: {top_p: 0.9}", "cut distribution"),
        ("sampling: {top_k: 20}", "cut distribution"),
        ("staleness: 1", "thread or ray"),
        ("staleness: 1\nsampler: thread\npreset: dapo", "dynamic_sampling"),
        ("loss: {name: gpro}", "one of sft"),
        ("sampling: {sample: 3}", "did you mean 'samples'"),
        ("sampling: {samples: 1}", "greater than or equal to 2"),
        ("loss: {name: sft}", "use preset sft"),
        ("preset: sft\nsampling: {samples: 4}", "one written solution"),
        ("preset: sft\ncritic: {kind: shared}", "no use for a critic"),
        ("preset: sft\nreward: {supervision: process}", "no rewards of steps"),
        ("preset: dpo\nreward: {supervision: process}", "no rewards of steps"),
        ("sampler: thread\nlearner: {offload_optimizer: true}", "sampler: inline"),
        ("preset: sft\nlearner: {offload_optimizer: true}", "sampler: inline"),
        ("reward: {supervision: proces}", "outcome"),
        ("reward: {steps: {verifier: people}}", "equations"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        config(tmp_path, text)
