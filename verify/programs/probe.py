"""What this machine can protect programs with, found by starting a worker that tries every layer.

Out: a set for code, a table for people. The worker loads no libraries here, so this takes some 100 ms.
"""

from __future__ import annotations

from functools import cache

from verify.programs.protections import ALL_PROTECTIONS, Protection, missing_protection
from verify.programs.worker_process import SandboxError, WorkerProcess


@cache
def probe_protections(without: frozenset[Protection] = frozenset()) -> frozenset[Protection]:
    """The layers that work here when those of `without` are left out; empty where no worker starts."""
    try:
        worker = WorkerProcess(without, preload=())
    except (SandboxError, OSError):
        return frozenset()
    worker.close()
    return worker.layers


def describe_protections(without: frozenset[Protection] = frozenset()) -> str:
    """One line a layer, and whether programs run here at all."""
    active = probe_protections(without)
    width = max(map(len, ALL_PROTECTIONS))
    lines = [f"{layer:{width}}  {'active' if layer in active else 'missing'}" for layer in Protection]
    missing = missing_protection(active, frozenset())
    lines.append(f"programs are refused ({missing})" if missing else "programs run: the minimum is met")
    return "\n".join(lines)
