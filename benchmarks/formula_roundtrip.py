r"""Round trip: real formulas, rendered by the real renderers, put into pages, extracted by `crawl.extract_page`.

`python -m benchmarks.formula_roundtrip [--quick] [--sample held-out] [--failures FORM]`

A row is one form of one renderer. Recall and precision are macro averages over pages of eight formulas. Three
equalities are stated. `spelt`: the same characters but for white space and the braces around single ones. `same`:
equality under `crawl.formulas.normal_form`. `prints` accepts besides two formulas that KaTeX sets alike: the
same signs in the same places (`benchmarks.roundtrip.printed`). The last is the measure for forms that hold no
source, where the author's spelling (`\dfrac12` or `\frac{1}{2}`) is not to be had. `parses` is the share of recovered
formulas that KaTeX accepts, `kinds` that of matched ones whose kind was kept. Formulas that a renderer refuses are
left out of its rows and counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import fmean

from benchmarks.roundtrip import renderers
from benchmarks.roundtrip.asciimath import read_by_both
from benchmarks.roundtrip.corpus import Original, held_out, sample
from benchmarks.roundtrip.printed import printed
from crawl import extract_page
from crawl.formulas.normal_form import normal_form

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MATHPIPE_SHARED_DATA", REPOSITORY / ".." / "shared" / "data"))
CACHE = REPOSITORY / "benchmarks" / "out" / "roundtrip"
PER_PAGE = 8
QUICK = 60  # formulas a source with --quick
SAMPLES = {"tuned": sample, "held-out": held_out}
TARGETS = {"source": 0.97, "mathml": 0.97, "bare": 0.80}

_SENTENCES = (
    "The value that follows was found by the second method, as the reader may check: ",
    "Nothing is lost when we replace the left side, since both agree on the whole line. We use ",
    "In the next step the author divides and keeps what remains, which shows why ",
    "A short computation, left to the reader until the end of the chapter, gives ",
)
_AFTER = " and the argument goes on as before, with the same letters in the same places."


@dataclass(slots=True)
class Row:
    """What came back from the pages of one form and kind."""

    pages: list[tuple[list[Original], list[Original]]] = field(default_factory=list)
    seconds: float = 0.0


def kind_of(form: str) -> str:
    """What a page of the form holds: the source, MathML only, or only the layout."""
    if "no source" in form or "assistive" in form:
        return "mathml"
    return "bare" if "bare" in form or "html only" in form else "source"


def page_of(pieces: Sequence[str], *, display: bool) -> str:
    """A page with running text around each rendered formula."""
    paragraphs = []
    for index, piece in enumerate(pieces):
        before, after = _SENTENCES[index % len(_SENTENCES)], _AFTER
        body = f"<p>{before}</p>\n<div>{piece}</div>\n<p>{after}</p>" if display else f"<p>{before}{piece}{after}</p>"
        paragraphs.append(body)
    return ('<!DOCTYPE html><html><head><meta charset="utf-8"><title>A chapter</title></head><body><article>'
            f"<h1>A chapter</h1>\n{''.join(paragraphs)}</article></body></html>")  # fmt: skip


def extract_all(formulas: Sequence[Original], forms: Sequence[renderers.Forms]) -> dict[tuple[str, bool], Row]:
    """Put every form of every formula into pages, and extract them."""
    groups: dict[tuple[str, bool], list[tuple[Original, str]]] = defaultdict(list)
    for formula, rendered in zip(formulas, forms, strict=True):
        for form, piece in rendered.items():
            groups[form, formula.display].append((formula, piece))
    rows: dict[tuple[str, bool], Row] = {}
    for (form, display), members in groups.items():
        row = rows[form, display] = Row()
        for start in range(0, len(members), PER_PAGE):
            batch = members[start : start + PER_PAGE]
            text = page_of([piece for _, piece in batch], display=display)
            started = time.perf_counter()
            page = extract_page(text, "https://chapter.example/one.html")
            row.seconds += time.perf_counter() - started
            row.pages.append(([one for one, _ in batch], [Original(f.latex, f.display) for f in page.formulas]))
    return rows


def spelling(latex: str) -> str:
    """The formula's characters without white space and without the braces around a single one."""
    return re.sub(r"\{(\w)\}", r"\1", re.sub(r"\s+", "", latex))


