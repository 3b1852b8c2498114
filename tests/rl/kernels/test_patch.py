import copy
import sys
from functools import cache, partial
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
)

from rl.kernels.patch import MODEL_TYPES
from rl.kernels.patch import patch as patch_by_default
from tests.rl.kernels.tolerance import assert_no_worse_than_plain

# On a CPU the gated units stay the model's own unless they are asked for: here everything is tested.
patch = partial(patch_by_default, glu=True)

MODULE = sys.modules["rl.kernels.patch"]  # its name is the function's
TEXT_TYPES = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")
SWITCHES = ("rms_norm", "rope", "glu", "cross_entropy")
# Sizes that are no powers of two.
SIZES: dict[str, Any] = {
    "vocab_size": 97,
    "hidden_size": 40,
    "intermediate_size": 72,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "pad_token_id": 0,
}
LAYERS = 2
# Norms of a layer, and whether its heads have norms too.
NORMS = {"llama": 2, "mistral": 2, "qwen2": 2, "qwen3": 4, "gemma": 2, "gemma2": 4, "gemma3_text": 6}


class Outcome(NamedTuple):
    logits: Tensor
    loss: Tensor
    gradients: dict[str, Tensor]


def config_of(kind: str, **changes: Any) -> Any:
    sizes = {**SIZES, **changes}
    if kind == "qwen2":
        del sizes["head_dim"]  # Qwen 2 has none of its own
    return AutoConfig.for_model(kind, **sizes)


def make(kind: str, *, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any) -> nn.Module:
    """A random model whose norms and biases are random too: as they are born, 1 and 0, they would hide errors."""
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config_of(kind, **changes), attn_implementation="eager")
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, 0.5, 0.3)
    return model.to(dtype)


@cache
def batch() -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(1)
    ids_BT = torch.randint(1, 97, (2, 11), generator=draw)
    labels_BT = ids_BT.clone()
    labels_BT[0, :4] = -100
    return ids_BT, labels_BT


def outcome(model: nn.Module, **arguments: Any) -> Outcome:
    model.zero_grad()
    ids_BT, labels_BT = (item.to(next(model.parameters()).device) for item in batch())
    out = model(ids_BT, labels=labels_BT, **arguments)
    out.loss.backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return Outcome(out.logits.detach(), out.loss.detach(), gradients)


def assert_close(found: Outcome, expected: Outcome, tolerance: float) -> None:
    """Per element, relative to the largest of its tensor."""
    assert found.gradients.keys() == expected.gradients.keys()
    torch.testing.assert_close(found.loss, expected.loss, rtol=tolerance, atol=0, check_dtype=False)
    pairs = {"logits": (found.logits, expected.logits)}
    pairs |= {name: (value, expected.gradients[name]) for name, value in found.gradients.items()}
    for name, (mine, theirs) in pairs.items():
        excess = (mine - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12)
        assert excess <= tolerance, f"{name}: {excess:.2e} of the largest element"


def own(model: nn.Module) -> dict[str, list[str]]:
    """Which modules carry what `patch` sets."""
    found = {name: sorted({"forward", "_loss_function"} & vars(part).keys()) for name, part in model.named_modules()}
    return {name: names for name, names in found.items() if names}


@pytest.mark.parametrize("impl", ["reference", "chunked", "triton"])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_logits_loss_and_every_gradient_equal_the_plain_models(kind: str, impl: str) -> None:
    model = make(kind)
    plain = outcome(model)
    with patch(model, impl=impl) as patched:
        found = outcome(model)
    norms = LAYERS * NORMS[kind] + 1
    assert patched.replaced == {"rms_norm": norms, "rope": LAYERS, "glu": LAYERS, "cross_entropy": 1}
    assert_close(found, plain, 1e-5)


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_each_switch_replaces_its_own_parts_only(kind: str, switch: str) -> None:
    model = make(kind)
    plain = outcome(model)
    with patch(model, **{name: name == switch for name in SWITCHES}) as patched:
        assert [name for name, count in patched.replaced.items() if count] == [switch]
        assert len(patched.names) == patched.replaced[switch] == len(own(model))
        assert_close(outcome(model), plain, 1e-5)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gemma2"])
