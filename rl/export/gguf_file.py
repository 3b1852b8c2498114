"""One GGUF file with all that llama.cpp needs, and a Modelfile beside it.

In: a `Source`. Out: a new folder. Keys and tensors are those that llama.cpp reads for the family; tensors are read,
changed and written one after another, so that memory holds the largest alone, whatever the model's size.
Method: GGUF by the `gguf` package of llama.cpp (docs/gguf.md of ggml).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from rich.console import Console
from rich.progress import track

from mathpipe.core.errors import InputError
from mathpipe.generate.templates import ChatTemplate
from rl.export.architectures import Family, context_length, family_of, head_size
from rl.export.folder import Exported, new_folder, refuse_existing
from rl.export.modelfile import find_wrapping, modelfile, sampling_of
from rl.export.rope import Rope, rope_of
from rl.export.source import Source
from rl.export.tensors import FILE_TYPES, QUANTISED, Entry, array, entries, fallbacks, rope_entry
from rl.export.vocabulary import Vocabulary, vocabulary_of
from rl.export.weights import StoredWeights, open_weights

_STORED = {"torch.bfloat16": "bf16", "torch.float16": "fp16"}
_EMBEDDING = "model.embed_tokens.weight"


def export_gguf(source: Source, out: Path, dtype: str = "auto") -> Exported:
    """`NAME-DTYPE.gguf` and `Modelfile`; `auto` keeps the dtype of the weights."""
    if dtype not in {"auto", *QUANTISED}:
        raise InputError(f"dtype {dtype!r}", f"auto, {', '.join(QUANTISED)} for GGUF", "choose one")
    refuse_existing(out)
    config = _config(source.weights)
    family = family_of(config)
    weights = open_weights(source, config)
    family_of(config)  # again: an adapter may have parted the head from the embedding
    dtype = dtype if dtype != "auto" else _STORED.get(str(weights.dtype()), "fp32")
    tokenizer = _tokenizer(source.tokenizer)
    rope = rope_of(config)
    found = entries(weights, config, family, dtype)
    vocabulary = vocabulary_of(tokenizer, weights.shape(_EMBEDDING)[0])
    stops = stop_tokens(tokenizer, source.weights)
    name = f"{source.model.resolve().name}-{dtype}.gguf"
    with new_folder(out) as folder:
        writer = gguf.GGUFWriter(folder / name, family.architecture)
        try:
            notes = _add_model(writer, config, family, rope, dtype, source.model.resolve().name)
            _add_vocabulary(writer, vocabulary, tokenizer.chat_template, stops)
            _write_tensors(writer, weights, found, rope)
        finally:
            writer.close()
        text, note = _modelfile(name, tokenizer, vocabulary, stops, source, context_length(config, family)[0])
        (folder / "Modelfile").write_text(text, encoding="utf-8")
    odd = fallbacks(found, dtype)
    notes += [f"{len(odd)} matrices stay in fp16: their rows are no multiple of 32"] if odd else []
    return Exported(out, (name, "Modelfile"), (*notes, *vocabulary.notes, *note))


def stop_tokens(tokenizer: Any, folder: Path) -> list[int]:
    """Every token that ends a turn: the tokenizer's, the generation configuration's, the template's."""
    given = _generation(folder).eos_token_id
    listed = [given] if isinstance(given, int) else list(given or [])
    ends: tuple[int, ...] = ()
    if isinstance(tokenizer.chat_template, str):
        try:
            ends = ChatTemplate(tokenizer).stop_token_ids
        except InputError:  # a template that training would refuse says nothing of stops here
            ends = ()
    own = [] if tokenizer.eos_token_id is None else [tokenizer.eos_token_id]
    return list(dict.fromkeys([*own, *ends, *listed]))


def _config(folder: Path) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(str(folder), f"a model's configuration ({_line(error)})", "check config.json") from None


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise InputError(str(folder), f"a tokenizer that can be loaded ({_line(error)})", "mend its files") from None


def _generation(folder: Path) -> Any:
    from transformers import GenerationConfig

    if not (folder / "generation_config.json").is_file():
        return GenerationConfig()
    return GenerationConfig.from_pretrained(folder, local_files_only=True)


