"""What only a computer algebra system may know, asked of a child process that is killed at its limit.

In: two trees that `equality` could not decide: integrals, limits, derivatives, infinite sums. Out: a `Comparison`,
UNKNOWN where the child ran out of time or memory, failed, or found nothing.
"""

from __future__ import annotations

from verify.answers.comparison import Comparison, unknown
from verify.answers.traits import traits_of
from verify.answers.tree import Node
from verify.worker import RemoteError, WorkerDied, WorkerTimeout, call_bounded

_HANDLER = "verify.answers.symbolic_decision:decide"
_MEMORY_BYTES = 2**30


def compare_symbolically(left: Node, right: Node, *, timeout_seconds: float = 2.0) -> Comparison:
    """Whether SymPy finds the two equal. Never raises; takes no longer than the limit once SymPy is loaded."""
    try:
        if traits_of(left, right).not_value:
            return unknown("not a value")
        found = call_bounded(_HANDLER, (left, right), timeout_seconds=timeout_seconds, memory_bytes=_MEMORY_BYTES)
    except WorkerTimeout:
        return unknown(f"SymPy found nothing in {timeout_seconds:g} s")
    except WorkerDied as reason:
        return unknown(f"SymPy failed: {reason}")
    except RemoteError as reason:
        return unknown(f"SymPy failed: {str(reason).strip().splitlines()[-1]}")
    except RecursionError:
        return unknown("too deep")
    return found if isinstance(found, Comparison) else unknown("SymPy failed")