def test_in_fp64_rope_and_glu_equal_the_models_to_ten_digits(kind: str) -> None:
    """Norms and loss are computed in fp32 by transformers even then."""
    model = make(kind, dtype=torch.float64)
    plain = outcome(model)
    with patch(model, rms_norm=False, cross_entropy=False):
        assert_close(outcome(model), plain, 1e-10)
    with patch(model):
        assert_close(outcome(model), plain, 1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_in_half_precision_the_patched_model_is_no_further_from_fp64(kind: str, dtype: torch.dtype) -> None:
    model = make(kind, dtype=dtype)
    exact = copy.deepcopy(model).double()
    with patch(exact, impl="reference"):
        truth = outcome(exact)
    plain = outcome(model)
    with patch(model):
        found = outcome(model)
    for mine, theirs, true in [(found.logits, plain.logits, truth.logits), (found.loss, plain.loss, truth.loss)]:
        assert_no_worse_than_plain(mine, theirs, true, what="logits or loss", dtype=dtype, logit=8.0)
    mine_off, plain_off = (
        sum(
            (item.gradients[name].double() - true).square().sum() / true.square().sum()
            for name, true in truth.gradients.items()
        )
        for item in (found, plain)
    )
    assert mine_off <= 1.2 * plain_off


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_undo_puts_back_every_bit_and_leaves_no_trace(kind: str) -> None:
    model = make(kind)
    before, state = outcome(model), copy.deepcopy(model.state_dict())
    attributes = {name: set(vars(part)) for name, part in model.named_modules()}
    patched = patch(model)
    assert own(model)
    patched.undo()
    patched.undo()  # nothing is left to do
    assert {name: set(vars(part)) for name, part in model.named_modules()} == attributes
    after = outcome(model)
    assert torch.equal(after.logits, before.logits)
    assert torch.equal(after.loss, before.loss)
    assert all(torch.equal(value, before.gradients[name]) for name, value in after.gradients.items())
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())


def test_the_end_of_a_with_block_undoes_also_after_an_error() -> None:
    model = make("llama")
    with pytest.raises(KeyError), patch(model):
        raise KeyError
    assert own(model) == {}


def test_a_second_model_of_the_class_stays_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = make("qwen3"), make("qwen3", seed=0)
    plain = outcome(second)
    calls: list[str] = []
    for name in ("rms_norm_kernel", "apply_rope", "swiglu", "cross_entropy_kernel"):
        kernel = getattr(MODULE, name)

        def counted(*a: Any, name: str = name, kernel: Any = kernel, **k: Any) -> Any:
            calls.append(name)
            return kernel(*a, **k)

        monkeypatch.setattr(MODULE, name, counted)
    with patch(first):
        again = outcome(second)
        made_later = outcome(make("qwen3"))
        assert calls == []
        assert_close(outcome(first), plain, 1e-5)
    counts = {name: calls.count(name) for name in sorted(set(calls))}
    assert counts == {"apply_rope": 2, "cross_entropy_kernel": 1, "rms_norm_kernel": 9, "swiglu": 2}
    for found in (again, made_later):
        assert torch.equal(found.logits, plain.logits)
        assert torch.equal(found.gradients["lm_head.weight"], plain.gradients["lm_head.weight"])


@pytest.mark.parametrize("kind", ["llama", "gemma3_text"])
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_gives_the_same_gradients(kind: str, reentrant: bool) -> None:
    model = make(kind).train()
    plain = outcome(model)
    with patch(model):
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
        if reentrant:
            model.enable_input_require_grads()
        assert_close(outcome(model, use_cache=False), plain, 1e-5)


@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_a_patched_model_generates_what_the_plain_one_does(kind: str) -> None:
    model = make(kind).eval()
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    plain = model.generate(batch()[0], **options)
    with patch(model):
        assert model.generate(batch()[0], **options).tolist() == plain.tolist()


@pytest.mark.parametrize("count", [13, torch.tensor(13)])
def test_the_loss_counts_tokens_as_transformers_does(count: int | Tensor) -> None:
    model = make("llama")
    ids_BT, labels_BT = batch()
    moved_BT = nn.functional.pad(labels_BT, (0, 1), value=-100)[:, 1:].contiguous()
    variants: list[dict[str, Any]] = [
        {"num_items_in_batch": count},
        {"shift_labels": moved_BT},
        {"ignore_index": 5},
        {"shift_labels": moved_BT, "num_items_in_batch": count},
    ]
    for arguments in variants:
        labels = labels_BT if "ignore_index" not in arguments else ids_BT
        plain = model(ids_BT, labels=labels, **arguments).loss
        with patch(model):
            found = model(ids_BT, labels=labels, **arguments).loss
        assert found.item() == pytest.approx(plain.item(), rel=1e-6)


def test_autocast_gives_what_it_gives_the_plain_model() -> None:
    model = make("llama")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain = outcome(model)
        with patch(model):
            found = outcome(model)
    assert found.logits.dtype == plain.logits.dtype
    assert_close(found, plain, 3e-2)


