"""The kernels on one GPU, in one run: heads beside bare products and their peers, model kernels beside a bare copy.

python -m benchmarks.kernels_gpu            8,192 tokens, bf16, the heads of three 7B and 8B models
python -m benchmarks.kernels_gpu --quick    1,024 tokens, one shape

Heads: milliseconds of forward and backward, times the floor (three bare products for one pass, four for recomputing,
cuBLAS, in the same run), peak extra memory in GiB beyond the inputs, gradients included. Contenders take turns;
medians. Targets: policy_head at most 1.12 times three products, linear_logprob 1.12 times four, extra memory at most
dW in fp32 and 1 GiB. Model kernels: GB/s of the bytes that must move, and their share of a bare copy's; target 0.85.
"""

import statistics
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.kernel_contenders import Data, Step, contenders
from rl.kernels import apply_rope, linear_logprob, rms_norm, swiglu

SHAPES = {"Qwen2.5-7B": (3584, 152_064), "Llama-3-8B": (4096, 128_256), "DeepSeekMath-7B": (4096, 102_400)}
OURS = {"linear_cross_entropy", "linear_logprob", "policy_head"}
ROUNDS, WARM_UP = 7, 2
GIB = 1 << 30
# Products that a contender cannot do with fewer: recomputing takes one more.
PRODUCTS = {"linear_logprob": 4, "TRL chunked": 4, "TRL chunked + its loss": 4, "Liger chunked": 4}


