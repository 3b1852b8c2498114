"""A command of ours as a Ray job: submitted to a running head, followed, and judged by its end.

In: the arguments after `mathpipe`. Out: the job's id and final status. The job runs in the folder it was
submitted from, which every node must see, with the interpreter it was submitted with.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mathpipe.core.config import find_config
from mathpipe.core.errors import InputError

_AGENT_SECONDS = 60.0


_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job stands when we stop looking."""

    job_id: str
    status: str
    ok: bool


def submit_job(arguments: Sequence[str], *, address: str, wait: bool, say: Callable[[str], object]) -> JobOutcome:
    """Submit `mathpipe ARGUMENTS` and, if asked, follow it to its end. Raises `InputError` where no head answers."""
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    try:
        client: Any = JobSubmissionClient(address, headers=_authorisation())
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            address, f"a Ray head that answers ({reason})", "start one with `ray start --head`, or pass --address"
        ) from None
    except AuthenticationError:
        raise InputError(
            address, "this cluster's token", "set RAY_AUTH_TOKEN, or copy the head's ~/.ray/auth_token here"
        ) from None
    command = shlex.join([sys.executable, "-m", "mathpipe.cli", *arguments])
    job_id = _submit(client, f"cd {shlex.quote(os.getcwd())} && {command}")  # noqa: PTH109
    say(f"job {job_id} submitted to {address}")
    if wait:
        asyncio.run(_follow(client, job_id, say))
    status = str(client.get_job_status(job_id).value)
    return JobOutcome(job_id, status, ok=status == "SUCCEEDED" or not wait)


def run_as_job(
    command: str,
    config: Path,
    overrides: Sequence[str],
    *,
    address: str,
    wait: bool = True,
    say: Callable[[str], object],
) -> None:
    """`mathpipe COMMAND CONFIG --set ...` as a Ray job. Raises `InputError` where it does not succeed."""
    arguments = [command, str(find_config(config).resolve())]
    for override in overrides:
        arguments += ["--set", override]
    outcome = submit_job(arguments, address=address, wait=wait, say=say)
    say(f"job {outcome.job_id}: {outcome.status}")
    if not outcome.ok:
        raise InputError(
            f"job {outcome.job_id}", "a job that succeeds", f"read its log: ray job logs {outcome.job_id}"
        )


def _authorisation() -> dict[str, str]:
    """The header with the cluster's token, from where Ray keeps it; none where the cluster asks for none.

    Ray's own client sends it only when RAY_AUTH_MODE=token was set before ray was imported, while a head started
    with `ray start` asks for it by default (seen with Ray 2.60).
    """
    token = os.environ.get("RAY_AUTH_TOKEN", "")
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH", Path.home() / ".ray" / "auth_token"))
    if not token and path.is_file():
        token = path.read_text().strip()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _submit(client: Any, entrypoint: str) -> str:
    """The job's id; a head that has just started is given time to bring up the agent that takes jobs."""
    deadline = time.monotonic() + _AGENT_SECONDS
    while True:
        try:
            return str(client.submit_job(entrypoint=entrypoint, runtime_env={"env_vars": _environment()}))
        except RuntimeError as error:
            if "No available agent" not in str(error) or time.monotonic() > deadline:
                raise InputError("the Ray head", f"a head that takes jobs ({error})", "look at its logs") from error
            time.sleep(1.0)


def _environment() -> dict[str, str]:
    """What a worker needs to import the same code; an installed package needs nothing."""
    paths = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"} if paths else {"PYTHONUNBUFFERED": "1"}


async def _follow(client: Any, job_id: str, say: Callable[[str], object]) -> None:
    """Until the job has ended, also where its log breaks off before."""
    async for lines in client.tail_job_logs(job_id):
        say(lines.rstrip("\n"))
    while not client.get_job_status(job_id).is_terminal():
        await asyncio.sleep(_POLL_SECONDS)
