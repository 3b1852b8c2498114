"""What a process can still do after it confined itself, for the kernel's own ABI and for older ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from verify.programs import Protection, landlock

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")

# Runs in a process of its own, because there is no way back. Prints each attempt's errno, or 0.
ATTEMPTS = """
import json, os, socket, sys
from verify.programs import kernel, landlock
from verify.programs.protections import Protection
own, readable, outside, version = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
listening = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\\0" + outside)
abstract.listen()
client, stream = socket.socket(), socket.socket(socket.AF_UNIX)
address = listening.getsockname()
kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
allowed = {landlock.READ: [readable], landlock.CHANGE: [own], landlock.READ_AND_WRITE: ["/dev/null"],
           landlock.RUN: ["/missing"]}
landlock.restrict(landlock.layers(version), allowed, version)
attempts = {
    "read allowed": lambda: open(readable + "/file").read(),
    "list allowed": lambda: os.listdir(readable),
    "read outside": lambda: open(outside + "/file").read(),
    "list outside": lambda: os.listdir(outside),
    "write allowed to read": lambda: open(readable + "/file", "a"),
    "create where reading is allowed": lambda: open(readable + "/new", "w"),
    "write own": lambda: open(own + "/new", "w").write("x"),
    "make own folder": lambda: os.mkdir(own + "/folder"),
    "rename own": lambda: os.rename(own + "/new", own + "/renamed"),
    "truncate own": lambda: os.truncate(own + "/renamed", 0),
    "unlink own": lambda: os.unlink(own + "/renamed"),
    "create outside": lambda: open(outside + "/new", "w"),
    "unlink outside": lambda: os.unlink(outside + "/file"),
    "move out": lambda: os.rename(own + "/folder", outside + "/folder"),
    "link in": lambda: os.link(outside + "/file", own + "/link"),
    "follow a link": lambda: (os.symlink(outside + "/file", own + "/l"), open(own + "/l").read()),
    "truncate outside": lambda: os.truncate(outside + "/file", 0),
    "write to /dev/null": lambda: open("/dev/null", "w").write("x"),
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "connect": lambda: client.connect(address),
    "connect to abstract": lambda: stream.connect("\\0" + outside),
    "signal a process outside": lambda: os.kill(os.getppid(), 0),
    "signal own child": lambda: os.kill(os.getpid(), 0),
}
results = {}
for name, attempt in attempts.items():
    try:
        attempt()
        results[name] = 0
    except OSError as error:
        results[name] = error.errno
print(json.dumps(results))
"""
EACCES, EPERM, EXDEV = 13, 1, 18
OPEN = {
    "read allowed",
    "list allowed",
    "write own",
    "make own folder",
    "rename own",
    "truncate own",
    "unlink own",
    "write to /dev/null",
    "signal own child",
}
# Denied from which ABI on.
LATER = {
    "truncate outside": 3,
    "connect": 4,
    "connect to abstract": 6,
    "signal a process outside": 6,
}


@needs_landlock
@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_only_what_is_allowed_can_be_done(tmp_path: Path, version: int) -> None:
    if version > landlock.abi():
        pytest.skip(f"this kernel has ABI {landlock.abi()}")
    folders = [tmp_path / name for name in ("own", "readable", "outside")]
    for folder in folders:
        folder.mkdir()
        (folder / "file").write_text("text")
    words = [sys.executable, "-c", ATTEMPTS, *map(str, folders), str(version)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False, start_new_session=True)
    assert done.stderr == ""
    results = json.loads(done.stdout)
    for name, number in results.items():
        if name in OPEN or version < LATER.get(name, 0):
            assert number == 0, name
        else:
            assert number in {EACCES, EPERM, EXDEV}, name
    assert (tmp_path / "outside" / "file").read_text() == ("" if version < 3 else "text")
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("version", "layers"),
    [
        (0, set()),
        (1, {Protection.LANDLOCK_FILES}),
        (3, {Protection.LANDLOCK_FILES}),
        (4, {Protection.LANDLOCK_FILES, Protection.LANDLOCK_NETWORK}),
        (6, {Protection.LANDLOCK_FILES, Protection.LANDLOCK_NETWORK, Protection.LANDLOCK_SCOPE}),
        (9, {Protection.LANDLOCK_FILES, Protection.LANDLOCK_NETWORK, Protection.LANDLOCK_SCOPE}),
    ],
)
def test_an_abi_has_the_layers_it_brought(version: int, layers: set[Protection]) -> None:
    assert landlock.layers(version) == layers


def test_old_abis_do_not_know_truncation() -> None:
    assert [landlock.knows_truncation(version) for version in (1, 2, 3, 7)] == [False, False, True, True]
