"""The command line as a person uses it: one clear line on bad input, help with an example, real commands."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.ray_head import ray_head

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "run",
    "stage",
    "submit",
    "status",
    "inspect",
    "explain",
    "extract",
    "report",
    "datasheet",
    "export-corpus",
)


def mathpipe(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mathpipe.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "160", **environment},
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory) -> Path:
    """The pages that the repository ships, run through the whole pipeline from the command line, inline."""
    output = tmp_path_factory.mktemp("runs")
    done = mathpipe("run", "configs/fixture.yaml", "--set", f"output={output}", "--set", "runner.mode=inline")
    assert done.returncode == 0, done.stderr
    assert f"report:  {output}/fixture/report.html" in done.stdout
    assert f"sheet:   {output}/fixture/datasheet.html" in done.stdout
    assert re.search(r"largest worker \d\.\d\d GiB", done.stdout)
    return output / "fixture"


@pytest.fixture
def head():
    with ray_head() as address:
        yield address


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    shown = mathpipe(command, "--help")
    assert shown.returncode == 0
    assert f"mathpipe {command}" in shown.stdout.split("Example:")[1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "none.yaml"], "mathpipe: none.yaml: a YAML file that exists; check the path"),
        (["run", "configs/fixture.yaml", "--set", "crwal.x=1"], "did you mean 'crawl'?"),
        (["run", "configs/fixture.yaml", "--set", "name=a/b"], "configs/fixture.yaml: name: string should match"),
        (["run", "configs/fixture.yaml", "--set", "sources=[nothing/*.gz]"], "nothing/*.gz"),
        (
            ["stage", "curate", "configs/fixture.yaml", "--set", "name=empty"],
            "run `mathpipe stage seed CONFIG` first",
        ),
        (["stage", "nonsense", "configs/fixture.yaml", "--set", "name=empty"], "one of seed, ngrams"),
        (["inspect", "nowhere"], "nowhere"),
        (["status", "nowhere"], "a run's folder"),
        (["extract", "nowhere.html"], "an HTML file that exists"),
        (["explain", "https://a.example/", "--run", "nowhere"], "nowhere"),
        (["submit", "configs/fixture.yaml", "--address", "http://127.0.0.1:9"], "ray start --head"),
    ],
)
def test_bad_input_is_one_line_that_says_how_to_mend_it(arguments, line, tmp_path):
    failed = mathpipe(*arguments, *(["--set", f"output={tmp_path}"] if arguments[0] == "stage" else []))
    assert failed.returncode == 1
    assert line in failed.stderr
    assert "Traceback" not in failed.stderr
    assert len([text for text in failed.stderr.splitlines() if text.startswith("mathpipe:")]) == 1


def test_a_usage_error_exits_with_two():
    assert mathpipe("run").returncode == 2


def test_inspect_lists_searches_and_shows_one_record(finished_run):
    listed = mathpipe("inspect", str(finished_run), "--sort", "math_score", "--limit", "5")
    assert listed.returncode == 0, listed.stderr
    assert "example" in listed.stdout
    found = mathpipe("inspect", str(finished_run / "steps" / "curate"), "--record", "0")
    assert found.returncode == 0, found.stderr
    assert "warc" in found.stdout
    none = mathpipe("inspect", str(finished_run), "--search", "zzzz-not-there")
    assert none.returncode == 0, none.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom mathpipe.cli import cli\n"
        "result = CliRunner().invoke(cli, ['--help'])\nassert 'recall' in result.output\n"
        "print(sorted({'duckdb', 'numpy', 'pyarrow', 'ray', 'scipy', 'torch'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    assert done.stdout == "[]\n"


def test_status_shows_every_step_and_verify_finds_rot(finished_run, tmp_path):
    shown = mathpipe("status", str(finished_run), "--verify")
    assert shown.returncode == 0, shown.stderr
    assert "every shard is as it was written" in shown.stdout
    for step in ("seed", "crawl", "classify", "matches-split", "certificate", "curate"):
        assert step in shown.stdout
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(finished_run), str(copy)], check=True)
    shard = next((copy / "steps" / "curate").glob("shard-*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    rotten = mathpipe("status", str(copy), "--verify")
    assert rotten.returncode == 1
    assert f"rotten: {shard}" in rotten.stdout
    assert "delete them and run again" in rotten.stderr


def test_explain_names_the_step_that_dropped_a_page_and_finds_a_kept_one(finished_run):
    import duckdb

    drops = finished_run / "steps" / "crawl" / "drops-*.parquet"
    url, reason = duckdb.sql(f"select url, reason from '{drops}' where url != '' limit 1").fetchall()[0]
    gone = mathpipe("explain", url, "--run", str(finished_run))
    assert gone.returncode == 0, gone.stderr
    assert reason in gone.stdout
    kept = duckdb.sql(f"select url from '{finished_run}/steps/curate/shard-*.parquet' limit 1").fetchall()[0][0]
    there = mathpipe("explain", kept, "--run", str(finished_run))
    assert there.returncode == 0, there.stderr
    assert "curate" in there.stdout


def test_extract_prints_the_text_or_the_record(tmp_path):
    page = tmp_path / "p.html"
    page.write_text("<title>Roots</title><p>If <script type='math/tex'>x^2=2</script> then x is not rational.</p>")
    assert "If $x^2=2$ then x is not rational." in mathpipe("extract", str(page)).stdout
    row = json.loads(mathpipe("extract", str(page), "--json").stdout)
    assert row["formulas"] == [{"latex": "x^2=2", "display": False, "source": "tex-script"}]


def test_a_run_submitted_to_a_ray_head_gives_the_bytes_of_a_local_one(head, finished_run, tmp_path):
    job = mathpipe("submit", "configs/fixture.yaml", "--set", f"output={tmp_path}", "--address", head)
    assert job.returncode == 0, job.stdout + job.stderr
    assert "SUCCEEDED" in job.stdout
    deadline = time.time() + 5
    while not (tmp_path / "fixture" / "report.html").exists() and time.time() < deadline:
        time.sleep(0.1)
    assert (tmp_path / "fixture" / "report.html").exists()
    for shard in sorted((finished_run / "steps" / "curate").glob("shard-*.parquet")):
        assert (tmp_path / "fixture" / "steps" / "curate" / shard.name).read_bytes() == shard.read_bytes()
    failing = mathpipe(
        "submit", "configs/fixture.yaml", "--set", f"output={tmp_path}", "--set", "sources=[nothing/*.gz]",
        "--set", "name=fails", "--address", head,
    )  # fmt: skip
    assert failing.returncode == 1
    assert "a job that succeeds" in failing.stderr
