"""Build the index of benchmark items, and the stage that does it in a run.

In: `BenchmarkItem` records. Out: a `BenchmarkIndex`; the stage passes the items on and writes the index beside them,
so that a later step finds both. The rule is told in `benchmark_index`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from filters.benchmark_grams import Reader, distinctive, is_content, operand_codes, operands
from filters.benchmark_index import ANCHORS, Arrays, BenchmarkIndex, IndexConfig, Matchable
from filters.benchmark_items import BenchmarkItem
from filters.benchmark_text import formal_statement, is_unspaced
from filters.word_ngrams import Codes, run_hashes
from mathpipe.core.records import Drop
from mathpipe.core.stage import Stage, StageContext

INDEX_FILE = "benchmark_index.npz"
_FEW_GRAMS = 4  # an item with fewer in the LaTeX form is matched as a whole too: a rewriting may break them all
_RANKS = {kind: rank for rank, kind in enumerate(Matchable)}


def build_index(items: Iterable[BenchmarkItem], config: IndexConfig | None = None) -> BenchmarkIndex:
    """Index the items; they are numbered in the order they come."""
    builder = _Builder(config or IndexConfig())
    for item in items:
        builder.add(item)
    return builder.finish()


class BuildBenchmarkIndexStage(Stage[BenchmarkItem, BenchmarkItem]):
    """Gathers all items, writes `benchmark_index.npz` among the step's files, and passes the items on."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: IndexConfig, context: StageContext) -> None:
        self._config = config
        self._files = context.files

    @classmethod
    def memory_bytes(cls, config: IndexConfig, input_rows: int) -> int:
        """About 12 KB an item while its n-grams are sorted."""
        return 64 * 2**20 + 12_000 * input_rows

    def run(self, shard: Iterable[BenchmarkItem]) -> Iterator[BenchmarkItem | Drop]:
        """Yield the items unchanged once the index lies on disk."""
        items = list(shard)
        build_index(items, self._config).save(self._files / INDEX_FILE)
        yield from items


class _Builder:
    def __init__(self, config: IndexConfig) -> None:
        self._config = config
        self._reader = Reader()
        self._names: list[tuple[str, str]] = []
        self._owners: list[int] = []  # the item of each text: its question, its solution
        self._texts: list[int] = []  # texts that several benchmarks share have one number
        self._grams: list[Codes] = []
        self._few: list[bool] = []
        self._words: list[int] = []
        self._codes: list[Codes] = []
        self._numbers: dict[tuple[str, ...], int] = {}

    def add(self, item: BenchmarkItem) -> None:
        """Read an item's texts in both forms."""
        for text in self._parts(item):
            tokens, codes = self._reader.latex(text)
            names, name_codes = operands(tokens), operand_codes(codes)
            grams = [self._distinctive(*self._reader.words(text)), self._distinctive(names, name_codes)]
            self._few.append(len(grams[1]) < _FEW_GRAMS)
            self._owners.append(len(self._names))
            self._texts.append(self._numbers.setdefault(tuple(names), len(self._numbers)))
            self._grams.append(np.unique(np.concatenate(grams)))
            self._words.append(len(names))
            self._codes.append(codes)
        self._names.append((item.benchmark, item.item_id))

    def _parts(self, item: BenchmarkItem) -> Iterator[str]:
        yield formal_statement(item.question) if item.formal else item.question
        if item.solution and self._config.protect_solutions:
            yield item.solution

    def _distinctive(self, tokens: list[str], codes: Codes) -> Codes:
        if 2 * sum(map(is_unspaced, tokens)) > len(tokens):
            length = self._config.unspaced_ngram
            return run_hashes(codes, length)[distinctive(tokens, length, length // 2, is_unspaced)]
        length = self._config.ngram
        return run_hashes(codes, length)[distinctive(tokens, length, self._config.min_content_words, is_content)]

    def finish(self) -> BenchmarkIndex:
        """Leave out phrases that many items share, and sort."""
        sizes = [len(grams) for grams in self._grams]
        hashes = np.concatenate([np.empty(0, np.uint64), *self._grams])
        kept = ~np.isin(hashes, self._phrases(hashes, sizes))
        covered = [bool(np.any(part)) for part in np.split(kept, np.cumsum(sizes)[:-1])] if sizes else []
        owners = np.repeat(np.array(self._owners, np.uint32), sizes)[kept]
        order = np.lexsort((owners, hashes[kept]))
        unique, first = np.unique(hashes[kept][order], return_index=True)
        arrays = {
            "gram_hashes": unique,
            "gram_items": owners[order][first],
            "matchable": self._matchable(covered),
            **self._whole_arrays([done and not few for done, few in zip(covered, self._few, strict=True)]),
        }
        return BenchmarkIndex(self._config, self._names, arrays)

    def _phrases(self, hashes: Codes, sizes: list[int]) -> Codes:
        texts = np.repeat(np.array(self._texts, np.uint64), sizes)
        pairs = np.unique(np.stack([hashes, texts]), axis=1)
        values, counts = np.unique(pairs[0], return_counts=True)
        return values[counts > self._config.max_items_per_ngram]

    def _has_whole(self, text: int) -> bool:
        return self._words[text] >= self._config.min_whole_words and len(self._codes[text]) >= min(ANCHORS)

    def _matchable(self, covered: list[bool]) -> NDArray[np.uint8]:
        best = np.full(len(self._names), _RANKS[Matchable.NOT], np.uint8)
        for text, (owner, done) in enumerate(zip(self._owners, covered, strict=True)):
            if done:
                best[owner] = _RANKS[Matchable.NGRAM]
            elif self._has_whole(text):
                best[owner] = min(best[owner], _RANKS[Matchable.WHOLE])
        return best

    def _whole_arrays(self, left_out: list[bool]) -> Arrays:
        rows: list[tuple[int, int, int, int, int]] = []
        for text, codes in enumerate(self._codes):
            if not left_out[text] and self._has_whole(text):
                size = next(size for size in ANCHORS if len(codes) >= size)
                anchor, whole = run_hashes(codes[:size], size)[0], run_hashes(codes, len(codes))[0]
                rows.append((size, int(anchor), len(codes), int(whole), self._owners[text]))
        columns: list[Any] = list(zip(*sorted(rows), strict=True)) if rows else [()] * 5
        kinds = (np.uint8, np.uint64, np.uint32, np.uint64, np.uint32)
        names = ("sizes", "anchors", "lengths", "hashes", "items")
        return {f"whole_{name}": np.array(*pair) for name, *pair in zip(names, columns, kinds, strict=True)}
