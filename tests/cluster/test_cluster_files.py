"""The files that start a cluster: valid by Ray's own schema, and a job of two nodes played through."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from importlib import resources
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import yaml

CLUSTER = Path(__file__).resolve().parents[2] / "configs" / "cluster"


def test_the_cloud_file_is_one_that_ray_takes() -> None:
    schema = json.loads(resources.files("ray.autoscaler").joinpath("ray-schema.json").read_text())
    jsonschema.validate(yaml.safe_load((CLUSTER / "aws.yaml").read_text()), schema)


def test_the_cloud_file_starts_workers_on_demand_and_no_work_on_the_head() -> None:
    values = yaml.safe_load((CLUSTER / "aws.yaml").read_text())
    types = values["available_node_types"]
    assert values["head_node_type"] in types
    assert types["head_node"]["resources"] == {"CPU": 0}
    assert types["worker"]["min_workers"] == 0
    assert types["worker"]["max_workers"] == values["max_workers"]


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def slurm_job(tmp_path: Path, *, exit_status: int) -> tuple[int, list[str]]:
    """The script as Slurm runs it on two nodes: its status, and what `ray` and `mathpipe` were called with."""
    calls = tmp_path / "calls"
    program(tmp_path, "scontrol", "printf 'n1\\nn2\\n'")
    program(tmp_path, "srun", 'while [[ $1 == -* ]]; do if [[ $1 == -w ]]; then shift; fi; shift; done; exec "$@"')
    program(tmp_path, "hostname", "echo 10.0.0.1 10.0.0.2")
    program(tmp_path, "ray", f'echo "ray $*" >> {calls}; if [[ $1 == start ]]; then exec sleep 60; fi')
    program(tmp_path, "mathpipe", f'sleep 1; echo "mathpipe $*" >> {calls}; exit {exit_status}')
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "n[1-2]",
        "SLURM_CPUS_PER_TASK": "4",
    }
    done = subprocess.run(
        ["bash", CLUSTER / "slurm.sh", "my.yaml", "--set", "name=x"], env=environment, timeout=50, check=False
    )
    return done.returncode, sorted(calls.read_text().splitlines())


def test_a_slurm_job_starts_a_head_and_a_node_and_ends_them_with_the_run(tmp_path: Path) -> None:
    status, calls = slurm_job(tmp_path, exit_status=0)
    assert status == 0
    store = "--object-store-memory=200000000 --disable-usage-stats --block"
    assert set(calls) == {
        "mathpipe run my.yaml --set runner.address=10.0.0.1:20007 --set name=x",
        f"ray start --address=10.0.0.1:20007 --num-cpus=4 {store}",
        f"ray start --head --port=20007 --num-cpus=3 {store}",
        "ray status --address=10.0.0.1:20007",
    }


def test_a_slurm_job_fails_as_its_run_fails(tmp_path: Path) -> None:
    assert slurm_job(tmp_path, exit_status=2)[0] == 2
