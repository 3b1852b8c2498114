"""The exported corpus: the real `datasets` library opens it, sums hold, and nobody's files are lost."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.core.records import Page, Problem
from mathpipe.core.store import schema_of
from mathpipe.inspect.corpus_card import CardTable, code, front_matter, size_category
from mathpipe.inspect.corpus_export import export_corpus
from mathpipe.inspect.corpus_parts import write_parts
from mathpipe.inspect.datasheet_facts import read_datasheet
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder
from tests.inspect.corpus_run import KEPT, PROBLEMS, write_corpus
from tests.inspect.small_run import write_run

NAMES = [
    "LICENSES.md", "README.md", "SHA256SUMS", "data/train-00000-of-00001.parquet", "datasheet.html", "datasheet.json",
    "problems/train-00000-of-00001.parquet",
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="module")
def exported(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_corpus(corpus, tmp_path_factory.mktemp("out") / "published").folder


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_folder_holds_what_is_published(corpus: Path, exported: Path) -> None:
    assert sorted(files_of(exported)) == NAMES
    assert sorted(path.name for path in exported.parent.iterdir()) == ["published"]


def test_datasets_opens_it_with_all_that_was_kept(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    pages = datasets.load_dataset(str(exported), split="train", cache_dir=str(tmp_path))
    assert [row["record_id"] for row in pages] == [page.record_id for page in KEPT]
    assert [row["text"] for row in pages] == [page.text for page in KEPT]
    assert [row["license"] for row in pages] == [page.license for page in KEPT]
    assert pages[0]["formulas"][0] == {"latex": "\\int", "display": True, "source": "tex-delimiters"}
    problems = datasets.load_dataset(str(exported), "problems", split="train", cache_dir=str(tmp_path))
    assert [(row["problem_id"], row["answer"]) for row in problems] == [(p.problem_id, p.answer) for p in PROBLEMS]


def test_the_card_describes_columns_as_datasets_itself_does(exported: Path) -> None:
    datasets = pytest.importorskip("datasets")
    header = yaml.safe_load((exported / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    for info, kind in zip(header["dataset_info"], (Page, Problem), strict=True):
        path = next(exported.glob(f"{'data' if kind is Page else 'problems'}/*.parquet"))
        features = datasets.Features.from_arrow_schema(pq.read_schema(path))
        assert info["features"] == features._to_yaml_list()
    assert datasets.DatasetInfo._from_yaml_dict(header["dataset_info"][0]).splits["train"].num_examples == 3


def test_the_cards_yaml(exported: Path) -> None:
    header = yaml.safe_load((exported / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert header["language"] == ["en"]
    assert (header["license"], header["license_link"]) == ("other", "LICENSES.md")
    assert header["size_categories"] == ["n<1K"]
    assert [config["config_name"] for config in header["configs"]] == ["pages", "problems"]
    assert header["dataset_info"][0]["splits"][0]["num_examples"] == 3
    size = (exported / "data" / "train-00000-of-00001.parquet").stat().st_size
    assert header["dataset_info"][0]["download_size"] == size


def test_checksums_hold_by_the_systems_own_tool(exported: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=exported, capture_output=True, check=True
    )
    assert len(done.stdout.splitlines()) == len(NAMES) - 1


def test_the_datasheet_of_the_export_names_the_exported_files(exported: Path) -> None:
    sheet = json.loads((exported / "datasheet.json").read_text())
    assert [(file["path"], file["rows"]) for file in sheet["files"]] == [
        ("data/train-00000-of-00001.parquet", 3), ("problems/train-00000-of-00001.parquet", 2)]  # fmt: skip
    sums = (exported / "SHA256SUMS").read_text()
    assert all(f"{file['sha256']}  {file['path']}\n" in sums for file in sheet["files"])


def test_licences_seen_are_listed_and_hostile_ones_stay_in_their_cell(exported: Path) -> None:
    text = (exported / "LICENSES.md").read_text()
    assert "| `CC-BY-SA-4.0` | 1 | 1 |" in text
    assert "| `<script>alert('licence')</script> '\\| x` | 1 | 1 |" in text
    assert "1 of 3 pages state none" in text
    assert "not free" in text


def test_the_same_run_gives_the_same_files(corpus: Path, exported: Path, tmp_path: Path) -> None:
    assert files_of(export_corpus(corpus, tmp_path / "again").folder) == files_of(exported)


def test_parts_are_cut_by_size_and_together_hold_every_row_once(corpus: Path, tmp_path: Path) -> None:
    shards = RunFolder(corpus).shards("curate")
    schema = pa.schema([field for field in schema_of(Page) if field.name in ("record_id", "text")])
    parts = write_parts(shards, schema, tmp_path, "data", max_part_bytes=1)
    assert [part.path for part in parts] == ["data/train-00000-of-00001.parquet"]  # one row group is never cut
    assert pq.read_table(tmp_path / parts[0].path)["record_id"].to_pylist() == [page.record_id for page in KEPT]


def test_row_groups_go_into_new_parts_when_one_is_full(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mathpipe.inspect.corpus_parts._ROW_GROUP_BYTES", 1)
    parts = write_parts(RunFolder(corpus).shards("curate"), pa.schema([("record_id", pa.string())]), tmp_path, "d", 1)
    assert [(part.path, part.rows) for part in parts] == [
        ("d/train-00000-of-00002.parquet", 2), ("d/train-00001-of-00002.parquet", 1)]  # fmt: skip


def test_a_column_that_older_shards_lack_is_null(corpus: Path, tmp_path: Path) -> None:
    schema = pa.schema([("record_id", pa.string()), ("new", pa.int64())])
    (part,) = write_parts(RunFolder(corpus).shards("curate"), schema, tmp_path, "data")
    assert pq.read_table(tmp_path / part.path)["new"].to_pylist() == [None, None, None]


def test_a_folder_that_is_not_empty_is_refused(corpus: Path, tmp_path: Path) -> None:
    mine = tmp_path / "thesis.tex"
    mine.write_text("mine")
    with pytest.raises(InputError, match="an empty folder"):
        export_corpus(corpus, tmp_path)
    with pytest.raises(InputError, match="an earlier export"):
        export_corpus(corpus, tmp_path, overwrite=True)
    with pytest.raises(InputError, match="a folder"):
        export_corpus(corpus, mine)
    assert files_of(tmp_path) == {"thesis.tex": b"mine"}


def test_overwriting_replaces_an_export_and_nothing_else(corpus: Path, tmp_path: Path) -> None:
    target, outside = tmp_path / "out", tmp_path / "outside.txt"
    export_corpus(corpus, target)
    outside.write_text("mine")
    (target / "notes.txt").write_text("mine")
    (target / "data" / "train-00001-of-00002.parquet").write_bytes(b"of an earlier, larger export")
    sums = target / "SHA256SUMS"
    zeros = "0" * 64
    sums.write_text(sums.read_text() + f"{zeros}  data/train-00001-of-00002.parquet\n{zeros}  ../outside.txt\n")
    export_corpus(corpus, target, overwrite=True)
    assert sorted(files_of(target)) == sorted([*NAMES, "notes.txt"])
    assert outside.read_text() == "mine"


def test_an_export_that_was_killed_while_it_replaced_another_leaves_no_part_behind(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    export_corpus(corpus, target)
    replace_file, moved = Path.replace, []

    def killed(self: Path, place: Path) -> Path:
        if place.name == "SHA256SUMS":
            raise KeyboardInterrupt
        moved.append(place.name)
        return replace_file(self, place)

    with monkeypatch.context() as patch:
        patch.setattr("mathpipe.inspect.corpus_parts._ROW_GROUP_BYTES", 1)
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            export_corpus(corpus, target, overwrite=True, max_part_bytes=1)
    assert "train-00000-of-00002.parquet" in moved
    export_corpus(corpus, target, overwrite=True)
    assert sorted(files_of(target)) == NAMES


def test_a_first_export_that_was_killed_can_be_done_again(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    rename = Path.replace

    def killed(self: Path, place: Path) -> Path:
        if place.name == "README.md":
            raise KeyboardInterrupt
        return rename(self, place)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            export_corpus(corpus, target)
    export_corpus(corpus, target, overwrite=True)
    assert sorted(files_of(target)) == NAMES


def test_a_rotten_shard_of_problems_is_not_published(tmp_path: Path) -> None:
    run = write_corpus(tmp_path / "run")
    shard = run / "steps" / "problems" / "shard-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[data.index(b"What is 1+1?")] ^= 1
    shard.write_bytes(data)
    with pytest.raises(CorruptShardError, match="not those that were written"):
        export_corpus(run, tmp_path / "out")


def test_a_clones_own_files_do_not_count_as_content(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text("x")
    export_corpus(corpus, tmp_path)
    assert sorted(files_of(tmp_path)) == sorted([".git/config", *NAMES])


def test_an_unfinished_run_leaves_nothing_behind(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    with pytest.raises(InputError, match="it never finished"):
        export_corpus(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a folder that can be written"):
        export_corpus(corpus, tmp_path / "file" / "out")


def test_no_licence_stated_is_an_unknown_licence(corpus: Path) -> None:
    sheet = read_datasheet(RunFolder(corpus), DEFAULT_FUNNEL)
    from dataclasses import replace

    silent = replace(sheet, licences=replace(sheet.licences, stated=0, rows=()))
    table = CardTable("pages", "data", pa.schema([]), ())
    assert front_matter(silent, [table])["license"] == "unknown"


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "n>1T")]
)
def test_the_hubs_size_classes(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_code_spans_hold_whatever_they_are_given() -> None:
    assert code("a`b|c\n# head\x1b[0m") == "`a'b\\|c # head\N{REPLACEMENT CHARACTER}[0m`"
    assert code("") == ""
