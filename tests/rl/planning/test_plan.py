"""The plan: its memory against what a learner takes, its sizes, and that every shipped configuration has one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
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
from rl.planning.pace import Rates, rates_of_run, step_cost
from rl.planning.plan import Asked, check_fits, plan_run
from rl.planning.shape import model_config, shape_of
from tests.rl.watch.runs_at_hand import line

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


def settings(folder, more=None, **learner):
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
        | (more or {})
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
        pytest.param({"micro_batch_tokens": 2048, "checkpoint_activations": True}, marks=pytest.mark.slow),
        pytest.param({"micro_batch_tokens": 2048, "optimizer": "adamw_8bit"}, marks=pytest.mark.slow),
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


RATES = {"learner_tflops": 1.0, "sampler_tokens": 1600.0}


def test_completions_that_judge_steps_are_counted_in_tokens_and_time(folder):
    process = {"supervision": "process", "steps": {"verifier": "rollouts", "rollouts": 8}}
    asked = Asked(prompt_tokens=100, completion_tokens=100, solution_steps=5, **RATES)
    without = plan_run(settings(folder, {"reward": {"supervision": "process"}}), asked)
    plan = plan_run(settings(folder, {"reward": process}), asked)
    # 16 samples; from the ends of 4 of their 5 steps 8 completions of 50 tokens each in the mean.
    assert plan.sizes["tokens sampled a step to judge steps, at most"] == 16 * 4 * 8 * 50
    assert plan.sizes["tokens sampled in the run to judge steps, at most"] == 3 * 16 * 4 * 8 * 50
    assert plan.times["judging steps, a step"] == pytest.approx(16.0)
    assert plan.times["a step"] == pytest.approx(without.times["a step"] + 16.0)
    assert plan.times["the run"] == pytest.approx(3 * plan.times["a step"])
    assert not any("judg" in name for name in [*without.sizes, *without.times])


def test_staleness_saves_nothing_where_completions_judge_steps(folder):
    ahead = {"sampler": "thread", "staleness": 1}
    process = {"reward": {"supervision": "process", "steps": {"verifier": "rollouts"}}}
    plan = plan_run(settings(folder, ahead | process), Asked(**RATES))
    assert plan.times["a step"] == pytest.approx(
        sum(plan.times[name] for name in ("sampling, a step", "judging steps, a step", "learning, a step"))
    )
    assert any("staleness saves no time" in note for note in plan.notes)


def flops(folder, more=None, **learner):
    rates = Rates(1.0, 1.0, "")
    config = settings(folder, more, **learner)
    shape = shape_of(model_config(str(folder)), config.learner)
    return step_cost(config, shape, rates, prompt_tokens=100, completion_tokens=100, solution_steps=1).flops


@pytest.mark.parametrize(
    ("passes", "more", "learner"),
    [
        (3, {"correction": {"kind": "none"}}, {}),
        (3, {"correction": {"kind": "token"}}, {}),  # its weights are made in the pass that learns
        (4, {"correction": {"kind": "sequence"}}, {}),
        (4, {"correction": {"kind": "token"}}, {"updates": 2}),
        (4, {"correction": {"kind": "none"}}, {"updates": 2}),
        (4, {"loss": {"name": "grpo", "options": {"kl": 0.04}}}, {}),
        (4, {}, {"checkpoint_activations": True}),
        (4, {"preset": "ppo"}, {"updates": 1}),
        (7, {"preset": "ppo", "critic": {"kind": "separate"}}, {"updates": 1}),
        (3, {"preset": "sft", "sampling": {"problems": 16, "samples": 1}}, {"updates": 2}),
    ],
)
def test_every_pass_over_the_samples_is_counted_once(folder, passes, more, learner):
    assert flops(folder, more, **learner) == pytest.approx(
        passes / 3 * flops(folder, {"correction": {"kind": "none"}})
    )


def test_written_solutions_are_not_sampled(folder):
    more = {"preset": "sft", "sampling": {"problems": 16, "samples": 1}}
    plan = plan_run(settings(folder, more), Asked(**RATES))
    assert (plan.times["sampling, a step"], plan.sizes["tokens sampled in the run"]) == (0.0, 0)


def test_a_sampler_that_works_ahead_had_the_whole_step_for_its_tokens(folder):
    lines = [line(1, times={"sample": 0.5, "update": 2.0, "step": 4.0}, tokens_sampled=400)]
    for ahead, rate in (({}, 800.0), ({"sampler": "thread", "staleness": 1}, 100.0)):
        config = settings(folder, ahead)
        shape = shape_of(model_config(str(folder)), config.learner)
        assert rates_of_run(lines, config, shape, 100).sampler_tokens == pytest.approx(rate)


def parts_of(config, folder, ranks=1, **more):
    shape = shape_of(model_config(str(folder)), config.learner)
    return {part.name: part for part in learner_memory(config, shape, step_tokens=100, ranks=ranks, **more)}


def test_while_the_sampler_works_gradients_are_gone_and_the_optimizer_may_lie_on_the_host(folder):
    critic = {"critic": {"kind": "separate"}}
    by_default, asked, refused = (
        parts_of(settings(folder, critic, offload_optimizer=setting), folder, on_gpu=on_gpu)
        for setting, on_gpu in ((None, True), (True, False), (False, True))
    )
    for parts in (by_default, asked):
        assert (parts["optimizer"].kept, parts["optimizer"].host) == (0, parts["optimizer"].bytes)
        assert (parts["critic"].kept, parts["critic"].host) == (
            parts["critic"].bytes // 4,
            parts["critic"].bytes // 2,
        )
    assert (refused["optimizer"].kept, refused["optimizer"].host) == (refused["optimizer"].bytes, 0)
    for parts in (by_default, asked, refused):
        assert (parts["gradients"].kept, parts["activations"].kept) == (0, 0)
        assert parts["weights"].kept == parts["weights"].bytes


def test_what_both_have_of_one_device_must_fit_in_either_turn(folder):
    def plan(**learner):
        return plan_run(
            settings(folder, {"engine": {"dtype": "bfloat16"}}, dtype="bfloat16", **learner), Asked(**RATES)
        )

    moved, stays = plan(device="cuda"), plan(device="cuda", offload_optimizer=False)
    (host,) = [count for name, count in moved.sizes.items() if "host's memory" in name]
    (optimizer,) = [part.bytes for part in moved.learner if part.name == "optimizer"]
    assert host == optimizer == stays.turns["while sampling"] - moved.turns["while sampling"]
    assert moved.turns["while learning"] == stays.turns["while learning"] == total(moved.learner)
    sampling_gib = stays.turns["while sampling"] / 2**30
    check_fits(replace(moved, turns={"while sampling": moved.turns["while sampling"]}), 80)
    with pytest.raises(InputError, match="while sampling: .*offload_optimizer"):
        check_fits(
            replace(stays, learner=[], sampler=[], turns={"while sampling": stays.turns["while sampling"]}),
            0.9 * sampling_gib,
        )


@pytest.mark.parametrize("sampler", ["thread", "ray"])
def test_a_sampler_beside_the_learner_has_no_turns(folder, sampler):
    plan = plan_run(settings(folder, {"sampler": sampler}, device="cuda"), Asked(**RATES))
    assert plan.turns == {}
    assert all(part.host == 0 for part in plan.learner)


def test_ranks_share_a_critics_trunk_but_not_its_head(folder):
    config = settings(folder, {"critic": {"kind": "separate"}})
    one, four = (parts_of(config, folder, ranks)["critic"].bytes for ranks in (1, 4))
    head = 16 * (512 + 1)
    assert four - head == (one - head) // 4


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
