"""Export: a trained policy as merged weights, as an adapter alone, or as one GGUF file with a Modelfile.

See docs/export.md. The names below are imported when they are first used: the command line lists `mathpipe export`
where PyTorch is not installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl.export.folder import Exported
    from rl.export.gguf_file import export_gguf
    from rl.export.merged import export_adapter, export_merged
    from rl.export.source import Source, find_source

__all__ = ["Exported", "Source", "export_adapter", "export_gguf", "export_merged", "find_source"]

_FILES = {
    "folder": ("Exported",),
    "gguf_file": ("export_gguf",),
    "merged": ("export_adapter", "export_merged"),
    "source": ("Source", "find_source"),
}


def __getattr__(name: str) -> Any:
    for file, names in _FILES.items():
        if name in names:
            value = getattr(import_module(f"rl.export.{file}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'rl.export' has no attribute {name!r}")
