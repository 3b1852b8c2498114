"""Compile every Triton kernel to machine code for GPUs that are not here, and print what came out as JSON lines.

python -m tests.rl.kernels.compiling

Run as a process of its own without TRITON_INTERPRET: whether a kernel is interpreted is decided when it is defined.
Triton's wheel carries NVIDIA's assembler, whose report says how many registers a kernel spills.
"""

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

from rl.kernels import row_softmax

CAPABILITIES = (80, 90)


class Case(NamedTuple):
    """A kernel as it is launched: types by argument, constants, warps."""

    kernel: Any
    types: dict[str, str]
    constants: dict[str, Any]
    warps: int


def cases() -> Iterator[Case]:
    """Every kernel with every switch, for logits of each dtype."""
    sizes = {"row_stride": "i64", "rows": "i32", "first": "i32", "columns": "i32"}
    reals = {"inverse_temperature": "fp32", "softcap": "fp32"}
    for dtype, capped in itertools.product(("bf16", "fp16", "fp32"), (False, True)):
        pointers = {"logits": f"*{dtype}", "targets": "*i64"}
        constants = {"CAPPED": capped, "LANES": row_softmax._LANES}
        for entropy in (False, True):
            types = {**pointers, "out": "*fp32", **sizes, **reals}
            yield Case(row_softmax._statistics_kernel, types, {**constants, "ENTROPY": entropy}, row_softmax._WARPS)
        yield Case(
            row_softmax._gradient_kernel,
            {**pointers, "rows_5": "*fp32", **sizes, **reals},
            constants,
            row_softmax._WARPS,
        )


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
    for case, capability in itertools.product(cases(), CAPABILITIES):
        print(json.dumps(compiled(case, capability)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
