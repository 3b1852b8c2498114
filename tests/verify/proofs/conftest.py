"""One Lean for all tests of proofs: what the environment leads to, or the build that `make test-lean` fetched."""

from pathlib import Path

import pytest

from verify.proofs import ProofLimits, find_toolchain
from verify.proofs.toolchain import Toolchain, ToolchainKind
from verify.proofs.wasm import command, is_installed

WASM = Path(__file__).parent / "wasm"


@pytest.fixture(scope="session")
def lean() -> Toolchain:
    found = find_toolchain()
    if found is None and is_installed(WASM):
        start, environment = command(WASM)
        found = Toolchain(ToolchainKind.WASM, start, environment=environment, source="the tests' folder")
    if found is None:
        pytest.skip("no Lean here: `make test-lean` fetches one")
    return found


@pytest.fixture(scope="session")
def limits() -> ProofLimits:
    return ProofLimits(seconds=30, start_seconds=300)
