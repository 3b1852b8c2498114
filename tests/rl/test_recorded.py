"""Written solutions as a data source: SFT in the loop of GRPO."""

import pytest
from transformers import AutoTokenizer

from mathpipe.core.errors import InputError
from mathpipe.core.records import Problem, ProblemKind
from mathpipe.generate import EngineConfig
from mathpipe.generate.prompts import Style
from rl.recorded import RecordedSolutions
from rl.rollout import RolloutJob, RolloutWorker, SamplingConfig
from tests.rl.loop_runs import config, run
from tests.rl.wavering_policy import write_problems

WRITTEN = "The answer is $\\boxed{5}$."


def problem(solution=WRITTEN, name="p"):
    return Problem(
        problem_id=name, source="s", split="train", kind=ProblemKind.ANSWER, question="3 + 2?", solution=solution
    )


def job(*problems, max_tokens=64):
    return RolloutJob(name="draw-1", problems=problems, samples=1, max_tokens=max_tokens, temperature=1.0, seed=0)


def source(policy, *problems, **options):
    tokenizer = AutoTokenizer.from_pretrained(policy)
    return RecordedSolutions(
        problems, tokenizer, EngineConfig(model=str(policy)), SamplingConfig(**options)
    ), tokenizer


@pytest.mark.parametrize("style", [Style.CHAT, Style.FEW_SHOT])
def test_a_solution_stands_behind_the_prompt_that_sampling_uses(policy, style):
    recorded, tokenizer = source(policy, problem(), style=style, shots=1)
    (found,) = recorded.sample(job(problem())).result().trajectories
    engine = EngineConfig(kind="transformers", model=str(policy), dtype="float32", context_tokens=1024)
    worker = RolloutWorker(engine, SamplingConfig(style=style, shots=1))
    (drawn,) = worker.sample(job(problem(), max_tokens=1)).trajectories
    assert found.prompt_ids == drawn.prompt_ids
    end = "<|end|>" if style is Style.CHAT else "</s>"
    assert tokenizer.decode(found.completion_ids) == WRITTEN + end
    assert (found.text, found.sampler_logprobs) == (WRITTEN, ())


def test_a_solution_that_is_too_long_is_refused_not_cut(policy):
    recorded, _ = source(policy, problem(), problem("long " * 100, "q"))
    found = recorded.sample(job(problem(), problem("long " * 100, "q"))).result()
    assert [item.problem_id for item in found.trajectories] == ["p"]
    assert len(found.refused) == 1
    assert found.refused[0].startswith("q: a solution of ")


@pytest.mark.parametrize("solution", [None, " \n"])
def test_problems_without_a_solution_are_named(policy, solution):
    with pytest.raises(InputError, match="1 of 2 without a solution, such as q"):
        source(policy, problem(), problem(solution, "q"))


def supervised(policy, folder, **options):
    settings = config(
        policy, folder, preset="sft", sampling={"problems": 4, "max_tokens": 48},
        learner={"learning_rate": 3e-4}, **options,
    )  # fmt: skip
    write_problems(folder / "train.jsonl", solution="I do not know.")
    return settings


def test_the_loop_learns_what_is_written_and_is_scored_as_usual(policy, tmp_path):
    held_out = {"path": str(write_problems(tmp_path / "held.jsonl", [(3, 3), (2, 2)]))}
    records = run(supervised(policy, tmp_path, steps=12, held_out=held_out, evaluation={"every": 6}))
    assert records[-1].loss < 0.7 * records[0].loss
    assert [record.held_out is not None for record in records[4:7]] == [False, True, False]
    first = records[0]
    assert (first.sequences, first.groups_kept, first.groups_without_variance, first.unjudged) == (4, 4, 0, 0)
    assert (first.pass_rate, first.sampler_gap, first.staleness_max, first.refused) == (0.0, 0.0, 0, 0)
    assert first.tokens_learned == first.tokens_sampled


def test_without_held_out_problems_no_sampler_is_made(policy, tmp_path, monkeypatch):
    monkeypatch.setattr("rl.trainer.make_sampler", lambda *_: pytest.fail("a sampler was made"))
    assert len(run(supervised(policy, tmp_path, steps=2))) == 2


def test_several_updates_make_parts_of_the_written_solutions(policy, tmp_path):
    settings = supervised(policy, tmp_path, steps=1)
    learner = settings.learner.model_copy(update={"updates": 2})
    (record,) = run(settings.model_copy(update={"learner": learner}))
    assert (record.version, record.sequences) == (2, 4)
