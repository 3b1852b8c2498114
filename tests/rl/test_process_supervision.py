"""Rewards of steps: who judges them, what a step without a judgement gets, and where they stand among the tokens."""

import math
from dataclasses import replace

import pytest

from mathpipe.core.records import Finish, Outcome, Problem, ProblemKind
from mathpipe.core.store import read_records
from rl.advantages import AdvantageConfig
from rl.batch import advantaged
from rl.judging import Judge, RewardConfig, step_judge
from rl.rollout import Rollout, RolloutJob
from rl.run_files import RolloutSample
from rl.trajectories import Scored, Trajectory
from tests.generate.tiny_model import make_tokenizer
from tests.rl.loop_runs import config, learned, run
from tests.rl.wavering_policy import SUMS, write_problems
from verify import VerifierPool

TOKENIZER = make_tokenizer()
PROBLEM = Problem(problem_id="p", source="s", split="train", kind=ProblemKind.ANSWER, question="3 + 2?", answer="5")
JOB = RolloutJob(name="draw-1", problems=(PROBLEM,), samples=2, max_tokens=64, temperature=1.0, seed=3)


def solution(text, index=0):
    ids = (*TOKENIZER.encode(text, add_special_tokens=False), TOKENIZER.eos_token_id)
    return Trajectory(
        problem_id="p", group=0, index=index, prompt_ids=(0, 5), completion_ids=ids,
        sampler_logprobs=(-0.5,) * len(ids), version=0, text=text, finish=Finish.STOP,
    )  # fmt: skip


def judged(text, reward, index=0):
    return Scored(
        trajectory=solution(text, index), reward=reward, outcome=Outcome.CORRECT if reward else Outcome.WRONG
    )


@pytest.fixture(scope="module")
def pool():
    with VerifierPool(1) as made:
        yield made


class Continuations:
    """A sampler that goes on in ways that were written down, by the text it is given to go on from."""

    def __init__(self, replies):
        self.replies, self.jobs = replies, []

    def sample(self, job):
        self.jobs.append(job)
        return self

    def result(self):
        job = self.jobs[-1]
        found = [
            replace(solution(reply, index), group=group)
            for group, prefix in enumerate(job.prefixes)
            for index, reply in enumerate(self.replies.get(TOKENIZER.decode(prefix), [])[: job.samples])
        ]
        return Rollout(trajectories=tuple(found), refused=(), seconds=0.0)


def supervised(pool, rows, sampler=None, **steps):
    settings = RewardConfig.model_validate({"supervision": "process", "steps": steps})
    judge = step_judge(settings, pool, Judge(settings, pool, 64), sampler, TOKENIZER)
    return judge(rows, {"p": PROBLEM}, JOB)


def rewards(item):
    """(what the step's tokens say, reward) of each step."""
    found, begin = [], 0
    for last, reward in item.step_rewards:
        found.append((TOKENIZER.decode(item.trajectory.completion_ids[begin : last + 1]), reward))
        begin = last + 1
    return found


def stepwise_config(policy, folder, **options):
    """Two problems; the policy reasons and answers in two steps."""
    settings = config(policy, folder, **options)
    write_problems(folder / "train.jsonl", SUMS[:2])
    return settings


def test_outcome_supervision_needs_no_judge_of_steps(pool):
    assert step_judge(RewardConfig(), pool, Judge(RewardConfig(), pool, 64), None, TOKENIZER) is None


def test_each_step_has_the_reward_of_its_equations_and_the_last_the_outcome(pool):
    text = "3 + 2 = 5.\n\nThat is 2 + 2 = 5 too.\n\nSo $\\boxed{5}$."
    (item,) = supervised(pool, [judged(text, 1.0)])
    assert rewards(item) == [
        ("3 + 2 = 5.", 1.0), ("\n\nThat is 2 + 2 = 5 too.", 0.0), ("\n\nSo $\\boxed{5}$.</s>", 1.0),
    ]  # fmt: skip


