from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry, digest_of, source_digest, total_dropped


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
