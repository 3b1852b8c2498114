"""Engines over tiny models, made once for all tests of this folder."""

import importlib.util
from collections.abc import Iterator

import pytest

from mathpipe.generate.engines import Engine, EngineConfig, make_engine
from tests.generate.problems_at_hand import TAUGHT
from tests.generate.tiny_model import save_tiny_model, teach


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("vllm") is None:
        for item in items:
            if item.get_closest_marker("vllm"):
                item.add_marker(pytest.mark.skip(reason="vllm is not installed: see docs/generation.md"))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def taught_folder(tmp_path_factory):
    """A model that knows one solution of each form by heart."""
    return teach(save_tiny_model(tmp_path_factory.mktemp("taught"), sharp=1.0), TAUGHT)


def engine_config(folder, kind="transformers", **values) -> EngineConfig:
    return EngineConfig(kind=kind, model=str(folder), dtype="float32", context_tokens=512, max_sequences=16, **values)


KINDS = ["transformers", pytest.param("vllm", marks=pytest.mark.vllm)]


@pytest.fixture(scope="session", params=KINDS)
def engine(request, tiny_folder) -> Iterator[Engine]:
    """The same claims hold for every engine in process."""
    with make_engine(engine_config(tiny_folder, request.param)) as made:
        yield made


@pytest.fixture(scope="session", params=KINDS)
def taught_engine(request, taught_folder) -> Iterator[Engine]:
    with make_engine(engine_config(taught_folder, request.param)) as made:
        yield made


@pytest.fixture(scope="session")
def plain_engine(tiny_folder) -> Iterator[Engine]:
    with make_engine(engine_config(tiny_folder)) as made:
        yield made
