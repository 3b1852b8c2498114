"""Fine-tuning: the loss is the model's own, the cut into micro-batches changes nothing, the same run is the same."""

import itertools
import json
from pathlib import Path
from random import Random

import pytest
import torch
from rich.console import Console
from torch.nn.functional import cross_entropy

from mathpipe.core.errors import InputError
from mathpipe.core.records import Form, Outcome, Segment, SegmentKind
from mathpipe.core.store import write_records
from mathpipe.generate.templates import ChatTemplate, Message
from mathpipe.selection import AnswerSource, Checked
from mathpipe.selection.records import SftRow
from rl.sft import SftReport, batches, rate_at, run_sft, train
from rl.sft_config import SftConfig, SftRunConfig
from rl.sft_examples import Example, example_of, examples_of, read_rows
from tests.generate.tiny_model import make_tokenizer, save_tiny_model

EXAMPLES = [
    Example((0, 9, 10, 11), (12, 13, 14), (True, True, True)),
    Example((0, 20), (21, 22, 23, 24, 25, 26), (True, False, False, True, True, True)),
    Example((0, 30, 31), (32,), (True,)),
]


def row(question: str, reply: str, *, name: str = "", reasoning: str = "", outputs: bool = False) -> SftRow:
    kind = SegmentKind.OUTPUT if outputs else SegmentKind.TEXT
    return SftRow(
        prompt=[Message("user", question)], completion=[Message("assistant", reply)], checked=Checked.ANSWER_CORRECT,
        form=Form.CHAIN_OF_THOUGHT, answer="5", reference="5", answer_source=AnswerSource.REFERENCE, agreement=None,
        pass_rate=0.5, judged=4, outcome=Outcome.CORRECT, reason="equal", detail="", reasoning=reasoning,
        completion_tokens=5, segments=[Segment(kind, reply)], sample_id=name or reply, problem_id=question,
        model="tiny", seed=1, source="hand", split="train", origin="hand:1", subject=None, level=None, license=None,
    )  # fmt: skip


def shard(folder: Path, *rows: SftRow) -> Path:
    folder.mkdir(parents=True)
    write_records(folder / "shard-00000.parquet", rows, SftRow)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("sft") / "model", sharp=1.0)


def model_of(folder: Path) -> torch.nn.Module:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).eval()


def plain_loss(model: torch.nn.Module, examples: list[Example]) -> float:
    """transformers' own logits, one sequence at a time."""
    losses = []
    for one in examples:
        ids = torch.tensor([[*one.prompt_ids, *one.completion_ids]])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[0, len(one.prompt_ids) - 1 : -1]
        each = cross_entropy(logits, torch.tensor(one.completion_ids), reduction="none")
        losses += each[torch.tensor(one.learned)].tolist()
    return sum(losses) / len(losses)


def test_a_steps_loss_is_the_mean_over_its_learned_tokens_alone(folder: Path) -> None:
    before = plain_loss(model_of(folder), EXAMPLES)
    [step] = train(model_of(folder), EXAMPLES, SftConfig(steps=1, sequences=3))
    assert step.tokens == 8
    assert step.loss == pytest.approx(before, rel=1e-5)


def test_the_cut_into_micro_batches_changes_no_weight(folder: Path) -> None:
    models = [model_of(folder), model_of(folder)]
    for model, budget in zip(models, (1000, 1), strict=True):
        config = SftConfig(steps=3, sequences=3, learning_rate=1e-3, micro_batch_tokens=budget)
        list(train(model, EXAMPLES, config))
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_the_rate_rises_then_falls_to_its_last_share() -> None:
    config = SftConfig(warm_up=0.2, last_rate=0.1)
    rates = [rate_at(step, 10, config) for step in range(10)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[6] == pytest.approx(0.55)
    assert rate_at(10, 10, config) == pytest.approx(0.1)


def test_every_example_comes_once_an_epoch() -> None:
    drawn = list(itertools.islice(batches(6, 4, Random(1)), 3))
    assert sorted(drawn[0] + drawn[1][:2]) == sorted(drawn[1][2:] + drawn[2]) == list(range(6))
    assert SftConfig(epochs=2, sequences=4).steps_for(6) == 3
    assert SftConfig(steps=7).steps_for(6) == 7


def test_nothing_to_learn_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="at least one example"):
        list(train(model_of(folder), [], SftConfig()))
    with pytest.raises(InputError, match="tokens to learn"):
        example_of([1, 2], [False, False])


def trained(folder: Path, data: Path, output: Path, **values: object) -> SftReport:
    settings = {"steps": 30, "sequences": 2, "learning_rate": 3e-3}
    config = SftRunConfig(
        model=str(folder), data=(data,), output=output, context_tokens=200, training=SftConfig(**settings), **values
    )  # type: ignore[arg-type]
    return run_sft(config, Console(quiet=True))


