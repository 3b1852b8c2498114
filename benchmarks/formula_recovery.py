"""Formula recovery on real pages with gold: this project beside trafilatura and resiliparse, in one run.

    python -m benchmarks.formula_recovery [--show]

Reads `formulas/` of MATHPIPE_SHARED_DATA (default: ../shared/data). For a page with an expected Markdown file
the gold is
that file's formulas; for one without, the `application/x-tex` annotations of its source. A formula counts as
recovered when it stands
between delimiters in the output and its normal form (`crawl.formulas.normal_form`: every rule is listed there)
equals that of
a gold formula not yet matched. Recall and precision are computed per page and averaged over pages (macro).
`exact` is the recall under white-space-free equality. `kind` is the share of matched formulas whose inline or display
kind agrees with the gold.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.shared_data import shared_data
from crawl import extract_page
from crawl.formulas.normal_form import normal_form

Found = list[tuple[str, bool]]
_MATH = re.compile(
    r"(?<!\\)\$\$(?P<d1>.+?)(?<!\\)\$\$|\\\[(?P<d2>.+?)\\\]|\\\((?P<i1>.+?)\\\)|(?<![\\$])\$(?P<i2>[^$\n]+?)(?<!\\)\$(?!\$)",
    re.DOTALL,
)
_CODE = re.compile(r"^[ >]*(`{3,}).*?^[ >]*\1\s*$|(?<!\\)(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE)
_ANNOTATION = re.compile(r"<annotation[^>]*application/x-tex[^>]*>(.*?)</annotation>", re.DOTALL)


@dataclass(frozen=True)
class Score:
    recall: float
    precision: float
    exact: float
    kind: float | None
    gold: int
    emitted: int


def delimited(text: str) -> Found:
    """Formulas between delimiters in Markdown or plain text, code left out."""
    found: Found = []
    for match in _MATH.finditer(_CODE.sub(" ", text)):
        display = match["d1"] or match["d2"]
        found.append((display or match["i1"] or match["i2"], bool(display)))
    return [(latex.strip(), kind) for latex, kind in found if latex.strip()]


def gold_of(data: Path, row: dict[str, str], source: str) -> tuple[Found, bool]:
    """The page's gold formulas, and whether their kind is known."""
    if row.get("expected"):
        text = (data / row["expected"]).read_text(encoding="utf-8")
        return delimited(re.sub(r"^```json.*?```", "", text, count=1, flags=re.DOTALL)), True
    return [(html.unescape(latex), False) for latex in _ANNOTATION.findall(source)], False


def score(gold: Found, emitted: Found, *, kinds: bool) -> Score:
    left = [(normal_form(latex), "".join(latex.split()), kind) for latex, kind in gold]
    matched = same_kind = exact = 0
    for latex, kind in emitted:
        form, plain = normal_form(latex), "".join(latex.split())
        options = [item for item in left if item[0] == form]
        if not options:
            continue
        best = max(options, key=lambda item: (item[2] == kind, item[1] == plain))
        left.remove(best)
        matched += 1
        same_kind += best[2] == kind
        exact += best[1] == plain
    return Score(
        matched / len(gold) if gold else 1.0,
        matched / len(emitted) if emitted else (0.0 if gold else 1.0),
        exact / len(gold) if gold else 1.0,
        same_kind / matched if matched and kinds else None,
        len(gold),
        len(emitted),
    )


def extractors() -> dict[str, Callable[[str, str], Found]]:
    found: dict[str, Callable[[str, str], Found]] = {
        "mathpipe": lambda source, url: [(f.latex, f.display) for f in extract_page(source, url).formulas]
    }
    try:
        import trafilatura
    except ImportError:
        print("trafilatura is not installed: left out")
    else:
        found["trafilatura"] = lambda source, url: delimited(
            trafilatura.extract(source, url=url, include_formatting=True, favor_recall=True) or ""
        )
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    found["resiliparse"] = lambda source, _url: delimited(extract_plain_text(HTMLTree.parse(source)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--show", action="store_true", help="print what was missed and what was wrong")
    parser.add_argument("--quick", action="store_true", help="time one pass instead of five")
    options = parser.parse_args()
    shared = shared_data()
    if shared is None:
        return
    data = shared / "formulas"
    rows = [json.loads(line) for line in (data / "index.jsonl").read_text().splitlines()]
    pages = [(row, (data / row["page"]).read_text(encoding="utf-8")) for row in rows]
    tools = extractors()
    scores: dict[str, list[Score]] = {name: [] for name in tools}
    print(f"{'page':38s} {'gold':>5s}" + "".join(f" {name:>12s} R     P" for name in tools))
    for row, source in pages:
        gold, kinds = gold_of(data, row, source)
        for name, tool in tools.items():
            emitted = tool(source, row["url"])
            scores[name].append(score(gold, emitted, kinds=kinds))
            if options.show and name == "mathpipe":
                show(gold, emitted)
        cells = "".join(f" {s[-1].recall:14.3f} {s[-1].precision:5.3f}" for s in scores.values())
        print(f"{row['page'][:38]:38s} {len(gold):5d}{cells}")
    print()
    print(f"{'macro average':24s} {'recall':>8s} {'precision':>10s} {'exact':>8s} {'kind':>8s} {'time':>8s}")
    seconds = {name: timed(tool, pages, 1 if options.quick else 5) for name, tool in tools.items()}
    for name, values in scores.items():
        kinds_known = [one.kind for one in values if one.kind is not None]
        kind = f"{statistics.mean(kinds_known):8.3f}" if kinds_known else f"{'-':>8s}"
        print(
            f"{name:24s} {statistics.mean(v.recall for v in values):8.3f} "
            f"{statistics.mean(v.precision for v in values):10.3f} "
            f"{statistics.mean(v.exact for v in values):8.3f} {kind} {seconds[name] / seconds['mathpipe']:8.2f}"
        )


def timed(tool: Callable[[str, str], Found], pages: list[tuple[dict[str, str], str]], rounds: int) -> float:
    """Median seconds of a pass over all pages."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for row, source in pages:
            tool(source, row["url"])
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def show(gold: Found, emitted: Found) -> None:
    left = [(normal_form(latex), latex, kind) for latex, kind in gold]
    for latex, kind in emitted:
        hit = next((item for item in left if item[0] == normal_form(latex)), None)
        if hit is None:
            print("   WRONG ", latex.replace("\n", " "), "\n      nf ", normal_form(latex))
        else:
            left.remove(hit)
            if hit[2] != kind:
                print("   KIND  ", "gold display" if hit[2] else "gold inline", latex.replace("\n", " "))
    for form, latex, _ in left:
        print("   MISSED", latex.replace("\n", " "), "\n      nf ", form)


if __name__ == "__main__":
    main()
