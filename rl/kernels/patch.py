"""Put the kernels into one of transformers' models, and take them out again.

    with patch(model) as patched:       # or: patched = patch(model); ...; patched.undo()
        print(patched.replaced)         # {'rms_norm': 65, 'rope': 32, 'glu': 32, 'cross_entropy': 1}

Only the given model changes, not its class and not transformers' modules: other models of the process, and those made
later, stay plain. Parameters are not touched. What is replaced, by attributes of the single modules:

- RMSNorm and MLP modules, Qwen3's and Gemma 3's norms of the heads among them: `forward`.
- RoPE is a function of the module file, `apply_rotary_pos_emb`, which an attention's `forward` finds among the
  globals of that file. To set it there would change every model of the class, so the attentions get a copy of their
  `forward`: the same code object, with globals that differ in that one name. (A subclass would have to repeat the
  method, and would hide changes of transformers.) The copy sees the file's globals as they were when it was made.
- Cross-entropy: `loss_function`, where it is transformers' own for causal models.

Each follows the model's own order of casts (Llama's and Gemma's norms; the activation that the MLP calls; tables of
RoPE as the model rounds them), but for fp64 models: transformers casts to fp32 in norms and loss even then, the
kernels do not. Gradient checkpointing, generation and `copy.deepcopy` work (a copy is patched for good). A patched
model cannot be pickled whole; its `state_dict` can.
"""

import importlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rl.kernels.cross_entropy import cross_entropy as cross_entropy_kernel
from rl.kernels.glu import geglu, swiglu
from rl.kernels.implementation import Impl
from rl.kernels.rms_norm import rms_norm as rms_norm_kernel
from rl.kernels.rope import apply_rope

_ROPE_NAME = "apply_rotary_pos_emb"
# Losses of transformers that are its ForCausalLMLoss, by the name a model's class gives them.
_CAUSAL_LOSSES = ("ForCausalLM", "ForConditionalGeneration")


class _Family(NamedTuple):
    """Where a model type's classes live, how their names begin, and what its norms are like."""

    folder: str
    prefix: str
    style: str
    eps_name: str


def _llama_like(folder: str, prefix: str) -> _Family:
    return _Family(folder, prefix, "llama", "variance_epsilon")


def _gemma_like(folder: str, prefix: str) -> _Family:
    return _Family(folder, prefix, "gemma", "eps")


_FAMILIES: Mapping[str, _Family] = {
    "llama": _llama_like("llama", "Llama"),
    "mistral": _llama_like("mistral", "Mistral"),
    "qwen2": _llama_like("qwen2", "Qwen2"),
    "qwen3": _llama_like("qwen3", "Qwen3"),
    "gemma": _gemma_like("gemma", "Gemma"),
    "gemma2": _gemma_like("gemma2", "Gemma2"),
    "gemma3": _gemma_like("gemma3", "Gemma3"),
    "gemma3_text": _gemma_like("gemma3", "Gemma3"),
}
MODEL_TYPES = tuple(_FAMILIES)


class _Replacement(NamedTuple):
    """An attribute of one module to be set, under which heading it is counted."""

    kind: str
    name: str
    module: nn.Module
    attribute: str
    value: Callable[..., Any]


class Patched:
    """What `patch` did. `undo()`, or the end of a `with` block, puts everything back."""

    def __init__(self, replacements: list[_Replacement]) -> None:
        self._replacements = replacements
        counts = Counter(item.kind for item in replacements)
        self.replaced: dict[str, int] = {kind: counts[kind] for kind in ("rms_norm", "rope", "glu", "cross_entropy")}
        self.names: tuple[str, ...] = tuple(f"{item.name}.{item.attribute}".lstrip(".") for item in replacements)

    def undo(self) -> None:
        """Put the model's own parts back; a second call does nothing.

        Raises:
            RuntimeError: something else has replaced a part since (nothing is undone then): undo that first.
        """
        for item in self._replacements:
            if vars(item.module).get(item.attribute) is not item.value:
                raise RuntimeError(
                    f"{item.name or 'the model'}: {item.attribute} is no longer what patch() put there; undo what "
                    "replaced it since, then this"
                )
        for item in self._replacements:
            delattr(item.module, item.attribute)
        self._replacements = []

    def __enter__(self) -> "Patched":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()


