"""A run's outputs on an object store beside its folder: `s3://bucket/run`, or any address that Arrow opens.

In: finished shards. Out: the same files under the same names below the address, each step's `manifest.jsonl` among
them. A worker puts its shard's files there when they are whole; the driver puts the manifest, whole, from time to
time and at a step's end, always after the files it names. A run whose folder is gone is fetched back from there, and
every file is checked against its digest. The address belongs to the run that first wrote there, by its `owner.json`:
another one stops, unless it is told to take over, and then the first stops at its next manifest. Credentials and
endpoint come from the environment (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ...) or from the address
(`?endpoint_override=host:9000&scheme=http`).
"""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache, cached_property
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from mathpipe.core.errors import InputError
from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry, line_of
from mathpipe.core.metrics import now
from mathpipe.core.store import digest_file, disk_faults

_THREADS = 8
_SECONDS_BETWEEN_MANIFESTS = 30.0
_OWNER = "owner.json"
_RUN_FILES = ("config.yaml", "run.json", "metrics.jsonl", "ledger.jsonl")


class Mirror:
    """One address. It opens no connection before it is used."""

    def __init__(self, address: str, run_folder: Path) -> None:
        self.address = address
        self._run_folder = run_folder
        self._put_at = 0.0
        self._run_id = ""

    @cached_property
    def _place(self) -> tuple[fs.FileSystem, str]:
        return _opened(self.address)

    def claim(self, run_id: str, *, take_over: bool = False) -> None:
        """Make the address this run's own; raises `InputError` where it is another's and is not to be taken over."""
        owner = self._owner()
        if owner.get("run_id", run_id) != run_id and not take_over:
            raise InputError(
                f"runner.mirror {self.address}",
                f"a place that no other run writes to (it belongs to {_named(owner)})",
                "give this run an address of its own; if that run will not go on, or was this one before its folder"
                " was lost, add --set runner.mirror_take_over=true",
            )
        self._run_id = run_id
        if owner.get("run_id") != run_id:
            name = self._run_folder.absolute().name
            row = {"run_id": run_id, "name": name, "machine": socket.gethostname(), "since": now()}
            self._put(_OWNER, json.dumps(row).encode())

    def _owner(self) -> dict[str, str]:
        """The run that the address belongs to; empty where it is nobody's, or a kill tore what it wrote."""
        try:
            row = json.loads(self._get(_OWNER) or b"{}")
        except ValueError:
            return {}
        return row if isinstance(row, dict) else {}

    def put_files(self, step: str, outputs: Iterable[OutputFile]) -> None:
        """Copy a shard's files."""
        files, root = self._place
        for output in outputs:
            name = f"steps/{step}/{output.path}"
            try:
                if isinstance(files, fs.LocalFileSystem):
                    files.create_dir(str(Path(f"{root}/{name}").parent))
                fs.copy_files(
                    str(self._run_folder / name), f"{root}/{name}",
                    source_filesystem=fs.LocalFileSystem(), destination_filesystem=files,
                )  # fmt: skip
            except (OSError, pa.ArrowException) as error:
                raise self._refused(name, error) from error

    def open_step(self, step: str, entries: Iterable[ShardEntry]) -> None:
        """Before a step's shards are made: `entries` are the finished ones, which are copied where they are missing.

        From now on the manifest there names no shard whose files are about to be replaced.
        """
        entries = list(entries)
        there = {entry.shard: entry for entry in self._manifest_there(step)}
        kept = [entry for entry in entries if there.get(entry.shard) == entry]
        missing = [entry for entry in entries if there.get(entry.shard) != entry]
        if len(kept) < len(there):
            self.put_manifest(step, kept)
        with ThreadPoolExecutor(_THREADS) as pool:
            for _ in pool.map(lambda entry: self.put_files(step, entry.outputs), missing):
                pass
        if missing:
            self.put_manifest(step, entries)

    def put_manifest(self, step: str, entries: Iterable[ShardEntry]) -> None:
        """Replace the step's manifest there, in one piece; raises `InputError` if another run has taken over."""
        owner = self._owner()
        if owner.get("run_id", self._run_id) != self._run_id:
            raise InputError(
                f"runner.mirror {self.address}",
                f"a place that stays this run's (now it belongs to {_named(owner)})",
                "let that run go on instead, or give this one another address",
            )
        self._put(f"steps/{step}/manifest.jsonl", b"".join(line_of(asdict(entry)) for entry in entries))
        self._put_at = time.monotonic()

    def put_manifest_sometimes(self, step: str, manifest: Manifest) -> None:
        """The same, unless it was done a moment ago."""
        if time.monotonic() - self._put_at > _SECONDS_BETWEEN_MANIFESTS:
            self.put_manifest(step, manifest.entries.values())

    def put_run_files(self) -> None:
        """Copy the configuration, the provenance, the metrics and the ledger."""
        for name in _RUN_FILES:
            path = self._run_folder / name
            if path.exists():
                self._put(name, path.read_bytes())

    def _put(self, name: str, data: bytes) -> None:
        files, root = self._place
        try:
            if isinstance(files, fs.LocalFileSystem):
                files.create_dir(str(Path(f"{root}/{name}").parent))
            stream = files.open_output_stream(f"{root}/{name}")
            stream.write(data)
            stream.close()  # not `with`: leaving that by an error would publish half of it
        except (OSError, pa.ArrowException) as error:
            raise self._refused(name, error) from error

    def _get(self, name: str) -> bytes | None:
        """What lies there under the name; None where nothing does."""
        files, root = self._place
        try:
            with files.open_input_stream(f"{root}/{name}") as stream:
                return bytes(stream.read())
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            raise self._refused(name, error) from error

    def restore(self, steps: Iterable[str]) -> int:
        """Fetch the steps that the run folder does not have; how many shards came whole."""
        count = 0
        for step in steps:
            manifest = Manifest(self._run_folder / "steps" / step)
            if manifest.path.exists():
                continue
            entries = self._manifest_there(step)
            with ThreadPoolExecutor(_THREADS) as pool:
                whole = list(pool.map(lambda entry, step=step: self._fetch(step, entry), entries))
            for entry in (entry for entry, good in zip(entries, whole, strict=True) if good):
                manifest.add(entry)
                count += 1
        return count

    def _fetch(self, step: str, entry: ShardEntry) -> bool:
        """Bring a shard's files; False where one is missing or is not what the manifest says: it is made again."""
        files, root = self._place
        for output in entry.outputs:
            name = f"steps/{step}/{output.path}"
            path = self._run_folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with disk_faults(path):
                    fs.copy_files(
                        f"{root}/{name}", str(path), source_filesystem=files,
                        destination_filesystem=fs.LocalFileSystem(),
                    )  # fmt: skip
            except (FileNotFoundError, pa.ArrowException):
                return False
            except OSError as error:
                raise self._refused(name, error) from error
            if digest_file(path) != output.digest:
                return False
        return True

    def _manifest_there(self, step: str) -> list[ShardEntry]:
        lines = self._get(f"steps/{step}/manifest.jsonl")
        if lines is None:
            return []
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "manifest.jsonl").write_bytes(lines)
            return list(Manifest(Path(folder)).entries.values())

    def _refused(self, name: str, error: Exception) -> InputError:
        reason = " ".join(str(error).split())[:300]
        return InputError(
            f"runner.mirror {self.address}",
            f"a store that takes and gives {name} ({reason})",
            "check the bucket, its endpoint and the credentials in the environment, and run again",
        )


def _named(owner: dict[str, str]) -> str:
    return f"run {owner.get('name')!r} on {owner.get('machine')}, since {owner.get('since')}"


@cache
def _opened(address: str) -> tuple[fs.FileSystem, str]:
    try:
        files, root = fs.FileSystem.from_uri(address)
    except (OSError, pa.ArrowException, ValueError) as error:
        raise InputError(
            f"runner.mirror {address}", f"an address like s3://bucket/run ({error})", "mend it"
        ) from error
    return files, root.rstrip("/")
