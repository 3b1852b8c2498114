"""Layer by layer: faults are found where they are, and rounding is not taken for one."""

import pytest
import torch
from torch import nn

from rl.kernels.patch import patch
from rl.parity import ParityError, Point, Verdict, capture, compare_layers, patched_and_plain
from rl.parity.compare import measure
from rl.parity.implementations import OneAtATime, implementation
from rl.parity.layer_table import summary
from rl.parity.precision import weights_in
from rl.parity.verdict import Evidence, Limits, judge
from tests.rl.parity import models
from tests.rl.parity.models import INPUT_IDS_BT, tiny, twin

LOW = (torch.bfloat16, torch.float16)


def suspects_in(table, dtype="fp32"):
    return [str(row.point) for row in table.suspects if row.dtype == dtype]


@pytest.mark.parametrize("family", list(models.CONFIGS))
def test_a_copy_of_a_model_is_the_same_at_every_point(family):
    model = tiny(family)
    table = compare_layers(model, twin(model), INPUT_IDS_BT)
    assert table.dtypes == ("fp32", "bf16", "fp16")
    assert {row.verdict for row in table.rows} == {Verdict.SAME}
    assert all(row.l2 == row.max_abs == row.relative == 0 for row in table.rows)
    assert table.only_left == table.only_right == ()
    for layer in range(4):
        for part in ("input_norm", "attention", "post_attention_norm", "mlp", "output"):
            assert Point(part, layer) in table.points
    assert [str(point) for point in table.points if point.layer is None][:2] == ["embedding", "rope"]
    assert [str(point) for point in table.points[-2:]] == ["final norm", "logits"]


def test_another_eps_in_one_norm_is_suspect_at_that_norm():
    model = tiny()
    table = compare_layers(model, models.with_eps(model, 1, 1e-5), INPUT_IDS_BT)
    assert suspects_in(table) == ["layer 1 post_attention_norm"]
    assert table.row(Point("attention", 1), "fp32").verdict is Verdict.SAME
    # x (1 + 1e-5/v)^(-1/2): with a variance v near 2.5 the output moves by 1e-5 / 2v.
    assert table.row(Point("post_attention_norm", 1), "fp32").relative == pytest.approx(2e-6, rel=0.5)
    assert [row for row in table.suspects if row.dtype != "fp32"] == []


def test_another_rope_base_from_layer_two_on_is_suspect_at_its_attention():
    model = tiny()
    table = compare_layers(model, models.with_rope_base(model, 20_000.0, 2), INPUT_IDS_BT)
    assert suspects_in(table) == ["layer 2 attention"]
    assert table.row(Point("output", 1), "fp32").verdict is Verdict.SAME
    assert table.row(Point("output", 3), "fp32").verdict is Verdict.INHERITED
    assert table.row(Point("attention", 2), "fp32").relative > 1e-3


def test_the_same_rope_base_handed_over_again_is_the_same():
    model = tiny()
    table = compare_layers(model, models.with_rope_base(model, 10_000.0, 2), INPUT_IDS_BT)
    assert {row.verdict for row in table.rows} == {Verdict.SAME}


def test_exact_for_tanh_gelu_is_suspect_at_that_mlp():
    model = tiny("gemma")
    table = compare_layers(model, models.with_exact_gelu(model, 1), INPUT_IDS_BT)
    assert suspects_in(table) == ["layer 1 mlp"]
    assert table.row(Point("post_attention_norm", 1), "fp32").verdict is Verdict.SAME
    assert 1e-6 < table.row(Point("mlp", 1), "fp32").relative < 1e-3


def test_rope_tables_that_went_through_bf16_are_suspect_at_the_tables():
    model = tiny()
    table = compare_layers(model, models.with_rope_through(model, torch.bfloat16), INPUT_IDS_BT)
    assert suspects_in(table) == ["rope"]
    assert table.row(Point("input_norm", 0), "fp32").verdict is Verdict.SAME
    assert table.row(Point("rope"), "fp32").relative == pytest.approx(1.1e-3, rel=0.3)  # roundings of 2^-9 at most
    assert table.row(Point("attention", 0), "fp32").verdict is Verdict.INHERITED


