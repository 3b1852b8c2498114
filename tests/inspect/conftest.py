from pathlib import Path

import pytest

from tests.inspect.small_run import write_run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run; tests only read it."""
    return write_run(tmp_path_factory.mktemp("runs") / "small")
