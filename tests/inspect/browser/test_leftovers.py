"""Which indexes are removed from the cache folder, and which are not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mathpipe.inspect.browser.index import index_path
from mathpipe.inspect.browser.leftovers import claim, prune
from mathpipe.inspect.browser.source import Source, open_source
from tests.inspect.browser.shelf import plain_pages, write_shelf


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def indexed(folder: Path, pages: int = 9) -> Source:
    """Shards with an index of which nothing but the names is there."""
    source = open_source([str(folder if folder.exists() else write_shelf(folder, plain_pages(pages)))])
    index = index_path(source)
    claim(source, index).close()
    for name in (index.name, f"{index.stem}.words-0.sqlite", f"{index.stem}.words-1.sqlite"):
        index.with_name(name).write_bytes(b"x")
    return source


def left(source: Source) -> int:
    index = index_path(source)
    return len(list(index.parent.glob(f"{index.stem}.*")))


def test_an_index_whose_shards_are_gone_is_removed_and_others_stay(tmp_path: Path) -> None:
    gone, other, own = (indexed(tmp_path / name) for name in ("gone", "other", "own"))
    path = index_path(gone)
    shutil.rmtree(tmp_path / "gone")
    prune(own, index_path(own))
    assert list(path.parent.glob(f"{path.stem}.*")) == []
    assert (left(other), left(own)) == (4, 4)


def test_an_index_of_the_same_folder_as_it_was_is_removed(tmp_path: Path) -> None:
    before = index_path(indexed(tmp_path / "shards"))
    (tmp_path / "shards" / "shard-00000.parquet").touch()
    now = indexed(tmp_path / "shards")
    prune(now, index_path(now))
    assert not before.exists()
    assert left(now) == 4


def test_a_run_that_only_grew_replaces_its_older_index(tmp_path: Path) -> None:
    before = index_path(indexed(tmp_path / "shards"))
    shutil.copy(tmp_path / "shards" / "shard-00000.parquet", tmp_path / "shards" / "shard-00003.parquet")
    now = indexed(tmp_path / "shards")
    prune(now, index_path(now))
    assert not before.exists()


def test_an_index_that_another_server_has_open_stays(tmp_path: Path) -> None:
    used, own = indexed(tmp_path / "used"), indexed(tmp_path / "own")
    path = index_path(used)
    shutil.rmtree(tmp_path / "used")
    holding = f"import fcntl, time; file = open({str(path.with_suffix('.json'))!r}); fcntl.flock(file, fcntl.LOCK_SH)"
    other = subprocess.Popen(
        [sys.executable, "-c", f"{holding}; print('held', flush=True); time.sleep(60)"], stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    prune(own, index_path(own))
    assert path.exists()
    other.kill()
    other.wait()
    other.stdout.close()
    prune(own, index_path(own))
    assert not path.exists()


def test_what_an_older_version_left_goes_and_what_is_not_ours_stays(tmp_path: Path) -> None:
    own = indexed(tmp_path / "own")
    folder = index_path(own).parent
    old, foreign = folder / f"{'a' * 32}.duckdb", folder / "notes.txt"
    for path in (old, foreign):
        path.write_bytes(b"x")
    prune(own, index_path(own))
    assert (old.exists(), foreign.exists()) == (False, True)