def test_two_faults_are_both_named_where_the_second_is_far_worse():
    model = tiny()
    both = models.with_rope_base(models.with_eps(model, 1, 1e-5), 20_000.0, 3)
    assert suspects_in(compare_layers(model, both, INPUT_IDS_BT)) == [
        "layer 1 post_attention_norm",
        "layer 3 attention",
    ]


@pytest.mark.parametrize("family", list(models.CONFIGS))
@pytest.mark.parametrize("pieces", [2, 8])
def test_products_summed_in_another_order_are_rounding(family, pieces):
    model = tiny(family)
    table = compare_layers(model, models.with_other_sums(model, pieces), INPUT_IDS_BT)
    assert table.suspects == ()
    assert table.row(Point("logits"), "fp32").verdict is Verdict.ROUNDING
    assert max(row.excess for row in table.rows) < 3


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3"])
def test_another_attention_implementation_is_rounding(family):
    model = tiny(family)
    other = twin(model)
    other.set_attn_implementation("sdpa")
    table = compare_layers(model, other, INPUT_IDS_BT)
    assert table.suspects == ()
    assert max(row.excess for row in table.rows) < 2


def test_gemma_2_without_the_cap_of_its_attention_scores_is_found():
    model = tiny("gemma2")
    other = twin(model)
    for layer in other.model.layers:
        layer.self_attn.attn_logit_softcapping = None
    assert suspects_in(compare_layers(model, other, INPUT_IDS_BT, (torch.float32,))) == ["layer 0 attention"]


def test_floors_are_the_dtypes_own_roundings():
    table = compare_layers(tiny(), tiny(), INPUT_IDS_BT)
    for dtype, low, high in (("fp32", 1e-7, 2e-6), ("fp16", 1e-4, 1e-2), ("bf16", 1e-3, 5e-2)):
        row = table.row(Point("logits"), dtype)
        assert low < row.floor < high
        assert row.right_error == row.floor


def test_differences_are_those_of_the_plain_definition():
    model = tiny()
    other = models.with_rope_base(model, 20_000.0, 0)
    table = compare_layers(model, other, INPUT_IDS_BT, (torch.float32,))
    left_BTV, right_BTV = model(INPUT_IDS_BT).logits.double(), other(INPUT_IDS_BT).logits.double()
    row = table.row(Point("logits"), "fp32")
    assert row.l2 == pytest.approx((right_BTV - left_BTV).norm().item(), rel=1e-6)
    assert row.relative == pytest.approx(((right_BTV - left_BTV).norm() / left_BTV.norm()).item(), rel=1e-5)
    assert row.max_abs == pytest.approx((right_BTV - left_BTV).abs().max().item(), rel=1e-6)
    assert row.worst_token == divmod(int((right_BTV - left_BTV).abs().amax(-1).argmax()), 24)


def test_measuring_in_chunks_changes_nothing(monkeypatch):
    a, b = torch.randn(2, 9, 5), torch.randn(2, 9, 5)
    whole = measure(Point("x"), a, b, 9)
    monkeypatch.setattr("rl.parity.compare._CHUNK_ELEMENTS", 10)
    pieces = measure(Point("x"), a, b, 9)
    assert pieces.l2 == pytest.approx(whole.l2, rel=1e-12)
    assert (pieces.max_abs, pieces.worst_token) == (whole.max_abs, whole.worst_token)


@pytest.mark.parametrize("shape", [(2, 9, 3, 5), (2, 3, 9, 5)])
def test_the_worst_token_is_found_before_and_behind_an_axis_of_heads(shape):
    a = torch.zeros(shape)
    b = a.clone()
    b[(1, 7, 2, 4) if shape[1] == 9 else (1, 2, 7, 4)] = 3.0
    assert measure(Point("q_norm"), a, b, 9).worst_token == (1, 7)


def test_a_reference_in_fp32_finds_the_same_fault():
    model = tiny()
    table = compare_layers(
        model, models.with_rope_base(model, 20_000.0, 2), INPUT_IDS_BT, (torch.float32,), reference=torch.float32
    )
    assert suspects_in(table) == ["layer 2 attention"]
    assert table.row(Point("logits"), "fp32").floor == 0  # not measured: 1e-6 is taken


