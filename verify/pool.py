"""Verdicts from worker processes that can be killed: nothing a claim holds can hang or end the run.

In: claims. Out: verdicts, one by one, in order, or as they come. Every claim runs in a child process (`worker`) under
a limit of time and memory; at its limit the child is killed and the claim's verdict is TIMEOUT, a child that dies
costs its claim a second try and then a CRASH. Works from any thread and under asyncio; no signals are used.

    with VerifierPool(workers=8) as pool:
        for verdict in pool.map(claims): ...

One thread a worker waits for its child and is joined by `close`. At most `in_flight` claims a worker are taken from
an iterable before their verdicts are asked for, so endless iterables and slow readers are fine.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Self, cast

from pydantic import Field

from mathpipe.core.config import Config
from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, Verdict
from verify.claims import Claim, ProofClaim
from verify.pool_metrics import PoolMetrics, PoolRecord
from verify.worker import RemoteError, Worker, WorkerDied, WorkerTimeout

_HANDLER = "verify.judge:judge_and_weigh"
_TRIES = 2  # a worker may die of something else once (the kernel's memory killer), hardly twice at one claim
_MB = 2**20


class PoolLimits(Config):
    """What one claim may take, and when a grown worker is replaced."""

    seconds: float = Field(default=10.0, gt=0)
    proof_seconds: float = Field(default=600.0, gt=0)  # loading Lean included, which takes half a minute or more
    memory_mb: int = Field(default=1024, ge=32)  # beyond what a fresh worker holds
    recycle_memory_mb: int = Field(default=768, ge=32)  # resident memory after a claim
    in_flight: int = Field(default=64, ge=1)  # claims taken ahead, a worker


class VerifierPool:
    """Worker processes and the calls that hand claims to them."""

    def __init__(
        self, workers: int | None = None, limits: PoolLimits | None = None, *, handler: str = _HANDLER
    ) -> None:
        self.workers = workers if workers is not None else os.cpu_count() or 1
        if self.workers < 1:
            raise InputError(
                f"VerifierPool(workers={workers})", "at least one worker", "leave workers out for one a CPU"
            )
        self.limits = limits or PoolLimits()
        self._handler = handler
        self._owner = os.getpid()
        self._record = PoolRecord()
        self._local = threading.local()
        self._children: list[Worker] = []
        self._lock = threading.Lock()
        self._closed = False
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="verifier")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- asking --------------------------------------------------------------------------------------------------

    def check(self, claim: Claim, *, seconds: float | None = None) -> Verdict:
        """The verdict on one claim; waits for it."""
        return self._submit(claim, seconds).result()

    def map(self, claims: Iterable[Claim], *, seconds: float | None = None) -> Iterator[Verdict]:
        """Verdicts in the order of the claims."""
        waiting: deque[Future[Verdict]] = deque()
        source = iter(claims)
        try:
            while True:
                room = self.workers * self.limits.in_flight - len(waiting)
                waiting.extend(self._submit(claim, seconds) for claim in islice(source, room))
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def as_completed(self, claims: Iterable[Claim], *, seconds: float | None = None) -> Iterator[tuple[int, Verdict]]:
        """(index of the claim, verdict), whichever is ready first."""
        waiting: dict[Future[Verdict], int] = {}
        source = enumerate(claims)
        try:
            while True:
                room = self.workers * self.limits.in_flight - len(waiting)
                waiting.update((self._submit(claim, seconds), index) for index, claim in islice(source, room))
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
        finally:
            for future in waiting:
                future.cancel()

    async def acheck(self, claim: Claim, *, seconds: float | None = None) -> Verdict:
        """`check` under asyncio."""
        return await asyncio.wrap_future(self._submit(claim, seconds))

    async def amap(self, claims: Iterable[Claim], *, seconds: float | None = None) -> AsyncIterator[Verdict]:
        """`map` under asyncio."""
        waiting: deque[Future[Verdict]] = deque()
        source = iter(claims)
        try:
            while True:
                room = self.workers * self.limits.in_flight - len(waiting)
                waiting.extend(self._submit(claim, seconds) for claim in islice(source, room))
                if not waiting:
                    return
                yield await asyncio.wrap_future(waiting.popleft())
        finally:
            for future in waiting:
                future.cancel()

    def metrics(self) -> PoolMetrics:
        """Counts of outcomes, latency percentiles, restarts and recycled workers so far."""
        return self._record.metrics()

    def close(self) -> None:
        """End every worker and thread. Claims that were not begun are dropped; callers that wait get an error."""
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            for child in self._children:
                child.kill()
        self._threads.shutdown(wait=True)
        for child in self._children:
            child.close()

    # --- judging -------------------------------------------------------------------------------------------------

    def _submit(self, claim: Claim, seconds: float | None) -> Future[Verdict]:
        if os.getpid() != self._owner:
            raise InputError(
                "VerifierPool", "the process that made it", "make a pool of its own in each process after a fork"
            )
        if self._closed:
            raise InputError("VerifierPool", "a pool that is open", "use it inside its `with` block")
        usual = self.limits.proof_seconds if isinstance(claim, ProofClaim) else self.limits.seconds
        return self._threads.submit(self._judge, claim, seconds or usual, time.perf_counter())

    def _judge(self, claim: Claim, seconds: float, asked: float) -> Verdict:
        started = time.perf_counter()
        verdict = self._verdict(claim, seconds)
        self._record.add(verdict.outcome, waited=started - asked, took=time.perf_counter() - started)
        return verdict

    def _verdict(self, claim: Claim, seconds: float) -> Verdict:
        died = ""
        for _ in range(_TRIES):
            started = time.perf_counter()
            child = self._child()
            try:
                verdict, resident = cast(tuple[Verdict, int], child.call(claim, timeout_seconds=seconds))
            except WorkerTimeout:
                self._record.restarted()
                return Verdict(
                    Outcome.TIMEOUT, f"killed after {seconds:g} s", time.perf_counter() - started, "timeout"
                )
            except RemoteError as error:
                last = str(error).strip().rpartition("\n")[2]
                return Verdict(Outcome.CRASH, last, time.perf_counter() - started, "fault")
            except WorkerDied as error:
                self._record.restarted()
                died = str(error)
                continue
            if resident > self.limits.recycle_memory_mb * _MB:
                self._record.recycled()
                child.renew()
            return verdict
        return Verdict(Outcome.CRASH, died, time.perf_counter() - started, "crash")

    def _child(self) -> Worker:
        """The worker of this thread."""
        child: Worker | None = getattr(self._local, "child", None)
        if child is None:
            child = Worker(self._handler, memory_bytes=self.limits.memory_mb * _MB)
            with self._lock:
                self._children.append(child)
            self._local.child = child
        if self._closed:
            raise InputError("VerifierPool", "a pool that is open", "use it inside its `with` block")
        return child
