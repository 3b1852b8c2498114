import pickle

import pytest

from mathpipe.core.errors import (
    ConfigError,
    CorruptShardError,
    DiskFullError,
    InputError,
    MathpipeError,
    StageError,
)
from mathpipe.core.records import record_id_of

KINDS = [ConfigError, InputError, CorruptShardError, DiskFullError, StageError]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_one_line_of_who_what_and_how_to_mend(kind):
    error = kind("a.yaml", "valid YAML", "mend it")
    assert str(error) == "a.yaml: valid YAML; mend it"
    assert isinstance(error, MathpipeError)
    assert error.shard == -1


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_comes_back_from_a_worker_as_it_was(kind):
    error = kind("a", "b", "c")
    error.shard = 5
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.shard, back.offender) == (kind, "a: b; c", 5, "a")


def test_a_record_id_is_stable_and_tells_parts_apart():
    assert record_id_of("a.warc.gz", 12) == record_id_of("a.warc.gz", "12")
    assert record_id_of("a", "bc") != record_id_of("ab", "c")
    assert len(record_id_of("n\udcff.warc", 1)) == 32
