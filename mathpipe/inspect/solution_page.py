"""Solutions as one HTML page: problems, their samples folded below them, verdicts to filter by.

In: a `SolutionSource` and a `Query`. Out: an HTML file that is whole in itself: no script, no font, no image, and a
content security policy in the page forbids to fetch any. Models' text goes through Jinja's escaping, formulas through
`formulas.py`. The filter is a style sheet's: a chosen verdict hides the samples that have another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mathpipe.core.errors import InputError
from mathpipe.core.records import Segment, SegmentKind
from mathpipe.core.store import disk_faults
from mathpipe.inspect.formulas import render_formula
from mathpipe.inspect.highlight import highlighted_markup
from mathpipe.inspect.report import asset, page_environment
from mathpipe.inspect.safe_text import clip, one_line, visible
from mathpipe.inspect.shards import Query
from mathpipe.inspect.solution_records import (
    Look,
    ProblemLook,
    SampleLook,
    SolutionSummary,
    sample_facts,
    sample_verdict,
)
from mathpipe.inspect.solution_source import SolutionSource
from mathpipe.inspect.solution_text import is_tex, solution_markup, solution_on_terminal
from mathpipe.inspect.solutions import Solutions

PROBLEMS_SHOWN = 200
SEGMENT_CHARACTERS = 20_000
_QUESTION_CHARACTERS = 110  # in the list of problems
_SEGMENT_TITLES = {SegmentKind.TEXT: "text", SegmentKind.CODE: "program", SegmentKind.OUTPUT: "output"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment as it is drawn; `rest` counts the characters that are left out."""

    kind: str
    title: str
    body: Markup
    rest: int


def write_solutions_page(
    source: SolutionSource, target: Path, query: Query, *, record: str | None = None, look: Look | None = None
) -> Path:
    """Write the page over what lay there; with `record` of that problem alone."""
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise InputError(f"--html {target}", "a file in a folder that exists", "name one, such as solutions.html")
    with Solutions(source) as solutions:
        problems = [solutions.problem(record)] if record is not None else list(solutions.problems(query, look))
        matching = 1 if record is not None else solutions.listing(query, look).matching
        page = render_solutions(solutions.summary(), problems, matching)
    with disk_faults(target):
        unfinished = target.with_name(f".{target.name}.tmp")
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(target)
    return target


def render_solutions(summary: SolutionSummary, problems: Sequence[ProblemLook], matching: int) -> str:
    """The page's HTML; `matching` is how many problems the query let through, shown or not."""
    environment = page_environment()
    environment.filters.update(written=_written, prose=solution_markup, start=_start, one_line=one_line)
    environment.globals.update(parts=_parts, verdict=sample_verdict, facts=sample_facts, colour=_colour)
    shown = {look for problem in problems for look in problem.looks}
    return environment.get_template("solutions.html").render(
        summary=summary,
        problems=problems,
        matching=matching,
        looks=[look for look in Look if look in shown],
        css=Markup(asset("report.css") + asset("solutions.css")),
        lean=lambda text: highlighted_markup(text, "lean4"),
    )


def _parts(sample: SampleLook) -> list[_Part]:
    return [_part(segment, sample.language) for segment in sample.segments]


def _part(segment: Segment, language: str) -> _Part:
    text = segment.text[:SEGMENT_CHARACTERS]
    if segment.kind is SegmentKind.TEXT:
        body = solution_markup(text)
    elif segment.kind is SegmentKind.CODE:
        body = highlighted_markup(text, language)
    else:
        body = Markup("{}").format(visible(text.strip("\n")))
    return _Part(segment.kind, _SEGMENT_TITLES[segment.kind], body, len(segment.text) - len(text))


def _written(answer: str | None) -> Markup:
    if answer is None:
        return Markup("–")
    return render_formula(answer, display=False) if is_tex(answer) else Markup("{}").format(one_line(answer))


def _start(question: str) -> str:
    return clip(one_line(solution_on_terminal(question[: 4 * _QUESTION_CHARACTERS]).plain), _QUESTION_CHARACTERS)


def _colour(look: Look) -> str:
    """The class of a verdict's colour."""
    groups = {
        "right": (Look.CORRECT, Look.AGREES),
        "wrong": (Look.WRONG, Look.DIFFERS),
        "unjudged": (Look.NOT_JUDGED, Look.UNAVAILABLE),
    }
    return next((name for name, looks in groups.items() if look in looks), "unsure")
