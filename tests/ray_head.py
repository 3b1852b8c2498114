"""A real Ray head on this machine, that jobs are submitted to."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ray_head() -> Iterator[str]:
    """Its dashboard's address; on ports of its own, ended with all its processes afterwards."""
    ports = ["--port=0", "--dashboard-port=8267", "--dashboard-agent-listen-port=52367"]
    ray = str(Path(sys.executable).parent / "ray")
    command = [ray, "start", "--head", "--block", "--disable-usage-stats", "--num-cpus=2", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True) as head:
        assert head.stdout is not None
        for line in head.stdout:
            if b"Ray runtime started" in line:
                break
        try:
            yield "http://127.0.0.1:8267"
        finally:
            os.killpg(head.pid, signal.SIGKILL)