def test_only_the_right_side_overflowing_is_suspect_and_both_say_nothing():
    model = tiny()
    other = twin(model)

    def overflow(_module, _inputs, output):
        return output * 1e30

    other.model.layers[2].mlp.register_forward_hook(overflow)
    found = compare_layers(model, other, INPUT_IDS_BT, (torch.float16,))
    assert suspects_in(found, "fp16") == ["layer 2 mlp"]
    assert "not finite in fp16" in summary(found)[0]
    model.model.layers[2].mlp.register_forward_hook(overflow)
    assert compare_layers(model, other, INPUT_IDS_BT, (torch.float16,)).suspects == ()


def test_a_suspect_is_explained_in_layers_and_floors():
    model = tiny()
    table = compare_layers(model, models.with_rope_base(model, 20_000.0, 2), INPUT_IDS_BT)
    assert summary(table)[0].startswith("suspect: layer 2 attention: ")
    assert "times the rounding floor in fp32" in summary(table)[0]


def test_a_jump_over_the_layer_before_is_counted():
    model = tiny()
    both = models.with_rope_base(models.with_eps(model, 1, 1e-5), 20_000.0, 3)
    table = compare_layers(model, both, INPUT_IDS_BT, (torch.float32,))
    assert "times the layer before, " in table.explain(table.suspects[1])


def test_verdicts_follow_the_multiples_of_the_floor():
    def at(excess):
        return Evidence(excess == 0, excess * 1e-7, 1e-7, True, True)

    points = [at(excess) for excess in (0, 1, 3.9, 50, 400, 501, 30, 6000)]
    verdicts = [judged.verdict.value for judged in judge(points, torch.float32, Limits())]
    assert verdicts == [
        "same", "rounding", "rounding", "suspect", "inherited", "inherited", "inherited", "suspect",
    ]  # fmt: skip
    low = [judged.verdict.value for judged in judge([at(7.9), at(8.1)], torch.bfloat16, Limits())]
    assert low == ["rounding", "suspect"]


def test_weights_and_modes_are_as_before_and_no_hook_is_left():
    model = tiny().train()
    model.model.layers[1].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    compare_layers(model, twin(model), INPUT_IDS_BT, LOW)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    assert model.training
    assert not model.model.layers[1].training
    assert all(not module._forward_hooks for module in model.modules())


def test_casting_weights_leaves_the_inverse_frequencies_alone():
    model = tiny()
    with weights_in(model, torch.bfloat16):
        assert model.model.rotary_emb.inv_freq.dtype is torch.float32
        assert model.lm_head.weight.dtype is torch.bfloat16
    assert model.lm_head.weight.dtype is torch.float32


class SwitchedNorm(nn.Module):
    def __init__(self, norm, eps):
        super().__init__()
        self.norm, self.eps = norm, eps

    def forward(self, x):
        return self.norm.weight * x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt()


class NormPatch:
    """A patch of the shape of `rl.kernels.patch`: it swaps one module and can put it back."""

    undone = 0

    def __init__(self, model, *, eps=1e-6):
        self.layer = model.model.layers[2]
        self.norm = self.layer.input_layernorm
        self.layer.input_layernorm = SwitchedNorm(self.norm, eps)

    def undo(self):
        self.layer.input_layernorm = self.norm
        NormPatch.undone += 1


def test_a_patched_model_is_compared_with_itself_and_the_patch_is_undone():
    model = tiny()
    norm = model.model.layers[2].input_layernorm
    good = compare_layers(*patched_and_plain(model, NormPatch), INPUT_IDS_BT, (torch.float32,))
    assert (good.left, good.right) == ("plain", "patched")
    assert good.suspects == ()
    bad = compare_layers(*patched_and_plain(model, NormPatch, eps=1e-3), INPUT_IDS_BT, (torch.float32,))
    assert suspects_in(bad) == ["layer 2 input_norm"]
    assert model.model.layers[2].input_layernorm is norm


def test_a_patch_is_undone_when_the_patched_side_fails():
    model = tiny()
    undone = NormPatch.undone
    with pytest.raises(RuntimeError, match="stop"), patched_and_plain(model, NormPatch).right.open():
        raise RuntimeError("stop")
    assert NormPatch.undone == undone + 1


def test_factories_are_called_in_turn_and_one_model_is_alive_at_a_time():
    import gc
    import weakref

    alive = weakref.WeakSet()
    calls, most = [], []

    def factory(name):
        def load():
            gc.collect()
            most.append(len(alive))
            model = tiny()
            alive.add(model)
            calls.append(name)
            return model

        return load

    table = compare_layers(factory("left"), factory("right"), INPUT_IDS_BT)
    assert {row.verdict for row in table.rows} == {Verdict.SAME}
    assert calls == ["left", "right", "left", "right", "left"]
    assert most == [0, 0, 0, 0, 0]


