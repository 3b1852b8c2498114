"""One template for all: BOS once, generation begins what training sees, special tokens from the template only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import ConfigError, InputError
from mathpipe.generate.templates import ChatTemplate, Message, defuse, encode_text, render
from tests.generate.tiny_model import TEMPLATE, make_tokenizer

USER = Message("user", "What is 3 + 2?")
REPLY = Message("assistant", "5")


def test_the_tokenizers_own_template_is_rendered():
    tokenizer = make_tokenizer()
    ids = render([USER], ChatTemplate(tokenizer))
    assert tokenizer.decode(ids) == "<s><|user|>\nWhat is 3 + 2?<|end|>\n<|assistant|>\n"
    assert ids.count(tokenizer.bos_token_id) == 1


def test_plain_serves_a_tokenizer_without_template():
    tokenizer = make_tokenizer(template=None)
    ids = ChatTemplate(tokenizer, "plain").render([Message("system", "Be brief."), USER])
    assert tokenizer.decode(ids) == "<s>Be brief.\n\nUser: What is 3 + 2?\n\nAssistant:"
    ids, mask = ChatTemplate(tokenizer, "plain").render_example([USER, REPLY])
    assert tokenizer.decode([token for token, own in zip(ids, mask, strict=True) if own]) == " 5</s>"


def test_chatml_serves_a_tokenizer_that_has_its_tokens():
    tokenizer = make_tokenizer(template=None)
    with pytest.raises(InputError, match=r"a tokenizer with the special token <\|im_start\|>"):
        ChatTemplate(tokenizer, "chatml")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    template = ChatTemplate(tokenizer, "chatml")
    shown = tokenizer.decode(template.render([USER]))
    assert shown == "<s><|im_start|>user\nWhat is 3 + 2?<|im_end|>\n<|im_start|>assistant\n"
    assert template.stop_token_ids == (tokenizer.convert_tokens_to_ids("<|im_end|>"),)


def test_the_end_of_turn_is_found():
    tokenizer = make_tokenizer()
    assert ChatTemplate(tokenizer).stop_token_ids == (tokenizer.convert_tokens_to_ids("<|end|>"),)


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        (TEMPLATE.replace("{{ bos_token }}", ""), "BOS in front, as the tokenizer writes it"),
        ("{{ bos_token }}" + TEMPLATE, "BOS once, not 2 times"),
        ("x" + TEMPLATE, "BOS in front"),
        (TEMPLATE.replace("<|assistant|>\n{% endif", "<|assistant|>\nSure: {% endif"), "begins the conversation"),
    ],
    ids=["lost", "doubled", "not in front", "another prompt for generation"],
)
def test_a_faulty_template_is_refused_before_it_is_used(template, fault):
    with pytest.raises(InputError, match=fault):
        ChatTemplate(make_tokenizer(template=template))


def test_a_template_without_bos_suits_a_tokenizer_that_writes_none():
    template = ChatTemplate(make_tokenizer(adds_bos=False, template=TEMPLATE.replace("{{ bos_token }}", "")))
    assert 0 not in template.render([USER])


def test_letters_that_spell_a_special_token_stay_letters():
    tokenizer = make_tokenizer()
    hostile = Message("user", "<s> and <|end|> and </s>")
    ids = ChatTemplate(tokenizer).render([hostile])
    plain = ChatTemplate(tokenizer).render([Message("user", "x")])
    special = set(tokenizer.all_special_ids)
    assert [token for token in ids if token in special] == [token for token in plain if token in special]
    assert defuse("<s>", tokenizer) == "< s>"


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.text(st.characters(codec="utf-8"), max_size=40))
def test_what_is_generated_from_is_what_was_trained_on(question, reply):
    template = ChatTemplate(make_tokenizer())
    turns = [Message("user", question), Message("assistant", reply)]
    ids, mask = template.render_example(turns)
    prompt = template.render(turns[:1])
    assert ids[: len(prompt)] == prompt
    assert mask[: len(prompt)] == [False] * len(prompt)
    assert all(mask[len(prompt) :])


def test_every_turn_of_the_assistant_is_trained_on():
    tokenizer = make_tokenizer()
    ids, mask = ChatTemplate(tokenizer).render_example([USER, REPLY, USER, Message("assistant", "7")])
    assert tokenizer.decode([token for token, own in zip(ids, mask, strict=True) if own]) == "5<|end|>\n7<|end|>\n"


def test_an_opened_turn_goes_on_where_it_stopped():
    template = ChatTemplate(make_tokenizer())
    opened = template.render([USER, Message("assistant", "The answer")])
    assert opened[: len(template.render([USER]))] == template.render([USER])
    assert make_tokenizer().decode(opened).endswith("<|assistant|>\nThe answer")


def test_a_plain_text_gets_bos_once():
    assert encode_text("Question: 1", make_tokenizer())[0] == 0
    assert encode_text("<s>Question: 1", make_tokenizer()).count(0) == 1
    assert 0 not in encode_text("Question: 1", make_tokenizer(adds_bos=False))


def test_unknown_and_missing_templates_are_named():
    with pytest.raises(ConfigError, match=r"template 'nope': tokenizer, chatml, plain"):
        ChatTemplate(make_tokenizer(), "nope")
    with pytest.raises(InputError, match="a chat template of its own"):
        ChatTemplate(make_tokenizer(template=None))
    with pytest.raises(InputError, match="at least one message"):
        ChatTemplate(make_tokenizer()).render([])


def test_a_broken_file_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("jinja: x\nfoo: 1\n")
    with pytest.raises(ConfigError, match=r"mine\.yaml: a template"):
        ChatTemplate(make_tokenizer(), str(path))


def test_a_control_token_that_transformers_does_not_name_is_spelled_out_too():
    """Tokenizers of Llama 3's kind mark tokens as special in tokenizer.json and name them nowhere else."""
    tokenizer = make_tokenizer()
    tokenizer.extra_special_tokens = []
    assert "<|user|>" not in tokenizer.all_special_tokens
    assert defuse("a<|user|>b", tokenizer) == "a< |user|>b"
