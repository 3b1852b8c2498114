"""Tests that run programs are skipped where no sandbox can be had."""

import pytest

from verify.programs import describe_protections, probe_protections
from verify.programs.protections import missing_protection


@pytest.fixture(scope="session")
def sandbox():
    if missing_protection(probe_protections(), frozenset()):
        pytest.skip(f"no sandbox here: {describe_protections()}")
