"""Verdicts on disk, so that a run that was killed judges nothing twice.

In: keys (a sample's id, or a pair of answers) and claims. Out: a JSONL file, one verdict a line, written and flushed
as it comes. A verdict is used again only for the same key and the same claim, judged by the same code (a digest of
`verify`, of the records and of the libraries). A last line that a kill cut off is removed when the file is opened.
"""

from __future__ import annotations

import fcntl
import json
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from mathpipe.core.errors import InputError
from mathpipe.core.manifest import code_digest
from mathpipe.core.records import Outcome, Verdict, record_id_of
from verify import Claim

# Not stored: once the missing piece (a Lean, a sandbox) is there, the same claim has a verdict.
_PASSING = frozenset({Outcome.UNAVAILABLE})


class VerdictStore:
    """Verdicts by key. Without a path they are kept in memory only; one process at a time may have a path open."""

    def __init__(self, path: Path | None = None, *, judged_by: str | None = None) -> None:
        self._mark = judged_by if judged_by is not None else code_digest("verify")
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._file: BinaryIO | None = None
        self.reused = 0
        if path is not None:
            self._file = _opened(path)
            self._load(path, self._file)

    def _load(self, path: Path, file: BinaryIO) -> None:
        good = 0
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                break
            try:
                row = json.loads(line)
                verdict = Verdict(Outcome(row["outcome"]), row["detail"], row["seconds"], row["reason"])
                key = (row["key"], row["claim"])
            except (ValueError, KeyError, TypeError) as error:
                file.close()
                raise InputError(
                    f"{path}: line {number}",
                    f"a stored verdict ({error})",
                    "delete the line, or the file to judge anew",
                ) from None
            self._verdicts[key] = verdict
            good += len(line)
        file.truncate(good)
        file.seek(good)

    def get(self, key: str, claim: Claim) -> Verdict | None:
        """The stored verdict on the claim, or None."""
        found = self._verdicts.get((key, self._digest(claim)))
        self.reused += found is not None
        return found

    def put(self, key: str, claim: Claim, verdict: Verdict) -> None:
        """Keep a verdict; it is with the operating system when this returns."""
        if verdict.outcome in _PASSING:
            return
        digest = self._digest(claim)
        self._verdicts[key, digest] = verdict
        if self._file is None:
            return
        row = {"key": key, "claim": digest, "outcome": verdict.outcome, "reason": verdict.reason,
               "seconds": verdict.seconds, "detail": verdict.detail}  # fmt: skip
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def _digest(self, claim: Claim) -> str:
        return record_id_of(self._mark, repr(claim))

    def close(self) -> None:
        """Close the file; verdicts in memory stay."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InputError(
            str(path), "a store that no other run has open", "wait for that run, or name another file"
        ) from None
    file.seek(0)
    return file
