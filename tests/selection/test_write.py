"""The written shards: opened by `datasets`, read by TRL's rules, and rewarded by our own rewards."""

import json

import datasets
import pytest
from trl import is_conversational
from trl.data_utils import maybe_apply_chat_template

from mathpipe.core.records import Form, ProblemKind, ProgramTest, Segment, SegmentKind
from mathpipe.core.store import read_records
from mathpipe.generate.forms.settings import DEFAULT_PROMPTS
from mathpipe.generate.prompts import load_prompt
from mathpipe.generate.templates import Message
from mathpipe.selection import generation_prompts, select, write_selection
from mathpipe.selection.records import DpoRow, GrpoRow, JudgedRow, SftRow
from tests.selection.hand_made import problem, program, sample
from verify import VerifierPool
from verify.rewards import accuracy_reward, program_reward

SAMPLES = [
    sample("p", 0, "3 * 4 = 12. The answer is 12."),
    sample("p", 1, "4 + 4 + 4 = 12, so \\boxed{12}."),
    sample("p", 2, "The answer is 7."),
    program("c", 0, "print(int(input()) * 2)"),
    program("c", 1, "print(7)"),
]
PROBLEMS = [
    problem("p", "Three baskets of four apples?", subject="arithmetic", level="1"),
    problem("c", "Double the number.", None, kind=ProblemKind.CODE, tests=[ProgramTest("4", "8")], license=None),
]


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(workers=1) as pool:
        yield pool


@pytest.fixture(scope="module")
def folder(pool, tmp_path_factory):
    folder = tmp_path_factory.mktemp("selection")
    write_selection(select(PROBLEMS, SAMPLES, pool), folder)
    return folder


def _load(folder, layout, tmp_path):
    files = str(folder / layout / "*.parquet")
    return datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path))


