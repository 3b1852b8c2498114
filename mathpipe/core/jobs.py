"""A command of ours as a Ray job: submitted to a running head, followed, and judged by its end.

In: the arguments after `mathpipe`. Out: the job's id and final status. The job runs in the folder it was
submitted from, which every node must see, with the interpreter it was submitted with.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mathpipe.core.errors import InputError


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job stands when we stop looking."""

    job_id: str
    status: str
    ok: bool


def submit_job(arguments: Sequence[str], *, address: str, wait: bool, say: Callable[[str], object]) -> JobOutcome:
    """Submit `mathpipe ARGUMENTS` and, if asked, follow it to its end. Raises `InputError` where no head answers."""
    from ray.job_submission import JobSubmissionClient

    try:
        client: Any = JobSubmissionClient(address)
    except (ConnectionError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            address, f"a Ray head that answers ({reason})", "start one with `ray start --head`, or pass --address"
        ) from None
    command = shlex.join([sys.executable, "-m", "mathpipe.cli", *arguments])
    job_id = client.submit_job(
        entrypoint=f"cd {shlex.quote(os.getcwd())} && {command}",  # noqa: PTH109
        runtime_env={"env_vars": _environment()},
    )
    say(f"job {job_id} submitted to {address}")
    if wait:
        asyncio.run(_follow(client, job_id, say))
    status = str(client.get_job_status(job_id).value)
    return JobOutcome(job_id, status, ok=status == "SUCCEEDED" or not wait)


def _environment() -> dict[str, str]:
    """What a worker needs to import the same code; an installed package needs nothing."""
    paths = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"} if paths else {"PYTHONUNBUFFERED": "1"}


async def _follow(client: Any, job_id: str, say: Callable[[str], object]) -> None:
    async for lines in client.tail_job_logs(job_id):
        say(lines.rstrip("\n"))
