"""Benchmarks of Lean statements: judged where Lean and what they need are here, unscored and not wrong elsewhere."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.shared_data import shared_data
from mathpipe.core.records import Form, Outcome, Problem, ProblemKind, Sample
from mathpipe.core.store import write_records
from mathpipe.evaluation.report import Report
from mathpipe.evaluation.run import BenchmarkSource, EvalConfig, run_evaluation
from mathpipe.evaluation.samples import load_report
from mathpipe.evaluation.scoring import score
from mathpipe.evaluation.tables import print_report, write_report
from mathpipe.generate.problems import read_benchmark
from tests.evaluation.worked_problems import problem, sample
from verify.proofs import find_toolchain
from verify.proofs.wasm import is_installed

WASM = Path(__file__).parents[1] / "verify" / "proofs" / "wasm"
HEADER = "import Mathlib\nimport Aesop\n\nopen BigOperators Real Nat Topology Rat"
RIGHT = "A first try:\n```lean4\nrfl\n```\nIt fails, so:\n```lean4\nomega\n```"


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Lean that the environment leads to, or the one that `make test-lean` fetched."""
    if find_toolchain() is None:
        if not is_installed(WASM):
            pytest.skip("no Lean here: `make test-lean` fetches one")
        monkeypatch.setenv("MATHPIPE_LEAN_WASM", str(WASM))


def theorem(name: str, statement: str) -> Problem:
    return problem(name, None, "Show it.", kind=ProblemKind.PROOF, source="core", statement=statement)


def proof(of: str, script: str, index: int = 0) -> Sample:
    return sample(of, f"```lean4\n{script}\n```", index, form=Form.PROOF)


def text_of(report: Report) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def check_honest(report: Report, problems: int, reason: str, folder: Path) -> None:
    """No problem is scored, none is wrong, and table and files say why."""
    assert {one.outcome for record in report.records for one in record.samples} == {Outcome.UNAVAILABLE}
    assert (report.unscored, report.score("pass@1").value) == (problems, None)
    assert report.unscored_because == {reason: problems}
    assert f"{problems} of {problems} problems unscored: {reason}" in text_of(report)
    write_report(report, folder)
    assert json.loads((folder / "report.json").read_text())["unscored_because"] == {reason: problems}
    assert load_report(folder).unscored_because == {reason: problems}


def minif2f() -> list[Problem]:
    data = shared_data()
    if data is None:
        pytest.skip("the shared data is not here")
    return list(read_benchmark(data / "benchmarks" / "minif2f_lean4.jsonl"))


@pytest.mark.skipif(find_toolchain() is not None, reason="there is a Lean here")
def test_minif2f_without_a_lean_has_no_score(tmp_path: Path) -> None:
    problems = minif2f()
    report = score(problems, [proof(one.problem_id, "norm_num") for one in problems])
    check_honest(report, 488, "no Lean here", tmp_path)


@pytest.mark.lean
@pytest.mark.usefixtures("lean")
def test_minif2f_with_core_lean_has_no_score(tmp_path: Path) -> None:
    """All 488 statements import Mathlib; a proof, a cheat and no proof at all come to the same."""
    toolchain = find_toolchain()
    if toolchain is not None and toolchain.mathlib:
        pytest.skip("this Lean has Mathlib")
    problems = minif2f()
    scripts = ("norm_num", "sorry", "")
    drawn = [proof(one.problem_id, text, index) for one in problems for index, text in enumerate(scripts)]
    check_honest(score(problems, drawn), 488, "Mathlib is needed and not here", tmp_path)


@pytest.mark.lean
@pytest.mark.usefixtures("lean")
def test_core_lean_problems_are_scored_from_shards_to_files(tmp_path: Path) -> None:
    problems = [
        theorem("commutes", "theorem t (a b : Nat) : a + b = b + a := by"),
        theorem("ten", "theorem t : 2 ^ 10 = 1024 := by sorry"),
        theorem("false", "theorem t : 1 = 2 := by"),
        theorem("reals", f"{HEADER}\n\ntheorem t (x : ℝ) : x + 0 = x := by"),
    ]
    drawn = [
        sample("commutes", RIGHT, 0, form=Form.PROOF),
        proof("commutes", "exact Nat.add_comm a b", 1),
        proof("ten", "decide", 0),
        proof("ten", "sorry", 1),
        proof("false", "decide", 0),
        proof("false", "", 1),
        proof("reals", "simp", 0),
        proof("reals", "", 1),
    ]
    for folder, records, kind in (("problems", problems, Problem), ("samples", drawn, Sample)):
        (tmp_path / folder).mkdir()
        write_records(tmp_path / folder / "shard-00000.parquet", records, kind)
    config = EvalConfig(
        name="core",
        benchmark=BenchmarkSource(path=tmp_path / "problems"),
        samples=tmp_path / "samples",
        output=tmp_path / "out",
        workers=1,
    )
    [report] = run_evaluation(config, Console(file=io.StringIO()))
    outcomes = {record.problem.problem_id: [str(one.outcome) for one in record.samples] for record in report.records}
    assert outcomes == {
        "commutes": ["correct", "correct"],
        "ten": ["correct", "wrong"],
        "false": ["wrong", "no-answer"],
        "reals": ["unavailable", "unavailable"],
    }
    assert report.score("pass@1").value == pytest.approx(0.5)  # 1, 1/2 and 0; reals have no score
    assert report.unscored_because == {"Mathlib is needed and not here": 1}
    rows = [json.loads(line) for line in (tmp_path / "out" / "core" / "problems.jsonl").read_text().splitlines()]
    assert [row["unscored_because"] for row in rows] == [None, None, None, "Mathlib is needed and not here"]
    assert rows[1]["samples"][1]["reason"] == "sorry"
