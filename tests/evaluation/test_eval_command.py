import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from mathpipe.core.config import load_config
from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Problem, Sample
from mathpipe.core.store import write_records
from mathpipe.evaluation.command import eval_command
from mathpipe.evaluation.run import EvalConfig
from mathpipe.evaluation.samples import load_report, read_samples
from mathpipe.generate.problems import generate_problems
from tests.evaluation.worked_problems import boxed

PROBLEMS = list(generate_problems("linear-equation", 4, seed=1))


def samples(wrong: int) -> list[Sample]:
    return [
        sample
        for at, one in enumerate(PROBLEMS)
        for sample in boxed(one.problem_id, "99999" if at < wrong else one.answer or "", "88888")
    ]


def write_run(folder: Path, wrong: int = 1) -> Path:
    (folder / "problems").mkdir(parents=True)
    write_records(folder / "problems" / "shard-00000.parquet", PROBLEMS, Problem)
    (folder / "samples").mkdir()
    write_records(folder / "samples" / "shard-00000.parquet", samples(wrong), Sample)
    config = {
        "name": "tiny",
        "benchmark": {"path": str(folder / "problems")},
        "samples": str(folder / "samples"),
        "output": str(folder / "out"),
        "workers": 1,
    }
    path = folder / "eval.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(eval_command, [str(one) for one in arguments], catch_exceptions=False)


def test_shards_of_samples_become_a_table_and_files(tmp_path: Path) -> None:
    result = run(write_run(tmp_path))
    assert result.exit_code == 0
    assert "graded by mathpipe" in result.output
    report = json.loads((tmp_path / "out" / "tiny" / "report.json").read_text())
    assert [(one["name"], one["value"]) for one in report["scores"]] == [("pass@1", 0.375), ("pass@2", 0.75)]
    rows = [json.loads(line) for line in (tmp_path / "out" / "tiny" / "problems.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    assert {len(row["samples"]) for row in rows} == {2}


def test_a_run_is_compared_with_an_earlier_one(tmp_path: Path) -> None:
    run(write_run(tmp_path / "old", wrong=3))
    result = run(write_run(tmp_path / "new", wrong=0), "--against", tmp_path / "old" / "out" / "tiny")
    assert "p (sign test)" in result.output
    comparison = json.loads((tmp_path / "new" / "out" / "tiny" / "comparison.json").read_text())
    assert (comparison["overall"]["gained"], comparison["overall"]["lost"]) == (3, 0)
    assert comparison["overall"]["p_value"] == 0.25


def test_published_outputs_are_scored_with_their_differences(tmp_path: Path) -> None:
    row = {"question": "Q?", "gt": "18", "code": [r"\boxed{18.0}"], "pred": ["18"], "score": [True]}
    (tmp_path / "o.jsonl").write_text(json.dumps(row))
    config = {"name": "paper", "outputs": str(tmp_path / "o.jsonl"), "output": str(tmp_path / "out"), "workers": 1}
    (tmp_path / "eval.yaml").write_text(yaml.safe_dump(config))
    result = run(tmp_path / "eval.yaml", "--set", "scoring.decoding=greedy")
    assert "greedy pass@1" in result.output
    assert "1  spelling: their extraction drops the zeros after the point" in result.output
    [difference] = (tmp_path / "out" / "paper" / "differences.jsonl").read_text().splitlines()
    assert json.loads(difference)["kind"] == "spelling"


def test_contamination_is_printed_beside_the_score(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    question = (
        "Mara sorts ninety red marbles into wooden boxes that hold six marbles each before her lunch. How many?"
    )
    (tmp_path / "mine.jsonl").write_text(json.dumps({"question": question, "answer": "15"}))
    (tmp_path / "o.jsonl").write_text(json.dumps({"question": question, "gt": "15", "code": ["#### 15"]}))
    (tmp_path / "train.jsonl").write_text(json.dumps({"text": f"Homework: {question}"}))
    values = yaml.safe_load(path.read_text())
    values |= {"benchmark": {"path": str(tmp_path / "mine.jsonl")}, "outputs": str(tmp_path / "o.jsonl")}
    del values["samples"]
    path.write_text(yaml.safe_dump(values))
    result = run(path, "--set", f"training_set={tmp_path / 'train.jsonl'}")
    assert "contamination: 1 of 1 problems (100.00%)" in result.output


def test_a_configuration_names_one_source_of_samples(tmp_path: Path) -> None:
    path = tmp_path / "eval.yaml"
    path.write_text("name: x\n")
    with pytest.raises(ConfigError, match="either samples or outputs"):
        load_config(path, EvalConfig)
    path.write_text("name: x\nsamples: s\n")
    with pytest.raises(ConfigError, match="need the benchmark"):
        load_config(path, EvalConfig)


def test_the_shipped_configuration_is_one() -> None:
    assert load_config(Path(__file__).parents[2] / "configs" / "eval.yaml", EvalConfig).published_rule == "tora"


def test_json_lines_of_samples_are_read_back(tmp_path: Path) -> None:
    path, kept = tmp_path / "samples.jsonl", samples(0)
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in kept))
    assert [one.text for one in read_samples(path)] == [one.text for one in kept]
    path.write_text('{"problem_id": "a", "code": "x"}\n')
    with pytest.raises(InputError, match="line 1: the fields of a Sample"):
        list(read_samples(path))
    path.write_text('{"problem_id": "a", "form": "poem"}\n')
    with pytest.raises(InputError, match="one of cot, pot, tir, proof"):
        list(read_samples(path))


def test_a_folder_that_is_no_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="earlier evaluation"):
        load_report(tmp_path)
    (tmp_path / "report.json").write_text("{}")
    (tmp_path / "problems.jsonl").write_text("")
    with pytest.raises(InputError, match="evaluate again"):
        load_report(tmp_path)
