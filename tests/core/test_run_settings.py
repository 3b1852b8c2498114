"""A run's settings are held to when it goes on."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mathpipe.core.errors import ConfigError
from mathpipe.core.run_settings import keep_settings

ROOT = Path(__file__).resolve().parents[2]


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


WRITER = """
import sys
from pathlib import Path
from mathpipe.core.run_settings import keep_settings
for steps in range(10**9):
    keep_settings(Path(sys.argv[1]), {"steps": steps, "more": "x" * 100_000}, free={"steps"})
"""


def test_settings_are_whole_at_every_moment_and_after_kills(tmp_path):
    path = tmp_path / "config.json"
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=ROOT)
        try:
            while not path.exists():
                time.sleep(0.01)
            for _ in range(300):
                assert len(json.loads(path.read_text())["more"]) == 100_000
        finally:
            writer.kill()
            writer.wait()
        assert len(json.loads(path.read_text())["more"]) == 100_000
