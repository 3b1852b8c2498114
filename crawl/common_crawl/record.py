"""One record from the bytes of its byte range: whole, of the right address, and with the digest it is known by.

In: the bytes and the `Capture` that names them. Out: a `RawPage` as `read_pages` gives it, or a `RecordError`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zlib
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum

from fastwarc import ArchiveIterator, WarcRecord, WarcRecordType

from crawl.archive import GZIP_MAGIC, name_of
from crawl.common_crawl.capture import Capture
from crawl.warc import fields_of, target_of
from mathpipe.core.records import RawPage

_RESPONSE = int(WarcRecordType.response)
_PIECE_BYTES = 1 << 20
_ALGORITHMS = ("sha1", "sha256", "sha512", "md5")


class FetchFailure(StrEnum):
    """Why a capture is no page."""

    NO_ANSWER = "no-answer"
    HOST_GIVEN_UP = "host-given-up"  # another day it may be had
    BAD_CAPTURE = "bad-capture"
    CUT_RECORD = "cut-record"
    NO_RESPONSE = "no-response"
    WRONG_URL = "wrong-url"
    WRONG_DIGEST = "wrong-digest"


class RecordError(Exception):
    """Bytes that are not the record they should be."""

    def __init__(self, failure: FetchFailure, detail: str) -> None:
        super().__init__(failure, detail)
        self.failure = failure
        self.detail = detail


def page_of(data: bytes, capture: Capture, max_body_bytes: int) -> RawPage:
    """The page of a record. Raises `RecordError`."""
    if len(data) < capture.length:
        missing = capture.length - len(data)
        raise RecordError(FetchFailure.CUT_RECORD, f"the archive ends {missing:,} bytes before the record does")
    _check_member(data)
    try:
        stated = _first(data).headers.get("WARC-Payload-Digest") or ""
        _check_digests(data, [claim for claim in (stated, capture.digest) if _bare(claim)])
        fields = fields_of(_first(data), name_of(capture.warc), capture.offset, max_body_bytes)
    except OSError as error:
        raise RecordError(FetchFailure.CUT_RECORD, str(error)) from None
    if fields["url"] != capture.url:
        raise RecordError(FetchFailure.WRONG_URL, f"the record is of {fields['url']}")
    return RawPage(**fields, warc_length=len(data))


def payload_digest(data: bytes) -> str:
    """Digest of the payload of the one record in `data`, as indexes write it: SHA-1 in base 32.

    Raises `RecordError`, for several records in one gzip member too: they have no byte range each.
    """
    _check_member(data)
    try:
        if sum(1 for _ in ArchiveIterator(io.BytesIO(data), parse_http=False)) != 1:
            raise RecordError(FetchFailure.CUT_RECORD, "not one record")
        return base64.b32encode(_hashes(_first(data), {"sha1"})["sha1"]).decode()
    except OSError as error:
        raise RecordError(FetchFailure.CUT_RECORD, str(error)) from None


def _check_digests(data: bytes, claims: Sequence[str]) -> None:
    """Whether the payload is what record and index say it is; a digest of an unknown kind says nothing.

    Archives that keep chunks as they came have the digest of these bytes, or of the body without the chunks' sizes,
    which the WARC standard calls the payload.
    """
    known = [claim for claim in claims if _algorithm(claim) in _ALGORITHMS]
    if wrong := _not_of(_hashes(_first(data), {_algorithm(claim) for claim in known}), known):
        bare = _hashes(_first(data), {_algorithm(claim) for claim in wrong}, chunks=False)
        if still := _not_of(bare, wrong):
            found = base64.b32encode(bare[_algorithm(still[0])]).decode().rstrip("=")
            raise RecordError(FetchFailure.WRONG_DIGEST, f"the payload's digest is {found}, not {still[0]}")


def _not_of(found: Mapping[str, bytes], claims: Sequence[str]) -> list[str]:
    """The claims that are not borne out, in base 32 or 16."""
    return [
        claim
        for claim in claims
        if _bare(claim).upper()
        not in {
            base64.b32encode(found[_algorithm(claim)]).decode().rstrip("="),
            found[_algorithm(claim)].hex().upper(),
        }
    ]


def _hashes(record: WarcRecord, algorithms: Set[str], *, chunks: bool = True) -> dict[str, bytes]:
    """Digests of the payload, which is consumed; as it lies there or without the chunks' sizes."""
    record.parse_http(auto_decode="none" if chunks else "transfer")
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    while piece := record.reader.read(_PIECE_BYTES):
        for one in hashes.values():
            one.update(piece)
    return {name: one.digest() for name, one in hashes.items()}


def _first(data: bytes) -> WarcRecord:
    for record in ArchiveIterator(io.BytesIO(data), parse_http=False):
        if int(record.record_type) != _RESPONSE or not record.is_http:
            raise RecordError(FetchFailure.NO_RESPONSE, f"a record of another type: {target_of(record)}")
        return record
    raise RecordError(FetchFailure.CUT_RECORD, "no WARC record")


def _check_member(data: bytes) -> None:
    """A compressed record is one whole gzip member and nothing behind it, its CRC-32 and size right."""
    if not data.startswith(GZIP_MAGIC):
        if not data.startswith(b"WARC/"):
            raise RecordError(FetchFailure.CUT_RECORD, "neither gzip nor WARC")
        return
    decoder = zlib.decompressobj(31)
    try:
        rest = data
        while rest and not decoder.eof:
            decoder.decompress(rest, _PIECE_BYTES)
            rest = decoder.unconsumed_tail
    except zlib.error as error:
        raise RecordError(FetchFailure.CUT_RECORD, str(error)) from None
    if not decoder.eof or decoder.unused_data:
        raise RecordError(FetchFailure.CUT_RECORD, "the range is not one gzip member")


def _algorithm(digest: str) -> str:
    name, colon, _ = digest.partition(":")
    return name.lower() if colon else "sha1"


def _bare(digest: str) -> str:
    return digest.rpartition(":")[2].rstrip("=").strip("-")