def test_a_step_without_an_equation_has_no_reward_and_its_tokens_are_of_the_judged_step_after_it(pool):
    text = "We add.\n\n3 + 2 = 6.\n\nThen we look.\n\nSo $\\boxed{5}$."
    (item,) = supervised(pool, [judged(text, 1.0)])
    assert rewards(item) == [
        ("We add.\n\n3 + 2 = 6.", 0.0), ("\n\nThen we look.\n\nSo $\\boxed{5}$.</s>", 1.0),
    ]  # fmt: skip


def test_steps_that_state_nothing_win_nothing(pool):
    """The paper's sums: a right sum is worth what it is worth, however many sentences stand around it."""
    plain, wrong = "3 + 2 = 5.\n\nSo $\\boxed{5}$.", "3 + 2 = 6.\n\nSo $\\boxed{6}$."
    padded = "We think.\n\nWe think more.\n\n" + plain.replace("\n\n", "\n\nNice.\n\n")
    rows = supervised(pool, [judged(text, float("5}" in text), at) for at, text in enumerate((plain, padded, wrong))])
    config = AdvantageConfig(deviation="population", epsilon=0.0)
    one, two, three = (row.advantages for row in advantaged(rows, config, keep_all=False).samples)
    # Rewards 1, 1; 1, 1; 0, 0: mean 2/3, deviation sqrt(2)/3.
    right, mistaken = 1 / math.sqrt(2), -math.sqrt(2)
    assert (one[0], one[-1]) == pytest.approx((2 * right, right))
    assert (two[0], two[-1]) == pytest.approx((2 * right, right))
    assert (three[0], three[-1]) == pytest.approx((2 * mistaken, mistaken))


def test_a_text_without_paragraphs_is_cut_into_lines_unless_told_otherwise(pool):
    rows = [judged("3 + 2 = 6\nso $\\boxed{5}$", 1.0)]
    assert [reward for _, reward in rewards(supervised(pool, rows)[0])] == [0.0, 1.0]
    assert [reward for _, reward in rewards(supervised(pool, rows, lines=False)[0])] == [1.0]


def test_a_sample_that_was_not_judged_gets_no_steps(pool):
    row = Scored(trajectory=solution("3 + 2 = 5.\n\nSo 5."), reward=None, outcome=None)
    assert supervised(pool, [row]) == [row]


@pytest.mark.parametrize("text", ["", "one step", "\n\n"])
def test_a_text_of_one_step_has_its_outcome_at_the_last_token(pool, text):
    (item,) = supervised(pool, [judged(text, 1.0)])
    assert item.step_rewards == ((len(item.trajectory.completion_ids) - 1, 1.0),)


def test_tokens_that_are_not_the_texts_are_judged_as_a_whole(pool):
    row = judged("3 + 2 = 6.\n\nSo 5.", 1.0)
    row = replace(row, trajectory=replace(row.trajectory, text="4 + 2 = 7.\n\nSo 5."))
    assert len(supervised(pool, [row])[0].step_rewards) == 1


def test_a_step_is_worth_the_share_of_its_continuations_that_end_right(pool):
    begun = "3 + 2 = 5."
    sampler = Continuations({begun: ["\n\nSo $\\boxed{5}$", " I say $\\boxed{5}$", " $\\boxed{4}$", "\n\nHm."]})
    rows = [judged(f"{begun}\n\nSo $\\boxed{{5}}$.", 1.0), judged(f"{begun}\n\nSo $\\boxed{{6}}$.", 0.0, 1)]
    right, wrong = supervised(pool, rows, sampler, verifier="rollouts", rollouts=4)
    assert [reward for _, reward in rewards(right)] == [0.5, 1.0]
    assert [reward for _, reward in rewards(wrong)] == [0.5, 0.0]
    (job,) = sampler.jobs
    assert len(job.prefixes) == 1  # both samples begin alike
    assert (job.samples, job.name) == (4, "draw-1-steps")


def test_a_step_that_nothing_came_of_has_no_reward(pool):
    (item,) = supervised(pool, [judged("a\n\nb", 1.0)], Continuations({}), verifier="rollouts")
    assert rewards(item) == [("a\n\nb</s>", 1.0)]


def test_samples_of_one_step_ask_no_sampler(pool):
    sampler = Continuations({})
    supervised(pool, [judged("one step", 1.0)], sampler, verifier="rollouts")
    assert sampler.jobs == []