def patch(
    model: nn.Module,
    *,
    rms_norm: bool = True,
    rope: bool = True,
    glu: bool | None = None,
    cross_entropy: bool = True,
    impl: str = "auto",
) -> Patched:
    """Put kernels into a model of transformers: Llama, Mistral, Qwen 2 and 3, Gemma 1, 2 and 3.

    Args:
        model: a model with or without a head.
        rms_norm: replace the norms.
        rope: replace the rotation of queries and keys.
        glu: replace activation and product of the MLPs. None: on a GPU, or where `impl` is named; on a CPU they hold
            less memory than the model's own but take 1.2 to 1.5 times as long.
        cross_entropy: replace the loss on `labels`, where it is transformers' causal one.
        impl: "auto", "reference", "chunked" or "triton".

    Returns:
        What was replaced, with `undo`.

    Raises:
        ValueError: the model is of another type, is patched already, or differs from what is expected of its type.
    """
    if impl not in set(Impl):
        raise ValueError(f"impl={impl!r} is not an implementation: take one of {', '.join(Impl)}")
    if glu is None:
        glu = impl != Impl.AUTO or any(parameter.is_cuda for parameter in model.parameters())
    family = _family(model)
    code = importlib.import_module(f"transformers.models.{family.folder}.modeling_{family.folder}")
    switches = {"rms_norm": rms_norm, "rope": rope, "glu": glu, "cross_entropy": cross_entropy}
    wanted = {kind for kind, on in switches.items() if on}
    found = list(_replacements(model, family, code, impl, wanted))
    missing = wanted - {item.kind for item in found} - {"cross_entropy"}  # a model without a head has no loss
    if missing:
        raise ValueError(
            f"{type(model).__name__} has no modules of {code.__name__} for {', '.join(sorted(missing))}: switch them "
            "off, or load the model with transformers' own code"
        )
    for item in found:
        if item.attribute in vars(item.module):
            raise ValueError(
                f"{item.name or 'the model'}: {item.attribute} is replaced already, by an earlier patch() or a hook "
                f"(accelerate's set one): undo that first, or switch {item.kind}=False"
            )
    for item in found:
        setattr(item.module, item.attribute, item.value)
    return Patched(found)


def _family(model: nn.Module) -> _Family:
    kind = str(getattr(getattr(model, "config", None), "model_type", None))
    if kind not in _FAMILIES:
        raise ValueError(
            f"patch() does not know model type {kind!r} ({type(model).__name__}); it knows {', '.join(MODEL_TYPES)}"
        )
    return _FAMILIES[kind]


def _replacements(
    model: nn.Module, family: _Family, code: ModuleType, impl: str, wanted: Collection[str]
) -> Iterator[_Replacement]:
    """One for each part that is wanted; a class that is not the family's own (a subclass) is left alone."""
    norm, attention, mlp = (getattr(code, family.prefix + end) for end in ("RMSNorm", "Attention", "MLP"))
    kinds = {norm: "rms_norm", attention: "rope", mlp: "glu"}
    for name, module in model.named_modules():
        kind = kinds.get(type(module), "")
        if kind in wanted:
            forward = MethodType(_forward(kind, module, name, family, impl), module)
            yield _Replacement(kind, name, module, "forward", forward)
        elif "cross_entropy" in wanted and _has_causal_loss(module):
            # Under this name the setter of transformers' property `loss_function` keeps a value.
            yield _Replacement("cross_entropy", name, module, "_loss_function", _causal_loss(impl))


# --- what is put in --------------------------------------------------------------------------------------------


def _forward(kind: str, module: nn.Module, name: str, family: _Family, impl: str) -> Callable[..., Any]:
    if kind == "rms_norm":
        return _norm_forward(family, impl)
    return _attention_forward(type(module), impl) if kind == "rope" else _mlp_forward(module, name, impl)


