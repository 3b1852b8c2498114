"""The command: what it writes, what it says, how it ends."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mathpipe.core.errors import InputError
from rl.export.command import export
from tests.rl.export.folders import adapter_folder, model_folder


def run(*arguments):
    return CliRunner().invoke(export, [str(one) for one in arguments])


def test_it_says_where_its_output_is_and_what_to_know_of_it(tmp_path):
    base = model_folder(tmp_path / "base", "mistral", sliding_window=32)
    result = run(base, tmp_path / "out", "--as", "gguf", "--dtype", "q8_0")
    assert result.exit_code == 0, result.output
    assert f"written: {tmp_path / 'out' / 'base-q8_0.gguf'}\n" in result.stdout
    assert f"written: {tmp_path / 'out' / 'Modelfile'}\n" in result.stdout
    assert "note:    llama.cpp has no attention window for mistral" in result.stderr


def test_each_form_is_written(tmp_path):
    base = model_folder(tmp_path / "base")
    adapter = adapter_folder(tmp_path / "policy", base)
    for form, name in (("merged", "model.safetensors"), ("adapter", "adapter_model.safetensors")):
        assert run(adapter, tmp_path / form, "--as", form, "--base", base).exit_code == 0
        assert (tmp_path / form / name).is_file()
    assert run(adapter, tmp_path / "gguf", "--as", "gguf").exit_code == 0
    assert (tmp_path / "gguf" / "policy-fp32.gguf").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "merged", "--dtype", "q8_0"), "auto, fp32, bf16, fp16 for merged weights"),
        (("--as", "adapter", "--dtype", "bf16"), "to be left out for an adapter"),
        (("--as", "adapter"), "these are full weights"),
        (("--as", "merged", "--base", "other"), "an adapter to put on it"),
    ],
)
def test_a_wrong_wish_is_one_line_and_writes_nothing(tmp_path, arguments, message):
    base = model_folder(tmp_path / "base")
    result = run(base, tmp_path / "out", *arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["base"]


def test_importing_the_command_loads_no_framework():
    code = (
        "import sys, rl.export, rl.export.command; sys.exit(any(m in sys.modules for m in ('torch', 'gguf', 'peft')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