def test_a_run_teaches_the_same_weights_each_time_and_counts_what_is_too_long(folder: Path, tmp_path: Path) -> None:
    rows = [row("2+3?", "It is 5."), row("1+1?", "It is 2."), row("long?", "and so on " * 200)]
    data = shard(tmp_path / "data", *rows)
    report = trained(folder, data, tmp_path / "a" / "model")
    trained(folder, data, tmp_path / "b" / "model")
    first, second = ((tmp_path / name / "model" / "model.safetensors").read_bytes() for name in "ab")
    assert first == second
    assert (report.rows, report.too_long, report.steps) == (2, 1, 30)
    assert report.last_loss < 0.5 < report.first_loss
    assert json.loads((tmp_path / "a" / "training.json").read_text())["rows"] == 2
    tokenizer = make_tokenizer()
    [example] = examples_of(rows[:1], tokenizer, "tokenizer", 200)
    model = model_of(tmp_path / "a" / "model")
    said = model.generate(torch.tensor([example.prompt_ids]), do_sample=False, max_new_tokens=8)  # type: ignore[operator]
    assert "It is 5." in tokenizer.decode(said[0])


def test_the_prompt_is_generations_and_the_end_of_the_turn_is_learned() -> None:
    tokenizer = make_tokenizer()
    [example] = examples_of([row("2+3?", "It is 5.")], tokenizer, "tokenizer", 100)
    prompt = ChatTemplate(tokenizer).render([Message("user", "2+3?")])
    assert list(example.prompt_ids) == prompt
    assert tokenizer.decode(example.completion_ids).startswith("It is 5.<|end|>")
    assert example.learned[:-1] == (True,) * (len(example.learned) - 1)


def test_what_a_sandbox_printed_is_not_learned() -> None:
    tokenizer = make_tokenizer()
    reply = "So:\n```python\nprint(3 + 2)\n```\n```output\n5 ü\n```\nThe answer is 5."
    learned = []
    for outputs in (True, False):
        [example] = examples_of([row("2+3?", reply, outputs=outputs)], tokenizer, "tokenizer", 200)
        ids = [token for token, flag in zip(example.completion_ids, example.learned, strict=True) if flag]
        learned.append(tokenizer.decode(ids))
    assert learned[0].startswith("So:\n```python\nprint(3 + 2)\n```\nThe answer is 5.<|end|>")
    assert learned[1].startswith(reply)


def test_of_rows_that_reason_alike_the_first_round_is_learned(tmp_path: Path) -> None:
    first = shard(tmp_path / "0", row("q", "a", reasoning="x"), row("q", "b", reasoning="y"))
    second = shard(tmp_path / "1", row("q", "c", reasoning="x"), row("p", "d", reasoning="x"))
    assert [one.sample_id for one in read_rows([first, second])] == ["a", "b", "d"]
    with pytest.raises(InputError, match="a folder of sft shards"):
        read_rows([tmp_path])


def test_bfloat16_computes_in_it_and_weights_stay_in_what_they_were_stored_in(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    exact, rounded = (
        next(train(model_of(folder), EXAMPLES, SftConfig(steps=1, sequences=3, dtype=dtype)))  # type: ignore[arg-type]
        for dtype in ("float32", "bfloat16")
    )
    assert rounded.loss == pytest.approx(exact.loss, rel=2e-2)
    assert rounded.loss != exact.loss
    half = tmp_path / "half"
    model_of(folder).to(torch.bfloat16).save_pretrained(half)  # type: ignore[operator]
    make_tokenizer().save_pretrained(half)
    trained(half, shard(tmp_path / "data", row("2+3?", "It is 5.")), tmp_path / "model")
    stored = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype="auto")
    assert stored.dtype is torch.bfloat16


def test_what_is_frozen_stays_as_it_was(folder: Path) -> None:
    model = model_of(folder)
    model.lm_head.weight.requires_grad_(False)  # type: ignore[union-attr, operator]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    list(train(model, EXAMPLES, SftConfig(steps=2, sequences=3, learning_rate=1e-2)))
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert "lm_head.weight" not in changed
    assert "model.layers.0.mlp.up_proj.weight" in changed


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        trained(tmp_path / "nowhere", shard(tmp_path / "data", row("q", "a")), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_outputs_that_cannot_be_told_from_words_are_refused() -> None:
    class Lossy:
        """A tokenizer that does not give a text's tokens back, as those that drop blanks do."""

        def __init__(self) -> None:
            self.inner = make_tokenizer()

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def __call__(self, text: str, **options: object) -> object:
            return self.inner(text.replace(" ", ""), **options)

    reply = "```python\nprint(5)\n```\n```output\n5\n```\nIt is 5."
    with pytest.raises(InputError, match="a tokenizer that gives a text's tokens back"):
        examples_of([row("2+3?", reply, outputs=True)], Lossy(), "tokenizer", 200)
    assert len(examples_of([row("2+3?", reply)], Lossy(), "tokenizer", 200)) == 1
