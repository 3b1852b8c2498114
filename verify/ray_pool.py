"""The pool on a Ray cluster: actors on many nodes, each with a pool of its own.

In: claims. Out: verdicts in order, or as they come. Claims travel in batches; a batch whose actor is lost (a node
that went down) is judged once more by a new one, then its claims are CRASH. Needs a Ray that has been started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, Verdict
from verify.claims import Claim
from verify.pool import PoolLimits, VerifierPool

_BATCHES_AHEAD = 2  # an actor that has one more batch waiting never stands idle


class _Judge:
    """An actor's body."""

    def __init__(self, workers: int, limits: PoolLimits) -> None:
        self._pool = VerifierPool(workers, limits)

    def judge(self, claims: list[Claim]) -> list[Verdict]:
        """Verdicts in order."""
        return list(self._pool.map(claims))


@dataclass(slots=True)
class _Batch:
    first: int
    claims: list[Claim]
    actor: int
    tries: int = 1


class RayVerifierPool:
    """`actors` processes of Ray with `workers_per_actor` workers each; each actor takes as many CPUs."""

    def __init__(
        self, actors: int, workers_per_actor: int = 1, limits: PoolLimits | None = None, *, batch: int = 64
    ) -> None:
        import ray

        if actors < 1 or workers_per_actor < 1 or batch < 1:
            raise InputError(
                f"RayVerifierPool(actors={actors}, workers_per_actor={workers_per_actor}, batch={batch})",
                "numbers of at least one",
                "give each of them a larger value",
            )
        if not ray.is_initialized():
            raise InputError(
                "RayVerifierPool", "a Ray that has been started", "call ray.init() or ray.init(address) first"
            )
        kind: Any = ray.remote(_Judge)
        self._kind = kind.options(num_cpus=workers_per_actor)
        self._arguments = (workers_per_actor, limits or PoolLimits())
        self._actors: list[Any] = [self._start() for _ in range(actors)]
        self._batch = batch

    def _start(self) -> Any:
        return self._kind.remote(*self._arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, claims: Iterable[Claim]) -> Iterator[Verdict]:
        """Verdicts in the order of the claims."""
        early: dict[int, Verdict] = {}
        following = 0
        for index, verdict in self.as_completed(claims):
            early[index] = verdict
            while following in early:
                yield early.pop(following)
                following += 1

    def as_completed(self, claims: Iterable[Claim]) -> Iterator[tuple[int, Verdict]]:
        """(index of the claim, verdict), batch by batch as they are ready."""
        import ray

        source = iter(claims)
        waiting: dict[Any, _Batch] = {}
        free = [actor for actor in range(len(self._actors)) for _ in range(_BATCHES_AHEAD)]
        taken = 0
        while True:
            while free and (batch := list(islice(source, self._batch))):
                self._send(_Batch(taken, batch, free.pop()), waiting)
                taken += len(batch)
            if not waiting:
                return
            ready, _ = ray.wait(list(waiting), num_returns=1)
            done = waiting.pop(ready[0])
            verdicts = self._result(ready[0], done, waiting)
            if verdicts is not None:
                free.append(done.actor)
                yield from enumerate(verdicts, start=done.first)

    def _send(self, batch: _Batch, waiting: dict[Any, _Batch]) -> None:
        waiting[self._actors[batch.actor].judge.remote(batch.claims)] = batch

    def _result(self, reference: Any, batch: _Batch, waiting: dict[Any, _Batch]) -> list[Verdict] | None:
        """The batch's verdicts; None where it has been sent once more."""
        import ray
        from ray.exceptions import RayActorError

        try:
            verdicts: list[Verdict] = ray.get(reference)
        except RayActorError as error:
            self._actors[batch.actor] = self._start()
            if batch.tries > 1:
                detail = f"its actor was lost twice ({type(error).__name__})"
                return [Verdict(Outcome.CRASH, detail, reason="crash") for _ in batch.claims]
            batch.tries += 1
            self._send(batch, waiting)
            return None
        return verdicts

    def close(self) -> None:
        """End the actors."""
        import ray

        for actor in self._actors:
            ray.kill(actor)
        self._actors = []
