"""Stored verdicts: used again for the same claim only, whole after a kill."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome, Verdict
from mathpipe.selection import VerdictStore, select
from tests.selection.hand_made import problem, sample
from tests.selection.handlers import NOTES
from tests.selection.killed_run import work
from verify import AnswerClaim, VerifierPool

ROOT = Path(__file__).resolve().parents[2]
RIGHT = Verdict(Outcome.CORRECT, "equal", 0.25, "equal")
CLAIM = AnswerClaim("12", "12")


def test_a_verdict_comes_back_from_the_file(tmp_path):
    with VerdictStore(tmp_path / "v.jsonl") as store:
        store.put("s", CLAIM, RIGHT)
    with VerdictStore(tmp_path / "v.jsonl") as store:
        assert (store.get("s", CLAIM), store.reused) == (RIGHT, 1)


def test_another_claim_another_key_and_another_verifier_have_none(tmp_path):
    with VerdictStore(tmp_path / "v.jsonl") as store:
        store.put("s", CLAIM, RIGHT)
        assert store.get("s", AnswerClaim("13", "12")) is None
        assert store.get("t", CLAIM) is None
    with VerdictStore(tmp_path / "v.jsonl", judged_by="another commit") as store:
        assert store.get("s", CLAIM) is None


def test_what_is_put_is_on_disk_at_once(tmp_path):
    with VerdictStore(tmp_path / "v.jsonl") as store:
        store.put("s", CLAIM, RIGHT)
        (line,) = (tmp_path / "v.jsonl").read_text().splitlines()
    assert (json.loads(line)["key"], json.loads(line)["outcome"]) == ("s", "correct")


def test_a_torn_last_line_is_cut_off_and_written_anew(tmp_path):
    path = tmp_path / "v.jsonl"
    with VerdictStore(path) as store:
        store.put("s", CLAIM, RIGHT)
        store.put("t", CLAIM, RIGHT)
    path.write_bytes(path.read_bytes()[:-20])
    with VerdictStore(path) as store:
        assert (store.get("s", CLAIM), store.get("t", CLAIM)) == (RIGHT, None)
        store.put("t", CLAIM, RIGHT)
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["s", "t"]


def test_a_line_that_is_no_verdict_is_named(tmp_path):
    (tmp_path / "v.jsonl").write_text('{"key": "s"}\n')
    with pytest.raises(InputError, match="line 1"):
        VerdictStore(tmp_path / "v.jsonl")


def test_two_runs_cannot_have_one_store(tmp_path):
    with VerdictStore(tmp_path / "v.jsonl"), pytest.raises(InputError, match="no other run has open"):
        VerdictStore(tmp_path / "v.jsonl")


def test_a_text_with_a_lone_surrogate_is_stored(tmp_path):
    odd = AnswerClaim("12", "\ud800")
    with VerdictStore(tmp_path / "v.jsonl") as store:
        store.put("s", odd, Verdict(Outcome.WRONG, "it says \ud800", 0.0, "different"))
    with VerdictStore(tmp_path / "v.jsonl") as store:
        assert store.get("s", odd).detail == "it says \ud800"


def test_a_second_selection_asks_the_pool_nothing_votes_included(tmp_path):
    samples = [sample("p", at, f"so \\boxed{{{text}}}") for at, text in enumerate(("1/2", "0.5", "7", "0.50"))]
    both = [problem("p", answer=None), problem("q", answer="0.5")]
    samples += [sample("q", at, f"so \\boxed{{{text}}}") for at, text in enumerate(("1/2", "3"))]
    with VerifierPool(workers=1) as pool, VerdictStore(tmp_path / "v.jsonl") as store:
        first = select(both, samples, pool, store=store)
    with VerifierPool(workers=1) as pool, VerdictStore(tmp_path / "v.jsonl") as store:
        assert select(both, samples, pool, store=store) == first
        assert pool.metrics().claims == 0


def test_killed_at_random_no_stored_verdict_is_computed_again_and_the_shards_are_the_same(tmp_path):
    clean = _start(tmp_path, "clean")
    assert clean.wait(timeout=120) == 0, clean.stderr.read()
    chance = random.Random(5)
    stored: set[str] = set()
    judged_again: Counter[str] = Counter()
    for _ in range(4):
        notes_before = len(_notes(tmp_path, "killed"))
        process = _start(tmp_path, "killed")
        deadline = time.time() + 60
        # Until it has judged some: a kill before that tests nothing.
        enough = notes_before + chance.randint(2, 7)
        while process.poll() is None and time.time() < deadline and len(_notes(tmp_path, "killed")) < enough:
            time.sleep(0.01)
        time.sleep(chance.uniform(0.0, 0.15))
        process.kill()
        process.communicate()
        judged_again.update(note for note in _notes(tmp_path, "killed")[notes_before:] if note in stored)
        stored = _stored(tmp_path)
    last = _start(tmp_path, "killed")
    assert last.wait(timeout=120) == 0, last.stderr.read()
    assert judged_again == {}
    assert set(_notes(tmp_path, "killed")) == set(_notes(tmp_path, "clean"))
    assert len(stored) >= 8, "the kills came before anything was stored"
    assert _tables(tmp_path / "killed") == _tables(tmp_path / "clean")


def _start(folder: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.selection.killed_run", folder / f"{name}.jsonl", folder / name]
    environment = os.environ | {"PYTHONPATH": str(ROOT), NOTES: str(folder / f"{name}.notes")}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _notes(folder: Path, name: str) -> list[str]:
    path = folder / f"{name}.notes"
    return path.read_text().splitlines() if path.exists() else []


def _stored(folder: Path) -> set[str]:
    """The claims, as the workers note them, whose verdicts are in the store's file."""
    from mathpipe.selection.claims import claim_of

    path = folder / "killed.jsonl"
    keys = {json.loads(line)["key"] for line in path.read_bytes().split(b"\n")[:-1]} if path.exists() else set()
    problems, samples = work()
    by_id = {one.problem_id: one for one in problems}
    return {repr(claim_of(by_id[one.problem_id], one)) for one in samples if one.sample_id in keys}


def _tables(folder: Path) -> dict[str, list[dict[str, object]]]:
    tables = {}
    for path in sorted(folder.rglob("*.parquet")):
        rows = pq.read_table(path).to_pylist()
        tables[str(path.relative_to(folder))] = [
            {key: value for key, value in row.items() if key != "seconds"} for row in rows
        ]
    return tables