@pytest.mark.parametrize(
    "steps",
    [{"verifier": "equations"}, pytest.param({"verifier": "rollouts", "rollouts": 4}, marks=pytest.mark.slow)],
)
def test_the_papers_recipe_learns_from_steps(stepwise_policy, tmp_path, steps):
    settings = stepwise_config(
        stepwise_policy, tmp_path, preset="deepseekmath", steps=10,
        learner={"learning_rate": 1e-4, "updates": 2, "warm_up_steps": 3},
        sampling={"problems": 4, "samples": 8, "max_tokens": 40},
        reward={"supervision": "process", "steps": steps},
    )  # fmt: skip
    records = run(settings)
    assert learned(records) > 0.1
    assert 0.0 < records[0].step_reward_mean < 1.0
    rows = read_records(settings.folder / "samples" / "step-000001.parquet", RolloutSample)
    counted = [reward for row in rows for reward in row.step_rewards]
    assert sum(counted) / len(counted) == pytest.approx(records[0].step_reward_mean)
    assert sum(one.step_reward_mean for one in records[-3:]) > sum(one.step_reward_mean for one in records[:3])


@pytest.mark.parametrize("place", [{}, {"sampler": "thread", "staleness": 1}])
def test_a_run_that_goes_on_gives_its_steps_the_same_rewards(stepwise_policy, tmp_path, place):
    def settings(name, steps):
        return stepwise_config(
            stepwise_policy, tmp_path, name=name, steps=steps, **place,
            sampling={"problems": 2, "samples": 4, "max_tokens": 40}, checkpoint={"every": 2},
            reward={"supervision": "process", "steps": {"verifier": "rollouts", "rollouts": 2}},
        )  # fmt: skip

    whole = run(settings("whole", 4))
    run(settings("stopped", 2))
    assert run(settings("stopped", 4)) == whole
    assert all(record.step_reward_mean > 0 for record in whole)


def by_rollouts(policy, folder, **options):
    return stepwise_config(
        policy, folder, steps=3, sampling={"problems": 2, "samples": 4, "max_tokens": 40},
        reward={"supervision": "process", "steps": {"verifier": "rollouts", "rollouts": 4}}, **options,
    )  # fmt: skip


def step_rewards(settings):
    """(outcome, step rewards) of each sample of the run."""
    paths = sorted((settings.folder / "samples").iterdir())
    return [(row.outcome, row.step_rewards) for path in paths for row in read_records(path, RolloutSample)]


@pytest.mark.vllm
def test_vllm_goes_on_from_steps(stepwise_policy, tmp_path):
    engine = {"kind": "vllm", "dtype": "float32", "context_tokens": 256, "max_sequences": 32}
    settings = by_rollouts(stepwise_policy, tmp_path, engine=engine)
    records = run(settings)
    assert max(record.sampler_gap for record in records) < 1e-4
    found = step_rewards(settings)
    assert len(found) == 24
    assert all(rewards[-1] == (outcome is Outcome.CORRECT) for outcome, rewards in found)
    shares = {share for _, rewards in found for share in rewards[:-1]}
    assert shares <= {0.0, 0.25, 0.5, 0.75, 1.0}
    assert len(shares) > 1
    assert sum(len(rewards) == 2 for _, rewards in found) > 12


@pytest.mark.slow
def test_ray_actors_go_on_from_the_same_steps_in_the_same_way(stepwise_policy, tmp_path):
    places = [("inline", {}), ("ray", {"sampler": "ray", "sampler_actors": 2})]
    one, two = (by_rollouts(stepwise_policy, tmp_path, name=name, **place) for name, place in places)
    ours, theirs = run(one), run(two)
    assert [record.step_reward_mean for record in ours] == [record.step_reward_mean for record in theirs]
    assert [record.loss for record in ours] == pytest.approx([record.loss for record in theirs], abs=1e-6)
    assert step_rewards(one) == step_rewards(two)
    assert any(0.0 < share < 1.0 for _, rewards in step_rewards(two) for share in rewards[:-1])
