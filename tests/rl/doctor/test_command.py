"""The command: what it prints and writes, how it ends, what it refuses."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

import rl.doctor
from mathpipe.core.errors import InputError
from rl.doctor.command import doctor
from tests.rl.doctor.ailments import AILMENTS
from tests.rl.doctor.models import broken, bytes_of


def run(*arguments):
    return CliRunner().invoke(doctor, [str(one) for one in arguments])


def test_a_healthy_model_ends_with_zero_and_every_check_in_the_report(healthy, tmp_path):
    result = run(healthy, "--json", tmp_path / "out" / "report.json")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "17 ok, 1 not-applicable" in result.output
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert (report["faults"], report["warnings"], len(report["findings"])) == ([], [], 18)
    assert f"report:  {tmp_path / 'out' / 'report.json'}" in result.output


def test_a_fault_ends_with_one_and_says_why_and_how_to_mend_it(healthy, tmp_path):
    result = run(broken(healthy, tmp_path / "model", AILMENTS["pad is EOS"].bring))
    assert result.exit_code == 1
    assert "why: Padding is masked out of the loss" in result.output
    assert "mend: give the tokenizer a pad token that nothing else uses (--repair does)" in result.output
    assert "1 fault" in result.output


def test_a_repair_says_each_change_and_ends_with_zero(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", AILMENTS["pad is EOS"].bring)
    result = run(folder, "--repair", tmp_path / "mended", "--json", tmp_path / "report.json")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "changed: tokenizer, config.json, generation_config.json: pad token <pad>" in result.output
    assert f"copy:    {tmp_path / 'mended'}" in result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["faults"], report["copy"]["faults"], len(report["copy"]["changes"])) == (["pad"], [], 1)


def test_a_fault_without_repair_remains_and_ends_with_one(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", AILMENTS["NaN"].bring)
    assert run(folder, "--repair", tmp_path / "mended").exit_code == 1


def test_quick_leaves_out_reading_every_weight(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", AILMENTS["NaN"].bring)
    result = run(folder, "--quick")
    assert result.exit_code == 0
    assert "left out by --quick" in result.output


def test_an_empty_folder_may_be_repaired_into(healthy, tmp_path):
    (tmp_path / "empty").mkdir()
    assert run(healthy, "--repair", tmp_path / "empty").exit_code == 0
    assert bytes_of(tmp_path / "empty") == bytes_of(healthy)


def test_never_in_place_never_over_anything(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(folder)
    before = bytes_of(tmp_path)
    for out in (
        folder,
        folder / "inside",
        tmp_path,
        tmp_path / "full",
        tmp_path / "link",
        tmp_path / "full/notes.txt",
    ):
        result = run(folder, "--repair", out)
        assert isinstance(result.exception, InputError), out
        assert "name another" in str(result.exception)
    assert bytes_of(tmp_path) == before


def test_weights_in_other_formats_are_not_taken_along(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", AILMENTS["blank row"].bring)
    (folder / "pytorch_model.bin").write_bytes(b"old")
    (folder / "README.md").write_text("card")
    result = run(folder, "--repair", tmp_path / "mended")
    assert "changed: pytorch_model.bin: left out, it would hold the unmended weights" in result.output
    assert not (tmp_path / "mended" / "pytorch_model.bin").exists()
    assert (tmp_path / "mended" / "README.md").read_text() == "card"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody/nothing-here"], "a hub name in the local cache"),
        (["no such folder!"], "a hub name in the local cache"),
        (["{empty}"], "a folder with config.json"),
        (["{adapter}"], "mathpipe export"),
        (["{unknown}"], "a configuration that transformers loads"),
        (["{healthy}", "--colour"], "--colour"),
    ],
)
def test_bad_input_is_one_line(healthy, tmp_path, arguments, said):
    for name, file, text in (
        ("empty", "notes.txt", ""),
        ("adapter", "adapter_config.json", "{}"),
        ("unknown", "config.json", '{"model_type": "abacus"}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(text)
    places = {name: tmp_path / name for name in ("empty", "adapter", "unknown")} | {"healthy": healthy}
    result = run(*[one.format(**places) for one in arguments])
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_a_model_without_tokenizer_is_a_fault_and_the_rest_is_examined(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda _: None)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / name).unlink()
    result = run(folder)
    assert result.exit_code == 1
    assert "the folder holds no tokenizer" in result.output
    assert "1 fault" in result.output


def test_a_tokenizer_that_cannot_be_loaded_is_a_fault(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: (folder / "tokenizer.json").write_text("{"))
    assert run(folder).exit_code == 1


def test_help_has_an_example_and_the_exit_statuses():
    text = " ".join(run("--help").output.split())
    assert "Example: mathpipe doctor" in text
    assert "Exit status: 0, or 1 if a fault remains" in text


def test_the_command_can_be_listed_without_loading_torch():
    code = "import sys, rl.doctor.command; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_can_be_imported_and_no_other():
    assert all(callable(getattr(rl.doctor, name)) for name in rl.doctor.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rl.doctor.nothing  # noqa: B018
