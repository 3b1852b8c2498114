"""The cold start through TRL's SFTTrainer: the labels that it trains on are our mask, and its loss is ours."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from mathpipe.core.errors import InputError
from mathpipe.generate.templates import ChatTemplate
from mathpipe.generate.templates.chat_template import load_template_file
from mathpipe.selection.records import SftRow
from rl.sft import train
from rl.sft_config import SftConfig
from rl.sft_examples import examples_of
from rl.trl_interop import cold_start_trainer, selection_dataset, sft_dataset
from tests.generate.tiny_model import save_tiny_model
from tests.rl.test_sft import row, shard

ROWS = [
    row("What is 2 + 3?", "2 + 3 = 5, so $\\boxed{5}$."),
    row("What is 1 + 1 in words, and why?", "Two."),
    row("3?", "Because 1 + 2 = 3, it is 3.\nThe answer is 3."),
    row("4?", "4"),
]
OUTPUT = row("5?", "So:\n```python\nprint(5)\n```\n```output\n5\n```\nThe answer is 5.", outputs=True)
Labels = list[tuple[list[int], list[int]]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("sft") / "model", sharp=1.0))


def config(folder: Path, **more: Any) -> SFTConfig:
    settings = {
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
        "logging_steps": 1,
        "per_device_train_batch_size": 4,
        "max_grad_norm": 1.0,
        "lr_scheduler_type": "constant",
    }
    return SFTConfig(output_dir=str(folder), **(settings | more))


def trained_on(trainer: SFTTrainer) -> Labels:
    """Tokens and labels of the batches that training reads, without padding."""
    found: Labels = []
    for batch in trainer.get_train_dataloader():
        rows = zip(*(batch[name].tolist() for name in ("input_ids", "labels", "attention_mask")), strict=True)
        found += [(ids[: sum(there)], labels[: sum(there)]) for ids, labels, there in rows]
    return sorted(found)


def masked(rows: list[SftRow], tokenizer: Any, template: str) -> Labels:
    """`ChatTemplate.render_example`'s own mask."""
    chat = ChatTemplate(tokenizer, template)
    rendered = [chat.render_example([*one.prompt, *one.completion]) for one in rows]
    return sorted(
        (ids, [token if learned else -100 for token, learned in zip(ids, mask, strict=True)])
        for ids, mask in rendered
    )


@pytest.mark.parametrize("template", ["tokenizer", "plain"])
def test_trl_trains_on_our_tokens_and_our_mask(model: str, tmp_path: Path, template: str) -> None:
    data = shard(tmp_path / "data", *ROWS)
    trainer = cold_start_trainer(model, [data], config(tmp_path), template)
    labels = trained_on(trainer)
    assert labels == masked(ROWS, AutoTokenizer.from_pretrained(model), template)
    assert len(labels) == 4
    name = {"tokenizer": None, "plain": load_template_file("plain").jinja}[template]
    assert trainer.processing_class.chat_template == (name or AutoTokenizer.from_pretrained(model).chat_template)


@pytest.mark.parametrize("template", ["tokenizer", "plain"])
def test_trls_own_rendering_comes_to_the_same_tokens_and_mask(model: str, tmp_path: Path, template: str) -> None:
    shard(tmp_path / "sft", *ROWS)
    tokenizer = AutoTokenizer.from_pretrained(model)
    if template == "plain":
        tokenizer.chat_template = load_template_file("plain").jinja
    trainer = SFTTrainer(
        model=model,
        args=config(tmp_path),
        train_dataset=selection_dataset(tmp_path, "sft"),
        processing_class=tokenizer,
    )
    assert trained_on(trainer) == masked(ROWS, tokenizer, template)


def test_what_a_sandbox_printed_is_not_learned_through_trl_either(model: str, tmp_path: Path) -> None:
    data = shard(tmp_path / "data", OUTPUT)
    trainer = cold_start_trainer(model, [data], config(tmp_path))
    [(ids, labels)] = trained_on(trainer)
    said = trainer.processing_class.decode([token for token in labels if token != -100])
    assert "output" not in said
    assert said.startswith("So:\n```python\nprint(5)\n```\nThe answer is 5.<|end|>")
    assert "```output\n5\n```" in trainer.processing_class.decode(ids)


def test_the_first_loss_is_our_loops_and_twenty_steps_lower_it(model: str, tmp_path: Path) -> None:
    data = shard(tmp_path / "data", *ROWS)
    trainer = cold_start_trainer(model, [data], config(tmp_path, max_steps=20, learning_rate=3e-3))
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    assert len(losses) == 20
    assert losses[-1] < 0.5 * losses[0]
    plain = AutoModelForCausalLM.from_pretrained(model).eval()
    examples = examples_of(ROWS, AutoTokenizer.from_pretrained(model), "tokenizer", 4096)
    [ours] = train(plain, examples, SftConfig(steps=1, sequences=4))
    assert losses[0] == pytest.approx(ours.loss, rel=1e-4)


def test_rows_longer_than_the_context_are_left_out(model: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    long = row("6?", "and so on " * 50)
    found: Dataset = sft_dataset([*ROWS, long], tokenizer, context_tokens=100)
    assert len(found) == 4
    with pytest.raises(InputError, match="at most 100 tokens"):
        sft_dataset([long], tokenizer, context_tokens=100)
