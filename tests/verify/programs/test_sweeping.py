"""What is left on a disk or running after a program without namespaces, and how it is removed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from verify.programs.memory_watch import added_bytes, resident_bytes
from verify.programs.sweeping import exceeds, make_folder, remove_folder, remove_in_background


def test_a_folder_goes_with_all_in_it(tmp_path: Path) -> None:
    folder = Path(make_folder(str(tmp_path), os.geteuid()))
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "fifo")
    remove_folder(str(folder))
    assert not folder.exists()


def test_links_are_removed_and_never_followed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "link").symlink_to(kept)
    (folder / "link").symlink_to(kept)
    (folder / "dangling").symlink_to("nowhere")
    remove_folder(str(folder))
    assert not folder.exists()
    assert (kept / "file").read_text() == "x"


def test_a_tree_deeper_than_any_path_goes(tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1_200):  # beyond the recursion limit; of 4,800 characters, beyond PATH_MAX
        os.mkdir("ddd", dir_fd=here)
        below = os.open("ddd", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove_folder(str(folder))
    assert not folder.exists()


def test_folders_without_permissions_go(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "f").write_text("x")
    (folder / "closed").chmod(0)
    remove_folder(str(folder))
    assert not folder.exists()


def test_names_with_every_byte_go(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (b"\xff\xfe", b"new\nline", b" ", b"-rf", b".removed-1"):
        (folder / os.fsdecode(name)).mkdir()
    remove_folder(str(folder))
    assert not folder.exists()


def test_a_missing_folder_is_no_fault(tmp_path: Path) -> None:
    remove_folder(str(tmp_path / "missing"))


def test_what_takes_long_is_removed_by_a_child(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    remove_in_background(str(folder))
    os.wait()
    assert not folder.exists()


@pytest.mark.parametrize(("files", "size", "over"), [(3, 100, False), (5, 100, True), (3, 70_000, True)])
def test_a_folder_over_its_limits_is_seen(tmp_path: Path, files: int, size: int, over: bool) -> None:
    (tmp_path / "inner").mkdir()
    for number in range(files - 1):
        (tmp_path / "inner" / str(number)).write_bytes(b"x" * size)
    assert exceeds(str(tmp_path), 100_000, 4) is over


def test_a_sparse_file_counts_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 2**40)
    assert not exceeds(str(tmp_path), 100_000, 4)


def test_a_link_to_a_large_folder_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    assert not exceeds(str(tmp_path), 100_000, 4)


SWEEP = """
import os, sys, time
from verify.programs import kernel, sweeping
kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
proc = os.open("/proc", os.O_RDONLY)
first = os.fork()
if first == 0:
    os.setsid()
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(1000)
            os._exit(0)
    os._exit(0)
time.sleep(0.2)
sweeping.kill_children(first, proc)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("none left")
"""


def test_daemons_in_sessions_of_their_own_are_swept() -> None:
    done = subprocess.run([sys.executable, "-c", SWEEP], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("none left\n", "")


def test_memory_of_a_family_is_summed() -> None:
    eat = "import os\nos.fork()\nx = bytearray(b'1') * (50 * 2**20)\nos.write(1, b'ready\\n')\ninput()"
    proc = os.open("/proc", os.O_RDONLY)
    try:
        with subprocess.Popen([sys.executable, "-c", eat], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(2)] == [b"ready\n"] * 2
            assert resident_bytes(proc, process.pid) > 50 * 2**20
            assert 100 * 2**20 < added_bytes(proc, process.pid, 0) < 200 * 2**20
            assert added_bytes(proc, process.pid, 2**30) == 0
        assert resident_bytes(proc, process.pid) == 0
    finally:
        os.close(proc)
