"""`mathpipe inspect` of solutions: what there is in all, a table of problems, one whole with its samples.

In: a `SolutionSource` and what to show. Out: text on a rich console. On a terminal formulas are written in Unicode
and programs coloured; piped, TeX and programs stand as they were written and every cell in full. Models' text is
data: it goes through `safe_text` and rich's `Text`, never through markup. A verdict has a sign and a word besides its
colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect import figures
from mathpipe.inspect.formula_text import formula_text
from mathpipe.inspect.highlight import highlighted
from mathpipe.inspect.safe_text import one_line, visible
from mathpipe.inspect.shards import Listing, Query
from mathpipe.inspect.solution_records import (
    Look,
    ProblemLook,
    SampleLook,
    SolutionSummary,
    sample_facts,
    sample_verdict,
)
from mathpipe.inspect.solution_source import SolutionSource
from mathpipe.inspect.solution_text import is_tex, solution_on_terminal
from mathpipe.inspect.solutions import Solutions
from mathpipe.inspect.terminal import many, print_listing, show

LOOK_STYLES = {
    Look.CORRECT: "green",
    Look.AGREES: "green",
    Look.WRONG: "red",
    Look.DIFFERS: "red",
    Look.NO_ANSWER: "yellow",
    Look.NOT_JUDGED: "dim",
}
_OTHER_STYLE = "magenta"
_SEGMENT_NAMES = {SegmentKind.TEXT: "text", SegmentKind.CODE: "program", SegmentKind.OUTPUT: "output"}
_SEGMENT_STYLES = {SegmentKind.TEXT: "dim", SegmentKind.CODE: "blue", SegmentKind.OUTPUT: "yellow"}


def inspect_solutions(
    source: SolutionSource, query: Query, console: Console, *, record: str | None = None, look: Look | None = None
) -> None:
    """Print the summary and a table of problems, or with `record` one problem whole; `look` keeps one verdict."""
    with Solutions(source) as solutions:
        if record is not None:
            print_problem(solutions.problem(record), console, look)
            return
        listing = solutions.listing(query, look)
        print_solution_summary(solutions.summary(), console)
        show(console, Text())
        filtered = bool(query.search or query.where or look)
        readable = _readable(listing) if console.is_terminal else listing
        print_listing(readable, searched=bool(query.search), filtered=filtered, console=console)


def print_solution_summary(summary: SolutionSummary, console: Console) -> None:
    """How many problems and samples there are, and what came of them."""
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text(summary.kind, style="dim"), Text(one_line(summary.title), style="bold"))
    amount = f"{many(summary.problems, 'problem')}, {many(summary.samples, 'sample')}"
    grid.add_row(Text("amount", style="dim"), Text(amount))
    if summary.samples:
        grid.add_row(Text("verdicts", style="dim"), _verdicts(summary.looks, summary.samples))
    if summary.mean_pass_rate is not None:
        rates = [f"{name}: {count:,}" for name, count in summary.pass_rates.items() if count]
        rates.append(f"mean {summary.mean_pass_rate:.3g}")
        grid.add_row(Text("pass rates", style="dim"), Text(" · ".join(rates)))
    for name in ("forms", "finishes", "fates", "models"):
        counts: Mapping[str, int] = getattr(summary, name)
        if counts:
            written = [f"{one_line(each)} {count:,}" for each, count in counts.items()]
            grid.add_row(Text(_NAMES[name], style="dim"), Text(" · ".join(written)))
    if summary.tokens is not None:
        mean = summary.tokens / max(summary.samples, 1)
        tokens = f"{summary.tokens:,} written, mean {mean:.0f}, longest {summary.longest or 0:,}"
        grid.add_row(Text("tokens", style="dim"), Text(tokens))
    show(console, grid)


_NAMES = {"forms": "form", "finishes": "ended by", "fates": "selection", "models": "model"}


def _verdicts(looks: Mapping[Look, int], total: int) -> Text:
    parts = [
        Text(f"{look.mark} {count:,} {look.value.replace('-', ' ')}", style=_style(look)).append(
            f" {figures.share(count, total)}", style="not bold dim"
        )
        for look, count in looks.items()
    ]
    return Text("   ").join(parts)


def print_problem(problem: ProblemLook, console: Console, look: Look | None = None) -> None:
    """The problem, what is right, and every sample of it, or those of one verdict."""
    show(console, Text(f"problem {one_line(problem.problem_id)}", style="bold"))
    show(console, _facts([("number", str(problem.number)), *problem.facts]))
    _print_block("question", problem.question, console)
    _print_block("statement", problem.statement, console, language="lean4")
    _print_block("reference solution", problem.solution, console)
    _print_tests(problem.tests, console)
    show(console, Text())
    if problem.answer is not None:
        show(console, Text(f"{problem.answer_title}: ", style="dim").append_text(_answer(problem.answer, console)))
    if problem.pass_rate is not None:
        show(console, Text("pass rate: ", style="dim").append(f"{problem.pass_rate:.3g}", style="not dim"))
    if problem.samples:
        show(console, Text("samples: ", style="dim").append_text(_verdicts(problem.looks, len(problem.samples))))
    for place, sample in enumerate(problem.samples, start=1):
        if look in {None, sample.look}:
            _print_sample(sample, f"sample {place} of {len(problem.samples)}", console)


def _print_block(title: str, text: str | None, console: Console, *, language: str | None = None) -> None:
    if not text or not text.strip():
        return
    show(console, Text(f"\n{title}", style="bold"))
    if not console.is_terminal:
        show(console, Text(visible(text)))
    else:
        show(console, highlighted(text, language) if language else solution_on_terminal(text))


def _print_tests(tests: Sequence[tuple[str, str]], console: Console) -> None:
    for place, (stdin, stdout) in enumerate(tests, start=1):
        show(console, Text(f"\ntest {place} reads", style="bold"))
        show(console, Text(visible(stdin)))
        show(console, Text("and must print", style="bold"))
        show(console, Text(visible(stdout)))


def _print_sample(sample: SampleLook, title: str, console: Console) -> None:
    head = Text(f"\n── {title} ── ", style="dim")
    head.append(f"{sample.look.mark} {sample.look.words}", style=f"not dim bold {_style(sample.look)}")
    if sample.role:
        head.append(f" ── {sample.role}", style="not dim")
    if sample.asked:
        head.append(" ── the one asked for", style="not dim")
    show(console, head)
    grid = Table.grid(padding=(0, 2))
    for name, value in sample_verdict(sample):
        shown = _answer(value, console) if name == "answer" else Text(one_line(value))
        grid.add_row(Text(name, style="dim"), shown)
    show(console, grid)
    show(console, _facts(sample_facts(sample)))
    _print_segments(sample, console)


def _facts(facts: Sequence[tuple[str, str]]) -> Text:
    parts = [
        Text(f"{one_line(name)} ", style="dim").append(one_line(value), style="not dim") for name, value in facts
    ]
    return Text(" · ", style="dim").join(parts)


def _print_segments(sample: SampleLook, console: Console) -> None:
    if not sample.segments:
        show(console, Text("(no text)", style="dim italic"))
        return
    if not console.is_terminal:
        for segment in sample.segments:
            show(console, Text(f"[{_SEGMENT_NAMES[segment.kind]}]"))
            show(console, Text(visible(segment.text.strip("\n"))))
        return
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for segment in sample.segments:
        style = _SEGMENT_STYLES[segment.kind]
        shown = _segment(segment, sample.language)
        bar = "\n".join("│" * _height(shown, console))
        grid.add_row(Text(_SEGMENT_NAMES[segment.kind], style=style), Text(bar, style=style), shown)
    console.print(grid)


def _height(shown: Text, console: Console) -> int:
    margin = max(map(len, _SEGMENT_NAMES.values())) + 3
    return len(shown.wrap(console, max(console.width - margin, 1), overflow="fold"))


def _segment(segment: Segment, language: str) -> Text:
    if segment.kind is SegmentKind.CODE:
        return highlighted(segment.text, language)
    if segment.kind is SegmentKind.OUTPUT:
        return Text(visible(segment.text.strip("\n")))
    return solution_on_terminal(segment.text)


def _answer(answer: str, console: Console) -> Text:
    """An answer is TeX where it holds any, as verifiers take it."""
    written = _short_answer(answer) if console.is_terminal else answer
    return Text(one_line(written), style="not dim bold")


def _readable(listing: Listing) -> Listing:
    """The table with its formulas in Unicode and its verdicts as the signs that stand above it in the summary."""
    rows = []
    for row in listing.rows:
        cells = [
            _READABLE[name](cell) if name in _READABLE and isinstance(cell, str) else cell
            for name, cell in zip(listing.columns, row.cells, strict=True)
        ]
        rows.append(replace(row, cells=tuple(cells)))
    return replace(listing, rows=tuple(rows))


def _signs(verdicts: str) -> str:
    """`3 correct, 1 wrong` as `✓3 ✗1`."""
    counts = (part.split(" ", 1) for part in verdicts.split(", ") if part)
    return " ".join(f"{Look(name).mark}{count}" for count, name in counts)


def _short_answer(answer: str) -> str:
    return formula_text(answer) if is_tex(answer) else answer


_READABLE: dict[str, Callable[[str], str]] = {
    "question": lambda question: solution_on_terminal(question).plain,
    "answer": _short_answer,
    "verdicts": _signs,
}


def _style(look: Look) -> str:
    return LOOK_STYLES.get(look, _OTHER_STYLE)