class Equality:
    """The two equalities, with KaTeX asked once for every formula."""

    def __init__(self, rows: dict[tuple[str, bool], Row]) -> None:
        texts = {one for row in rows.values() for pair in row.pages for side in pair for one in side}
        self._texts = sorted(texts)
        checks = renderers.by_node("check", self._texts, CACHE)
        self._check = {text: made.get("check") for text, made in zip(self._texts, checks, strict=True)}
        self._normal: dict[str, str] = {}

    def parses(self, formula: Original) -> bool:
        """Whether KaTeX accepts it."""
        return self._check[formula] is not None

    def same(self, formula: Original) -> str:
        """Key of the first equality."""
        if formula.latex not in self._normal:
            self._normal[formula.latex] = normal_form(formula.latex)
        return self._normal[formula.latex]

    def prints(self, formula: Original) -> str:
        """Key of the second: what is printed, in one style whatever the kind, else the normal form."""
        check = self._check[formula]
        return printed(check) if check is not None else self.same(formula)


def aligned(wanted: Sequence[Original], got: Sequence[Original], equality: Equality) -> tuple[int, int, int]:
    """Formulas of the page matched by the first equality, by either, and of the latter those of the right kind."""
    same = Counter(map(equality.same, wanted)) & Counter(map(equality.same, got))
    remaining = list(got)
    either = kinds = 0
    for formula in wanted:
        normal, print_ = equality.same(formula), equality.prints(formula)
        for index, other in enumerate(remaining):
            if normal == equality.same(other) or print_ == equality.prints(other):
                either += 1
                kinds += other.display == formula.display
                del remaining[index]
                break
    return sum(same.values()), either, kinds


def summary(row: Row, equality: Equality) -> dict[str, float]:
    """Macro averages over the pages of a row."""
    values: dict[str, list[float]] = defaultdict(list)
    matched = kinds = parsed = recovered = 0
    for wanted, got in row.pages:
        same, either, kept = aligned(wanted, got, equality)
        spelt = sum(
            (Counter(spelling(one.latex) for one in wanted) & Counter(spelling(one.latex) for one in got)).values()
        )
        values["spelt R"].append(spelt / len(wanted))
        values["spelt P"].append(spelt / len(got) if got else 1.0)
        values["same R"].append(same / len(wanted))
        values["same P"].append(same / len(got) if got else 1.0)
        values["prints R"].append(either / len(wanted))
        values["prints P"].append(either / len(got) if got else 1.0)
        matched, kinds = matched + either, kinds + kept
        parsed, recovered = parsed + sum(map(equality.parses, got)), recovered + len(got)
    result = {name: fmean(series) for name, series in values.items()}
    result["kinds"] = kinds / matched if matched else 0.0
    result["parses"] = parsed / recovered if recovered else 0.0
    return result


def print_failures(rows: dict[tuple[str, bool], Row], equality: Equality, form: str, limit: int) -> None:
    """Formulas of one form that did not come back, beside what came back in their page unmatched."""
    for (name, _), row in rows.items():
        if name != form:
            continue
        for wanted, got in row.pages:
            keys = {equality.same(one) for one in got} | {equality.prints(one) for one in got}
            known = {equality.same(one) for one in wanted} | {equality.prints(one) for one in wanted}
            lost = [one for one in wanted if equality.same(one) not in keys and equality.prints(one) not in keys]
            odd = [one for one in got if equality.same(one) not in known and equality.prints(one) not in known]
            for index, one in enumerate(lost):
                print("-", one.latex.replace("\n", " "))
                print("+", odd[index].latex.replace("\n", " ") if index < len(odd) else None)
                limit -= 1
                if limit <= 0:
                    return


