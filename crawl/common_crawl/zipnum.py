"""A CDX of gzip blocks and the `cluster.idx` that says where each lies: only blocks that can hold a key are read.

In: the place of a `cluster.idx`, and what keys begin with. Out: the text of the blocks that can hold such keys, in
order, each once. This is the form of Common Crawl's own CDX (ZipNum, https://pywb.readthedocs.io): `cdx-00000.gz` and
its 299 neighbours hold one gzip member for every 3,000 lines, and `cluster.idx`, 130 MB of it, one line a member:
first key and time, tab, file, tab, offset, tab, length. All lines are sorted by their bytes, so a binary search asks
for a few pages of it. A key may lie in the block before the first one whose own key is that or a later one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from crawl.archive import REREADS, Ranges, name_of, open_ranges
from crawl.remote import FetchConfig, MissingFileError, is_address
from mathpipe.core.errors import InputError

CLUSTER_FILE = "cluster.idx"
LINES_PER_BLOCK = 3_000
# 250 lines or so: the search asks for 12 of them in 130 MB.
_PAGE_BYTES = 1 << 15
_PAGES_KEPT = 64
# Compressed bytes that surely hold the first line of a block.
_OPENING_BYTES = 1 << 16
# 3,000 lines are 2 MB; what unpacks to this is no block.
_MAX_BLOCK_BYTES = 1 << 28
_LINE = re.compile(rb"([^\t\n]+)\t([^\t\n]+)\t(\d{1,18})\t(\d{1,18})(?:\t[^\n]*)?")
_NO_TEXT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Block:
    """One gzip member of a CDX file. `key` is the beginning of its first line: key and time."""

    key: bytes
    file: str
    offset: int
    length: int


class Cluster:
    """One `cluster.idx` and the files beside it; not shared by threads."""

    def __init__(self, place: str, config: FetchConfig) -> None:
        self.place = place
        self._config = config
        self._index = open_ranges(place, config)
        self._pages = -(-self._index.size() // _PAGE_BYTES)
        self._page: Callable[[int], bytes] = lru_cache(_PAGES_KEPT)(self._read_page)
        self._rereads = REREADS if is_address(place) else 1

    def texts(self, starts: Sequence[str], only_file: str = "") -> Iterator[tuple[Block, bytes]]:
        """Blocks that can hold a key which begins so, and what is in them; of all files or of one."""
        run: list[Block] = []
        for block in self.blocks(starts):
            if only_file not in {"", block.file}:
                continue
            if run and not self._goes_on(run, block):
                yield from self._read(run)
                run = []
            run.append(block)
        if run:
            yield from self._read(run)

    def blocks(self, starts: Sequence[str]) -> Iterator[Block]:
        """Blocks that can hold a key which begins so. The starts must be sorted, and none begin with another."""
        given = -1
        for start in starts:
            for at, line in self._reach(start.encode()):
                if at > given:
                    given = at
                    yield self._block(at, line)

    def _reach(self, start: bytes) -> Iterator[tuple[int, bytes]]:
        """The last line before the start, and all that begin with it."""
        before: tuple[int, bytes] | None = None
        for at, line in self._lines(self._page_before(start)):
            if line < start:
                before = at, line
                continue
            if before:
                yield before
                before = None
            if not line.startswith(start):
                return
            yield at, line
        if before:
            yield before

    def _block(self, at: int, line: bytes) -> Block:
        match = _LINE.fullmatch(line)
        if match is None:
            raise self._no_index(at)
        return Block(match[1], match[2].decode(errors="replace"), int(match[3]), int(match[4]))

    def _no_index(self, at: int) -> InputError:
        return InputError(self.place, f"a line of key, file, offset and length at byte {at:,}", "fetch it again")

    def _page_before(self, start: bytes) -> int:
        """The last page whose first line comes before the start, else the first page."""
        low, high = 0, self._pages
        while high - low > 1:
            middle = (low + high) // 2
            first = next(self._lines(middle), None)
            if first is not None and first[1] < start:
                low = middle
            else:
                high = middle
        return low

    def _lines(self, page: int) -> Iterator[tuple[int, bytes]]:
        """Lines from the first one on that begins behind the page's first line end, with their offsets."""
        rest, at, begun = b"", page * _PAGE_BYTES, page == 0
        for number in range(page, self._pages):
            *lines, rest = (rest + self._page(number)).split(b"\n")
            for line in lines:
                if begun:
                    yield at, line
                begun = True
                at += len(line) + 1
        if rest and begun:
            yield at, rest

    def _read_page(self, number: int) -> bytes:
        """One page, read again where it holds what is no line: plain text has no checksum."""
        start = number * _PAGE_BYTES
        for _ in range(self._rereads):
            data = self._index.read(start, start + _PAGE_BYTES)
            first, last = int(number > 0), -1 if number + 1 < self._pages or data.endswith(b"\n") else None
            whole = data.split(b"\n")[first:last]  # the first and the last line may be cut
            if all(map(_LINE.fullmatch, whole)) and not _NO_TEXT.search(data):
                return data
        raise self._no_index(start)

    def _goes_on(self, run: Sequence[Block], block: Block) -> bool:
        """Whether one read takes this block too."""
        last = run[-1]
        size = block.offset + block.length - run[0].offset
        return (
            block.file == last.file and block.offset == last.offset + last.length and size <= self._config.block_bytes
        )

    def _read(self, run: Sequence[Block]) -> Iterator[tuple[Block, bytes]]:
        """Blocks that lie one behind the other; what is not the block it should be is read again by itself."""
        place = self.place[: self.place.rindex(CLUSTER_FILE)] + run[0].file
        file, start = open_ranges(place, self._config), run[0].offset
        try:
            data = file.read(start, run[-1].offset + run[-1].length)
            for block in run:
                at = block.offset - start
                yield block, self._unpacked(file, block, data[at : at + block.length])
        except OSError as error:
            raise InputError(place, f"the file that {CLUSTER_FILE} names ({error})", "fetch it too") from None

    def _unpacked(self, file: Ranges, block: Block, data: bytes) -> bytes:
        for left in reversed(range(self._rereads)):
            try:
                return _unpack(data, block.key)
            except (zlib.error, ValueError) as error:
                if not left:
                    raise InputError(
                        self.place, f"a gzip block at byte {block.offset:,} of {block.file} ({error})",
                        "fetch both anew, they may be of two versions",
                    ) from None  # fmt: skip
            data = file.read(block.offset, block.offset + block.length)
        return b""


