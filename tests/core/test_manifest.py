from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mathpipe.core.manifest import (
    Manifest,
    OutputFile,
    ShardEntry,
    digest_of,
    library_versions,
    line_of,
    source_digest,
    total_dropped,
)


def _entry(shard: int, key: str = "k", dropped: dict[str, int] | None = None) -> ShardEntry:
    output = OutputFile(f"shard-{shard:05d}.parquet", 3, "d")
    return ShardEntry(shard, key, ("in",), 5, 3, 0.1, 10, 20, dropped or {"odd": 2}, 0, (output,))


def _finish(folder, shard=0):
    (folder / f"shard-{shard:05d}.parquet").write_bytes(b"abc")


def test_a_finished_shard_is_known_after_reading_again(tmp_path):
    _finish(tmp_path)
    Manifest(tmp_path).add(_entry(0))
    assert Manifest(tmp_path).finished(0, "k") == _entry(0)


def test_another_key_a_missing_file_or_another_size_mean_unfinished(tmp_path):
    _finish(tmp_path)
    manifest = Manifest(tmp_path)
    manifest.add(_entry(0))
    assert manifest.finished(0, "other") is None
    (tmp_path / "shard-00000.parquet").write_bytes(b"ab")
    assert manifest.finished(0, "k") is None
    (tmp_path / "shard-00000.parquet").unlink()
    assert manifest.finished(0, "k") is None


def test_a_line_torn_by_a_kill_is_ignored_and_later_lines_still_count(tmp_path):
    _finish(tmp_path, 1)
    manifest = Manifest(tmp_path)
    manifest.add(_entry(0))
    text = manifest.path.read_bytes()
    manifest.path.write_bytes(text[: len(text) // 2])
    after = Manifest(tmp_path)
    assert after.entries == {}
    after.add(_entry(1))
    assert list(Manifest(tmp_path).entries) == [1]


def test_the_last_line_of_a_shard_counts_and_void_forgets(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.add(_entry(0, "old"))
    manifest.add(_entry(0, "new"))
    assert Manifest(tmp_path).entries[0].key == "new"
    manifest.void(0)
    assert Manifest(tmp_path).entries == {}


def test_the_owner_of_a_file_is_its_shard(tmp_path):
    manifest = Manifest(tmp_path)
    manifest.add(_entry(4))
    assert manifest.owner_of(tmp_path / "shard-00004.parquet") == 4
    assert manifest.owner_of(tmp_path / "shard-00005.parquet") is None


def test_a_source_is_known_by_its_ends_and_size(tmp_path):
    source = tmp_path / "a.warc.gz"
    source.write_bytes(b"a" * 200_000)
    before = source_digest(source)
    source.write_bytes(b"a" * 199_999 + b"b")
    assert source_digest(source) != before
    source.write_bytes(b"a" * 200_001)
    assert source_digest(source) != before


def test_parts_are_digested_apart():
    assert digest_of("ab", "c") != digest_of("a", "bc")


def test_drops_add_up_over_shards_most_first():
    entries = [_entry(0, dropped={"odd": 1, "big": 5}), _entry(1, dropped={"odd": 2})]
    assert total_dropped(entries) == {"big": 5, "odd": 3}


@pytest.mark.parametrize("line", [b"7", b"[]", b'{"shard": 1}', b'{"shard": 1, "outputs": 3}', b"\x00\x00", b"{}"])
def test_a_line_of_another_version_or_of_garbage_means_unfinished(tmp_path, line):
    manifest = Manifest(tmp_path)
    manifest.add(_entry(0))
    with manifest.path.open("ab") as file:
        file.write(line + b"\n")
    assert list(Manifest(tmp_path).entries) == [0]


def test_a_large_source_is_known_by_its_ends_and_a_small_one_to_the_byte(tmp_path):
    small, large = tmp_path / "labels.jsonl", tmp_path / "a.warc.gz"
    small.write_bytes(b"a" * 200_000)
    before = source_digest(small)
    small.write_bytes(b"a" * 100_000 + b"b" + b"a" * 99_999)
    assert source_digest(small) != before
    with large.open("wb") as file:
        file.truncate(2**30)  # sparse: costs no disk, and a digest of all of it would take a second
    before = source_digest(large)
    with large.open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"b")
    assert source_digest(large) != before


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["add", "void"])), min_size=1, max_size=8),
    cut=st.integers(1, 2_000),
)
def test_cut_at_any_byte_a_manifest_holds_what_some_moment_before_held(steps, cut, tmp_path_factory):
    manifest = Manifest(tmp_path_factory.mktemp("m"))
    moments = [{}]
    for number, (shard, what) in enumerate(steps):
        if what == "add":
            manifest.add(_entry(shard, key=f"k{number}"))
        else:
            manifest.void(shard)
        moments.append({shard: entry.key for shard, entry in manifest.entries.items()})
    if manifest.path.exists():
        data = manifest.path.read_bytes()
        manifest.path.write_bytes(data[: max(0, len(data) - cut)])
    after = {shard: entry.key for shard, entry in Manifest(manifest.folder).entries.items()}
    assert after in moments


def test_voiding_what_is_not_there_writes_nothing(tmp_path):
    Manifest(tmp_path).void(3)
    assert not (tmp_path / "manifest.jsonl").exists()


def test_a_shards_digest_covers_every_file_it_published():
    one, two = OutputFile("shard-00000.parquet", 3, "d"), OutputFile("files-00000/a", 4, "e")
    entry = _entry(0)
    both = replace(entry, outputs=(one, two))
    assert both.digest != entry.digest
    assert both.digest != replace(entry, outputs=(one, replace(two, digest="f"))).digest
    assert both.size_bytes == 7


def test_a_line_of_an_earlier_version_that_lists_all_inputs_is_still_read(tmp_path):
    row = asdict(_entry(0))
    del row["input_count"]
    (tmp_path / "manifest.jsonl").write_bytes(line_of({**row, "inputs": ["in"] * 500}))
    assert len(Manifest(tmp_path).entries[0].inputs) == 500


def test_library_versions_name_python_and_each_library():
    versions = library_versions()
    assert versions[0].startswith("python==3.")
    assert all("==" in version for version in versions)
    assert {"pyarrow", "fastwarc", "numpy"} <= {version.partition("==")[0] for version in versions}