def _add_model(writer: gguf.GGUFWriter, config: Any, family: Family, rope: Rope, dtype: str, name: str) -> list[str]:
    tokens, note = context_length(config, family)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[dtype])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_context_length(tokens)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_size(config))
    writer.add_value_length(head_size(config))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _add_rope(writer, rope, head_size(config))
    if family.window_period:
        writer.add_sliding_window(config.sliding_window)
    if getattr(config, "attn_logit_softcapping", None):
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
    if getattr(config, "final_logit_softcapping", None):
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    return [note] if note else []


def _add_rope(writer: gguf.GGUFWriter, rope: Rope, size: int) -> None:
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(rope.base)
    if rope.window_base is not None:
        writer.add_rope_freq_base_swa(rope.window_base)
    if rope.kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope.factor)
    if rope.kind == "yarn" and rope.original_context is not None:
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope.factor)
        writer.add_rope_scaling_orig_ctx_len(rope.original_context)
        writer.add_rope_scaling_yarn_beta_fast(rope.beta_fast)
        writer.add_rope_scaling_yarn_beta_slow(rope.beta_slow)


def _add_vocabulary(writer: gguf.GGUFWriter, vocabulary: Vocabulary, template: Any, stops: list[int]) -> None:
    writer.add_tokenizer_model(vocabulary.kind)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_vocab_size(len(vocabulary.tokens))
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if vocabulary.kind == "gpt2":
        writer.add_token_merges(vocabulary.merges)
    else:
        writer.add_token_scores(vocabulary.scores)
    if vocabulary.space_prefix is not None:
        writer.add_add_space_prefix(vocabulary.space_prefix)
    for token, add in (
        (vocabulary.bos, writer.add_bos_token_id),
        (vocabulary.eos, writer.add_eos_token_id),
        (vocabulary.pad, writer.add_pad_token_id),
        (vocabulary.unk, writer.add_unk_token_id),
        (next((stop for stop in stops if stop != vocabulary.eos), None), writer.add_eot_token_id),
    ):
        if token is not None:
            add(token)
    writer.add_add_bos_token(vocabulary.add_bos)
    writer.add_add_eos_token(vocabulary.add_eos)
    if isinstance(template, dict):
        writer.add_chat_template([{"name": name, "template": text} for name, text in template.items()])
    elif template:
        writer.add_chat_template(template)


def _write_tensors(writer: gguf.GGUFWriter, weights: StoredWeights, found: list[Entry], rope: Rope) -> None:
    factors = rope_entry(rope)
    every = [*found, factors] if factors else found
    for entry in every:
        writer.add_tensor_info(entry.name, entry.shape, np.dtype(np.float32), entry.nbytes, entry.kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    console = Console(stderr=True)
    for entry in track(found, "tensors", console=console, transient=True, disable=not console.is_terminal):
        writer.write_tensor_data(array(entry, weights.load(entry.source)))
    if factors and rope.factors_F is not None:
        writer.write_tensor_data(array(factors, rope.factors_F))


def _modelfile(
    name: str, tokenizer: Any, vocabulary: Vocabulary, stops: list[int], source: Source, context_tokens: int
) -> tuple[str, list[str]]:
    def render(turns: Any, speak: bool) -> str:
        messages = [{"role": role, "content": content} for role, content in turns]
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=speak))

    wrapping = find_wrapping(render, tokenizer.bos_token or "") if isinstance(tokenizer.chat_template, str) else None
    text = modelfile(
        name,
        wrapping,
        stops=[tokenizer.convert_ids_to_tokens(stop) for stop in stops],
        sampling=sampling_of(_generation(source.weights)),
        context_tokens=context_tokens,
        skip_head=tokenizer.bos_token if vocabulary.add_bos else "",
    )
    missing = (
        "no chat template" if not tokenizer.chat_template else "a chat template that is more than words around turns"
    )
    return text, [] if wrapping else [f"{missing}: the Modelfile has no TEMPLATE"]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
