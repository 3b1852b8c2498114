"""Problems, samples, verdicts, training sets and scores, with a real model: the whole way, and again after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from mathpipe.core.config import load_config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, Sample
from mathpipe.core.store import read_records, write_records
from mathpipe.generation import GenerateRunConfig, ProblemSource, problems_of, run_generation, run_selection
from tests.generate.tiny_model import save_tiny_model

CONFIG = """
name: tiny
output: {output}
problems:
  templates: {{names: [arithmetic, linear-equation], count: 10}}
  split: train
engine: {{kind: transformers, model: {model}, dtype: float32, context_tokens: 512}}
generation: {{samples: 2, max_tokens: 24}}
workers: 1
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> GenerateRunConfig:
    folder = tmp_path_factory.mktemp("generation")
    model = save_tiny_model(folder / "model")
    path = folder / "run.yaml"
    path.write_text(CONFIG.format(output=folder, model=model), encoding="utf-8")
    return load_config(path, GenerateRunConfig, ())


def test_a_run_leaves_problems_samples_and_training_sets_and_goes_on_where_it_stopped(
    config: GenerateRunConfig,
) -> None:
    console = Console(record=True, width=200)
    run_generation(config, console)
    problems = list(read_records(config.folder / "problems/shard-00000.parquet", Problem))
    samples = list(read_records(config.folder / "samples/shard-00000.parquet", Sample))
    assert {problem.split for problem in problems} == {"train"}
    assert [one.problem_id for one in samples] == [one.problem_id for one in problems for _ in range(2)]
    run_selection(config, console)
    judged = list((config.folder / "selection/judged").glob("*.parquet"))
    assert len(judged) == 1
    [stored] = (config.folder / "stored").glob("*.jsonl")
    lines = stored.read_bytes().splitlines(keepends=True)
    stored.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    shutil.rmtree(config.folder / "steps")
    run_generation(config, console)
    assert list(read_records(config.folder / "samples/shard-00000.parquet", Sample)) == samples
    assert sorted(stored.read_bytes().splitlines(keepends=True)) == sorted(lines)
    assert "(3 were stored before)" in console.export_text()


def test_selection_without_samples_says_what_to_run_first(config: GenerateRunConfig) -> None:
    with pytest.raises(InputError, match="run mathpipe generate first"):
        run_selection(config.model_copy(update={"name": "other"}), Console())


def test_templates_and_a_file_are_not_both_a_source(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="either path or templates"):
        ProblemSource(path=tmp_path, templates={"names": ["arithmetic"], "count": 1})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least one problem"):
        problems_of(ProblemSource(templates={"names": ["arithmetic"], "count": 1}, split="nowhere"))  # type: ignore[arg-type]


def test_of_a_folder_of_problems_one_split_is_taken(tmp_path: Path) -> None:
    made = problems_of(ProblemSource(templates={"names": ["arithmetic"], "count": 20}))  # type: ignore[arg-type]
    write_records(tmp_path / "shard-00000.parquet", made, Problem)
    taken = problems_of(ProblemSource(path=tmp_path, split="test"))
    assert taken == [problem for problem in made if problem.split == "test"] != []
    with pytest.raises(InputError, match="check split='nowhere'"):
        problems_of(ProblemSource(path=tmp_path, split="nowhere"))
