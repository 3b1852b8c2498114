"""The command and the plot: what they write, what they print, how they end."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

import rl.parity
from mathpipe.core.errors import InputError
from rl.parity import ParityError, compare_layers
from rl.parity.command import parity
from rl.parity.plot import write_plot
from rl.parity.token_logprobs import from_model, write_file
from tests.rl.parity.models import INPUT_IDS_BT, tiny, twin, with_exact_gelu, with_rope_base

WORDS = {word: 3 + number for number, word in enumerate("let p be a prime number and q another one".split())}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three models: plain, the same again, and one whose RoPE base is another."""
    root = tmp_path_factory.mktemp("models")
    model = tiny()
    words = Tokenizer(WordLevel({"<unk>": 0, **WORDS}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    for name in ("plain", "same", "other"):
        saved = twin(model)
        if name == "other":
            saved.config.rope_parameters["rope_theta"] = 20_000.0
        saved.save_pretrained(root / name)
        PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>").save_pretrained(root / name)
    (root / "tokens.jsonl").write_text("".join(json.dumps(row.tolist()) + "\n" for row in INPUT_IDS_BT))
    twin(model).save_pretrained(root / "bare")
    (root / "beyond.jsonl").write_text("[5, 97]")
    return root


def run(*arguments):
    return CliRunner().invoke(parity, [str(one) for one in arguments])


def test_the_same_weights_end_with_zero_and_say_where_the_output_is(folders, tmp_path):
    result = run(folders / "plain", folders / "same", "--tokens", folders / "tokens.jsonl", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "fp32: the same, bit for bit" in result.output
    for name in ("parity.json", "parity.svg", "tokens.json"):
        assert str(tmp_path / name) in result.output
        assert (tmp_path / name).stat().st_size > 0
    assert json.loads((tmp_path / "parity.json").read_text())["suspects"] == []
    assert json.loads((tmp_path / "tokens.json").read_text())["max_abs"] == 0


def test_another_rope_base_ends_with_two_and_is_named(folders, tmp_path):
    text = ("--text", "let p be a prime number and q another one", "--out", tmp_path)
    result = run(folders / "plain", folders / "other", *text, "--dtype", "fp32", "--all-points")
    assert result.exit_code == 2
    assert "suspect: rope: " in result.output
    assert "layer 3 mlp" in result.output
    row = next(row for row in json.loads((tmp_path / "parity.json").read_text())["rows"] if row["part"] == "rope")
    assert (row["verdict"], row["dtype"], row["layer"]) == ("suspect", "fp32", None)
    assert "another" in result.output  # the text of a worst token


def test_limits_can_be_set(folders, tmp_path):
    common = (folders / "plain", folders / "other", "--tokens", folders / "tokens.jsonl", "--out", tmp_path)
    assert run(*common, "--dtype", "fp32", "--set", "floor_factor=1e9").exit_code == 0
    result = run(*common, "--set", "flor_factor=2")
    assert "floor_factor" in str(result.exception)


def test_patched_compares_the_kernels_with_the_models_own_code(folders, tmp_path):
    result = run(folders / "plain", "--patched", "--tokens", folders / "tokens.jsonl", "--out", tmp_path)
    assert result.exit_code == 0, (result.output, result.exception)
    assert json.loads((tmp_path / "parity.json").read_text())["right"] == "patched"


def test_an_engines_file_is_compared_with_a_model(folders, tmp_path):
    path = tmp_path / "engine.jsonl"
    write_file(from_model(tiny(), INPUT_IDS_BT.tolist()), path)
    result = run(folders / "plain", path, "--out", tmp_path / "out")
    assert result.exit_code == 0, (result.output, result.exception)
    found = json.loads((tmp_path / "out" / "tokens.json").read_text())
    assert (found["tokens"], found["right"]) == (46, "engine.jsonl")
    assert found["max_abs"] < 1e-5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "plain", "--text", "p"], "config.json"),
        (["plain", "--text", "let p"], "one of RIGHT, --patched and --vllm"),
        (["plain", "same"], "one of --tokens and --text"),
        (["plain", "same", "--text", "let p", "--dtype", "fp8"], "one of fp64, fp32, bf16, fp16"),
        (["bare", "same", "--text", "let p"], "a tokenizer for --text"),
        (["plain", "same", "--text", "let"], "two tokens or more"),
        (["plain", "same", "--tokens", "plain/config.json"], "JSON list of token ids"),
        (["plain", "same", "--tokens", "beyond.jsonl"], "ids from 0 to 96"),
        (["plain", "same", "--tokens", "missing.jsonl"], "readable JSONL"),
        (["plain", "same", "--tokens", "tokens.jsonl", "--colour"], "--colour"),
    ],
)
def test_bad_input_is_one_line_and_not_a_suspects_status(folders, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(folders)
    result = run(*arguments)
    assert isinstance(result.exception, InputError)
    assert said in str(result.exception)


def test_help_has_an_example_and_the_exit_statuses():
    result = run("--help")
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert "Example: mathpipe parity" in text
    assert "1 on bad input, 2 if a point is suspect" in text


def test_the_plot_is_written_as_svg_and_png(tmp_path):
    model = tiny("gemma")
    table = compare_layers(model, with_exact_gelu(model, 1), INPUT_IDS_BT)
    assert "layer 1 mlp (fp32)" in _drawn_texts(write_plot(table, tmp_path / "a.svg"))
    assert write_plot(table, tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ParityError, match=r"\.svg or \.png"):
        write_plot(table, tmp_path / "a.gif")


def test_a_plot_of_equal_models_can_be_drawn(tmp_path):
    model = tiny()
    assert write_plot(compare_layers(model, twin(model), INPUT_IDS_BT), tmp_path / "same.png").stat().st_size > 0
    deep = tiny(num_hidden_layers=20)
    table = compare_layers(deep, with_rope_base(deep, 20_000.0, 10), INPUT_IDS_BT)
    assert write_plot(table, tmp_path / "deep.png").stat().st_size > 0


def _drawn_texts(path):
    """matplotlib draws letters as paths in SVG, and leaves the text in a comment."""
    return path.read_text()


def test_the_command_can_be_listed_without_loading_torch():
    code = "import sys, rl.parity.command; sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_can_be_imported_and_no_other():
    for name in rl.parity.__all__:
        assert callable(getattr(rl.parity, name)) or name == "Activations"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        rl.parity.nothing  # noqa: B018
