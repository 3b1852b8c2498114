import subprocess

from mathpipe.core.provenance import git_commit


def _git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@t.example"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _checkout(folder):
    _git(folder, "init", "--quiet")
    (folder / "package").mkdir()
    (folder / "package" / "a.py").write_text("X = 1\n")
    _git(folder, "add", "package")
    _git(folder, "commit", "--quiet", "-m", "Begin")
    return _git(folder, "rev-parse", "HEAD")


def test_the_commit_of_the_sources_is_named_and_changes_are_marked(tmp_path):
    commit = _checkout(tmp_path)
    assert git_commit(tmp_path / "package") == commit
    (tmp_path / "package" / "a.py").write_text("X = 2\n")
    assert git_commit(tmp_path / "package") == f"{commit}-dirty"


def test_a_package_installed_inside_someones_checkout_has_no_commit(tmp_path):
    _checkout(tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "b.py").write_text("")
    assert git_commit(tmp_path / ".venv") == "unknown"


def test_outside_a_checkout_the_commit_is_unknown(tmp_path):
    assert git_commit(tmp_path) == "unknown"
