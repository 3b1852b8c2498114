"""Every ailment by name: how it is brought about, which check must find it, and whether a repair exists."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from tests.rl.doctor.models import (
    BOS,
    EMBEDDING,
    END,
    HEAD,
    START,
    added,
    configs,
    edit,
    template,
    tensors,
    tokenizer,
    writes_bos,
)


class Ailment(NamedTuple):
    """`said` is part of what the finding must say."""

    bring: Callable[[Path], None]
    check: str
    said: str
    repairable: bool = True


def _no_pad(folder):
    edit(folder / "tokenizer_config.json", pad_token=None)
    configs(folder, pad_token_id=None)


def _pad_is_eos(folder):
    edit(folder / "tokenizer_config.json", pad_token="<|im_end|>")
    configs(folder, pad_token_id=END)


def _pad_in_template(folder):
    template(folder, lambda text: text.replace('"<|im_end|>\\n"', '"<|im_end|><pad>\\n"'))


def _bos_doubled(folder):
    tokenizer(folder, writes_bos)


def _bos_lost(folder):
    tokenizer(folder, writes_bos)
    template(folder, lambda text: text.replace('{{- bos_token or "" -}}', ""))


def _bos_twice_in_template(folder):
    template(folder, lambda text: "{{- bos_token -}}" + text)


def _eos_elsewhere(folder):
    configs(folder, eos_token_id=BOS)


def _no_eos(folder):
    edit(folder / "tokenizer_config.json", eos_token=None, extra_special_tokens=["<|im_start|>", "<|im_end|>"])


def _no_end_of_turn(folder):
    template(folder, lambda text: text.replace("<|im_end|>", "").replace("<|im_start|>", "## "))


def _prompt_not_beginning(folder):
    template(folder, lambda text: text.replace('"<|im_start|>assistant\\n"', '"<|im_start|>assistant: "'))


def _first_turn_rewritten(folder):
    cut = "(message.content if loop.last or message.role != 'assistant' else message.content[:5])"
    template(folder, lambda text: text.replace("message.content", cut))


def _newlines_lost(folder):
    template(folder, lambda text: text.replace("message.content", "message.content.replace('\\n\\n', '\\n')"))


def _template_fails(folder):
    template(folder, lambda text: text + "{{ raise_exception('no') }}")


def _control_token_is_plain(folder):
    def change(state):
        state["added_tokens"][START]["special"] = False

    tokenizer(folder, change)
    edit(folder / "tokenizer_config.json", extra_special_tokens=None)


def _signs_folded(folder):
    def change(state):
        state["normalizer"] = {"type": "NFKC"}

    tokenizer(folder, change)


def _blank_row(folder):
    tensors(folder, lambda found: found[EMBEDDING][START].zero_())


def _repeated_rows(folder):
    def change(found):
        found[EMBEDDING][[20, 21, 22]] = found[EMBEDDING][300].clone()  # the digits and signs of ASCII are among them

    tensors(folder, change)


def _faint_row(folder):
    tensors(folder, lambda found: found[EMBEDDING][END].mul_(0.01))


def _tokens_without_rows(folder):
    added(folder, *[f"<extra-{number}>" for number in range(200)])


def _vocab_size_differs(folder):
    edit(folder / "config.json", vocab_size=320)


def _other_head(folder):
    tensors(folder, lambda found: found.update({HEAD: found[EMBEDDING] * 2}))


def _no_head(folder):
    edit(folder / "config.json", tie_word_embeddings=False)


def _nan(folder):
    tensors(folder, lambda found: found["model.norm.weight"][3:4].fill_(torch.nan))


def _tensor_missing(folder):
    tensors(folder, lambda found: found.pop("model.layers.0.mlp.up_proj.weight"))


def _cut_off(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def _rope_too_short(folder):
    scaled = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0, "original_max_position_embeddings": 128}
    edit(folder / "config.json", rope_parameters=scaled)


def _temperature_zero(folder):
    edit(folder / "generation_config.json", do_sample=True, temperature=0.0)


def _bos_without_row(folder):
    edit(folder / "config.json", bos_token_id=5000)


def _pad_without_row(folder):
    edit(folder / "config.json", pad_token_id=5000)


AILMENTS = {
    "no pad token": Ailment(_no_pad, "pad", "no pad token"),
    "pad is EOS": Ailment(_pad_is_eos, "pad", "pad is an end of text (<|im_end|>, id 3)"),
    "the template uses pad": Ailment(_pad_in_template, "pad", "uses the pad token <pad>"),
    "BOS doubled by the tokenizer": Ailment(_bos_doubled, "bos", "the tokenizer one more"),
    "BOS not in the template": Ailment(_bos_lost, "bos", "the template has no BOS"),
    "BOS twice in the template": Ailment(_bos_twice_in_template, "bos", "writes BOS 2 times", repairable=False),
    "configurations stop elsewhere": Ailment(_eos_elsewhere, "eos", "stops at [0] and not at [3]"),
    "no EOS": Ailment(_no_eos, "eos", "the tokenizer has no EOS"),
    "no end of turn": Ailment(_no_end_of_turn, "eos", "no special token", repairable=False),
    "prompt not the beginning": Ailment(_prompt_not_beginning, "template", "not the beginning", repairable=False),
    "first turn rewritten": Ailment(_first_turn_rewritten, "template", "rewrites the first", repairable=False),
    "newlines lost": Ailment(_newlines_lost, "template", "inside the words of assistant, user", repairable=False),
    "template fails": Ailment(_template_fails, "template", "TemplateError: no", repairable=False),
    "control token is plain": Ailment(_control_token_is_plain, "template-tokens", "<|im_start|> spelled"),
    "signs folded": Ailment(_signs_folded, "text-survives", "'x² +", repairable=False),
    "blank row": Ailment(_blank_row, "untrained-rows", "1 belong to control tokens in use: <|im_start|>"),
    "repeated rows": Ailment(_repeated_rows, "untrained-rows", "4 repeated"),
    "faint row": Ailment(_faint_row, "untrained-rows", "1 faint): <|im_end|>"),
    "tokens without rows": Ailment(_tokens_without_rows, "vocabulary", "tokens have no row"),
    "vocab_size differs": Ailment(
        _vocab_size_differs, "vocabulary", "vocab_size 320 is not the embedding's 384 rows"
    ),
    "BOS of config has no row": Ailment(_bos_without_row, "vocabulary", "bos_token_id 5000 has no row"),
    "pad of config has no row": Ailment(_pad_without_row, "vocabulary", "pad_token_id 5000 has no row"),
    "another head is stored": Ailment(_other_head, "tied-embeddings", "differs from the embedding"),
    "no head is stored": Ailment(_no_head, "tied-embeddings", "the head would be random"),
    "NaN": Ailment(
        _nan, "finite-weights", "1 numbers in 1 tensors are not finite: model.norm.weight", repairable=False
    ),
    "tensor missing": Ailment(_tensor_missing, "weight-files", "1 parameters are in no file", repairable=False),
    "file cut off": Ailment(_cut_off, "weight-files", "cut off or overlong", repairable=False),
    "positions beyond RoPE": Ailment(_rope_too_short, "context", "more than RoPE's 128 times 2", repairable=False),
    "temperature zero": Ailment(_temperature_zero, "sampling", "temperature is 0.0"),
}
