"""A run's settings are held to when it goes on."""

import json

import pytest

from mathpipe.core.errors import ConfigError
from mathpipe.core.run_settings import keep_settings


def test_other_settings_do_not_go_on_with_a_run(tmp_path):
    path = tmp_path / "run" / "config.json"
    keep_settings(path, {"seed": 0, "steps": 3}, free={"steps"})
    keep_settings(path, {"seed": 0, "steps": 5}, free={"steps"})
    with pytest.raises(ConfigError, match="seed"):
        keep_settings(path, {"seed": 1, "steps": 5}, free={"steps"})
    assert json.loads(path.read_text()) == {"seed": 0, "steps": 5}
