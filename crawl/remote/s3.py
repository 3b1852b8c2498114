"""One attempt at a byte range of an object in S3, through fsspec over Arrow's S3 client.

In: address, first byte, byte behind the last. Out: as `http.attempt`. Arrow's client signs with the credentials of
the environment and tries briefly by itself; what it gives up on is an `AttemptError` here.
"""

from __future__ import annotations

from functools import cache

from fsspec.implementations.arrow import ArrowFSWrapper
from pyarrow.fs import S3FileSystem

from crawl.remote.config import FetchConfig
from crawl.remote.errors import Answer, AttemptError, MissingFileError

# Words of the client's messages that no second attempt changes.
_FINAL = ("ACCESS_DENIED", "NO_SUCH_BUCKET", "NO_SUCH_KEY", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH",
          "No response body", "PermanentRedirect")  # fmt: skip
# And those that say nothing of the object.
_OF_HOST = ("NETWORK_CONNECTION", "SLOW_DOWN", "SERVICE_UNAVAILABLE", "REQUEST_TIMEOUT")


def attempt(address: str, start: int, end: int, config: FetchConfig) -> Answer:
    """Bytes `start` to `end` of the object, fewer where it ends."""
    files = _files(config.s3_anonymous, config.s3_region, config.s3_endpoint, config.timeout_seconds)
    try:
        with files.open(address.removeprefix("s3://"), "rb") as file:
            total, mark = file.stream.size(), _mark(file.stream.metadata())
            if start >= total:
                return Answer(b"", total, mark)
            file.seek(start)
            data = file.read(min(end, total) - start)
    except FileNotFoundError:
        raise MissingFileError(address, "an object that exists", "check the address") from None
    except OSError as error:
        text = " ".join(str(error).split())
        if any(word in text for word in _FINAL):
            raise MissingFileError(address, f"an object that may be read ({text})", "check AWS credentials") from None
        raise AttemptError(text, of_host=any(word in text for word in _OF_HOST)) from None
    answer = Answer(bytes(data), total, mark)
    if len(data) < min(end, total) - start:
        raise AttemptError(f"the body ended early ({len(data)} bytes)", answer=answer)
    return answer


@cache
def _files(anonymous: bool, region: str, endpoint: str | None, timeout_seconds: float) -> ArrowFSWrapper:
    scheme, _, host = (endpoint or "").rpartition("://")
    return ArrowFSWrapper(
        S3FileSystem(
            anonymous=anonymous, region=region, endpoint_override=host or None, scheme=scheme or "https",
            request_timeout=timeout_seconds, connect_timeout=timeout_seconds,
        )
    )  # fmt: skip


def _mark(metadata: dict[bytes | str, bytes | str]) -> str:
    found = {_text(key).lower(): _text(value) for key, value in metadata.items()}
    return found.get("etag") or found.get("last-modified") or ""


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
