from pathlib import Path

import pytest

from tests.inspect.small_run import write_run
from tests.inspect.small_solutions import write_evaluation, write_generation


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run; tests only read it."""
    return write_run(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="session")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run of generation; tests only read it."""
    return write_generation(tmp_path_factory.mktemp("generated") / "little")


@pytest.fixture(scope="session")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small evaluation; tests only read it."""
    return write_evaluation(tmp_path_factory.mktemp("eval") / "scored")
