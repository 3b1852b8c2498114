"""Verification as a step of a run, inline and on a real Ray."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError, StageError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.records import Outcome, record_id_of
from mathpipe.core.runner import Runner, StepSummary
from mathpipe.core.store import read_records
from verify.stage import (
    AnswerRow,
    VerifiedRow,
    VerifyRunConfig,
    read_answer_rows,
    verification_steps,
)

INLINE = RunnerConfig(mode=Mode.INLINE)
FIRST = [
    {"answer": "2 + 2 = 4\n#### 4", "completion": "so \\boxed{4}", "id": 0},
    {"answer": "30", "completion": "30\\%", "id": 1},
    {"answer": "4", "completion": "I cannot say.", "id": 2},
]
SECOND = [
    {"gold": "\\frac{1}{2}", "pred": "0.5"},
    {"gold": "9", "pred": "9^{9^{9^{9^9}}}"},
    {"gold": "9", "pred": "3^2"},
]
OUTCOMES = [
    [Outcome.CORRECT, Outcome.WRONG, Outcome.NO_ANSWER],
    [Outcome.CORRECT, Outcome.WRONG, Outcome.CORRECT],
]


def _write(folder: Path, name: str, rows: list[dict[str, object]]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def sources(tmp_path):
    return [_write(tmp_path / "in", "a.jsonl", FIRST), _write(tmp_path / "in", "b.jsonl", SECOND)]


def _run(folder: Path, sources: list[object], runner: RunnerConfig = INLINE, **verify: object) -> StepSummary:
    config = VerifyRunConfig.model_validate(
        {
            "name": folder.name,
            "output": folder.parent,
            "sources": [str(source) for source in sources],
            "verify": verify,
        }
    )
    (summary,) = Runner(folder, verification_steps(config), runner, lambda _: None).run(config)
    return summary


def _shards(folder: Path) -> list[list[VerifiedRow]]:
    paths = sorted((folder / "steps" / "verify").glob("shard-*.parquet"))
    return [list(read_records(path, VerifiedRow)) for path in paths]


def _outcomes(folder: Path) -> list[list[Outcome]]:
    return [[row.outcome for row in shard] for shard in _shards(folder)]


def test_each_file_is_a_shard_of_its_rows_with_their_verdicts_in_order(tmp_path, sources):
    summary = _run(tmp_path / "run", sources)
    assert (summary.shards, summary.made, summary.rows_in, summary.rows_out, summary.quarantined) == (2, 2, 6, 6, 0)
    assert _outcomes(tmp_path / "run") == OUTCOMES
    first, second = _shards(tmp_path / "run")
    assert [json.loads(row.row) for row in first] == FIRST
    assert [json.loads(row.row) for row in second] == SECOND
    assert [row.reference for row in first] == ["4", "30", "4"]
    assert [row.candidate for row in second] == ["0.5", "9^{9^{9^{9^9}}}", "3^2"]
    assert [row.record_id for row in first] == [
        record_id_of(str(tmp_path / "in" / "a.jsonl"), number) for number in range(3)
    ]
    assert [row.reason for row in first] == ["same-text", "different-unit", "no-answer-found"]
    assert all(row.detail and row.seconds >= 0 for row in first + second)


def test_a_second_run_judges_nothing_again(tmp_path, sources):
    _run(tmp_path / "run", sources)
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.parquet")}
    assert _run(tmp_path / "run", sources).made == 0
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.parquet")} == before


def test_a_changed_file_and_a_changed_limit_are_judged_again(tmp_path, sources):
    _run(tmp_path / "run", sources)
    _write(tmp_path / "in", "b.jsonl", SECOND[:1])
    assert _run(tmp_path / "run", sources).made == 1
    assert _outcomes(tmp_path / "run") == [OUTCOMES[0], OUTCOMES[1][:1]]
    assert _run(tmp_path / "run", sources, pool={"seconds": 9.0}).made == 2


def test_a_glob_means_its_files_in_their_order(tmp_path, sources):
    _run(tmp_path / "run", [tmp_path / "in" / "*.jsonl"])
    assert _outcomes(tmp_path / "run") == OUTCOMES


def test_asked_columns_are_judged(tmp_path):
    path = _write(tmp_path / "in", "a.jsonl", [{"answer": "1", "pred": "1", "mine": "2"}])
    _run(tmp_path / "run", [path], reference="mine")
    ((row,),) = _shards(tmp_path / "run")
    assert (row.reference, row.candidate, row.outcome) == ("2", "1", Outcome.WRONG)


def test_an_empty_file_is_an_empty_shard(tmp_path, sources):
    _run(tmp_path / "run", [sources[0], _write(tmp_path / "in", "c.jsonl", [])])
    assert _outcomes(tmp_path / "run") == [OUTCOMES[0], []]


def test_a_row_past_its_time_costs_its_own_verdict(tmp_path):
    hard = "\\int_0^1 x^x e^{x^2} \\sin(\\cos x) dx"
    rows = [{"gold": "2", "pred": "2"}, {"gold": hard, "pred": hard.replace("0", "3")}, {"gold": "2", "pred": "2"}]
    _run(tmp_path / "run", [_write(tmp_path / "in", "a.jsonl", rows)], pool={"seconds": 0.5})
    assert _outcomes(tmp_path / "run") == [[Outcome.CORRECT, Outcome.TIMEOUT, Outcome.CORRECT]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"gold": "1"}\n', "a column with the candidate"),
        ('{"code": "print(1)", "answer": "1"}\n', "rows with a reference and a candidate"),
        ('{"gold": "1", "pred": "1"}\n{torn\n', "line 2"),
    ],
)
def test_a_file_that_cannot_be_verified_is_named(tmp_path, content, said):
    (tmp_path / "rows.jsonl").write_text(content)
    with pytest.raises((InputError, StageError), match=said) as caught:
        _run(tmp_path / "run", [tmp_path / "rows.jsonl"])
    assert "rows.jsonl" in str(caught.value)


def test_a_source_that_matches_nothing_is_named(tmp_path):
    with pytest.raises(InputError, match="a file or glob that matches something; check the path"):
        verification_steps(VerifyRunConfig(name="run", sources=[str(tmp_path / "*.jsonl")]))


def test_rows_are_read_with_their_claims_and_as_json(tmp_path):
    path = _write(tmp_path / "in", "a.jsonl", FIRST[:1])
    (row,) = read_answer_rows(str(path))
    assert row == AnswerRow(
        record_id=record_id_of(str(path), 0),
        reference="4",
        candidate="so \\boxed{4}",
        row=json.dumps(FIRST[0]),
    )


def test_rows_of_files_of_one_name_in_two_folders_have_ids_of_their_own(tmp_path):
    paths = [_write(tmp_path / folder, "rows.jsonl", SECOND) for folder in ("a", "b")]
    _run(tmp_path / "run", paths)
    ids = Counter(row.record_id for shard in _shards(tmp_path / "run") for row in shard)
    assert set(ids.values()) == {1}


def test_a_row_with_a_lone_surrogate_gets_its_verdict(tmp_path):
    path = _write(tmp_path / "in", "a.jsonl", [{"gold": "2", "pred": "\ud800"}, {"gold": "2", "pred": "2"}])
    assert _run(tmp_path / "run", [path]).rows_out == 2


def test_on_ray_two_workers_come_to_the_verdicts_of_one_process(tmp_path, sources):
    ray = pytest.importorskip("ray")
    # "local": a cluster that happens to run on this machine is not ours to use.
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, namespace="mathpipe",
        object_store_memory=10**8,
    )  # fmt: skip
    try:
        on_ray = RunnerConfig(mode=Mode.RAY, workers=2)
        assert _run(tmp_path / "run", sources, on_ray).rows_out == 6
        assert _run(tmp_path / "run", sources, on_ray).made == 0
    finally:
        ray.shutdown()
    assert _outcomes(tmp_path / "run") == OUTCOMES
