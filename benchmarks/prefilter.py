"""What the prefilter loses and what it lets through, on pages judged by eye.

    python -m benchmarks.prefilter [--quick] [--folds] [--draw]

The judged pages (`judgements/prefilter_pages.jsonl`: URL, verdict, reason) come from two draws. Draw 1: 300 pages
over all sources, more from sources of mathematics, the URL's hash decides which. Draw 2, to have more mathematics in
running text: 173 pages of those sources that show no markup and hold 1,200 characters or more. No judged page is in
the seed that the n-grams are mined from. The share kept, the windows of words and the anchors were chosen with these
pages in view, so the figures are in distribution; `--folds` mines without the source it is tested on. `--quick` mines
from a third of the seed; `--draw` prints the URLs of draw 1.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from benchmarks.web_pages import Judgement, judgements, labels, read_web, seed_pages, web_folder
from crawl.ngrams import NgramTable, mine_ngrams
from crawl.prefilter import Decision, DecisionKind, Prefilter, PrefilterConfig
from mathpipe.core.records import SeedPage

DRAW_1 = {
    "python-sympy-doc": 30,
    "sagemath-doc": 45,
    "python-mpmath-doc": 10,
    "maxima-doc": 25,
    "gap-doc": 25,
    "lilianweng": 10,
    "defuddle/math": 3,
    "python-scipy-doc": 30,
    "octave-doc": 25,
    "libeigen3-doc": 25,
    "debian-handbook": 10,
    "defuddle": 15,
    "git-doc": 6,
    "postgresql-doc-15": 12,
    "python3.11-doc": 14,
    "trafilatura": 15,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="mine from a third of the seed")
    parser.add_argument("--folds", action="store_true", help="also mine without each source of mathematics in turn")
    parser.add_argument("--draw", action="store_true", help="print the URLs of draw 1 and stop")
    arguments = parser.parse_args()
    folder = web_folder()
    if folder is None:
        print("prefilter: skipped, the labelled crawl is missing (set MATHPIPE_SHARED_DATA)")
        return
    if arguments.draw:
        print("\n".join(draw_1(folder)))
        return
    bodies = {page.url: page.body for page in read_web(folder)}
    seed = list(seed_pages(folder, bodies, lambda _: True, 1 / 3 if arguments.quick else 1.0))
    table = mine_ngrams(seed)
    print(f"seed: {len(seed)} pages, none of them judged; {len(table.weights)} n-grams, threshold {table.threshold}")
    report(judgements(), bodies, Prefilter(table), folder)
    print_routes(judgements(), bodies, table)
    if arguments.folds:
        print_folds(seed, bodies)


def draw_1(folder: Path) -> list[str]:
    """The URLs of draw 1: the first of each source by a hash of the URL."""
    of_source: dict[str, list[str]] = {}
    for row in labels(folder):
        mathematics = row["source"] == "defuddle" and row["kind"] == "math"
        of_source.setdefault("defuddle/math" if mathematics else row["source"], []).append(row["url"])
    return [
        url
        for source, count in DRAW_1.items()
        for url in sorted(of_source[source], key=lambda url: blake2b(f"2026:{url}".encode()).hexdigest())[:count]
    ]


def report(judged: Sequence[Judgement], bodies: dict[str, bytes], prefilter: Prefilter, folder: Path) -> None:
    decisions = {row.url: prefilter.decide(bodies[row.url]) for row in judged}
    markup = [row for row in judged if row.verdict == "formula-markup"]
    plain = [row for row in judged if row.verdict == "plain-math"]
    other = [row for row in judged if row.verdict == "other"]
    first = [row for row in other if row.draw == 1]
    lost_markup = [row for row in markup if decisions[row.url].kind is DecisionKind.NONE]
    lost_plain = [row for row in plain if decisions[row.url].kind is DecisionKind.NONE]
    parsed = [row for row in first if decisions[row.url].kind is not DecisionKind.NONE]
    print(f"\n{'judged pages':<52}{'count':>10}{'share':>8}   95% (Wilson)   target")
    line("formula markup, lost", len(lost_markup), len(markup), "none")
    line("  found by markup itself", count(markup, decisions, DecisionKind.MARKUP), len(markup), "")
    line("plain mathematics, lost", len(lost_plain), len(plain), "<= 5%")
    line("others of draw 1, parsed (as drawn)", len(parsed), len(first), "")
    manuals = mathematics_sources(folder)
    for name, rows in (
        ("  on sources of mathematics and its software", [row for row in first if row.source in manuals]),
        ("  on all other sources", [row for row in first if row.source not in manuals]),
    ):
        line(name, sum(decisions[row.url].kind is not DecisionKind.NONE for row in rows), len(rows), "")
    share = weighted_share(judged, decisions, folder)
    print(f"{'others parsed, sources weighted by their pages':<52}{'':>10}{share:>8.1%}{'':<18}< 5%")
    rest = [row["url"] for row in labels(folder) if row["kind"] == "other" and row["url"] not in decisions]
    hits = sum(prefilter.decide(bodies[url]).kind is not DecisionKind.NONE for url in rest)
    line("pages labelled other, not judged, parsed", hits, len(rest), "")
    for title, rows in (("lost", [*lost_markup, *lost_plain]), ("parsed in vain", parsed)):
        print(f"\n{title}:")
        for row in rows:
            decision = decisions[row.url]
            print(f"  {row.verdict:<15}{decision.kind:<8}{decision.evidence or f'{decision.score:.2f}':<14}{row.url}")


def count(rows: Iterable[Judgement], decisions: dict[str, Decision], kind: DecisionKind) -> int:
    return sum(decisions[row.url].kind is kind for row in rows)


def mathematics_sources(folder: Path) -> set[str]:
    return {row["source"] for row in labels(folder) if row["kind"] != "other" and row["source"] != "defuddle"}


def weighted_share(judged: Sequence[Judgement], decisions: dict[str, Decision], folder: Path) -> float:
    """Parsed share of other pages if every source had been drawn in full: shares of draw 1 times source sizes."""
    sizes = Counter(row["source"] for row in labels(folder))
    total = parsed = 0.0
    for source, size in sizes.items():
        drawn = [row for row in judged if row.draw == 1 and row.source == source]
        others = [row for row in drawn if row.verdict == "other"]
        if not others:
            continue
        weight = size * len(others) / len(drawn)
        total += weight
        parsed += weight * sum(decisions[row.url].kind is not DecisionKind.NONE for row in others) / len(others)
    return parsed / total


def print_routes(judged: Sequence[Judgement], bodies: dict[str, bytes], table: NgramTable) -> None:
    """Each part left out in turn, so that every part shows what it is worth."""
    whole = Prefilter(table)
    routes = (
        ("markup and n-grams", whole),
        ("markup alone", Prefilter(None)),
        ("n-grams alone", Prefilter(table, PrefilterConfig(markup=False))),
        ("without anchors", Prefilter(NgramTable(table.weights, table.threshold, table.words_scored))),
    )
    print(f"\n{'parsed by':<24}{'formula markup':>16}{'plain math':>12}{'other':>8}")
    for name, prefilter in routes:
        shares = []
        for verdict in ("formula-markup", "plain-math", "other"):
            rows = [row for row in judged if row.verdict == verdict]
            hit = sum(prefilter.decide(bodies[row.url]).kind is not DecisionKind.NONE for row in rows)
            shares.append(f"{hit}/{len(rows)}")
        print(f"{name:<24}{shares[0]:>16}{shares[1]:>12}{shares[2]:>8}")


def print_folds(seed: Sequence[SeedPage], bodies: dict[str, bytes]) -> None:
    """Each source of plain mathematics judged by n-grams that were mined without it."""
    judged = judgements()
    of_source = {row.source: row.url.split("/")[2] for row in judged if row.verdict == "plain-math"}
    print(f"\n{'mined without':<24}{'plain math lost':>18}{'others parsed':>16}")
    lost = total = 0
    for source, host in sorted(of_source.items()):
        prefilter = Prefilter(mine_ngrams([page for page in seed if page.host != host]))
        plain = [row for row in judged if row.source == source and row.verdict == "plain-math"]
        other = [row for row in judged if row.source == source and row.verdict == "other"]
        missed = sum(prefilter.decide(bodies[row.url]).kind is DecisionKind.NONE for row in plain)
        passed = sum(prefilter.decide(bodies[row.url]).kind is not DecisionKind.NONE for row in other)
        lost, total = lost + missed, total + len(plain)
        print(f"{source:<24}{f'{missed}/{len(plain)}':>18}{f'{passed}/{len(other)}':>16}")
    line("plain mathematics of unseen sources, lost", lost, total, "")


def line(name: str, hits: int, total: int, target: str) -> None:
    low, high = wilson(hits, total)
    print(f"{name:<52}{f'{hits}/{total}':>10}{hits / total:>8.1%}   {low:>5.1%} – {high:<6.1%}  {target}")


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927)."""
    share = hits / total
    centre = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return (centre - half) / scale, (centre + half) / scale


if __name__ == "__main__":
    main()
