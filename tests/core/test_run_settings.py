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


@pytest.mark.parametrize("torn", ["", '{"seed": ', "[0]"])
def test_settings_that_cannot_be_read_are_one_clear_line(tmp_path, torn):
    path = tmp_path / "config.json"
    path.write_text(torn)
    with pytest.raises(ConfigError, match=r"config\.json: settings as a run wrote them"):
        keep_settings(path, {"seed": 0}, free=())


def test_a_kill_while_settings_are_written_leaves_the_old_ones(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    keep_settings(path, {"steps": 3}, free={"steps"})

    def killed(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        keep_settings(path, {"steps": 5}, free={"steps"})
    assert json.loads(path.read_text()) == {"steps": 3}
