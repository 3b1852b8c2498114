"""Real trainings through TRL: our problems, verifiers and head; a selection's shards in its three trainers."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import GenerationConfig
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from mathpipe.core.errors import InputError
from mathpipe.core.records import ProblemKind, ProgramTest
from mathpipe.generate.prompts import load_prompt
from mathpipe.generate.templates import ChatTemplate, Message
from mathpipe.selection import generation_prompts, select, write_selection
from rl.trl_interop import policy_head_trainer, problem_dataset, selection_dataset
from tests.generate.tiny_model import make_tokenizer, save_tiny_model, teach
from tests.selection.hand_made import problem, program, sample
from verify import VerifierPool
from verify.rewards import Weighted, accuracy_reward, compose, format_reward

PLAIN: dict[str, Any] = {
    "use_cpu": True,
    "bf16": False,
    "gradient_checkpointing": False,
    "report_to": "none",
    "save_strategy": "no",
    "disable_tqdm": True,
    "logging_steps": 1,
    "max_steps": 2,
}
PROBLEMS = [problem("p", "What is 2 + 3?", "5"), problem("q", "What is 1 + 3?", "4")]


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def undecided(tmp_path_factory) -> Path:
    """A model that answers every question with 5 or with 4."""
    folder = save_tiny_model(tmp_path_factory.mktemp("undecided") / "model", sharp=1.0)
    tokenizer, template = make_tokenizer(), ChatTemplate(make_tokenizer())
    texts = []
    for one in PROBLEMS:
        asked = list(load_prompt("math-cot").messages(one))
        for answer in ("\\boxed{5}", "\\boxed{4}"):
            ids, _ = template.render_example([*asked, Message("assistant", answer)])
            texts.append(tokenizer.decode(ids)[len("<s>") :])
    teach(folder, texts, steps=200)
    # TRL ends a completion where the model's generation configuration says so: also at the template's end of turn.
    GenerationConfig(eos_token_id=[1, *template.stop_token_ids], pad_token_id=2).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("head", [False, True], ids=["stock", "policy-head"])
def test_two_steps_with_verifiers_as_rewards(undecided: Path, pool: VerifierPool, tmp_path: Path, head: bool) -> None:
    kind = policy_head_trainer() if head else GRPOTrainer
    reward = compose(Weighted(accuracy_reward(pool=pool), required=True), Weighted(format_reward(), 0.5))
    trainer = kind(
        model=str(undecided),
        reward_funcs=[reward],
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=16,
            num_generations=8,
            max_completion_length=12,
            learning_rate=1e-4,
            **PLAIN,
        ),
        train_dataset=problem_dataset(PROBLEMS),
    )
    before = {name: item.clone() for name, item in trainer.model.state_dict().items()}
    trainer.train()
    first, second = trainer.state.log_history[:2]
    assert all(0.4 < line["rewards/accuracy+format/mean"] < 1.4 for line in (first, second))
    assert first["reward_std"] > 0.3
    assert first["completions/clipped_ratio"] < 0.5
    assert first["grad_norm"] > 0.01
    shown = trainer._logs
    columns = (shown["prompt"], shown["completion"], shown["rewards"]["accuracy+format"], shown["extra"]["verdict"])
    for prompt, completion, score, verdict in zip(*columns, strict=True):
        right = "\\boxed{5}" if "2 + 3" in prompt[-1]["content"] else "\\boxed{4}"
        said = completion[0]["content"]
        assert score == 1.0 * (said == right) + 0.5 * said.startswith("\\boxed{")
        assert (verdict == "same-text") == (said == right)
    assert any(not torch.equal(item, before[name]) for name, item in trainer.model.state_dict().items())


def test_problems_become_rows_with_prompt_and_reference() -> None:
    code = problem("c", "Double it.", None, kind=ProblemKind.CODE, tests=[ProgramTest("4", "8")])
    rows = problem_dataset([*PROBLEMS, code])
    assert rows[0]["prompt"][-1]["role"] == "user"
    assert "What is 2 + 3?" in rows[0]["prompt"][-1]["content"]
    assert rows["answer"] == ["5", "4", None]
    assert rows[2]["tests"] == [{"stdin": "4", "expected": "8"}]
    with pytest.raises(InputError, match="at least one problem"):
        problem_dataset([])


# --- a selection ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def selected(pool: VerifierPool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("selection")
    double = problem("c", "Double it.", None, kind=ProblemKind.CODE, tests=[ProgramTest("4", "8")])
    samples = [
        sample("p", 0, "2 + 3 = 5, so \\boxed{5}."),
        sample("p", 1, "The answer is 7."),
        sample("q", 0, "1 + 3 = 4. The answer is 4."),
        sample("q", 1, "The answer is 3."),
        program("c", 0, "print(int(input()) * 2)"),
        program("c", 1, "print(7)"),
    ]
    write_selection(select([*PROBLEMS, double], samples, pool), folder, generation_prompts())
    return folder


def test_sft_shards_feed_sft_trainer_as_they_are(undecided: Path, selected: Path, tmp_path: Path) -> None:
    rows = selection_dataset(selected, "sft")
    trainer = SFTTrainer(
        model=str(undecided),
        args=SFTConfig(output_dir=str(tmp_path), per_device_train_batch_size=3, learning_rate=1e-3, **PLAIN),
        train_dataset=rows,
    )
    trainer.train()
    first, second = trainer.state.log_history[:2]
    assert len(rows) == 3
    assert 0 < second["loss"] < first["loss"]


def test_dpo_shards_feed_dpo_trainer_as_they_are(undecided: Path, selected: Path, tmp_path: Path) -> None:
    trainer = DPOTrainer(
        model=str(undecided),
        args=DPOConfig(output_dir=str(tmp_path), per_device_train_batch_size=3, learning_rate=1e-3, **PLAIN),
        train_dataset=selection_dataset(selected, "dpo"),
    )
    trainer.train()
    first, second = trainer.state.log_history[:2]
    assert first["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert second["loss"] < first["loss"]


def test_grpo_shards_feed_grpo_trainer_as_they_are(
    undecided: Path, selected: Path, pool: VerifierPool, tmp_path: Path
) -> None:
    rows = selection_dataset(selected, "grpo")
    trainer = GRPOTrainer(
        model=str(undecided),
        reward_funcs=[accuracy_reward(pool=pool)],
        args=GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=12,
            num_generations=4,
            max_completion_length=12,
            **PLAIN,
        ),
        train_dataset=rows,
    )
    trainer.train()
    first = trainer.state.log_history[0]
    assert sorted(rows["kind"]) == ["answer", "answer", "code"]
    assert 0 < first["rewards/accuracy/mean"] < 1


def test_a_folder_without_shards_or_rows_is_named(pool: VerifierPool, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run mathpipe select first"):
        selection_dataset(tmp_path, "sft")
    write_selection(select(PROBLEMS, [], pool), tmp_path)
    with pytest.raises(InputError, match="at least one row"):
        selection_dataset(tmp_path, "sft")
