"""How remote files are fetched: how politely, how patiently, and what is kept."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from mathpipe.core.config import Config


class FetchConfig(Config):
    """Values of every remote read. Limits hold for all threads of one process: divide them by the workers."""

    base_url: str = Field(
        default="https://data.commoncrawl.org",
        description="What the paths of a snapshot are relative to; s3://commoncrawl with AWS credentials",
    )
    contact: str = Field(default="", pattern=r"^[\x20-\x7e]*$", description="An address told in the user agent")
    requests_per_second: float = Field(
        default=4.0, gt=0, le=10_000, description="Requests started per second and host, by one process"
    )
    connections: int = Field(
        default=4, ge=1, le=256, description="Requests at work at a time per host, by one process"
    )
    timeout_seconds: float = Field(default=60.0, gt=0, description="To connect, and to wait for the next bytes")
    min_bytes_per_second: int = Field(
        default=1_000, ge=0, description="A body slower than this over a whole timeout is cut and taken up again"
    )
    tries: int = Field(default=8, ge=1, description="Faults in a row on one range before it is given up")
    backoff_seconds: float = Field(default=1.0, ge=0, description="Pause after the first fault; it doubles")
    backoff_max_seconds: float = Field(default=60.0, ge=0)
    retry_after_max_seconds: float = Field(
        default=600.0, ge=0, description="A server that asks for a longer pause ends the read with an error"
    )
    allow_http_redirects: bool = Field(
        default=False,
        description="Follow a redirect from https to http, where anyone on the way can change the bytes",
    )
    seed: int = Field(default=0, description="Seed of the pauses' jitter")
    block_bytes: int = Field(default=8 * 2**20, ge=1, description="Bytes asked for at a time from a long file")
    cache: Path | None = Field(
        default=None, description="Folder where whole archives are kept; None: nothing is written to disk"
    )
    s3_anonymous: bool = Field(default=False, description="Send no credentials; else those of the environment")
    s3_region: str = "us-east-1"
    s3_endpoint: str | None = Field(default=None, description="Another S3 server, e.g. http://127.0.0.1:9000")
