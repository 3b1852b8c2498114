"""Files on other machines, by address: `https://` (urllib3) and `s3://` (fsspec), read by byte ranges.

In: an address and a `FetchConfig`. Out: bytes that are the file's, or one `FetchError`. Read `remote_file.py` first.
"""

from crawl.remote.config import FetchConfig
from crawl.remote.download import cached_file
from crawl.remote.errors import FetchError, HostError, MissingFileError
from crawl.remote.remote_file import RemoteFile, RemoteRaw, is_address

__all__ = [
    "FetchConfig",
    "FetchError",
    "HostError",
    "MissingFileError",
    "RemoteFile",
    "RemoteRaw",
    "cached_file",
    "is_address",
]