def test_sft_rows_are_conversations_with_their_provenance(folder, tmp_path):
    rows = _load(folder, "sft", tmp_path)
    assert len(rows) == 3
    row = next(row for row in rows if row["sample_id"] == SAMPLES[0].sample_id)
    assert is_conversational(row)
    assert row["prompt"] == [{"role": "user", "content": "Three baskets of four apples?"}]
    assert row["completion"] == [{"role": "assistant", "content": SAMPLES[0].text}]
    expected = {
        "checked": "answer-correct", "answer": "12", "reference": "12", "answer_source": "reference",
        "pass_rate": 2 / 3, "judged": 3, "outcome": "correct", "problem_id": "p", "model": "tiny", "seed": 100,
        "source": "hand", "origin": "hand:1", "license": "CC0-1.0", "form": "cot", "subject": "arithmetic",
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected


def test_dpo_rows_have_trls_three_columns(folder, tmp_path):
    rows = _load(folder, "dpo", tmp_path)
    assert len(rows) == 2
    assert all(is_conversational(row) for row in rows)
    row = next(row for row in rows if row["problem_id"] == "p")
    assert row["rejected"] == [{"role": "assistant", "content": "The answer is 7."}]
    assert (row["chosen_outcome"], row["rejected_outcome"], row["rejected_answer"]) == ("correct", "wrong", "7")


def test_grpo_rows_are_rewarded_by_their_own_columns(folder, tmp_path):
    rows = _load(folder, "grpo", tmp_path)
    assert all(is_conversational({"prompt": row["prompt"]}) for row in rows)
    by_kind = {row["kind"]: row for row in rows}
    answer, code = by_kind["answer"], by_kind["code"]
    assert (answer["pass_rate"], answer["answer"], answer["models"]) == (2 / 3, "12", ["tiny"])
    assert accuracy_reward()(["so \\boxed{12}", "so \\boxed{3}"], answer=[answer["answer"]] * 2) == [1.0, 0.0]
    right, wrong = ("```python\nprint(int(input()) * 2)\n```", "```python\nprint(1)\n```")
    assert code["tests"] == [{"stdin": "4", "expected": "8"}]
    assert program_reward()([right, wrong], tests=[code["tests"]] * 2) == [1.0, 0.0]


def test_trl_templates_the_rows_as_they_are(folder, tmp_path):
    tokenizer = pytest.importorskip("transformers").PreTrainedTokenizerFast
    from tokenizers import Tokenizer, models

    plain = tokenizer(tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")))
    plain.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"  # noqa: E501
    row = _load(folder, "sft", tmp_path)[0]
    templated = maybe_apply_chat_template({key: row[key] for key in ("prompt", "completion")}, plain)
    assert templated["prompt"].startswith("<user>")
    assert templated["completion"] == row["completion"][0]["content"]


def test_the_judged_rows_hold_right_and_wrong(folder, tmp_path):
    rows = _load(folder, "judged", tmp_path)
    assert sorted(row["fate"] for row in rows) == ["kept", "kept", "kept", "wrong", "wrong"]
    assert all(row["detail"] for row in rows)


def test_the_summary_counts(folder):
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["rows"] == {"sft": 3, "dpo": 2, "grpo": 2, "judged": 5}
    assert summary["pass_rates"] == {
        "none": 0, "0": 0, "(0.0, 0.25]": 0, "(0.25, 0.5]": 1, "(0.5, 0.75]": 1, "(0.75, 1.0]": 0,
    }  # fmt: skip
    assert summary["held_against"] == {"reference": 2, "majority": 0, "none": 0}


def test_a_selection_of_nothing_is_empty_tables(pool, tmp_path):
    write_selection(select(PROBLEMS, [], pool), tmp_path / "empty")
    for layout, kind in (("sft", SftRow), ("dpo", DpoRow), ("grpo", GrpoRow), ("judged", JudgedRow)):
        # `datasets` opens no table without rows: it has no split for them.
        assert list(read_records(tmp_path / "empty" / layout / "shard-00000.parquet", kind)) == []


def test_shards_are_cut_by_rows_and_old_ones_go(pool, tmp_path):
    selection = select(PROBLEMS, SAMPLES, pool)
    first = write_selection(selection, tmp_path / "out", rows_per_shard=2)
    assert [file.rows for file in first.shards["judged"]] == [2, 2, 1]
    second = write_selection(selection, tmp_path / "out")
    assert [file.rows for file in second.shards["judged"]] == [5]
    assert [path.name for path in sorted((tmp_path / "out" / "judged").iterdir())] == ["shard-00000.parquet"]


def test_the_prompt_is_the_one_that_is_given(pool, tmp_path):
    def asked(problem, form):
        return [Message("system", f"Answer as {form}."), Message("user", problem.question)]

    write_selection(select(PROBLEMS, SAMPLES, pool), tmp_path / "out", asked)
    row = _load(tmp_path / "out", "sft", tmp_path / "cache")[0]
    assert [turn["role"] for turn in row["prompt"]] == ["system", "user"]


def test_the_prompts_of_generation_can_be_used(pool, tmp_path):
    write_selection(select(PROBLEMS, SAMPLES, pool), tmp_path / "out", generation_prompts())
    for row in _load(tmp_path / "out", "sft", tmp_path / "cache"):
        prompt = load_prompt(DEFAULT_PROMPTS[Form(row["form"])])
        (asked,) = [one for one in PROBLEMS if one.problem_id == row["problem_id"]]
        assert row["prompt"] == [{"role": turn.role, "content": turn.content} for turn in prompt.messages(asked)]


def test_a_lone_surrogate_becomes_a_question_mark(pool, tmp_path):
    odd = sample("p", 0, "\ud800 3 * 4 = 12. The answer is 12.", segments=[Segment(SegmentKind.TEXT, "\ud800")])
    write_selection(select(PROBLEMS, [odd, SAMPLES[2]], pool), tmp_path / "out")
    (row,) = _load(tmp_path / "out", "sft", tmp_path / "cache")
    assert row["completion"][0]["content"].startswith("? 3 * 4")
    assert row["segments"][0]["text"] == "?"
