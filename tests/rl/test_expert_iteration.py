"""Expert iteration as one command: what it leaves, that a run again does nothing, and that a killed one goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from mathpipe.core.config import load_config
from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Finish, Form, Problem, Sample
from mathpipe.core.store import read_records, write_records
from mathpipe.generation import TemplateSource, problems_of
from mathpipe.selection import RoundRecord, read_rounds
from rl.cold_start import ColdStartConfig, cold_start
from rl.expert_iteration import run_expert_iteration
from rl.expert_iteration_command import iterate_command
from rl.expert_iteration_config import ExpertIterationConfig, Start
from rl.expert_iteration_process import run_apart, write_config
from rl.expert_iteration_table import HeldOut, print_rounds, read_scores, write_score
from rl.sft_examples import read_rows

CONFIG = """
name: tiny
output: {output}
rounds: 2
problems:
  templates: {{names: [arithmetic], count: 24, seed: 0}}
  split: train
  limit: 12
held_out:
  templates: {{names: [arithmetic], count: 60, seed: 1}}
  split: test
  limit: 4
engine: {{kind: transformers, model: {model}, dtype: float32, context_tokens: 512, max_sequences: 32}}
generation: {{samples: 4, temperature: 1.0, max_tokens: 60}}
evaluation: {{samples: 1, temperature: 0, max_tokens: 60}}
training: {{epochs: 1, sequences: 4, learning_rate: 1.0e-4}}
workers: 1
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It was taught the very problems that it will sample, so that it solves some."""
    taught = TemplateSource(names=("arithmetic",), count=24)
    folder = tmp_path_factory.mktemp("iteration") / "policy"
    config = ColdStartConfig(folder=folder, templates=taught, steps=220, sequences=8, width=64)
    return cold_start(config, Console(quiet=True))


def written(folder: Path, policy: Path, output: str = "runs") -> Path:
    path = folder / f"{output}.yaml"
    path.write_text(CONFIG.format(output=folder / output, model=policy), encoding="utf-8")
    return path


def settings(path: Path, *overrides: str) -> ExpertIterationConfig:
    return load_config(path, ExpertIterationConfig, overrides)


def ran(path: Path, *overrides: str) -> str:
    arguments = [str(path), *(text for value in overrides for text in ("--set", value))]
    result = CliRunner().invoke(iterate_command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def samples_in(folder: Path) -> list[str]:
    """The ids of all samples that were ever stored below the folder, once for each time they were stored."""
    rows = [line for path in folder.rglob("stored/*.jsonl") for line in path.read_text().splitlines()]
    return [json.loads(row)["sample_id"] for row in rows]


def left(run: Path) -> dict[str, bytes]:
    """What a run comes to, without seconds."""
    names = ["rounds.jsonl", "round-*/model/model.safetensors", "round-*/next/*.parquet", "held-out/*/report.json"]
    found = {str(path.relative_to(run)): path.read_bytes() for name in names for path in sorted(run.glob(name))}
    scores = [one.pass_at_1 for one in read_scores(run / "scores.jsonl")]
    return found | {"scores": repr(scores).encode()}


@pytest.mark.slow
def test_a_run_leaves_rounds_scores_and_policies_and_the_same_again_does_nothing(
    policy: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, policy)
    said = ran(path, "rounds=1")
    run = settings(path).folder
    [record] = read_rounds(run / "rounds.jsonl")
    assert (record.problems, record.samples) == (12, 48)
    assert 0 < record.solved <= 12
    assert record.kept >= record.solved
    assert [(one.round, one.problems) for one in read_scores(run / "scores.jsonl")] == [(-1, 4), (0, 4)]
    unsolved = list(read_records(run / "round-00/next/shard-00000.parquet", Problem))
    assert len(unsolved) == 12 - record.reliable
    assert "held-out pass@1" in said
    before = {file: file.stat().st_mtime_ns for file in run.rglob("*") if file.is_file() and file.name != ".lock"}
    before.pop(run / "settings.json")
    again = ran(path, "rounds=1")
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert "samples of" not in again
    ran(path)  # a round more goes on from there
    first, second = read_rounds(run / "rounds.jsonl")
    assert (first, second.problems) == (record, len(unsolved))
    assert second.models == [str(run / "round-00" / "model")]
    [sample, *_] = read_records(run / "round-01/generated/samples/shard-00000.parquet", Sample)
    assert sample.model == second.models[0]
    assert json.loads((run / "round-01/training.json").read_text())["rows"] >= second.kept


def sampled(folder: Path, problems: list[Problem], right: int) -> None:
    """What a generation leaves: two samples of each problem, those of the first `right` problems with its answer."""
    for name in ("problems", "samples"):
        (folder / name).mkdir(parents=True)
    samples = [
        Sample(
            sample_id=f"{one.problem_id}-{index}", problem_id=one.problem_id, form=Form.CHAIN_OF_THOUGHT, index=index,
            seed=index, model="by hand", text=f"The answer is {one.answer if at < right else 'x'}.", segments=[],
            finish=Finish.STOP, prompt_tokens=1, completion_tokens=4,
        )
        for at, one in enumerate(problems)
        for index in range(2)
    ]  # fmt: skip
    write_records(folder / "problems/shard-00000.parquet", problems, Problem)
    write_records(folder / "samples/shard-00000.parquet", samples, Sample)


def sampled_by_hand(config: ExpertIterationConfig, *, right: int, held_out: int) -> None:
    """The first round's samples, and the base's on the held-out problems."""
    sampled(config.sampling(0).folder, problems_of(config.problems), right)
    sampled(config.scoring(-1).folder, problems_of(config.held_out), held_out)
    (config.round_folder(0) / "sample.done").touch()


def test_a_base_that_solves_nothing_is_scored_and_named(policy: Path, tmp_path: Path) -> None:
    config = settings(written(tmp_path, policy))
    sampled_by_hand(config, right=0, held_out=1)
    with pytest.raises(InputError, match="to solve some of 12 problems.*raise generation.samples"):
        run_expert_iteration(config, Console(quiet=True))
    [score] = read_scores(config.folder / "scores.jsonl")
    assert (score.round, score.problems, score.samples, score.pass_at_1) == (-1, 4, 8, 0.25)
    assert not (config.round_folder(0) / "select.done").exists()


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="ends the round by a device that is not there")
def test_the_next_round_takes_what_was_not_solved_reliably(policy: Path, tmp_path: Path) -> None:
    config = settings(written(tmp_path, policy), "round.min_judged=2", "training.device=cuda", "rounds=1")
    sampled_by_hand(config, right=5, held_out=0)
    with pytest.raises(InputError, match="python -m rl.sft"):  # there is no such device: the round ends here
        run_expert_iteration(config, Console(quiet=True))
    [record] = read_rounds(config.folder / "rounds.jsonl")
    assert (record.problems, record.samples, record.solved, record.reliable, record.kept) == (12, 24, 5, 5, 5)
    left_over = read_records(config.problems_folder(1) / "shard-00000.parquet", Problem)
    assert [one.problem_id for one in left_over] == [one.problem_id for one in problems_of(config.problems)[5:]]
    rows = read_rows(config.teaching(0).data)
    assert [one.completion[0].content for one in rows] == [f"The answer is {one.reference}." for one in rows]
    assert (config.round_folder(0) / "select.done").exists()
    assert not (config.round_folder(0) / "train.done").exists()


def killed_when(path: Path, ready: Callable[[], bool]) -> None:
    """Start the command and kill it (and nothing else) as soon as something is there."""
    code = f"from rl.expert_iteration_command import iterate_command as c; c.main([{str(path)!r}])"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, env=environment) as process:
        while not ready():
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_a_run_that_is_killed_in_every_phase_comes_to_the_same_and_generates_nothing_twice(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    whole, broken = written(tmp_path, policy, "whole"), written(tmp_path, policy, "broken")
    ran(whole)
    run = settings(broken).folder
    killed_when(broken, lambda: len(samples_in(run)) > 5)
    killed_when(broken, (run / "round-00/generated/verdicts.jsonl").is_file)
    killed_when(broken, (run / "round-00/train.log").is_file)
    killed_when(broken, lambda: len(samples_in(run / "round-01")) > 5)
    killed_when(broken, lambda: (run / "round-01/.model.tmp").is_dir() or (run / "round-01/model").is_dir())
    ran(broken)
    assert max(Counter(samples_in(run)).values()) == 1
    finished = left(settings(whole).folder)
    # The policies' names hold the run's folder; all else is the same to the byte.
    named = {name: data.replace(b"/broken/", b"/whole/") for name, data in left(run).items()}
    assert named == finished


def test_other_settings_are_refused_but_more_rounds_are_not(policy: Path, tmp_path: Path) -> None:
    path = written(tmp_path, policy)
    folder = settings(path).folder
    folder.mkdir(parents=True)
    (folder / "prepare.done").touch()
    (folder / "settings.json").write_text(json.dumps({"name": "tiny", "start": "last"}))
    with pytest.raises(ConfigError, match="base: the run's own value None"):
        run_expert_iteration(settings(path), Console(quiet=True))


def test_a_held_out_question_among_the_problems_is_refused(policy: Path, tmp_path: Path) -> None:
    path = written(tmp_path, policy)
    with pytest.raises(InputError, match="no question of the training problems \\(4 are\\)"):
        run_expert_iteration(
            settings(path, "held_out.split=train", "held_out.templates.seed=0", "held_out.templates.count=24"),
            Console(quiet=True),
        )
    assert not (settings(path).folder / "prepare.done").exists()


def test_a_run_goes_on_in_one_place_only(policy: Path, tmp_path: Path) -> None:
    import fcntl

    path = written(tmp_path, policy)
    folder = settings(path).folder
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="a run that goes on only once"):
            run_expert_iteration(settings(path), Console(quiet=True))


def test_each_round_has_a_seed_of_its_own_and_the_policy_of_the_last(policy: Path, tmp_path: Path) -> None:
    config = settings(written(tmp_path, policy), "round.seed=7")
    assert [config.sampling(number).generation.seed for number in range(3)] == [7, 8, 9]
    assert [config.scoring(number).generation.seed for number in (-1, 0, 1)] == [0, 0, 0]
    assert config.sampling(0).engine.model == config.scoring(-1).engine.model == str(policy)
    assert config.sampling(1).engine.model == config.scoring(0).engine.model == config.model_after(0)


def test_a_round_begins_with_the_base_and_all_solutions_or_with_the_last_and_its_own(
    policy: Path, tmp_path: Path
) -> None:
    path = written(tmp_path, policy)
    usual, other = settings(path), settings(path, "start=last", "learn_from=this-round")
    sets = [usual.round_folder(number) / "generated/selection/sft" for number in range(2)]
    assert (usual.teaching(1).model, usual.teaching(1).data) == (str(policy), tuple(sets))
    assert (other.teaching(1).model, other.teaching(1).data) == (usual.model_after(0), (sets[1],))
    assert other.start is Start.LAST


def test_a_phase_that_fails_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    config = write_config(settings(written(tmp_path, tmp_path / "no-policy")).teaching(0), tmp_path / "sft.yaml")
    with pytest.raises(InputError, match=r"rl.expert_iteration_process.*mathpipe: .*sft.yaml: .*read .*sample.log"):
        run_apart("rl.expert_iteration_process", [config], tmp_path / "sample.log")


def test_scores_are_kept_in_the_order_of_the_rounds_and_shown(tmp_path: Path) -> None:
    def score(number: int, value: float) -> HeldOut:
        return HeldOut(
            round=number, model="m", problems=50, samples=100, pass_at_1=value, low=value - 0.1, high=value + 0.1
        )

    path = tmp_path / "scores.jsonl"
    for one in (score(0, 0.5), score(-1, 0.2), score(0, 0.4)):
        write_score(path, one)
    assert read_scores(path) == [score(-1, 0.2), score(0, 0.4)]
    record = RoundRecord(
        number=0, seed=0, models=["m"], problems=60, judged=60, samples=1200, solved=21, solved_share=0.35,
        reliable=3, kept=44, solved_ever=21, new=["p"] * 21,
    )  # fmt: skip
    console = Console(record=True, width=120)
    print_rounds([record], read_scores(path), console)
    shown = [line.replace("│", " ").split() for line in console.export_text().splitlines() if "(" in line]
    assert shown == [
        ["base", "20.0", "(10.0", "to", "30.0)"],
        ["0", "60", "1,200", "21", "21", "44", "40.0", "(30.0", "to", "50.0)"],
    ]
    path.write_text("{}\n")
    with pytest.raises(InputError, match="line 1"):
        read_scores(path)
