"""Outputs on an S3-compatible store (moto's, a real HTTP server) and in a folder: copied and fetched back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import fs

from mathpipe.core.errors import InputError
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.core.manifest import Manifest
from mathpipe.core.mirror import Mirror
from mathpipe.core.runner import Runner, StepSummary
from tests.core.toy import ToyConfig, shard_bytes, toy_steps, write_sources


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="moto, a local S3 server, is not installed")
    running = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    _, port = running.get_host_and_port()
    yield f"127.0.0.1:{port}"
    running.stop()


@pytest.fixture
def address(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    bucket = f"bucket-{abs(hash(tmp_path))}"
    options = f"endpoint_override={endpoint}&scheme=http&region=us-east-1&allow_bucket_creation=true"
    files, root = fs.FileSystem.from_uri(f"s3://{bucket}?{options}")
    files.create_dir(root)
    return f"s3://{bucket}/run?{options}"


def run(
    folder: Path, paths: tuple[str, ...], mirror: str | None, *, take_over: bool = False, **values: object
) -> list[StepSummary]:
    config = RunnerConfig(mode=Mode.INLINE, mirror=mirror, mirror_take_over=take_over)
    return Runner(folder, toy_steps(paths, 3, **values), config, print).run(ToyConfig())


def there(address: str) -> dict[str, bytes]:
    """Every data file at the address, by its name in the run folder."""
    files, root = fs.FileSystem.from_uri(address)
    infos = files.get_file_info(fs.FileSelector(f"{root}/steps", recursive=True))
    return {
        info.path.removeprefix(f"{root}/"): files.open_input_stream(info.path).read()
        for info in infos
        if info.type == fs.FileType.File and not info.path.endswith("manifest.jsonl")
    }


def put(address: str, name: str, data: bytes) -> None:
    files, root = fs.FileSystem.from_uri(address)
    with files.open_output_stream(f"{root}/{name}") as stream:
        stream.write(data)


def test_what_lies_in_the_bucket_is_what_lies_in_the_folder(tmp_path: Path, address: str) -> None:
    run(tmp_path / "run", write_sources(tmp_path / "in"), address)
    assert there(address) == shard_bytes(tmp_path / "run")
    assert "steps/add/shard-00002.parquet" in there(address)


def test_a_run_whose_folder_is_gone_goes_on_from_the_bucket(tmp_path: Path, address: str) -> None:
    paths = write_sources(tmp_path / "in")
    run(tmp_path / "run", paths, address)
    expected = shard_bytes(tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    assert [summary.made for summary in run(tmp_path / "run", paths, address, take_over=True)] == [0, 0, 0, 0]
    assert shard_bytes(tmp_path / "run") == expected


def test_the_endpoint_may_come_from_the_environment(
    tmp_path: Path, address: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{endpoint}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    run(tmp_path / "run", write_sources(tmp_path / "in"), address.partition("?")[0])
    assert there(address) == shard_bytes(tmp_path / "run")


def test_a_run_that_broke_off_goes_on_elsewhere_with_what_it_had(tmp_path: Path, address: str) -> None:
    paths = write_sources(tmp_path / "in")
    good = Path(paths[2]).read_text()
    Path(paths[2]).write_text("1 x")
    with pytest.raises(Exception, match="its input can be read to the end"):
        run(tmp_path / "run", paths, address)
    Path(paths[2]).write_text(good)
    shutil.rmtree(tmp_path / "run")
    assert run(tmp_path / "run", paths, address, take_over=True)[0].made == 1


def test_a_file_that_rotted_in_the_bucket_is_made_again(tmp_path: Path, address: str) -> None:
    paths = write_sources(tmp_path / "in")
    run(tmp_path / "run", paths, address)
    expected = shard_bytes(tmp_path / "run")
    put(address, "steps/times/shard-00001.parquet", b"rot")
    shutil.rmtree(tmp_path / "run")
    assert run(tmp_path / "run", paths, address, take_over=True)[0].made == 1
    assert shard_bytes(tmp_path / "run") == expected
    assert there(address) == expected


def test_a_run_begun_without_a_mirror_is_copied_whole_when_it_gets_one(tmp_path: Path, address: str) -> None:
    paths = write_sources(tmp_path / "in")
    run(tmp_path / "run", paths, None)
    assert [summary.made for summary in run(tmp_path / "run", paths, address)] == [0, 0, 0, 0]
    assert there(address) == shard_bytes(tmp_path / "run")


def test_shards_of_other_values_replace_the_old_ones(tmp_path: Path, address: str) -> None:
    paths = write_sources(tmp_path / "in")
    run(tmp_path / "run", paths, address)
    run(tmp_path / "run", paths, address, factor=4)
    assert there(address) == shard_bytes(tmp_path / "run")


def test_a_folder_is_a_mirror_too(tmp_path: Path) -> None:
    paths = write_sources(tmp_path / "in")
    mirror = (tmp_path / "mirror").as_uri()
    run(tmp_path / "run", paths, mirror)
    assert shard_bytes(tmp_path / "mirror") == shard_bytes(tmp_path / "run")
    assert (tmp_path / "mirror" / "run.json").read_bytes() == (tmp_path / "run" / "run.json").read_bytes()
    assert len(Manifest(tmp_path / "mirror" / "steps" / "times").entries) == 3


def test_a_bucket_that_is_not_there_is_one_clear_line(tmp_path: Path, address: str) -> None:
    gone = address.replace("s3://bucket-", "s3://other-").replace("&allow_bucket_creation=true", "")
    with pytest.raises(InputError, match="runner.mirror s3://other-.*check the bucket"):
        run(tmp_path / "run", write_sources(tmp_path / "in"), gone)


def test_an_address_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="an address like s3://bucket/run"):
        run(tmp_path / "run", write_sources(tmp_path / "in"), "nowhere:/x")


def test_a_second_run_to_the_same_place_stops_and_leaves_it_as_it_was(tmp_path: Path, address: str) -> None:
    run(tmp_path / "first", write_sources(tmp_path / "in"), address)
    expected = there(address)
    other = write_sources(tmp_path / "other", shards=2)
    with pytest.raises(
        InputError, match=r"no other run writes to \(it belongs to run 'first' on .*mirror_take_over=true"
    ):
        run(tmp_path / "second", other, address)
    assert there(address) == expected
    assert not (tmp_path / "second" / "steps").exists()
    run(tmp_path / "second", other, address, take_over=True)
    assert Manifest(tmp_path / "second" / "steps" / "add").entries.keys() == {0, 1}


def test_a_run_that_was_killed_finds_its_own_place_again(tmp_path: Path) -> None:
    paths, mirror = write_sources(tmp_path / "in"), (tmp_path / "mirror").as_uri()
    code = (
        "import os; from pathlib import Path; from tests.core import test_mirror, toy\n"
        "toy.AddSum.run = lambda self, shard: os.kill(os.getpid(), 9)\n"
        f"test_mirror.run(Path({str(tmp_path / 'run')!r}), {paths!r}, {mirror!r})\n"
    )
    killed = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], check=False)
    assert killed.returncode == -9
    assert (tmp_path / "mirror" / "owner.json").is_file()
    run(tmp_path / "run", paths, mirror)
    assert shard_bytes(tmp_path / "mirror") == shard_bytes(tmp_path / "run")


def test_a_run_whose_place_was_taken_over_stops_before_it_names_a_shard_there(tmp_path: Path, address: str) -> None:
    first, second = (Mirror(address, tmp_path / name) for name in ("first", "second"))
    first.claim("one")
    first.put_manifest("times", [])
    second.claim("two", take_over=True)
    second.put_manifest("times", [])
    with pytest.raises(InputError, match="stays this run's .now it belongs to run 'second'"):
        first.put_manifest("times", [])
    with pytest.raises(InputError, match="no other run writes to"):
        first.claim("one")


def test_an_owner_that_a_kill_tore_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "owner.json").write_text('{"run_i')
    Mirror((tmp_path / "mirror").as_uri(), tmp_path / "run").claim("one")
    assert json.loads((tmp_path / "mirror" / "owner.json").read_text())["run_id"] == "one"


def test_folders_of_one_loop_have_places_of_their_own() -> None:
    config = RunnerConfig(mirror="s3://bucket/loop/?region=x")
    assert config.below("round-01").mirror == "s3://bucket/loop/round-01?region=x"
    assert RunnerConfig().below("round-01") == RunnerConfig()


def test_a_source_that_is_not_unicode_is_copied_once(tmp_path: Path) -> None:
    paths = write_sources(tmp_path / os.fsdecode(b"\xff"))
    mirror = tmp_path / "mirror"

    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in mirror.rglob("*.parquet")}

    run(tmp_path / "run", paths, mirror.as_uri())
    before = written()
    run(tmp_path / "run", paths, mirror.as_uri())
    assert before
    assert written() == before
