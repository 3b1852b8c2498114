"""The Modelfile's template renders what the tokenizer renders, or is not there."""

import pytest
from jinja2 import Environment

from rl.export import export_gguf, find_source
from rl.export.modelfile import Wrapping, find_wrapping, go_template, modelfile, sampling_of
from tests.rl.export.folders import byte_level, model_folder

CHATML = (
    "{{ range .Messages }}"
    '{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n'
    '{{ else if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n'
    '{{ else if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n'
    "{{ end }}{{ end }}<|im_start|>assistant\n"
)
TURNS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}[end]{% endfor %}"
SPEAK = "{% if add_generation_prompt %}[assistant]{% endif %}"


def renderer(jinja: str):
    template = Environment().from_string(jinja)

    def render(turns, speak):
        messages = [{"role": role, "content": content} for role, content in turns]
        return template.render(messages=messages, add_generation_prompt=speak, bos_token="<s>")

    return render


def test_a_chatml_policy_has_its_template_stops_and_settings(tmp_path):
    folder = model_folder(tmp_path / "policy")
    done = export_gguf(find_source(folder), tmp_path / "out", "q8_0")
    assert (done.folder / "Modelfile").read_text() == (
        f'FROM ./policy-q8_0.gguf\n\nTEMPLATE """<s>{CHATML}"""\n\n'
        'PARAMETER stop "<|im_end|>"\nPARAMETER temperature 0.7\nPARAMETER top_p 1\nPARAMETER top_k 0\n'
        "PARAMETER repeat_penalty 1\nPARAMETER num_ctx 256\n"
    )
    assert done.notes == ()


def test_bos_is_left_to_llama_cpp_where_it_writes_it_itself():
    found = find_wrapping(renderer("{{ bos_token }}" + TURNS + SPEAK), "<s>")
    assert found is not None
    assert go_template(found).startswith("<s>{{ range")
    assert go_template(found, "<s>").startswith("{{ range")


@pytest.mark.parametrize("bos", ["", "{{ bos_token }}"])
def test_a_system_that_speaks_unasked_becomes_the_modelfiles(bos):
    jinja = bos + "{% if messages[0].role != 'system' %}[system]Be good.[end]{% endif %}" + TURNS + SPEAK
    found = find_wrapping(renderer(jinja), "<s>")
    assert found is not None
    assert (found.default_system, found.around["system"]) == ("Be good.", ("[system]", "[end]"))
    text = modelfile("m.gguf", found, stops=[], sampling={}, context_tokens=100_000)
    assert 'SYSTEM """Be good."""' in text
    assert "num_ctx 8192\n" in text


@pytest.mark.parametrize(
    "jinja",
    [
        "{% for m in messages %}{{ loop.index }}{{ m.role }}{{ m.content }}{% endfor %}",
        "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}[end]{% if loop.last %}!{% endif %}{% endfor %}",
        "{{ messages[0].content }}",
        "{% if messages[0].role == 'system' %}{{ no.such.thing }}{% endif %}" + TURNS,
        TURNS + "{% if messages | length > 4 %}long{% endif %}" + SPEAK,
    ],
)
def test_a_template_that_is_more_than_words_around_turns_is_not_guessed(jinja):
    assert find_wrapping(renderer(jinja)) is None
    text = modelfile("m.gguf", None, stops=["</s>"], sampling={}, context_tokens=64)
    assert 'TEMPLATE """' not in text
    assert "write TEMPLATE by hand" in text


def test_a_template_with_gos_own_signs_is_not_written():
    around = {"user": ("{{", "}}"), "assistant": ("", "")}
    assert go_template(Wrapping("", around, "")) is None


def test_a_policy_without_a_template_says_so(tmp_path):
    tokenizer = byte_level()
    tokenizer.chat_template = None
    folder = model_folder(tmp_path / "policy", tokenizer=tokenizer)
    done = export_gguf(find_source(folder), tmp_path / "out", "q8_0")
    assert done.notes == ("no chat template: the Modelfile has no TEMPLATE",)


def test_a_stop_with_quotes_and_line_ends_is_escaped():
    text = modelfile("m.gguf", None, stops=['a"b\n\\'], sampling={}, context_tokens=64)
    assert 'PARAMETER stop "a\\"b\\n\\\\"\n' in text


def test_greedy_models_stay_greedy_and_missing_settings_are_neutral():
    from transformers import GenerationConfig

    assert sampling_of(GenerationConfig(do_sample=False)) == {
        "temperature": 0.0,
        "top_p": 1.0,
        "top_k": 0.0,
        "repeat_penalty": 1.0,
    }
    assert sampling_of(GenerationConfig(do_sample=True, top_p=0.95, top_k=20))["top_p"] == 0.95
    assert sampling_of(GenerationConfig())["temperature"] == 1.0