def test_one_at_a_time_opens_a_side_once_for_two_uses():
    model = tiny()
    with OneAtATime() as sides:
        side = implementation(model, "a")
        assert sides.model(side) is sides.model(side) is model


def test_capture_reads_a_model_that_is_not_of_transformers():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm, self.feed_forward = nn.LayerNorm(4), nn.Linear(4, 4)

        def forward(self, x):
            return x + self.feed_forward(self.attention_norm(x))

    class Other(nn.Module):
        def __init__(self):
            super().__init__()
            self.tok, self.blocks = nn.Embedding(9, 4), nn.ModuleList([Layer(), Layer()])
            self.norm, self.head = nn.LayerNorm(4), nn.Linear(4, 9)

        def forward(self, ids):
            x = self.tok(ids)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    model = Other()
    seen = capture(model, torch.tensor([[1, 2, 3]]))
    assert list(map(str, seen)) == [
        "embedding", "layer 0 input_norm", "layer 0 mlp", "layer 0 output", "layer 1 input_norm", "layer 1 mlp",
        "layer 1 output", "final norm", "logits",
    ]  # fmt: skip
    assert torch.equal(seen[Point("embedding")], model.tok.weight[[1, 2, 3]][None])
    assert torch.equal(seen[Point("logits")], model(torch.tensor([[1, 2, 3]])).detach())


def test_capture_keeps_fp64_and_upcasts_bf16():
    model = tiny()
    with weights_in(model, torch.float64):
        assert capture(model, INPUT_IDS_BT)[Point("logits")].dtype is torch.float64
    with weights_in(model, torch.bfloat16):
        kept = capture(model, INPUT_IDS_BT)[Point("logits")]
        assert kept.dtype is torch.float32
        assert torch.equal(kept, kept.bfloat16().float())


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: compare_layers(m, m, INPUT_IDS_BT, ()), "at least one dtype"),
        (lambda m: compare_layers(m, m, INPUT_IDS_BT[0]), "add the batch dimension"),
        (lambda m: compare_layers(m, m, INPUT_IDS_BT.float()), "integers of shape"),
        (lambda m: compare_layers(m, m, INPUT_IDS_BT + 90), "ids from 0 to 96"),
        (lambda m: compare_layers(nn.Linear(2, 2), m, INPUT_IDS_BT), "ModuleList"),
        (lambda m: compare_layers(m, tiny(vocab_size=101), INPUT_IDS_BT), "one shape"),
    ],
)
def test_what_cannot_be_compared_is_said_in_one_line(call, text):
    with pytest.raises(ParityError, match=text) as caught:
        call(tiny())
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("family", list(models.CONFIGS))
def test_the_kernels_of_this_repository_are_rounding_in_every_family(family):
    table = compare_layers(*patched_and_plain(tiny(family), patch), INPUT_IDS_BT)
    assert table.suspects == ()
    assert table.row(Point("logits"), "bf16").verdict is Verdict.ROUNDING
    assert max(row.excess for row in table.rows) < 2


def test_the_kernels_in_plain_pytorch_are_bitwise_the_models_own_in_fp32():
    table = compare_layers(*patched_and_plain(tiny(), patch, impl="reference"), INPUT_IDS_BT, (torch.float32,))
    assert {row.verdict for row in table.rows} == {Verdict.SAME}


@pytest.mark.gpu
@pytest.mark.parametrize("family", list(models.CONFIGS))
def test_triton_kernels_are_rounding_in_every_family_on_a_gpu(family):
    sizes = {"hidden_size": 512, "intermediate_size": 1408, "head_dim": 64, "num_attention_heads": 8}
    model = tiny(family, **sizes, vocab_size=4099, max_position_embeddings=1024).cuda()
    ids_BT = torch.randint(3, 4099, (2, 513), generator=torch.Generator().manual_seed(3))
    table = compare_layers(*patched_and_plain(model, patch, impl="triton"), ids_BT)
    assert table.suspects == (), summary(table)
    assert max(row.excess for row in table.rows) < 3