def milliseconds(work: Callable[[], object]) -> float:
    """Of one call, by the device's own clock."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    work()
    end.record()
    torch.cuda.synchronize()
    return float(start.elapsed_time(end))


def medians(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Milliseconds of each, taking turns."""
    for call in work.values():
        for _ in range(WARM_UP):
            call()
    rounds = [{name: milliseconds(call) for name, call in work.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(item[name] for item in rounds) for name in work}


@torch.no_grad()
def products(data: Data, count: int) -> Callable[[], None]:
    """The bare products of a head, over all rows at once where the logits fit (they do here: 2.3 GiB)."""
    logits_TV = data.hidden_TD @ data.weight_VD.t()
    hidden_TD, weight_VD = torch.empty_like(data.hidden_TD), torch.empty_like(data.weight_VD)

    @torch.no_grad()
    def work() -> None:
        for _ in range(count - 2):
            torch.mm(data.hidden_TD, data.weight_VD.t(), out=logits_TV)
        torch.mm(logits_TV, data.weight_VD, out=hidden_TD)
        torch.mm(logits_TV.t(), data.hidden_TD, out=weight_VD)

    return work


def stepper(step: Step, data: Data) -> Callable[[], None]:
    """Forward and backward from fresh gradients."""
    hidden_TD, weight_VD = data.hidden_TD.requires_grad_(), data.weight_VD.requires_grad_()

    def work() -> None:
        hidden_TD.grad = weight_VD.grad = None
        step(hidden_TD, weight_VD, data.target_T).backward()

    return work


def extra_gib(work: Callable[[], object], data: Data) -> float:
    """Peak memory of one call beyond what was there before it."""
    data.hidden_TD.grad = data.weight_VD.grad = None
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    work()
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / GIB


def run_heads(model: str, data: Data) -> None:
    floors = {count: medians({"": products(data, count)})[""] for count in (3, 4)}
    torch.cuda.empty_cache()
    tokens, width = data.hidden_TD.shape
    vocabulary = data.weight_VD.shape[0]
    rate = 6 * tokens * width * vocabulary / floors[3] / 1e9
    print(f"\n{model}: {tokens:,} x {width} x {vocabulary:,}, bf16")
    print(f"three products {floors[3]:.1f} ms ({rate:.0f} TFLOP/s), four products {floors[4]:.1f} ms")
    print(f"dW in fp32 {4 * width * vocabulary / GIB:.2f} GiB")
    for task, steps in contenders(data).items():
        work = {name: stepper(step, data) for name, step in steps.items()}
        # A contender that has no room, or does not run on this device, is a result too.
        found = {name: attempt(name, call, data) for name, call in work.items()}
        timed = medians({name: call for name, call in work.items() if isinstance(found[name], float)})
        print(f"{task:26} {'ms':>8} {'products':>9} {'x floor':>8} {'extra GiB':>10}")
        for name, extra in found.items():
            count = PRODUCTS.get(name, 3)
            if isinstance(extra, str):
                print(f"{name:26} {extra}")
            else:
                print(f"{name:26} {timed[name]:8.1f} {count:9} {timed[name] / floors[count]:8.3f} {extra:10.2f}")
    with torch.no_grad():
        took = medians({"": lambda: linear_logprob(data.hidden_TD, data.weight_VD, data.target_T)})[""]
    print(f"scoring without gradients  {took:8.1f} {1:9} {took / (floors[3] / 3):8.3f}")


def attempt(name: str, call: Callable[[], None], data: Data) -> float | str:
    """Extra GiB of a contender after one call to warm it up, or why it did not run; ours must run."""
    try:
        call()
        return extra_gib(call, data)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        if name in OURS:
            raise
        torch.cuda.empty_cache()
        return f"did not run: {str(error).splitlines()[0][:90]}"


def run_model_kernels(tokens: int) -> None:
    """RMSNorm, SwiGLU and RoPE, forward and backward, by the bytes that each must read and write."""
    width, inner, heads, size = 4096, 14_336, 32, 128
    kind = {"device": "cuda", "dtype": torch.bfloat16}
    x_TD = torch.randn(tokens, width, **kind, requires_grad=True)
    weight_D = torch.ones(width, **kind, requires_grad=True)
    gate_TI, up_TI = (torch.randn(tokens, inner, **kind, requires_grad=True) for _ in range(2))
    q, k = (torch.randn(1, tokens, heads, size, **kind).transpose(1, 2).requires_grad_() for _ in range(2))
    angle = torch.rand(1, tokens, size // 2, device="cuda").repeat(1, 1, 2)
    cos, sin = angle.cos(), angle.sin()
    big = torch.empty(1 << 28, **kind)
    other = torch.empty_like(big)
    copy = 2 * big.numel() * 2 / medians({"": lambda: other.copy_(big)})[""] / 1e6
    print(f"\nmodel kernels, {tokens:,} tokens, bf16; bare copy {copy:,.0f} GB/s")
    print(f"{'':26} {'ms':>8} {'GB/s':>8} {'of copy':>8}")

    def backward(output: Tensor | tuple[Tensor, ...]) -> Callable[[], None]:
        outputs = output if isinstance(output, tuple) else (output,)
        upstream = [torch.randn_like(item) for item in outputs]
        leaves = [x_TD, weight_D, gate_TI, up_TI, q, k]

        def work() -> None:
            for leaf in leaves:
                leaf.grad = None
            torch.autograd.backward(outputs, upstream, retain_graph=True)

        return work

    wide, glu, rope = (2 * item.numel() for item in (x_TD, gate_TI, q))
    norm = rms_norm(x_TD, weight_D, eps=1e-6)
    gated = swiglu(gate_TI, up_TI)
    turned = apply_rope(q, k, cos, sin)
    work: dict[str, tuple[Callable[[], object], int]] = {
        "RMSNorm forward": (lambda: rms_norm(x_TD, weight_D, eps=1e-6), 2 * wide),
        "RMSNorm backward": (backward(norm), 3 * wide),
        "SwiGLU forward": (lambda: swiglu(gate_TI, up_TI), 3 * glu),
        "SwiGLU backward": (backward(gated), 5 * glu),
        "RoPE forward": (lambda: apply_rope(q, k, cos, sin), 4 * rope),
        "RoPE backward": (backward(turned), 4 * rope),
    }
    timed = medians({name: call for name, (call, _) in work.items()})
    for name, (_, moved) in work.items():
        rate = moved / timed[name] / 1e6
        print(f"{name:26} {timed[name]:8.3f} {rate:8,.0f} {rate / copy:8.2f}")


def main() -> int:
    if not torch.cuda.is_available():
        print("no CUDA device here: this benchmark needs one (benchmarks.kernels runs on a CPU)")
        return 1
    quick = "--quick" in sys.argv
    tokens = 1024 if quick else 8192
    torch.manual_seed(0)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    for model, (width, vocabulary) in list(SHAPES.items())[: 1 if quick else None]:
        run_heads(model, Data(tokens, width, vocabulary, device="cuda", dtype=torch.bfloat16))
        torch.cuda.empty_cache()
    run_model_kernels(tokens)
    return 0


if __name__ == "__main__":
    sys.exit(main())
