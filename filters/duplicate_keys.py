"""Keys that duplicates share: the address, the text, and the bands of the MinHash signature.

In: pages. Out: `DuplicateKey` rows: one for the address, one for the text, one a band. Rows of one value lie
in one partition (`partition_of`), whatever shard they came from, so partitions can be matched on any worker.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import ClassVar

from filters.minhash import MinHashConfig, Signer, low_bytes
from filters.url_key import url_key
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import Stage, StageContext


class DuplicateKind(StrEnum):
    """In what respect two pages are the same, the strictest first."""

    URL = "url"
    EXACT = "exact"
    NEAR = "near"


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateNode:
    """A page as far as duplicates are concerned. `signature` holds 8-bit minima, or nothing for short texts."""

    record_id: str
    url: str
    formulas: int
    characters: int
    signature: bytes = b""

    @property
    def rank(self) -> tuple[int, int, int, str, str]:
        """The lowest stays: most formulas recovered, then the longest text, then the shortest address."""
        return -self.formulas, -self.characters, len(self.url), self.url, self.record_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateKey:
    """One value under which a page can meet its duplicates. `scheme` names how a signature was made."""

    kind: DuplicateKind
    value: bytes
    scheme: str
    page: DuplicateNode


def partition_of(key: DuplicateKey, partitions: int) -> int:
    """The partition of a key: by band and bucket for near-duplicates, by hash for addresses and texts."""
    return int.from_bytes(key.value[:8], "big") % partitions


def same_text_digest(text: str) -> bytes | None:
    """Digest of the text in Unicode NFC with white space collapsed; None for a text that is only white space."""
    words = unicodedata.normalize("NFC", text).split()
    if not words:
        return None
    return _digest(DuplicateKind.EXACT, " ".join(words).encode("utf-8", "surrogatepass"))


def keys_of(page: Page, signer: Signer, scheme: str) -> Iterator[DuplicateKey]:
    """Every key of a page. A page without an address or without text lacks the keys that need one."""
    signature = signer.sign(page.text)
    node = DuplicateNode(
        record_id=page.record_id, url=page.url, formulas=len(page.formulas), characters=len(page.text),
        signature=b"" if signature is None else low_bytes(signature),
    )  # fmt: skip
    if page.url:
        digest = _digest(DuplicateKind.URL, url_key(page.url).encode("utf-8", "surrogatepass"))
        yield DuplicateKey(kind=DuplicateKind.URL, value=digest, scheme=scheme, page=node)
    same_text = same_text_digest(page.text)
    if same_text is not None:
        yield DuplicateKey(kind=DuplicateKind.EXACT, value=same_text, scheme=scheme, page=node)
    if signature is not None:
        for band, bucket in enumerate(signer.band_hashes(signature)):
            digest = _digest(DuplicateKind.NEAR, band.to_bytes(2, "big") + bucket)
            yield DuplicateKey(kind=DuplicateKind.NEAR, value=digest, scheme=scheme, page=node)


def _digest(kind: DuplicateKind, data: bytes) -> bytes:
    return blake2b(data, digest_size=16, person=kind.value.encode()).digest()


class KeysStage(Stage[Page, DuplicateKey]):
    """Pages to keys: 2 rows a page and one a band (18 in all by default)."""

    per_record: ClassVar[bool] = False

    def __init__(self, config: MinHashConfig, context: StageContext) -> None:
        self._signer = Signer(config)
        self._scheme = config.scheme

    def run(self, shard: Iterable[Page]) -> Iterator[DuplicateKey | Drop]:
        """Yield the keys of every page in turn."""
        for page in shard:
            yield from keys_of(page, self._signer, self._scheme)
