"""The wheel, built and installed for real in an empty environment."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("mathpipe", "crawl", "filters", "verify", "rl")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True, check=True).stdout
    for name in files.split("\n"):
        if name and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(source)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_five_packages_and_nothing_else(wheel):
    import zipfile

    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == set(NAMES)


def test_the_wheel_holds_the_configs_types_and_templates(wheel):
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    assert "mathpipe/py.typed" in names
    assert "mathpipe/configs/fixture.yaml" in names
    assert any(name.startswith("mathpipe/inspect/") and name.endswith(".html") for name in names)


def test_installed_alone_the_five_names_are_ours_and_the_command_works(wheel, tmp_path):
    folder = tmp_path / "empty"
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    packages = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", str(wheel)], check=True, capture_output=True)
    # The libraries come from the environment of the tests, so that nothing is fetched; ours is hidden from there.
    here = subprocess.run(
        [sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    environment = {"PYTHONPATH": f"{packages}:{here}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    probe = (
        "from importlib import import_module, metadata\n"
        f"for name in {NAMES!r}:\n"
        "    assert set(metadata.packages_distributions()[name]) == {'mathpipe'}, name\n"
        f"    assert import_module(name).__file__.startswith({packages!r}), name\n"
    )
    subprocess.run([str(python), "-c", probe], env=environment, check=True, cwd=tmp_path)
    shown = subprocess.run(
        [str(folder / "bin" / "mathpipe"), "--help"],
        env=environment, check=True, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "From web crawl to curated mathematics" in shown.stdout
