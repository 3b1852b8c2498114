from pathlib import Path

import pytest

from mathpipe.core.errors import StageError
from mathpipe.core.stage import StageContext, StepOutput
from mathpipe.core.step import Gather, SplitConfig, SplitStage, part_name
from mathpipe.core.store import read_records
from tests.core.toy import Number, beyond, last_digit

NUMBERS = [Number(f"n{value}", "", value) for value in (3, 5, 8, 11, 30)]


def _split(folder: Path, gather: Gather) -> dict[str, list[int]]:
    stage = SplitStage(SplitConfig(partitions=gather.partitions), StageContext(folder), Number, gather)
    assert list(stage.run(iter(NUMBERS))) == []
    return {path.name: [number.value for number in read_records(path, Number)] for path in sorted(folder.iterdir())}


def test_each_record_lies_in_the_file_of_its_partition_in_order_and_empty_parts_are_not_written(tmp_path):
    assert _split(tmp_path, Gather(5, last_digit)) == {
        "part-00000.parquet": [5, 30],
        "part-00001.parquet": [11],
        "part-00003.parquet": [3, 8],
    }


def test_without_a_partition_function_all_goes_into_one_part(tmp_path):
    assert _split(tmp_path, Gather(4)) == {part_name(0): [3, 5, 8, 11, 30]}


def test_a_partition_that_does_not_exist_loses_no_record_in_silence(tmp_path):
    with pytest.raises(StageError, match="record n3: a partition below 4, not 4; mend the step's partition function"):
        _split(tmp_path, Gather(4, beyond))


def test_a_steps_output_finds_a_file_by_name(tmp_path):
    for folder in ("files-00000", "files-00001"):
        (tmp_path / folder).mkdir()
    (tmp_path / "files-00001" / "model.bin").write_text("m")
    output = StepOutput((), (tmp_path / "files-00000", tmp_path / "files-00001"))
    assert output.file("model.bin") == tmp_path / "files-00001" / "model.bin"
    with pytest.raises(FileNotFoundError, match=r"none\.bin"):
        output.file("none.bin")