def rendered(formulas: Sequence[Original]) -> tuple[list[renderers.Forms], dict[str, int]]:
    """All forms of each formula, and how many formulas each renderer refused."""
    makers: dict[str, Callable[[], list[renderers.Forms]]] = {
        engine: partial(renderers.by_node, engine, formulas, CACHE) for engine in renderers.NODE_ENGINES
    }
    makers["pandoc"] = partial(renderers.by_pandoc, formulas)
    merged: list[renderers.Forms] = [{} for _ in formulas]
    refused = {}
    for engine, make in makers.items():
        made = make()
        refused[engine] = sum(not forms or (engine == "pandoc" and "pandoc mathml" not in forms) for forms in made)
        for whole, forms in zip(merged, made, strict=True):
            whole.update(forms)
    return merged, refused


_COLUMNS = ("spelt R", "spelt P", "same R", "same P", "prints R", "prints P", "kinds", "parses")


def report(rows: dict[tuple[str, bool], Row], equality: Equality) -> dict[str, list[dict[str, float]]]:
    """Print the table; the summaries by what the page holds."""
    print(f"{'form':<42}{'kind':<8}{'n':>5}" + "".join(f"{name:>9}" for name in _COLUMNS) + f"{'pages/s':>9}")
    totals: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (form, display), row in sorted(rows.items()):
        result = summary(row, equality)
        totals[kind_of(form)].append(result)
        count, speed = sum(len(wanted) for wanted, _ in row.pages), len(row.pages) / max(row.seconds, 1e-9)
        figures = "".join(f"{result[name]:>9.3f}" for name in _COLUMNS)
        print(f"{form:<42}{'display' if display else 'inline':<8}{count:>5}{figures}{speed:>9.0f}")
    return totals


def report_asciimath(*, failures: bool = False) -> None:
    """Print how far our reading of AsciiMath agrees with that of MathJax, and where it does not."""
    readings = read_by_both()
    row = Row([([theirs], ours) for _, theirs, ours in readings])
    equality = Equality({("asciimath", False): row})
    result = summary(row, equality)
    figures = ", ".join(f"{name} {result[name]:.3f}" for name in ("spelt R", "same R", "prints R", "parses"))
    print(f"asciimath, beside MathJax's own reader, {len(readings)} expressions: {figures}")
    for expression, theirs, ours in readings if failures else []:
        if not aligned([theirs], ours, equality)[1]:
            print(expression, "- " + theirs.latex, "+ " + (ours[0].latex if ours else "None"), sep="\n")


def main() -> int:
    """Run the benchmark; 0 whatever it finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller sample")
    parser.add_argument("--sample", choices=SAMPLES, default="tuned", help="held-out: formulas not written against")
    parser.add_argument("--failures", metavar="FORM", help="print what one form loses")
    parser.add_argument("--limit", type=int, default=60, help="failures to print")
    options = parser.parse_args()
    if not (DATA / "benchmarks").is_dir():
        print(f"skipped: no data in {DATA}; set MATHPIPE_SHARED_DATA")
        return 0
    if shutil.which("node") is None or shutil.which("npm") is None:
        print("skipped: node and npm render the formulas; install them")
        return 0
    renderers.install()
    if options.failures == "asciimath":
        report_asciimath(failures=True)
        return 0
    draw = SAMPLES[options.sample]
    formulas = draw(DATA, per_source=QUICK) if options.quick else draw(DATA)
    forms, refused = rendered(formulas)
    if options.failures:
        forms = [{name: piece for name, piece in made.items() if name == options.failures} for made in forms]
    rows = extract_all(formulas, forms)
    equality = Equality(rows)
    if options.failures:
        print_failures(rows, equality, options.failures, options.limit)
        return 0
    displays = sum(one.display for one in formulas)
    print(f"{len(formulas)} distinct formulas: {displays} display, {len(formulas) - displays} inline")
    print("left out as refused:", ", ".join(f"{engine} {count}" for engine, count in refused.items()))
    totals = report(rows, equality)
    print()
    report_asciimath()
    for held, target in TARGETS.items():
        results = totals[held]
        means = ", ".join(f"{name} {fmean(result[name] for result in results):.3f}" for name in _COLUMNS)
        print(f"pages with {held:<7} ({len(results)} rows, target {target}): {means}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
