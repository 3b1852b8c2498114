"""Where Lean is looked for, and what is said where there is none."""

import os

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Outcome
from verify.proofs import ProofReason, check_proof, find_toolchain
from verify.proofs.lean_server import Side, program
from verify.proofs.source_text import Statement
from verify.proofs.toolchain import HOW_TO_GET_ONE, Toolchain, ToolchainKind
from verify.proofs.wasm import changed, install, is_installed


@pytest.fixture
def a_lean(tmp_path):
    binary = tmp_path / "bin" / "lean"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\nexit 1\n")
    binary.chmod(0o755)
    return binary


def test_without_any_lean_there_is_none(tmp_path):
    assert find_toolchain({"PATH": str(tmp_path), "HOME": str(tmp_path)}) is None


@pytest.mark.parametrize("way", ["variable", "path", "elan"])
def test_lean_is_found_where_people_have_it(way, a_lean, tmp_path):
    elan = tmp_path / "home" / ".elan" / "bin" / "lean"
    elan.parent.mkdir(parents=True)
    elan.write_text("#!/bin/sh\n")
    elan.chmod(0o755)
    environment = {
        "variable": {"MATHPIPE_LEAN": str(a_lean)},
        "path": {"PATH": str(a_lean.parent)},
        "elan": {"HOME": str(tmp_path / "home")},
    }[way]
    found = find_toolchain(environment)
    assert found is not None
    assert found.kind is ToolchainKind.NATIVE
    assert found.command[0] == str(elan if way == "elan" else a_lean)


def test_a_project_that_lake_cannot_read_is_no_toolchain(tmp_path):
    environment = {"MATHPIPE_LEAN_PROJECT": str(tmp_path / "nowhere"), "PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert find_toolchain(environment) is None


def test_a_verdict_without_lean_says_how_to_get_one(monkeypatch, tmp_path):
    for name in ("MATHPIPE_LEAN", "MATHPIPE_LEAN_PROJECT", "MATHPIPE_LEAN_WASM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    verdict = check_proof("theorem t : 1 = 1", "rfl")
    assert verdict.outcome is Outcome.UNAVAILABLE
    assert verdict.reason == ProofReason.NO_TOOLCHAIN
    assert "elan default stable" in verdict.detail
    assert verdict.detail == HOW_TO_GET_ONE


def test_a_lean_that_dies_at_once_is_a_crash(a_lean):
    verdict = check_proof("theorem t : 1 = 1", "rfl", toolchain=Toolchain(ToolchainKind.NATIVE, (str(a_lean),)))
    assert verdict.outcome is Outcome.CRASH


def test_what_is_no_text_or_too_long_has_a_verdict(a_lean):
    lean = Toolchain(ToolchainKind.NATIVE, (str(a_lean),))
    assert check_proof(None, "rfl", toolchain=lean).outcome is Outcome.NO_ANSWER
    assert check_proof("theorem t : 1 = 1", "x" * 300_000, toolchain=lean).reason == ProofReason.TOO_LONG
    assert check_proof("theorem t : 1 = 1", "  ", toolchain=lean).outcome is Outcome.NO_ANSWER


def test_the_judge_and_the_prover_are_told_apart():
    lean = Toolchain(ToolchainKind.WASM, ("lean",))
    statement = Statement(("Mathlib",), "open Nat", "")
    prover, judge = (program(lean, side, statement) for side in (Side.PROVER, Side.JUDGE))
    assert "import Lean\nimport Mathlib\n" in prover
    assert "MathpipeProver.attempt" in prover
    assert "MathpipeProver" not in judge
    assert judge.index("reallyAxiom") < judge.index("open Nat") < judge.index("run_cmd MathpipeStatement.serve")


def test_a_script_that_is_not_the_known_one_is_refused():
    with pytest.raises(InputError, match="exactly once"):
        changed("console.log(1)")


def test_a_folder_without_a_lock_is_refused(tmp_path):
    assert not is_installed(tmp_path)
    with pytest.raises(InputError, match=r"package-lock\.json"):
        install(tmp_path)


def test_reading_the_environment_changes_nothing():
    before = dict(os.environ)
    find_toolchain()
    assert dict(os.environ) == before