def test_a_models_activation_decides_and_an_unknown_one_is_named() -> None:
    for activation in ("gelu", "gelu_pytorch_tanh", "silu"):
        model = make("gemma", hidden_act=activation)
        plain = outcome(model)
        with patch(model):
            assert_close(outcome(model), plain, 1e-5)
    model = make("llama", hidden_act="relu")
    with pytest.raises(ValueError, match=r"layers\.0\.mlp: there is no kernel for the activation ReLU.*glu=False"):
        patch(model)
    assert own(model) == {}
    with patch(model, glu=False) as patched:
        assert patched.replaced["glu"] == 0


def test_models_without_a_causal_head_keep_their_loss() -> None:
    base = AutoModel.from_config(config_of("llama"))
    with patch(base) as patched:
        assert patched.replaced == {"rms_norm": 5, "rope": 2, "glu": 2, "cross_entropy": 0}
    classifier = AutoModelForSequenceClassification.from_config(config_of("qwen2", num_labels=3))
    with patch(classifier) as patched:
        assert patched.replaced["cross_entropy"] == 0
        assert classifier(batch()[0], labels=torch.tensor([0, 2])).loss.isfinite()


def test_of_gemma_3_with_vision_the_text_model_is_patched() -> None:
    text = config_of("gemma3_text").to_dict()
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 28, "patch_size": 14}
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(
        Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    )
    ids_BT, labels_BT = batch()

    def loss() -> Tensor:
        return model(ids_BT, labels=labels_BT, token_type_ids=torch.zeros_like(ids_BT)).loss

    plain = loss()
    with patch(model) as patched:
        # Its norms: 6 a layer, one at the end, one before the vision tower's projection.
        assert patched.replaced == {"rms_norm": 14, "rope": 2, "glu": 2, "cross_entropy": 1}
        assert loss().item() == pytest.approx(plain.item(), rel=1e-5)


def test_a_deep_copy_is_patched_by_itself() -> None:
    model = make("llama")
    plain = outcome(model)
    with patch(model):
        twin = copy.deepcopy(model)
        with torch.no_grad():
            model.model.norm.weight.zero_()
        assert_close(outcome(twin), plain, 1e-5)


def test_a_model_is_patched_once_and_undone_in_order() -> None:
    model = make("llama")
    first = patch(model, rope=False)
    with pytest.raises(ValueError, match=r"is replaced already.*undo that first"):
        patch(model)
    second = patch(model, rms_norm=False, glu=False, cross_entropy=False)
    second.undo()
    norm = model.model.norm
    kept = norm.forward
    norm.forward = kept.__func__.__get__(norm)  # a hook set on top
    with pytest.raises(RuntimeError, match=r"model\.norm: forward is no longer what patch\(\) put there"):
        first.undo()
    norm.forward = kept
    first.undo()
    assert own(model) == {}


def test_an_unknown_model_is_refused_and_the_known_ones_named() -> None:
    model = AutoModelForCausalLM.from_config(
        AutoConfig.for_model("gpt2", vocab_size=32, n_embd=8, n_layer=1, n_head=2, n_positions=16)
    )
    with pytest.raises(ValueError, match="does not know model type 'gpt2'.*it knows llama, mistral, qwen2, qwen3"):
        patch(model)
    with pytest.raises(ValueError, match="does not know model type 'None'"):
        patch(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="impl='fast' is not an implementation"):
        patch(make("llama"), impl="fast")
    assert set(TEXT_TYPES) | {"gemma3"} == set(MODEL_TYPES)


def test_a_model_of_a_known_type_with_code_of_its_own_is_refused() -> None:
    model = nn.Linear(2, 2)
    model.config = config_of("llama")
    with pytest.raises(ValueError, match=r"Linear has no modules of .*modeling_llama for glu, rms_norm, rope"):
        patch(model)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", TEXT_TYPES)
def test_on_a_gpu(kind: str, dtype: torch.dtype) -> None:
    model = make(kind, hidden_size=512, intermediate_size=1400, head_dim=128, dtype=dtype).cuda()
    exact = copy.deepcopy(model).double()
    with patch(exact, impl="reference"):
        truth = outcome(exact)
    plain = outcome(model)
    with patch(model):
        found = outcome(model)
    assert_no_worse_than_plain(found.logits, plain.logits, truth.logits, what="logits", dtype=dtype, logit=8.0)
    mine_off, plain_off = (
        sum(
            (item.gradients[name].double() - true).square().sum() / true.square().sum()
            for name, true in truth.gradients.items()
        )
        for item in (found, plain)
    )
    assert mine_off <= 1.2 * plain_off


def test_by_default_gated_units_are_replaced_where_they_are_faster() -> None:
    model = make("llama")
    with patch_by_default(model) as patched:
        assert (patched.replaced["glu"], patched.replaced["rms_norm"]) == (0, 5)
    with patch_by_default(model, impl="chunked") as patched:
        assert patched.replaced["glu"] == 2
