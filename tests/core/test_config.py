from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.config import Config, OutputFolder, files_named_in, load_config
from mathpipe.core.errors import ConfigError


class Inner(Config):
    workers: int = 2
    labels: list[Path] = []


class Top(Config):
    name: str
    runner: Inner = Inner()


class Written(Config):
    output: OutputFolder


def _write(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    return path


def test_overrides_win_over_the_file(tmp_path):
    config = load_config(_write(tmp_path, "name: a\nrunner: {workers: 3}\n"), Top, ["runner.workers=5", "name=b"])
    assert config == Top(name="b", runner=Inner(workers=5))


def test_an_unknown_key_names_file_path_and_nearest_key(tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml: runner\.wrokers: a key that exists; did you mean 'workers'\?"):
        load_config(_write(tmp_path, "name: a\nrunner: {wrokers: 3}\n"), Top)


def test_an_unlike_key_lists_the_valid_ones(tmp_path):
    with pytest.raises(ConfigError, match="valid keys here: name, runner"):
        load_config(_write(tmp_path, "name: a\nzzz: 1\n"), Top)


def test_a_wrong_type_names_the_key_and_the_value(tmp_path):
    with pytest.raises(ConfigError, match=r"runner\.workers: .*valid integer.*not 'many'"):
        load_config(_write(tmp_path, "name: a\nrunner: {workers: many}\n"), Top)


def test_a_missing_key_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"c\.yaml: name: field required"):
        load_config(_write(tmp_path, "runner: {}\n"), Top)


@pytest.mark.parametrize("text", ["- a\n", "a: [", "\xff"])
def test_text_that_is_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"c\.yaml"):
        load_config(path, Top)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="a YAML file that exists"):
        load_config(tmp_path / "none.yaml", Top)


@pytest.mark.parametrize("override", ["noequals", "=1", "name.deeper=1"])
def test_an_override_that_cannot_apply_is_refused(tmp_path, override):
    with pytest.raises(ConfigError, match="--set"):
        load_config(_write(tmp_path, "name: a\n"), Top, [override])


@given(key=st.text(min_size=1), value=st.text())
def test_any_override_applies_or_is_a_config_error(key, value, tmp_path_factory):
    path = _write(tmp_path_factory.mktemp("c"), "name: a\n")
    try:
        assert isinstance(load_config(path, Top, [f"{key}={value}"]), Top)
    except ConfigError:
        pass


@pytest.mark.parametrize("address", ["s3://bucket/runs", "https://host/runs", "gs://b"])
def test_an_address_is_no_output_folder_and_the_setting_that_takes_one_is_named(tmp_path, address):
    with pytest.raises(ConfigError, match=r"output: a folder on disk .*runner\.mirror.*" + address):
        load_config(_write(tmp_path, f"output: {address}\n"), Written)


def test_folders_with_colons_or_of_a_drive_are_folders(tmp_path):
    for folder in ("data/a:b", "./s3:/x", str(tmp_path), "C:/runs"):
        assert load_config(_write(tmp_path, f"output: {folder}\n"), Written).output == Path(folder)


def test_files_named_by_path_fields_are_found_at_any_depth(tmp_path):
    labels = tmp_path / "labels.jsonl"
    labels.write_text("{}")
    config = Top(name="a", runner=Inner(labels=[labels, tmp_path / "missing"]))
    assert list(files_named_in(config)) == [labels]
