"""Generation: tokens a second by our interface, bare vLLM and transformers' `generate`; idle time in tool rounds.

    python -m benchmarks.generation [--quick]

In: nothing; a random Llama (2 layers, 256 wide, fp32) with the tokenizer of `rl.cold_start`. Every engine runs in a
process of its own on one thread; contenders take turns, figures are medians over rounds. Requests carry seeds, but
for transformers' `generate`, which knows one for a batch; its batches have the best of several sizes, found first.
Seconds of a core, which other work on the machine lengthens little, stand beside those of the clock. Out: tables, and
exit status 1 where a target is missed by either.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contender_process import ContenderProcess, Took
from benchmarks.generation_contenders import CONTEXT, EQUAL, LONGEST, SHORTEST
from benchmarks.generation_tools import PROGRAMS, ROUNDS, SLOWEST, TOOL_WAYS, WORKERS
from benchmarks.random_llama import save_random_llama

BATCHES = (32, 64, 128, 256)
LENGTHS = {"equal": f"{EQUAL} tokens each", "mixed": f"{SHORTEST} to {LONGEST} tokens"}
SPEED_UP, OVERHEAD = 2.0, 0.025


@dataclass(frozen=True, slots=True)
class Way:
    """A row of the table: which process runs it, and under which name."""

    title: str
    process: str
    way: str


class Contender:
    """A process that generates when it is told to."""

    def __init__(self, kind: str, model: Path) -> None:
        self._process = ContenderProcess("benchmarks.generation_contenders", [kind, str(model)])

    def run(self, **order: Any) -> Took:
        """Have it done and say what it took."""
        took = self._process.ask(order)
        if took is None:
            raise SystemExit("\n".join([f"a contender died at {order}:", *self._process.log()[-40:]]))
        return took

    def close(self) -> None:
        """Let it end."""
        self._process.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer requests and rounds")
    quick = parser.parse_args().quick
    console = Console(width=150)
    with tempfile.TemporaryDirectory() as folder:
        model = make_model(Path(folder))
        contenders = {kind: Contender(kind, model) for kind in ("vllm", "transformers")}
        try:
            missed = [speed(contenders, lengths, quick, console) for lengths in LENGTHS]
            tool_rounds(contenders["vllm"], quick, console)
        finally:
            for contender in contenders.values():
                contender.close()
    return min(sum(missed), 1)


def make_model(folder: Path) -> Path:
    """Random weights, fixed by a seed; the tokenizer learned from made problems."""
    from mathpipe.generate.problems import generate_problems
    from mathpipe.generate.templates import Message
    from rl.cold_start import make_tokenizer

    made = generate_problems("arithmetic", 300, seed=1, difficulty=1)
    tokenizer = make_tokenizer([[Message("user", f"{one.question} {one.solution}")] for one in made], 448)
    return save_random_llama(folder, tokenizer, vocabulary=448, context=CONTEXT)


def speed(contenders: Mapping[str, Contender], lengths: str, quick: bool, console: Console) -> bool:
    """The table of one kind of lengths; true where a target is missed."""
    requests, rounds = (64, 2) if quick else (256, 5)
    order = {"lengths": lengths, "requests": requests}
    best = best_batch(contenders["transformers"], order, requests)
    ways = (
        Way("vLLM through our interface", "vllm", "ours"),
        Way("vLLM, LLM.generate", "vllm", "bare"),
        Way("transformers through our interface", "transformers", "ours"),
        Way(f"transformers' generate, batches of {best}", "transformers", str(best)),
    )
    took: dict[str, list[Took]] = defaultdict(list)
    for number in range(rounds + 1):
        # Whoever comes second finds the memory allocator and the caches as the first left them: so by turns.
        for one in ways if number % 2 else tuple(reversed(ways)):
            told = contenders[one.process].run(way=one.way, **order)
            if number:  # the first round warms up
                took[one.way if one.process == "vllm" else one.title].append(told)
    rows = {one.title: took[one.way if one.process == "vllm" else one.title] for one in ways}
    return show_speed(list(rows.items()), f"{requests} requests, {LENGTHS[lengths]}", rounds, console)


def best_batch(contender: Contender, order: Mapping[str, Any], requests: int) -> int:
    """The size of a batch with the most tokens a second of a core."""
    sizes = [size for size in BATCHES if size <= requests]
    contender.run(way=str(sizes[0]), **order)
    took = {size: contender.run(way=str(size), **order) for size in sizes}
    return max(sizes, key=lambda size: rate(took[size], "core_seconds"))


def rate(took: Took, seconds: str) -> float:
    return float(took["tokens"] / took[seconds])


def ratio(one: Sequence[Took], other: Sequence[Took], seconds: str) -> float:
    """The median over rounds of how many times as fast one is."""
    return statistics.median(
        rate(left, seconds) / rate(right, seconds) for left, right in zip(one, other, strict=True)
    )


def show_speed(rows: Sequence[tuple[str, list[Took]]], title: str, rounds: int, console: Console) -> bool:
    table = Table("", "tokens/s", "tokens/s of a core", title=f"{title}, medians of {rounds}", title_justify="left")
    for name, took in rows:
        figures = [statistics.median(rate(one, seconds) for one in took) for seconds in ("seconds", "core_seconds")]
        table.add_row(name, *(f"{figure:,.0f}" for figure in figures))
    console.print(table)
    (_, ours), (_, bare), (_, plain), (_, theirs) = rows
    missed = False
    for seconds, kind in (("seconds", "on the clock"), ("core_seconds", "of a core")):
        faster, slower = ratio(ours, theirs, seconds), 1 / ratio(ours, bare, seconds) - 1
        console.print(
            f"{kind}: vLLM through our interface {faster:.2f} times transformers' generate (target {SPEED_UP:g}),"
            f" overhead over LLM.generate {slower:+.1%} (target {OVERHEAD:.1%}); our transformers loop"
            f" {ratio(plain, theirs, seconds):.2f} times generate",
            highlight=False,
            soft_wrap=True,
        )
        missed = missed or faster < SPEED_UP or slower > OVERHEAD
    return missed


def tool_rounds(contender: Contender, quick: bool, console: Console) -> None:
    """Idle shares, for programs that wait and programs that compute."""
    samples, rounds = (32, 1) if quick else (96, 3)
    table = Table("programs of 0.2 s that", "rounds", "s", "engine idle", "programs", "tokens")
    table.title = f"{samples} samples, {ROUNDS} programs each, {WORKERS} at a time, medians of {rounds}"
    for program in PROGRAMS:
        took: dict[str, list[Took]] = defaultdict(list)
        for number in range(rounds):
            for way in TOOL_WAYS:
                if way != SLOWEST or not number:  # a minute a time, and always the same
                    took[way].append(contender.run(way=way, program=program, requests=samples))
        for way, told in took.items():
            seconds, idle = (statistics.median(one[key] for one in told) for key in ("seconds", "idle"))
            table.add_row(
                program, way, f"{seconds:.1f}", f"{idle:.0%}", f"{told[0]['programs']:,}", f"{told[0]['tokens']:,}"
            )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
