"""Trajectories for tests."""

from mathpipe.core.records import Finish, Outcome
from rl.trajectories import Scored, Trajectory


def trajectory(group=0, index=0, *, tokens=3, problem="p", version=0, finish=Finish.STOP, text="", logprob=-0.5):
    return Trajectory(
        problem_id=problem,
        group=group,
        index=index,
        prompt_ids=(1, 2),
        completion_ids=tuple(range(5, 5 + tokens)),
        sampler_logprobs=(logprob,) * tokens,
        version=version,
        text=text,
        finish=finish,
    )


def scored(reward, group=0, index=0, **options):
    outcome = None if reward is None else (Outcome.CORRECT if reward else Outcome.WRONG)
    return Scored(trajectory=trajectory(group, index, **options), reward=reward, outcome=outcome)
