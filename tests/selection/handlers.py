"""What the tests' pools run: the real judge with a note of each claim, and one that has no verifier."""

from __future__ import annotations

import os
from pathlib import Path

from mathpipe.core.records import Outcome, Verdict
from verify.claims import Claim
from verify.judge import judge_and_weigh

NOTES = "SELECTION_TEST_NOTES"  # the file that notes are added to


def judge_and_note(claim: Claim) -> tuple[Verdict, int]:
    """The real verdict; the claim is noted before, so that a killed claim was noted too."""
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(f"{claim!r}\n")
    return judge_and_weigh(claim)


def unavailable(claim: Claim) -> tuple[Verdict, int]:
    """As where Lean is not installed."""
    return Verdict(Outcome.UNAVAILABLE, "no Lean here", 0.0, "no-toolchain"), 0
