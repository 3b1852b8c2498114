"""Pad, BOS and EOS as families of models have them."""

import json

import pytest
from transformers import AutoTokenizer

from rl.doctor import Status, examine, repair
from tests.rl.doctor.models import BOS, END, PAD, START, broken, configs, edit, template, tokenizer, writes_bos


def finding_of(folder, name):
    return next(finding for finding in examine(folder, quick=True) if finding.name == name)


def test_a_sampler_that_stops_at_more_than_the_turns_end_is_well(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: configs(folder, eos_token_id=[END, START]))
    assert finding_of(folder, "eos").status is Status.OK


def test_a_turns_end_that_only_config_json_lacks_is_warned_of(healthy, tmp_path):
    def bring(folder):  # as Gemma 2 has it: the text's end in one place, the turn's end in the other
        edit(folder / "tokenizer_config.json", eos_token="<s>", extra_special_tokens=["<|im_start|>", "<|im_end|>"])
        edit(folder / "config.json", eos_token_id=BOS)
        edit(folder / "generation_config.json", eos_token_id=[BOS, END])

    folder = broken(healthy, tmp_path / "model", bring)
    finding = finding_of(folder, "eos")
    assert finding.status is Status.WARNING
    assert "config.json stops at [0] and not at [3]" in finding.found
    assert "the template ends a turn with <|im_end|>, the tokenizer a text with <s>" in finding.found
    edit(folder / "generation_config.json", eos_token_id=[BOS])
    assert finding_of(folder, "eos").status is Status.FAULT
    mended = repair(folder, tmp_path / "mended").folder
    assert json.loads((mended / "generation_config.json").read_text())["eos_token_id"] == [END, BOS]


def test_a_base_model_without_template_is_judged_by_its_tokenizer(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: (folder / "chat_template.jinja").unlink())
    assert finding_of(folder, "eos").status is Status.OK
    for name in ("template", "template-tokens"):
        assert finding_of(folder, name).status is Status.NOT_APPLICABLE


def test_a_pad_that_sampling_stops_at_too_is_warned_of(healthy, tmp_path):
    def bring(folder):  # as Qwen 2.5 has it
        edit(folder / "generation_config.json", eos_token_id=[END, PAD])

    finding = finding_of(broken(healthy, tmp_path / "model", bring), "pad")
    assert (finding.status, finding.found) == (
        Status.WARNING,
        "<pad> (id 1); sampling stops at the pad token <pad> too",
    )


def test_another_pad_in_a_configuration_is_warned_of_and_mended(healthy, tmp_path):
    folder = broken(
        healthy, tmp_path / "model", lambda folder: edit(folder / "generation_config.json", pad_token_id=7)
    )
    assert "generation_config.json has another pad, id 7" in finding_of(folder, "pad").found
    assert finding_of(repair(folder, tmp_path / "mended").folder, "pad").status is Status.OK


def test_files_that_older_releases_wrote_do_not_undo_a_repair(healthy, tmp_path):
    def bring(folder):
        edit(folder / "tokenizer_config.json", pad_token="<|im_end|>")
        (folder / "special_tokens_map.json").write_text('{"pad_token": "<|im_end|>"}')

    folder = broken(healthy, tmp_path / "model", bring)
    mended = repair(folder, tmp_path / "mended").folder
    assert AutoTokenizer.from_pretrained(mended).pad_token == "<pad>"
    assert not (mended / "special_tokens_map.json").exists()


@pytest.mark.parametrize("says_so", [False, True])
def test_after_its_repair_bos_stands_once_however_the_text_is_encoded(healthy, tmp_path, says_so):
    def bring(folder):
        tokenizer(folder, writes_bos)
        if says_so:  # as Llama's tokenizers do
            edit(folder / "tokenizer_config.json", add_bos_token=True)

    folder = broken(healthy, tmp_path / "model", bring)
    assert finding_of(folder, "bos").figures["times"] == {
        "generation, add_special_tokens=False": 1,
        "generation, add_special_tokens=True": 2,
        "training, add_special_tokens=False": 1,
        "training, add_special_tokens=True": 2,
    }
    mended = repair(folder, tmp_path / "mended").folder
    assert set(finding_of(mended, "bos").figures["times"].values()) == {1}
    assert AutoTokenizer.from_pretrained(mended).encode("a") == AutoTokenizer.from_pretrained(mended).encode(
        "a", add_special_tokens=False
    )


def test_a_processor_in_a_sequence_is_mended_as_well(healthy, tmp_path):
    def bring(folder):
        def change(state):
            writes_bos(state)
            level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
            state["post_processor"] = {"type": "Sequence", "processors": [level, state["post_processor"]]}

        tokenizer(folder, change)

    folder = broken(healthy, tmp_path / "model", bring)
    assert finding_of(folder, "bos").status is Status.FAULT
    mended = repair(folder, tmp_path / "mended").folder
    assert finding_of(mended, "bos").status is Status.OK
    parts = json.loads((mended / "tokenizer.json").read_text())["post_processor"]["processors"]
    assert [part["type"] for part in parts] == ["ByteLevel", "TemplateProcessing"]


def test_bos_behind_other_text_is_a_fault(healthy, tmp_path):
    folder = broken(healthy, tmp_path / "model", lambda folder: template(folder, lambda text: "Chat: " + text[0:0]))
    template(folder, lambda _: "{{- 'Chat: ' + bos_token -}}" + _body(healthy))
    assert "BOS does not stand in front" in finding_of(folder, "bos").found


def _body(folder):
    return (folder / "chat_template.jinja").read_text().replace('{{- bos_token or "" -}}', "")


def test_trimmed_messages_and_refused_system_messages_are_warned_of(healthy, tmp_path):
    def bring(folder):
        refusal = "{%- if messages[0].role == 'system' -%}{{- raise_exception('no system') -}}{%- endif -%}"
        template(folder, lambda text: refusal + text.replace("message.content", "(message.content | trim)"))

    finding = finding_of(broken(healthy, tmp_path / "model", bring), "template")
    assert finding.status is Status.WARNING
    assert "it strips blanks around the words of user, assistant" in finding.found
    assert "it refuses a system message" in finding.found


def test_the_assistants_spans_are_its_words_and_the_turns_end(healthy):
    spans = finding_of(healthy, "template").figures["assistant_spans"]
    one = AutoTokenizer.from_pretrained(healthy)
    from rl.doctor.conversation import TURNS, render

    ids = render(one).second_whole.ids
    decoded = [one.decode(ids[start:end]) for start, end in spans]
    assert decoded == [TURNS[at]["content"] + "<|im_end|>\n" for at in (1, 3)]
