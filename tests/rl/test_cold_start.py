"""A tiny policy from nothing: it learns, it is the same each time, and every engine can load it."""

from pathlib import Path

import pytest
import torch
from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.generate import EngineConfig, GenerationConfig, SampleStore, generate_shard, make_engine
from mathpipe.generate.problems import generate_problems
from mathpipe.generation import TemplateSource
from rl.cold_start import ColdStartConfig, _conversation, cold_start

ONE = TemplateSource(names=("arithmetic",), count=8, shares={"train": 0.9, "test": 0.1})


def taught(folder: Path, **values: object) -> Path:
    config = ColdStartConfig(folder=folder, templates=ONE, steps=60, sequences=8, width=64, **values)  # type: ignore[arg-type]
    return cold_start(config, Console(quiet=True))


def test_it_knows_the_few_problems_it_was_taught_and_the_same_run_gives_the_same_weights(tmp_path: Path) -> None:
    first, second = taught(tmp_path / "a"), taught(tmp_path / "b")
    assert (first / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    problems = [item for item in generate_problems("arithmetic", 8) if item.solution][:4]
    with (
        make_engine(
            EngineConfig(kind="transformers", model=str(first), dtype="float32", context_tokens=512)
        ) as engine,
        SampleStore(tmp_path / "samples.jsonl") as store,
    ):
        samples, _ = generate_shard(problems, engine, GenerationConfig(temperature=0, max_tokens=80), store)
    assert sum("The answer is" in sample.text for sample in samples) >= 3


def test_pad_and_end_of_text_are_apart_and_digits_stand_alone(tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoTokenizer

    folder = taught(tmp_path)
    tokenizer, config = AutoTokenizer.from_pretrained(folder), AutoConfig.from_pretrained(folder)
    assert len({tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.bos_token_id}) == 3
    assert (config.pad_token_id, config.eos_token_id) == (tokenizer.pad_token_id, tokenizer.eos_token_id)
    assert config.vocab_size % 64 == 0
    assert [tokenizer.decode([token]) for token in tokenizer.encode("1024", add_special_tokens=False)] == list("1024")


def test_an_example_longer_than_the_context_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="context_tokens=64.*the longest example"):
        taught(tmp_path, context_tokens=64)
    assert torch.is_grad_enabled()


def test_a_share_of_the_texts_guesses_near_the_truth() -> None:
    problem = next(iter(generate_problems("sums", 1)))
    assert _conversation(problem, "math-cot", None)[-1].content == problem.solution
    wrong = _conversation(problem, "math-cot", -3)[-1].content
    assert wrong == f"The answer is $\\boxed{{{int(problem.answer or 0) - 3}}}$."


def test_what_cannot_be_guessed_is_named(tmp_path: Path) -> None:
    fractions = TemplateSource(names=("fraction-sum",), count=40, shares={"train": 0.9, "test": 0.1})
    config = ColdStartConfig(folder=tmp_path, templates=fractions, worked=0.0)
    with pytest.raises(InputError, match="whole numbers to guess"):
        cold_start(config, Console(quiet=True))
