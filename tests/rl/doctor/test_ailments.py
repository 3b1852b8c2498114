"""Each ailment is found by its own check alone, and its repair heals a copy without touching the original."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rl.doctor import Status, examine, repair
from rl.doctor.examination import faults
from tests.rl.doctor.ailments import AILMENTS
from tests.rl.doctor.models import ROWS, broken, bytes_of


def test_a_healthy_model_has_no_faults_and_no_warnings(healthy):
    findings = {finding.name: finding for finding in examine(healthy)}
    assert {name for name, one in findings.items() if one.status is not Status.OK} == {"tokenizers-agree"}
    assert findings["tokenizers-agree"].status is Status.NOT_APPLICABLE
    assert findings["vocabulary"].figures["rows"] == ROWS
    assert findings["numbers"].found.startswith("single digits: 1234567 is 1 2 3 4 5 6 7")
    assert findings["untrained-rows"].figures["embedding"]["used_special_tokens"] == []
    assert all(one.why.endswith(".") for one in findings.values())


@pytest.mark.parametrize("name", AILMENTS)
def test_exactly_the_ailment_is_found(healthy, tmp_path, name):
    ailment = AILMENTS[name]
    found = faults(examine(broken(healthy, tmp_path / "model", ailment.bring)))
    assert [finding.name for finding in found] == [ailment.check]
    assert ailment.said in found[0].found
    assert found[0].mend
    assert bool(found[0].repairs) is ailment.repairable


@pytest.mark.parametrize("name", [name for name, one in AILMENTS.items() if one.repairable])
def test_the_repair_heals_a_copy_that_loads_and_leaves_the_original(healthy, tmp_path, name):
    folder = broken(healthy, tmp_path / "model", AILMENTS[name].bring)
    before = bytes_of(folder)
    mended = repair(folder, tmp_path / "mended")
    assert faults(mended.findings) == ()
    assert mended.changes
    assert bytes_of(folder) == before
    tokenizer = AutoTokenizer.from_pretrained(mended.folder)
    model = AutoModelForCausalLM.from_pretrained(mended.folder)
    ids = tokenizer.apply_chat_template(
        [{"role": "user", "content": "1 + 1?"}], return_tensors="pt", add_generation_prompt=True, return_dict=True
    )["input_ids"]
    assert torch.isfinite(model(ids).logits).all()
    assert len(tokenizer) <= model.get_input_embeddings().num_embeddings
    assert tokenizer.pad_token_id not in {None, tokenizer.eos_token_id}


def test_what_no_repair_mends_is_still_found_on_the_copy(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", AILMENTS["newlines lost"].bring)
    mended = repair(folder, tmp_path / "mended")
    assert [finding.name for finding in faults(mended.findings)] == ["template"]
    assert mended.changes == ()
