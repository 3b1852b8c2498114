import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.jobs import submit_job


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "nonsense"])
def test_a_head_that_does_not_answer_is_one_clear_error(address, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    said: list[str] = []
    with pytest.raises(InputError, match="start one with `ray start --head`, or pass --address") as caught:
        submit_job(["run", "c.yaml"], address=address, wait=True, say=said.append)
    assert caught.value.offender == address
    assert said == []
