"""The whole loop on a policy that wavers: it learns, and a run that is killed ends as one that is not."""

import json
import random
import signal
import time
from dataclasses import replace
from math import nan

import pytest
import torch

from mathpipe.core.errors import InputError
from mathpipe.core.store import read_records
from rl.guards import RunStopped
from rl.journal import Journal
from rl.run_files import RolloutSample
from rl.trainer import Trainer
from tests.rl.loop_runs import config, finished, learned, outcome, run, start, values
from tests.rl.wavering_policy import write_problems

KINDS = ["transformers", pytest.param("vllm", marks=pytest.mark.vllm)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wavering_policy_learns_what_is_right(policy, tmp_path, kind):
    engine = {"kind": kind, "dtype": "float32", "context_tokens": 256, "max_sequences": 32}
    records = run(config(policy, tmp_path, engine=engine, steps=12))
    assert 0.2 < records[0].pass_rate < 0.8
    assert learned(records) > 0.15
    assert max(record.sampler_gap for record in records) < 1e-4
    versions = [record.version for record in records]
    assert versions == sorted(versions)


@pytest.mark.parametrize("preset", ["deepseekmath", "dapo", "gspo", "cispo", "rft"])
def test_every_preset_raises_the_reward(policy, tmp_path, preset):
    learner = {"learning_rate": 1e-4, "updates": 2, "warm_up_steps": 3}
    records = run(config(policy, tmp_path, preset=preset, steps=10, learner=learner))
    assert learned(records) > 0.15


def test_every_number_can_be_counted_again_from_the_samples(policy, tmp_path):
    settings = config(policy, tmp_path, steps=2)
    for record in run(settings):
        rows = list(read_records(settings.folder / "samples" / f"step-{record.step:06d}.parquet", RolloutSample))
        assert len(rows) == record.samples == 32
        assert sum(row.reward for row in rows) / 32 == pytest.approx(record.reward_mean)
        assert sum(row.tokens for row in rows) == record.tokens_sampled
        assert len({row.group for row in rows if row.advantage is not None}) == record.groups_kept
        assert {row.version for row in rows} == {record.version - bool(record.groups_kept)}


def test_the_trained_policy_is_saved_with_its_tokenizer_and_template(policy, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    settings = config(policy, tmp_path, steps=1)
    run(settings)
    saved = AutoModelForCausalLM.from_pretrained(settings.folder / "policy").state_dict()
    before = AutoModelForCausalLM.from_pretrained(policy).state_dict()
    assert saved.keys() == before.keys()
    assert any(not torch.equal(saved[name], before[name]) for name in saved)
    assert AutoTokenizer.from_pretrained(settings.folder / "policy").chat_template


def test_held_out_problems_are_scored_before_during_and_after(policy, tmp_path):
    held_out = {"path": str(write_problems(tmp_path / "held.jsonl", [(3, 3), (2, 2)]))}
    settings = config(policy, tmp_path, steps=3, held_out=held_out, evaluation={"every": 2})
    records = run(settings)
    assert [record.held_out is not None for record in records] == [False, True, True]
    assert records[-1].held_out.problems == 2
    assert sorted(path.name for path in (settings.folder / "held-out").iterdir()) == [
        f"step-{step:06d}.parquet" for step in (0, 2, 3)
    ]


def test_the_score_from_before_training_outlives_a_kill_and_is_not_counted_anew(policy, tmp_path, monkeypatch):
    held_out = {"path": str(write_problems(tmp_path / "held.jsonl", [(3, 3), (2, 2)]))}
    settings = config(policy, tmp_path, steps=1, held_out=held_out, evaluation={"every": 0})

    def killed(phase):
        if phase == "sample":
            raise KeyboardInterrupt(phase)

    with pytest.raises(KeyboardInterrupt), Trainer(settings, say=lambda _: None, phase=killed) as trainer:
        trainer.run()
    before = Journal(settings.folder / "journal.jsonl").before()
    assert (before.problems, before.samples) == (2, 1)
    evaluated = []
    monkeypatch.setattr(Trainer, "_evaluate", lambda self, step: evaluated.append(step) or before)
    run(settings)
    assert evaluated == [1]
    assert Journal(settings.folder / "journal.jsonl").before() == before


def test_held_out_problems_that_are_trained_on_are_refused(policy, tmp_path):
    held_out = {"path": str(tmp_path / "train.jsonl")}
    with pytest.raises(InputError, match="not trained on"):
        Trainer(config(policy, tmp_path, held_out=held_out))


def test_groups_that_teach_nothing_are_replaced_where_the_recipe_says_so(policy, tmp_path):
    (record,) = run(
        config(policy, tmp_path, steps=1, sampling={"problems": 4, "samples": 2, "max_tokens": 24},
               dynamic_sampling={"rounds": 6})
    )  # fmt: skip
    assert record.problems > 4
    assert record.groups_kept == 4
    assert record.problems == record.groups_kept + record.groups_without_variance


@pytest.mark.parametrize("sampler", ["thread", pytest.param("ray", marks=pytest.mark.slow)])
def test_sampling_ahead_is_as_stale_as_was_asked_and_still_learns(policy, tmp_path, sampler):
    records = run(config(policy, tmp_path, sampler=sampler, staleness=2, steps=14))
    assert [record.staleness_max for record in records[:4]] == [0, 1, 2, 2]
    assert all(record.staleness_max == 2 for record in records[2:] if record.groups_kept == 4)
    assert learned(records) > 0.1


def test_a_thread_gives_what_sampling_in_place_gives(policy, tmp_path):
    places = {}
    for sampler in ("inline", "thread"):
        settings = config(policy, tmp_path, name=sampler, sampler=sampler, steps=2)
        places[sampler] = run(settings)
    assert places["inline"] == places["thread"]


def test_a_sampler_that_did_not_take_the_weights_stops_the_run(policy, tmp_path):
    settings = config(policy, tmp_path, guards={"sampler_gap": 1e-3, "reward_jump": None})
    with Trainer(settings, say=lambda _: None) as trainer:
        engine = trainer._sampler._worker._engine
        engine._update_weights = lambda weights: None  # as a stale cache or a failed transfer would
        with pytest.raises(RunStopped, match="weight sync"):
            trainer.run()


def test_a_sampler_whose_log_probabilities_are_no_numbers_stops_the_run(policy, tmp_path):
    settings = config(policy, tmp_path, steps=1, correction={"kind": "sequence"})
    with Trainer(settings, say=lambda _: None) as trainer:
        sample = trainer._sampler._worker.sample

        def broken(job):
            drawn = sample(job)
            rows = [
                replace(item, sampler_logprobs=(nan,) * len(item.sampler_logprobs)) for item in drawn.trajectories
            ]
            return replace(drawn, trajectories=tuple(rows))

        trainer._sampler._worker.sample = broken
        with pytest.raises(RunStopped, match="not nan a token"):
            trainer.run()


def test_while_the_untrained_policy_is_scored_the_run_says_so(policy, tmp_path):
    held_out = {"path": str(write_problems(tmp_path / "held.jsonl", [(3, 3), (2, 2)]))}
    phases = []
    with Trainer(config(policy, tmp_path, held_out=held_out), say=lambda _: None, phase=phases.append) as trainer:
        trainer._before_training()
    assert phases == ["evaluate"]


def test_a_step_whose_line_could_not_be_written_is_done_again(policy, tmp_path):
    """A checkpoint must not hold a step that the journal has not: the resumed run would leave it out."""
    expected = run(config(policy, tmp_path, name="whole", steps=4))
    settings = config(policy, tmp_path, steps=4)
    journal = settings.folder / "journal.jsonl"

    def obstruct(phase):
        if phase == "write" and len(Journal(journal).read()) == 1:
            journal.rename(tmp_path / "aside")
            journal.mkdir()

    with pytest.raises(OSError, match="journal"), Trainer(settings, say=lambda _: None, phase=obstruct) as trainer:
        trainer.run()
    journal.rmdir()
    (tmp_path / "aside").rename(journal)
    assert run(settings) == expected


# --- killed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kills", "options"),
    [
        (1, {}),
        (1, {"sampler": "thread", "staleness": 1}),
        pytest.param(10, {}, marks=pytest.mark.slow),
        pytest.param(10, {"sampler": "thread", "staleness": 1}, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_killed_ends_as_one_that_is_not(policy, tmp_path, kills, options):
    for name in ("whole", "killed"):
        given = values(policy, tmp_path, name=name, steps=6, **options)
        (tmp_path / f"{name}.yaml").write_text(json.dumps(given))
    finished(start(tmp_path / "whole.yaml"))
    draw = random.Random(kills)
    for _ in range(kills):
        process = start(tmp_path / "killed.yaml")
        wait_for_steps(process, tmp_path / "killed" / "run", draw.randrange(1, 4), draw.random())
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finished(start(tmp_path / "killed.yaml"))
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def wait_for_steps(process, folder, steps, more_seconds):
    """Until the run has written so many lines more than it had, or has ended; and a moment longer."""
    journal = folder.parent / "journal.jsonl"
    deadline = time.monotonic() + 120
    seen = None
    while process.poll() is None and time.monotonic() < deadline:
        lines = len(journal.read_text().splitlines()) if journal.is_file() else 0
        seen = lines if seen is None or lines < seen else seen
        if lines >= seen + steps:
            break
        time.sleep(0.01)
    time.sleep(more_seconds * 0.3)
