"""One healthy model for all tests: each breaks a copy of it."""

import pytest

from tests.rl.doctor.models import save_healthy


@pytest.fixture(scope="session")
def healthy(tmp_path_factory):
    return save_healthy(tmp_path_factory.mktemp("doctor") / "healthy")
