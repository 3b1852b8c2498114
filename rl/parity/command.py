"""`mathpipe parity LEFT RIGHT`: are these the same model? A table, JSON and a plot; exit status 2 if not.

In: folders in transformers' format, or JSONL files of token log-probabilities that an engine wrote. Out:
`parity.json` and `parity.svg` for layers, `tokens.json` for log-probabilities, in the folder of `--out`. Models are
loaded one at a time. Loads torch only when it runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from mathpipe.core.errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from rl.parity.implementations import Implementation, Patched
    from rl.parity.layer_table import LayerTable
    from rl.parity.token_logprobs import TokenLogprobs, TokenTable

SUSPECT_STATUS = 2
_PIPED_WIDTH = 160
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json")


class _StatusOneOnBadInput(click.Command):
    """A mistyped option exits with 1, as any bad input does: 2 is kept for a suspect point."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise InputError("parity", error.format_message().rstrip("."), "see mathpipe parity --help") from None


@dataclass(frozen=True)
class Request:
    """What the command was asked for, checked."""

    left: Path
    right: Path | None
    vllm: bool
    token_ids: list[list[int]]
    dtypes: list[str]
    out: Path
    all_points: bool
    overrides: tuple[str, ...]


@click.command(
    name="parity",
    cls=_StatusOneOnBadInput,
    epilog='Example: mathpipe parity models/trained --patched --text "Let p be a prime." --dtype fp32,bf16',
)
@click.argument("left", type=click.Path(path_type=Path))
@click.argument("right", required=False, type=click.Path(path_type=Path))
@click.option("--patched", is_flag=True, help="In place of RIGHT: LEFT's weights with rl.kernels.patch.")
@click.option("--vllm", is_flag=True, help="In place of RIGHT: LEFT's folder in vLLM; log-probabilities only.")
@click.option("--tokens", type=click.Path(path_type=Path), help="JSONL: a list of token ids a line, or token_ids.")
@click.option("--text", multiple=True, help="Text for LEFT's tokenizer; repeatable.")
@click.option("--dtype", default="fp32,bf16", show_default=True, help="Dtypes to compare in: fp32, bf16, fp16, fp64.")
@click.option(
    "--out", default="data/parity", show_default=True, type=click.Path(path_type=Path), help="Folder for results."
)
@click.option("--all-points", is_flag=True, help="Every point in the table, not only layers and what is suspect.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A=VALUE",
    help="A limit: floor_factor, low_floor_factor, jump_factor.",
)
def parity(
    left: Path,
    right: Path | None,
    patched: bool,
    vllm: bool,
    tokens: Path | None,
    text: tuple[str, ...],
    dtype: str,
    out: Path,
    all_points: bool,
    overrides: tuple[str, ...],
) -> None:
    """Compare two implementations of one model on the same tokens, layer by layer and token by token.

    LEFT and RIGHT are model folders, or JSONL files of `{"token_ids": [...], "logprobs": [...]}` that an engine
    wrote; a file brings its tokens along. LEFT is the one taken as right.

    Exit status: 0 if all differences are rounding, 1 on bad input, 2 if a point is suspect.
    """
    if (right is not None) + patched + vllm != 1:
        raise InputError("parity", "one of RIGHT, --patched and --vllm", "see mathpipe parity --help")
    _require_parts(left, right, dtype)
    request = Request(
        left, right, vllm, _token_ids(left, right, tokens, text), dtype.split(","), out, all_points, overrides
    )
    console = Console() if sys.stdout.isatty() else Console(width=_PIPED_WIDTH)
    if _is_file(left) or _is_file(right) or vllm:
        _compare_tokens(request, console)
        return
    table = _compare_models(request, console)
    if table.suspects:
        sys.exit(SUSPECT_STATUS)


def _require_parts(left: Path, right: Path | None, dtype: str) -> None:
    """Everything that can be wrong is found before a model is loaded."""
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise InputError("parity", f"PyTorch and transformers ({error})", "pip install 'mathpipe[cpu]'") from None
    from rl.parity.precision import dtype_named

    for path in (left, right):
        if path is not None and not _is_file(path) and not (path / "config.json").is_file():
            raise InputError(str(path), "a model folder with config.json, or a .jsonl file", "check the path")
    for name in dtype.split(","):
        dtype_named(name)


def _is_file(path: Path | None) -> bool:
    return path is not None and path.suffix == ".jsonl"


def _compare_models(request: Request, console: Console) -> LayerTable:
    import torch

    from mathpipe.core.config import override
    from rl.parity.compare import compare_layers
    from rl.parity.layer_table import summary
    from rl.parity.plot import write_plot
    from rl.parity.precision import dtype_named
    from rl.parity.terminal import layer_rows
    from rl.parity.token_logprobs import compare_token_logprobs
    from rl.parity.verdict import Limits

    left, right = _sides(request)
    limits = override(Limits(), request.overrides)
    dtypes = [dtype_named(name) for name in request.dtypes]
    tables = [compare_layers(left, right, torch.tensor([ids]), dtypes, limits=limits) for ids in request.token_ids]
    table = max(tables, key=_badness)  # one is shown: the sequence on which they differ most
    console.print(f"{table.right} against {table.left}: relative L2 difference", markup=False, highlight=False)
    console.print(layer_rows(table, all_points=request.all_points))
    for line in summary(table):
        console.print(line, markup=False, highlight=False)
    scores = [_scored_by(side, request.token_ids) for side in (left, right)]
    _print_tokens(compare_token_logprobs(*scores, decode=_decoder(request.left)), request.out, console)
    _write_json(table.as_json(), request.out / "parity.json")
    click.echo(f"layers:  {request.out / 'parity.json'}")
    click.echo(f"plot:    {write_plot(table, request.out / 'parity.svg')}")
    return table


