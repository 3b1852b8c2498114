"""Parity: two implementations of one model on the same tokens, layer by layer and token by token.

Faults in kernels, casts, templates and engines are found by comparing implementations: see docs/parity.md. The names
below are imported when they are first used: the command line lists `mathpipe parity` where PyTorch is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl.parity.activations import Activations, capture
    from rl.parity.compare import compare_layers
    from rl.parity.errors import ParityError
    from rl.parity.implementations import Implementation, Pair, patched_and_plain
    from rl.parity.layer_table import LayerDifference, LayerTable
    from rl.parity.points import Point
    from rl.parity.token_logprobs import TokenLogprobs, TokenTable, compare_token_logprobs
    from rl.parity.verdict import Limits, Verdict

__all__ = [
    "Activations",
    "Implementation",
    "LayerDifference",
    "LayerTable",
    "Limits",
    "Pair",
    "ParityError",
    "Point",
    "TokenLogprobs",
    "TokenTable",
    "Verdict",
    "capture",
    "compare_layers",
    "compare_token_logprobs",
    "patched_and_plain",
]

_FILES = {
    "activations": ("Activations", "capture"),
    "compare": ("compare_layers",),
    "errors": ("ParityError",),
    "implementations": ("Implementation", "Pair", "patched_and_plain"),
    "layer_table": ("LayerDifference", "LayerTable"),
    "points": ("Point",),
    "token_logprobs": ("TokenLogprobs", "TokenTable", "compare_token_logprobs"),
    "verdict": ("Limits", "Verdict"),
}


def __getattr__(name: str) -> Any:
    for file, names in _FILES.items():
        if name in names:
            value = getattr(import_module(f"rl.parity.{file}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'rl.parity' has no attribute {name!r}")
