"""`mathpipe export MODEL OUT --as FORM`: a trained policy as merged weights, an adapter, or GGUF with a Modelfile.

In: a folder in transformers' format, or a PEFT adapter's. Out: a new folder. Loads torch only when it runs.
"""

from __future__ import annotations

from pathlib import Path

import click

from mathpipe.core.errors import InputError


@click.command(
    name="export", epilog="Example: mathpipe export models/policy models/policy-gguf --as gguf --dtype q8_0"
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "form",
    required=True,
    type=click.Choice(["merged", "adapter", "gguf"]),
    help="merged: full weights. adapter: the adapter alone. gguf: a file for llama.cpp and Ollama, with a Modelfile.",
)
@click.option("--base", help="The adapter's base: a folder, or a hub name in the local cache. Default: as it says.")
@click.option(
    "--dtype",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "fp32", "bf16", "fp16", "q8_0"]),
    help="Of the weights written; auto: as they are. q8_0 for GGUF only.",
)
def export(model: Path, out: Path, form: str, base: str | None, dtype: str) -> None:
    """Write a policy to be used elsewhere.

    MODEL is a model's folder, or a PEFT adapter's. OUT must not exist.
    """
    _require(form)
    from rl.export.merged import export_adapter, export_merged
    from rl.export.source import find_source

    source = find_source(model, base)
    if form == "adapter":
        if dtype != "auto":
            raise InputError("--dtype", "to be left out for an adapter, which is copied as it is", "leave it out")
        done = export_adapter(source, out)
    elif form == "merged":
        done = export_merged(source, out, dtype)
    else:
        from rl.export.gguf_file import export_gguf

        done = export_gguf(source, out, dtype)
    for note in done.notes:
        click.echo(f"note:    {note}", err=True)
    for name in done.files:
        click.echo(f"written: {done.folder / name}")


def _require(form: str) -> None:
    try:
        import peft  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401

        if form == "gguf":
            import gguf  # noqa: F401
    except ImportError as error:
        raise InputError(
            "export", f"PyTorch, transformers, peft and gguf ({error})", "pip install 'mathpipe[cpu]'"
        ) from None