def _norm_forward(family: _Family, impl: str) -> Callable[..., Tensor]:
    style, eps_name = family.style, family.eps_name

    def forward(self: Any, hidden_states: Tensor) -> Tensor:
        return rms_norm_kernel(hidden_states, self.weight, eps=getattr(self, eps_name), style=style, impl=impl)

    return forward


def _attention_forward(attention: type[nn.Module], impl: str) -> Callable[..., Any]:
    """The class's own `forward`, but for the function that it finds under the name of RoPE's."""
    plain = attention.forward
    if not isinstance(plain, FunctionType) or _ROPE_NAME not in plain.__code__.co_names:
        raise ValueError(
            f"{attention.__name__}.forward does not call {_ROPE_NAME} in this version of transformers: use rope=False"
        )

    def apply_rotary_pos_emb(
        q: Tensor, k: Tensor, cos: Tensor, sin: Tensor, unsqueeze_dim: int = 1
    ) -> tuple[Tensor, Tensor]:
        if unsqueeze_dim == 2:  # (B, T, N, D)
            q_out, k_out = apply_rope(q.transpose(1, 2), k.transpose(1, 2), cos, sin, impl=impl)
            return q_out.transpose(1, 2), k_out.transpose(1, 2)
        return apply_rope(q, k, cos, sin, impl=impl)

    names = plain.__globals__ | {_ROPE_NAME: apply_rotary_pos_emb}
    copy = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
    copy.__kwdefaults__ = plain.__kwdefaults__
    copy.__dict__.update(plain.__dict__)
    return copy


def _mlp_forward(module: nn.Module, name: str, impl: str) -> Callable[..., Tensor]:
    glu = _glu_of(module.act_fn, name)

    def forward(self: Any, x: Tensor) -> Tensor:
        hidden: Tensor = self.down_proj(glu(self.gate_proj(x), self.up_proj(x), impl=impl))
        return hidden

    return forward


def _glu_of(activation: object, name: str) -> Callable[..., Tensor]:
    """By what the module really calls: a config's name for it has changed between versions of Gemma."""
    kind = type(activation).__name__
    if kind in {"SiLUActivation", "SiLU"}:
        return swiglu
    if kind in {"GELUTanh", "NewGELUActivation"}:
        return _geglu_tanh
    if kind == "GELUActivation" or (isinstance(activation, nn.GELU) and activation.approximate == "none"):
        return geglu
    raise ValueError(f"{name}: there is no kernel for the activation {kind} (only SiLU and GELU): use glu=False")


def _geglu_tanh(gate: Tensor, up: Tensor, *, impl: str) -> Tensor:
    return geglu(gate, up, approximate="tanh", impl=impl)


def _has_causal_loss(module: nn.Module) -> bool:
    """Whether its class has transformers' causal loss (a base model names no loss, a classifier another)."""
    from transformers import PreTrainedModel  # here, because importing it takes seconds

    return isinstance(module, PreTrainedModel) and getattr(module, "loss_type", None) in _CAUSAL_LOSSES


def _causal_loss(impl: str) -> Callable[..., Tensor]:
    def loss_function(
        logits: Tensor,
        labels: Tensor,
        vocab_size: int,
        num_items_in_batch: Tensor | int | None = None,
        ignore_index: int = -100,
        shift_labels: Tensor | None = None,
        **_: Any,
    ) -> Tensor:
        """The next token's cross-entropy: the signature and meaning of transformers' ForCausalLMLoss.

        A mean over the labels that count, or their sum over `num_items_in_batch` (tokens of all the batches whose
        gradients are accumulated). `shift_labels` are labels that have been moved already.
        """
        if shift_labels is None:
            shift_labels = nn.functional.pad(labels, (0, 1), value=ignore_index)[..., 1:]
        target_T = shift_labels.reshape(-1).to(logits.device)
        reduction = "mean" if num_items_in_batch is None else "sum"
        loss = cross_entropy_kernel(
            logits.reshape(-1, vocab_size), target_T, ignore_index=ignore_index, reduction=reduction, impl=impl
        )
        if num_items_in_batch is None:
            return loss
        if isinstance(num_items_in_batch, torch.Tensor):
            num_items_in_batch = num_items_in_batch.to(loss.device)
        return loss / num_items_in_batch

    return loss_function