def _badness(table: LayerTable) -> tuple[int, float]:
    return len(table.suspects), max((row.excess for row in table.rows if row.excess >= 0), default=0.0)  # NaN: no


def _compare_tokens(request: Request, console: Console) -> None:
    from rl.parity.token_logprobs import compare_token_logprobs

    # Right first: it fails at once where vLLM is missing.
    right = _vllm_source(request) if request.right is None else _source(request.right, request.token_ids)
    left = _source(request.left, request.token_ids)
    decode = next((_decoder(path) for path in (request.left, request.right) if path and not _is_file(path)), None)
    _print_tokens(compare_token_logprobs(left, right, decode=decode), request.out, console)


def _print_tokens(table: TokenTable, out: Path, console: Console) -> None:
    from rl.parity.terminal import token_rows, token_summary

    if table.worst:
        console.print(token_rows(table))
    console.print(token_summary(table), markup=False, highlight=False)
    _write_json(table.as_json(), out / "tokens.json")
    click.echo(f"tokens:  {out / 'tokens.json'}")


def _sides(request: Request) -> tuple[Implementation, Implementation]:
    from rl.parity.implementations import implementation, patched_and_plain

    left = _loader(request.left)
    if request.right is not None:
        return implementation(left, str(request.left)), implementation(_loader(request.right), str(request.right))
    from rl.kernels.patch import patch

    def put_in(model: nn.Module) -> Patched:
        try:
            return patch(model)
        except ValueError as error:  # a model that has no kernels here
            raise InputError("--patched", str(error), "compare two folders instead") from None

    return patched_and_plain(left, put_in)


def _loader(folder: Path) -> Callable[[], nn.Module]:
    def load() -> nn.Module:
        from transformers import AutoModelForCausalLM

        quiet: Any = import_module("transformers.utils.logging")
        quiet.disable_progress_bar()  # models are loaded several times: bars would bury the tables
        device = _device()
        try:
            model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, dtype="auto")
        except (OSError, ValueError, KeyError) as error:
            raise InputError(str(folder), f"a causal language model ({error})", "check the folder") from None
        loaded: nn.Module = model.float().to(device)
        return loaded

    return load


def _device() -> torch.device:
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _scored_by(side: Implementation, token_ids: list[list[int]]) -> TokenLogprobs:
    from rl.parity.token_logprobs import from_model

    with side.open() as model:
        return from_model(model, token_ids, source=side.name)


def _source(path: Path, token_ids: list[list[int]]) -> TokenLogprobs:
    from rl.parity.implementations import implementation
    from rl.parity.token_logprobs import from_file

    return from_file(path) if _is_file(path) else _scored_by(implementation(_loader(path), str(path)), token_ids)


def _vllm_source(request: Request) -> TokenLogprobs:
    from rl.parity.vllm_logprobs import from_vllm, load_vllm

    return from_vllm(load_vllm(str(request.left), dtype=request.dtypes[0]), request.token_ids)


def _tokenizer(folder: Path) -> Any | None:
    """The folder's tokenizer, or None: without files of its own, transformers would make an empty one."""
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        return None
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        why = " ".join(str(error).split())[:160]
        raise InputError(str(folder), f"a tokenizer that can be loaded ({why})", "mend its files") from None


def _decoder(folder: Path) -> Callable[[Sequence[int]], str] | None:
    """Token ids to text, or None where the folder has no tokenizer: ids are shown then."""
    tokenizer = _tokenizer(folder)
    return None if tokenizer is None else lambda ids: str(tokenizer.decode(list(ids)))


def _token_ids(left: Path, right: Path | None, tokens: Path | None, text: tuple[str, ...]) -> list[list[int]]:
    from rl.parity.token_logprobs import from_file

    given = [path for path in (left, right) if path is not None and _is_file(path)]
    if given:
        if tokens or text:
            raise InputError(
                "--tokens, --text", "to be left out where a JSONL file brings its tokens", "leave it out"
            )
        return [list(row.token_ids) for row in from_file(given[0]).sequences]
    if bool(tokens) == bool(text):
        raise InputError("parity", "one of --tokens and --text", 'for example --text "Let p be a prime."')
    return _read_tokens(tokens) if tokens else _tokenized(left, text)


def _read_tokens(path: Path) -> list[list[int]]:
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"a readable JSONL file ({error})", "check the path") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            found.append([int(value) for value in (row["token_ids"] if isinstance(row, dict) else row)])
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{path}:{number}", "a JSON list of token ids", "for example [1, 5, 9]") from None
    if not found or any(len(ids) < 2 for ids in found):
        raise InputError(str(path), "at least one sequence, each of two tokens or more", "give more tokens")
    return found


def _tokenized(folder: Path, text: tuple[str, ...]) -> list[list[int]]:
    tokenizer = _tokenizer(folder)
    if tokenizer is None:
        raise InputError(str(folder), "a tokenizer for --text", "give --tokens instead")
    found = [[int(value) for value in tokenizer(one)["input_ids"]] for one in text]
    if any(len(ids) < 2 for ids in found):
        raise InputError("--text", "text of two tokens or more", "give longer text")
    return found


def _write_json(value: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
