"""Compile every Triton kernel to machine code for GPUs that are not here, and print what came out as JSON lines.

python -m tests.rl.kernels.compiling

Run as a process of its own without TRITON_INTERPRET: whether a kernel is interpreted is decided when it is defined.
Triton's wheel carries NVIDIA's assembler, whose report says how many registers a kernel spills.
"""

import importlib
import itertools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

# By import_module: the package's functions of these names hide the modules.
cross_entropy, glu, rms_norm, rope, row_softmax = (
    importlib.import_module(f"rl.kernels.{name}")
    for name in ("cross_entropy", "glu", "rms_norm", "rope", "row_softmax")
)

# What is compiled for which compute capability: fp16 differs from bf16 by a conversion.
TARGETS = (("bf16", 80), ("bf16", 90), ("fp32", 90))


class Case(NamedTuple):
    """A kernel as it is launched: types by argument, constants, warps."""

    kernel: Any
    types: dict[str, str]
    constants: dict[str, Any]
    warps: int


REALS = {"inverse_temperature", "softcap", "z_loss", "eps"}
# Pointers that are not of the model's dtype.
POINTERS = {
    "targets": "*i64",
    **dict.fromkeys(("out", "rows_5", "rows_2", "factors_2", "losses", "r", "partial"), "*fp32"),
}


def case(kernel: Any, dtype: str, pointers: str, constants: dict[str, Any], warps: int, **other: str) -> Case:
    """Types by the arguments' names: the pointers that are named, real numbers, strides, and sizes."""
    types = {}
    for name in kernel.arg_names:
        if name in constants:
            continue
        if name in pointers.split():
            types[name] = other.get(name) or POINTERS.get(name, f"*{dtype}")
        else:
            types[name] = "fp32" if name in REALS else "i64" if "stride" in name else "i32"
    return Case(kernel, types, constants, warps)


def row_softmax_cases(dtype: str) -> Iterator[Case]:
    for capped in (False, True):
        constants = {"CAPPED": capped, "LANES": row_softmax._LANES}
        for entropy in (False, True):
            statistics = {**constants, "ENTROPY": entropy}
            yield case(row_softmax._statistics_kernel, dtype, "logits targets out", statistics, row_softmax._WARPS)
        yield case(row_softmax._gradient_kernel, dtype, "logits targets rows_5", constants, row_softmax._WARPS)


def cross_entropy_cases(dtype: str) -> Iterator[Case]:
    block, warps = cross_entropy._block(152_064), cross_entropy._WARPS
    for capped in (False, True):
        constants = {"CAPPED": capped, "BLOCK": block}
        yield case(cross_entropy._forward_kernel, dtype, "logits targets losses rows_2", constants, warps)
        pointers = "logits targets rows_2 factors_2 out"
        yield case(cross_entropy._gradient_kernel, dtype, pointers, constants, warps, out=f"*{dtype}")
    yield case(cross_entropy._scale_kernel, dtype, "out upstream", {"BLOCK": block}, warps, out=f"*{dtype}")


def rms_norm_cases(dtype: str) -> Iterator[Case]:
    for width, gemma in itertools.product((128, 4096), (False, True)):
        launch = rms_norm._launch(width)
        warps = launch.pop("num_warps")
        constants = {"GEMMA": gemma, **launch}
        yield case(rms_norm._forward_kernel, dtype, "x weight y r", constants, warps)
        constants = {**constants, "WEIGHT_TOO": True}
        yield case(rms_norm._backward_kernel, dtype, "dy x weight r dx partial", constants, warps)


def glu_cases(dtype: str) -> Iterator[Case]:
    for act in glu._Gate:
        constants = {"ACT": int(act), "BLOCK": glu._BLOCK}
        yield case(glu._forward_kernel, dtype, "gate up hidden", constants, 4)
        yield case(glu._backward_kernel, dtype, "dhidden gate up dgate dup", constants, 4)


def rope_cases(dtype: str) -> Iterator[Case]:
    for back in (False, True):
        constants = {"BACK": back, "HEADS": 32, "LANES": 64}
        yield case(rope._turn_kernel, dtype, "q k q_out k_out cos sin", constants, 4)


def cases(dtype: str) -> Iterator[Case]:
    """Every kernel with every switch."""
    for some in (row_softmax_cases, cross_entropy_cases, rms_norm_cases, glu_cases, rope_cases):
        yield from some(dtype)


def compiled(case: Case, capability: int) -> dict[str, Any]:
    """Name, capability and spilled bytes of a kernel that was compiled to a cubin."""
    signature = case.types | dict.fromkeys(case.constants, "constexpr")
    source = ASTSource(case.kernel, signature=signature, constexprs=case.constants)
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options={"num_warps": case.warps})
    return {
        "kernel": case.kernel.__name__,
        "types": next(iter(case.types.values())),
        "capability": capability,
        "bytes": len(built.asm["cubin"]),
        "spilled": spilled(built.asm["ptx"], capability),
    }


def spilled(ptx: str, capability: int) -> int:
    """Bytes of register spills, by the assembler's own report."""
    assembler = Path(triton.__file__).parent / "backends/nvidia/bin/ptxas"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(ptx, encoding="ascii")
        architecture = f"sm_{capability}" + ("a" if capability == 90 else "")
        done = subprocess.run(
            [assembler, "-v", f"--gpu-name={architecture}", path, "-o", Path(folder) / "kernel.cubin"],
            check=True,
            capture_output=True,
            text=True,
        )
    found = re.findall(r"(\d+) bytes spill stores", done.stderr)
    return sum(map(int, found))


def main() -> int:
    for dtype, capability in TARGETS:
        for one in cases(dtype):
            print(json.dumps(compiled(one, capability)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
