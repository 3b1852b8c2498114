"""The heads on a CPU beside plain PyTorch, torch's fused loss, Liger and TRL: time and peak extra memory, one run.

python -m benchmarks.kernels            4,096 tokens, vocabularies of 32K, 128K and 256K (half an hour)
python -m benchmarks.kernels --quick    1,024 tokens, 32K only
python -m benchmarks.kernels 128256     4,096 tokens, the vocabularies that are named

Forward and backward, fp32, gradients by hidden states and weight. Contenders take turns, round by round, in one
process; medians of the rounds, and the median of the ratios to plain PyTorch round by round. Extra memory is the peak
resident size during a step minus that before it (the kernel's own high-water mark, reset before each step), gradients
included; the floor is their size. The three matrix products alone are the floor of the time.
"""

import statistics
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.kernel_contenders import Data, Step, contenders

WIDTH = 512
ROUNDS = 3
MIB = 1 << 20


@torch.no_grad()
def products(data: Data) -> float:
    """Seconds of the three matrix products, without anything else (in pieces of 512 rows, gradients discarded)."""
    started = time.perf_counter()
    logits_RV = torch.empty(512, data.weight_VD.shape[0])
    weight_VD = torch.zeros_like(data.weight_VD)
    for start in range(0, data.hidden_TD.shape[0], 512):
        x_RD = data.hidden_TD[start : start + 512]
        torch.mm(x_RD, data.weight_VD.t(), out=logits_RV)
        torch.mm(logits_RV, data.weight_VD)
        weight_VD.addmm_(logits_RV.t(), x_RD)
    return time.perf_counter() - started


def one_step(step: Step, data: Data) -> tuple[float, float, Tensor]:
    """Seconds, peak extra MiB, and the weight's gradient."""
    hidden_TD, weight_VD = data.hidden_TD.requires_grad_(), data.weight_VD.requires_grad_()
    hidden_TD.grad = weight_VD.grad = None
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory("VmRSS")
    started = time.perf_counter()
    step(hidden_TD, weight_VD, data.target_T).backward()
    took = time.perf_counter() - started
    extra = memory("VmHWM") - before
    gradient = weight_VD.grad
    if gradient is None:
        raise RuntimeError("the step left no gradient of the weight")
    hidden_TD.grad = weight_VD.grad = None
    return took, extra, gradient


def memory(name: str) -> float:
    """MiB, as the kernel counts them for this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this kernel has no {name} in /proc/self/status: memory cannot be measured here")


def run_task(task: str, steps: dict[str, Step], data: Data, rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in steps}
    extras: dict[str, list[float]] = {name: [] for name in steps}
    floor: list[float] = []
    expected: Tensor | None = None
    for _ in range(rounds):
        floor.append(products(data))
        for name, step in steps.items():
            took, extra, gradient = one_step(step, data)
            times[name].append(took)
            extras[name].append(extra)
            if expected is None:
                expected = gradient.clone()
            error = ((gradient - expected).abs().max() / expected.abs().max()).item()
            if error > 1e-3:
                raise RuntimeError(f"{task}: {name}'s gradient is {error:.1e} from plain PyTorch's")
            del gradient
    plain = next(iter(steps))
    outputs = (data.weight_VD.numel() + data.hidden_TD.numel()) * 4 / MIB
    print(f"\n{task}: V = {data.weight_VD.shape[0]:,}; gradients themselves {outputs:,.0f} MiB")
    print(f"{'':26} {'s':>7} {'x plain':>8} {'x floor':>8} {'extra MiB':>10} {'of plain':>9}")
    print(f"{'three matrix products':26} {statistics.median(floor):7.2f}")
    for name in steps:
        ratio = statistics.median(mine / other for mine, other in zip(times[name], times[plain], strict=True))
        share = statistics.median(mine / other for mine, other in zip(times[name], floor, strict=True))
        extra = statistics.median(extras[name])
        print(
            f"{name:26} {statistics.median(times[name]):7.2f} {ratio:8.2f} {share:8.2f} {extra:10,.0f} "
            f"{extra / statistics.median(extras[plain]):9.3f}"
        )


def main() -> int:
    quick = "--quick" in sys.argv
    tokens, vocabularies = (1024, (32_000,)) if quick else (4096, (32_000, 128_256, 256_000))
    vocabularies = tuple(int(word) for word in sys.argv[1:] if word.isdigit()) or vocabularies
    torch.manual_seed(0)
    print(f"{tokens:,} tokens, width {WIDTH}, fp32, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for vocabulary in vocabularies:
        data = Data(tokens, WIDTH, vocabulary)
        for task, steps in contenders(data).items():
            run_task(task, steps, data, 2 if quick else ROUNDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
