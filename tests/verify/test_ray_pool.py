"""The pool on a real Ray: order, and an actor that is lost."""

import os
import signal

import psutil
import pytest
import ray

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from verify.claims import AnswerClaim
from verify.ray_pool import RayVerifierPool


@pytest.fixture(scope="module")
def cluster():
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_without_a_started_ray_it_says_what_to_do():
    with pytest.raises(InputError, match=r"ray\.init"):
        RayVerifierPool(actors=1)
    with pytest.raises(InputError, match="at least one"):
        RayVerifierPool(actors=0)


def test_verdicts_come_in_order_and_a_lost_actor_costs_nothing(cluster):
    claims = [AnswerClaim(str(n), rf"\boxed{{{n if n % 3 else n + 1}}}") for n in range(300)]
    expected = [Outcome.CORRECT if n % 3 else Outcome.WRONG for n in range(300)]
    with RayVerifierPool(actors=2, batch=20) as pool:
        assert [verdict.outcome for verdict in pool.map(claims)] == expected
        verdicts = pool.map(claims)
        first = next(verdicts)
        running = psutil.process_iter(["cmdline"])  # None for a process that has ended meanwhile
        actors = [process for process in running if "ray::_Judge" in " ".join(process.info["cmdline"] or [])]
        assert len(actors) == 2
        os.kill(actors[0].pid, signal.SIGKILL)
        assert [first.outcome, *(verdict.outcome for verdict in verdicts)] == expected
