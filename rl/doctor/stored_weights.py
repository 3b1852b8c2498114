"""A folder's safetensors, read and changed by their bytes: a model larger than the memory can be examined and mended.

In: a folder. Out: each tensor's file, shape, dtype and place in it; rows in chunks, in fp32. The format is eight
bytes with the header's length, the header as JSON, and the tensors' bytes one after the other
(https://huggingface.co/docs/safetensors). A copy is mended in place (`write_rows`) or rewritten as a stream with
longer tensors (`lengthen`).

Legend: R rows, H the width of a row.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import torch
    from torch import Tensor

INDEX = "model.safetensors.index.json"
ONE_FILE = "model.safetensors"
_CHUNK_BYTES = 4 * 2**20
_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit


@dataclass(frozen=True, slots=True)
class Stored:
    """One tensor: where its bytes lie; `start` and `end` count from the beginning of the file."""

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StoredWeights:
    """All tensors of a folder by name. `faults` are sentences on files that are missing, cut off or contradictory."""

    folder: Path
    tensors: dict[str, Stored]
    faults: tuple[str, ...] = ()
    indexed: bool = False
    strays: tuple[str, ...] = field(default=())

    def resolve(self, name: str | None) -> Stored | None:
        """The tensor of that name, or the only one that ends as it does: prefixes differ between savers."""
        if name is None or name in self.tensors:
            return None if name is None else self.tensors[name]
        tail = "." + ".".join(name.split(".")[-2:])
        found = [item for key, item in self.tensors.items() if f".{key}".endswith(tail)]
        return found[0] if len(found) == 1 else None


def open_weights(folder: Path) -> StoredWeights | None:
    """The folder's tensors, from the headers alone; None where it holds no safetensors."""
    if (folder / INDEX).is_file():
        return _indexed(folder)
    if not (folder / ONE_FILE).is_file():
        return None
    try:
        return StoredWeights(folder, {item.name: item for item in read_header(folder / ONE_FILE)})
    except (ValueError, OSError) as error:
        return StoredWeights(folder, {}, (f"{ONE_FILE}: {error}",))


def _indexed(folder: Path) -> StoredWeights:
    tensors: dict[str, Stored] = {}
    faults: list[str] = []
    try:
        listed: dict[str, str] = json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        return StoredWeights(folder, {}, (f"{INDEX} is unreadable ({error})",), indexed=True)
    for name in sorted(set(listed.values())):
        try:
            tensors.update((item.name, item) for item in read_header(folder / name))
        except FileNotFoundError:
            faults.append(f"{name} is missing")
        except (ValueError, OSError) as error:
            faults.append(f"{name}: {error}")
    absent = [name for name, file in listed.items() if name not in tensors and (folder / file).is_file()]
    misplaced = [name for name, item in tensors.items() if listed.get(name, item.file.name) != item.file.name]
    if absent and not faults:
        faults.append(f"{len(absent)} tensors of {INDEX} are in no file, {absent[0]} first")
    if misplaced:
        faults.append(f"{len(misplaced)} tensors are in another file than {INDEX} says, {misplaced[0]} first")
    strays = tuple(name for name in tensors if name not in listed)
    return StoredWeights(folder, tensors, tuple(faults), indexed=True, strays=strays)


def read_header(path: Path) -> list[Stored]:
    """The tensors of one file; a `ValueError` where its bytes contradict its header."""
    size = path.stat().st_size
    with path.open("rb") as file:
        header, base = _header(file, size)
    found = []
    for name, value in header.items():
        if name != "__metadata__":
            start, end = value["data_offsets"]
            found.append(Stored(name, path, value["dtype"], tuple(value["shape"]), base + start, base + end))
    expected = max((item.end for item in found), default=base)
    if expected != size:
        raise ValueError(f"cut off or overlong: {size} bytes, {expected} by its header")
    return found


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    if not 2 <= length <= min(size - _LENGTH_BYTES, _MAX_HEADER_BYTES):
        raise ValueError("no safetensors header")
    header: dict[str, Any] = json.loads(file.read(length))
    return header, _LENGTH_BYTES + length


