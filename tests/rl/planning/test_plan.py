"""The plan: its memory against what a learner takes, its sizes, and that every shipped configuration has one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from transformers import LlamaConfig, LlamaForCausalLM

from mathpipe.core.config import load_config
from mathpipe.core.errors import InputError
from rl.cold_start import make_tokenizer
from rl.grpo_config import GrpoConfig
from rl.learner.config import LearnerConfig
from rl.planning.command import plan_command
from rl.planning.memory import learner_memory, total
from rl.planning.plan import Asked, check_fits, plan_run
from rl.planning.shape import model_config, shape_of

ROOT = Path(__file__).resolve().parents[3]
CONFIGS = sorted(path for path in (ROOT / "configs").glob("*.yaml") if "preset:" in path.read_text())


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """24 million parameters, half of them in the layers."""
    target = tmp_path_factory.mktemp("policy")
    shape = LlamaConfig(
        vocab_size=16_000, hidden_size=512, intermediate_size=1536, num_hidden_layers=6, num_attention_heads=8,
        num_key_value_heads=4, head_dim=64, max_position_embeddings=1024, tie_word_embeddings=True,
    )  # fmt: skip
    LlamaForCausalLM(shape).save_pretrained(target)
    make_tokenizer([], 320).save_pretrained(target)
    return target


def settings(folder, **learner):
    return GrpoConfig.model_validate(
        {
            "name": "p",
            "model": str(folder),
            "problems": {"path": "x"},
            "preset": "dr_grpo",
            "steps": 3,
            "sampling": {"problems": 4, "samples": 4, "max_tokens": 256},
            "learner": {"device": "cpu"} | learner,
        }
    )


def measured(folder, learner, count=16, length=256):
    """What is allocated at the peak. Every tensor is a mapping of its own, or the heap's holes would count: with
    adapters, whose temporaries alternate in size, they are 0.6 GB.
    """
    command = [sys.executable, "-m", "tests.rl.planning.measured_peak", str(folder), json.dumps(learner)]
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "65536",
    }
    found = subprocess.run(
        [*command, str(count), str(length)], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(found.stdout.splitlines()[-1])["bytes"]


@pytest.mark.parametrize(
    "learner",
    [
        {"micro_batch_tokens": 4096},
        {"micro_batch_tokens": 2048, "checkpoint_activations": True},
        {"micro_batch_tokens": 2048, "optimizer": "adamw_8bit"},
        {"micro_batch_tokens": 2048, "lora": {"rank": 16}},
        pytest.param(
            {"micro_batch_tokens": 2048, "lora": {"rank": 16}, "checkpoint_activations": True}, marks=pytest.mark.slow
        ),
    ],
    ids=["whole", "checkpoints", "8-bit", "adapters", "adapters, checkpoints"],
)
def test_the_predicted_memory_is_what_a_learner_takes(folder, learner):
    config = settings(folder, **learner)
    shape = shape_of(model_config(str(folder)), config.learner)
    predicted = total(learner_memory(config, shape, step_tokens=4096, on_gpu=False))
    assert measured(folder, {"device": "cpu"} | learner) == pytest.approx(predicted, rel=0.1)


def test_parameters_are_counted_as_transformers_counts_them(folder):
    shape = shape_of(model_config(str(folder)), LearnerConfig())
    assert shape.parameters == LlamaForCausalLM.from_pretrained(folder).num_parameters()
    assert (shape.layers, shape.head, shape.embedding) == (6, 16_000 * 512, 0)


def test_what_the_backward_needs_of_a_token_is_counted(folder):
    whole = shape_of(model_config(str(folder)), LearnerConfig())
    less = shape_of(model_config(str(folder)), LearnerConfig(checkpoint_activations=True))
    assert less.saved_bytes < whole.saved_bytes / 8
    assert less.layer_bytes == whole.saved_bytes // 6


def test_every_batch_size_has_its_unit(folder):
    plan = plan_run(
        settings(folder, updates=2, micro_batch_tokens=1000), Asked(prompt_tokens=72, completion_tokens=128)
    )
    assert plan.sizes["sequences a step"] == 16
    assert plan.sizes["sequences an optimizer step"] == 8
    assert plan.sizes["sequences a micro-batch, of the expected length"] == 5
    assert plan.sizes["micro-batches an optimizer step and rank"] == 2
    assert plan.sizes["optimizer steps of the run"] == 6
    assert plan.sizes["tokens sampled in the run"] == 16 * 128 * 3


def test_given_rates_decide_the_time(folder):
    asked = Asked(prompt_tokens=100, completion_tokens=100, learner_tflops=1.0, sampler_tokens=1600.0)
    plan = plan_run(settings(folder), asked)
    assert plan.times["sampling, a step"] == pytest.approx(1.0)
    assert plan.times["the run"] == pytest.approx(3 * plan.times["a step"])


def test_too_little_memory_names_the_largest_part(folder):
    plan = plan_run(settings(folder), Asked(learner_tflops=1.0, sampler_tokens=1.0))
    check_fits(plan, 80)
    with pytest.raises(InputError, match="activations"):
        check_fits(plan, 0.2)


def test_four_ranks_share_what_lasts(folder):
    config = settings(folder)
    shape = shape_of(model_config(str(folder)), config.learner)
    one, four = (
        {
            part.name: part.bytes
            for part in learner_memory(config, shape, step_tokens=100, ranks=ranks)
            if part.lasting
        }
        for ranks in (1, 4)
    )
    assert all(four[name] == one[name] // 4 for name in one)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_configuration_has_a_plan(path, tmp_path):
    config = load_config(path, GrpoConfig)
    if config.model.startswith("data/"):  # made by the demo
        pytest.skip(f"{config.model} is made by make demo")
    ranks = {"qwen-7b-eight-gpus": "4", "qwen-7b-nodes": "16"}.get(path.stem, "1")
    found = CliRunner().invoke(plan_command, [str(path), "--ranks", ranks, "--device-gib", "80", "--json"])
    assert found.exception is None, found.exception
    assert json.loads(found.stdout)["sizes"]["steps"] == config.steps