def cluster_beside(index: str, config: FetchConfig) -> Cluster | None:
    """The `cluster.idx` in the folder of a compressed CDX file, where there is one that tells of this file."""
    name = name_of(index)
    if not name.endswith(".gz"):
        return None
    folder = index.partition("?")[0].rpartition("/")[0] if is_address(index) else str(Path(index).parent)
    try:
        cluster = Cluster(f"{folder}/{CLUSTER_FILE}", config)
    except (MissingFileError, FileNotFoundError):
        return None
    try:
        opening = open_ranges(index, config).read(0, _OPENING_BYTES)
        key = zlib.decompressobj(31).decompress(opening, _OPENING_BYTES).partition(b" {")[0]
    except zlib.error:
        return None
    if not key or b"\n" in key:
        return None
    found = cluster.blocks([key.decode(errors="replace")])
    return cluster if any(block == Block(key, name, 0, block.length) for block in found) else None


def _unpack(data: bytes, key: bytes) -> bytes:
    """The text of a whole block, its checksum right. Raises `ValueError`, `zlib.error`."""
    decoder = zlib.decompressobj(31)
    text = decoder.decompress(data, _MAX_BLOCK_BYTES)
    if not decoder.eof or decoder.unused_data:
        raise ValueError("it is not one gzip member")
    if not text.startswith(key):
        raise ValueError("its first line has another key")
    return text