def chunks(stored: Stored) -> Iterator[tuple[int, Tensor]]:
    """The tensor's rows in the dtype they are stored in, some at a time, each chunk with its first row's number.

    Read rather than mapped: a mapped file's pages would count as this process's memory.
    """
    rows = stored.shape[0] if stored.shape else 1
    step = max(1, _CHUNK_BYTES * rows // max(1, stored.end - stored.start))
    with stored.file.open("rb") as file:
        for first in range(0, rows, step):
            yield first, _read(file, stored, first, min(step, rows - first))


def read_rows(stored: Stored, rows: Sequence[int]) -> Iterator[Tensor]:
    """Single rows, one after the other."""
    with stored.file.open("rb") as file:
        for row in rows:
            yield _read(file, stored, row, 1)[0]


def _read(file: BinaryIO, stored: Stored, first: int, count: int) -> Tensor:
    import torch

    kind = _dtypes()[stored.dtype]
    width = stored.shape[1:]
    row_bytes = math.prod(width) * kind.itemsize
    file.seek(stored.start + first * row_bytes)
    return torch.frombuffer(bytearray(file.read(count * row_bytes)), dtype=kind).reshape(count, *width)


def readable(stored: Stored) -> bool:
    """Whether its dtype is one that is read here (integers and four-bit formats are not), and it has any numbers."""
    return stored.dtype in _dtypes() and math.prod(stored.shape) > 0


def _dtypes() -> dict[str, torch.dtype]:
    import torch

    return {
        "F64": torch.float64,
        "F32": torch.float32,
        "F16": torch.float16,
        "BF16": torch.bfloat16,
        "F8_E4M3": torch.float8_e4m3fn,
        "F8_E5M2": torch.float8_e5m2,
    }


def write_rows(stored: Stored, rows: Sequence[int], vector: Tensor) -> None:
    """Overwrite these rows, in the file itself, with one vector, rounded to the tensor's dtype."""
    data = _bytes(vector, stored)
    with stored.file.open("r+b") as file:
        for row in rows:
            file.seek(stored.start + row * len(data))
            file.write(data)


def lengthen(path: Path, added: Mapping[str, tuple[int, Tensor]]) -> None:
    """Rewrite a file with tensors that have more rows: by name, how many more and the vector each of them is."""
    with path.open("rb") as file:
        header, _ = _header(file, path.stat().st_size)
    stored = sorted(read_header(path), key=lambda item: item.start)
    tails = {item.name: _bytes(added[item.name][1], item) for item in stored if item.name in added}
    place = 0
    for item in stored:
        more = added[item.name][0] if item.name in added else 0
        length = item.end - item.start + more * len(tails.get(item.name, b""))
        if more:
            header[item.name]["shape"][0] += more
        header[item.name]["data_offsets"] = [place, place + length]
        place += length
    written = path.with_name(f".{path.name}.part")
    with path.open("rb") as old, written.open("wb") as new:
        _write_header(new, header)
        for item in stored:
            old.seek(item.start)
            _copy(old, new, item.end - item.start)
            for _ in range(added[item.name][0] if item.name in added else 0):
                new.write(tails[item.name])
    shutil.copymode(path, written)
    written.replace(path)


def _write_header(file: BinaryIO, header: dict[str, Any]) -> None:
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH_BYTES)  # the tensors begin at a multiple of eight
    file.write(len(text).to_bytes(_LENGTH_BYTES, "little") + text)


def _copy(old: BinaryIO, new: BinaryIO, count: int) -> None:
    while count:
        data = old.read(min(count, _CHUNK_BYTES))
        if not data:
            raise ValueError("the file ends too early")
        new.write(data)
        count -= len(data)


def _bytes(vector: Tensor, stored: Stored) -> bytes:
    """One row's bytes in the file."""
    import torch

    value = vector.to(_dtypes()[stored.dtype]).contiguous().reshape(-1)
    if value.numel() != math.prod(stored.shape[1:]):
        raise ValueError(f"a row of {stored.name} has {math.prod(stored.shape[1:])} numbers, not {value.numel()}")
    return bytes(value.view(torch.uint8).numpy().tobytes())
