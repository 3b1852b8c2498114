import io

import pytest
from rich.console import Console

from mathpipe.core.errors import InputError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.runner import Runner, StepSummary
from mathpipe.core.status import print_status, print_summary, verify_digests
from tests.core.toy import ToyConfig, toy_steps, write_sources


@pytest.fixture
def run(tmp_path):
    steps = toy_steps(write_sources(tmp_path / "in"), poison="n1-4")
    Runner(tmp_path / "run", steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    return tmp_path / "run"


def _shown(show, *arguments):
    text = io.StringIO()
    show(*arguments, Console(file=text, width=140))
    return [" ".join(line.replace("│", " ").split()) for line in text.getvalue().splitlines()]


def test_status_lists_steps_in_order_with_rows_drops_and_failures(run):
    lines = _shown(print_status, run)
    steps = [line.split()[0] for line in lines if line.startswith(("times 3", "sum", "add 3"))]
    assert steps == ["times", "sum-split", "sum", "add"]
    times = next(line for line in lines if line.startswith("times"))
    assert times.startswith("times 3 60 29 1 ")
    assert times.endswith("odd 30")
    assert any("last of 1 failures" in line for line in lines)
    assert "times 1 ValueError https://toy.example/n1-4 poison" in lines


def test_status_of_a_run_that_goes_on_shows_the_step_it_is_at(run):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    first_end = next(index for index, line in enumerate(lines) if "step_finished" in line)
    (run / "metrics.jsonl").write_text("".join(lines[:first_end]))
    assert any(line.startswith("times 3 60 29") for line in _shown(print_status, run))


def test_a_run_without_failures_says_so(tmp_path):
    steps = toy_steps(write_sources(tmp_path / "in"))
    Runner(tmp_path / "run", steps, RunnerConfig(mode=Mode.INLINE), print).run(ToyConfig())
    assert "no failures" in _shown(print_status, tmp_path / "run")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="a run's folder"):
        print_status(tmp_path, Console(file=io.StringIO()))


def test_the_summary_sets_the_largest_worker_beside_its_limit():
    summaries = [
        StepSummary("crawl[1]", 2, 2, 1000, 10, 0, 3.25, 2**30, {"not-html": 990}),
        StepSummary("curate", 1, 1, 10, 10, 0, 0.5, 2**29, {}),
    ]
    lines = _shown(print_summary, summaries, RunnerConfig(worker_memory_gb=2.5))
    assert "crawl[1] 2 1,000 10 0 3.2 1,024 not-html 990" in lines
    assert lines[-1] == "memory: largest worker 1.00 GiB; a worker may take 2.5 GiB on top of its start"


@pytest.mark.parametrize("damage", ["flip", "unlink"])
def test_every_rotten_file_is_found_also_beside_shards(run, damage):
    assert verify_digests(run) == []
    spoiled = [run / "steps" / "add" / "drops-00002.parquet", run / "steps" / "sum" / "files-00000" / "sum.txt"]
    for path in spoiled:
        if damage == "flip":
            path.write_bytes(path.read_bytes()[:-1] + b"?")
        else:
            path.unlink()
    assert verify_digests(run) == spoiled
