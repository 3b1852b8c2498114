"""What share of real pages each quality rule drops: of mathematics, of others, and of pages judged by eye.

    python -m benchmarks.quality [--quick]

Reads `web/` of MATHPIPE_SHARED_DATA; pages in other languages than English are left out, as the language stage does.
"Judged" columns are the pages of `benchmarks/judgements`. Below the table stand the dropped pages that were judged
to hold mathematics, so that a person can look at them.
"""

import argparse
import statistics
import sys
import time
from collections import Counter
from dataclasses import replace

from benchmarks.labelled_pages import LabelledPage, judged_by_eye, labelled_pages
from benchmarks.shared_data import shared_data
from filters.quality import QualityDropReason, quality_verdict

COLUMNS = ("math", "mixed", "other", "2+ formulas", "judged math", "judged other")
ROUNDS = 3


def groups_of(page: LabelledPage, judged: dict[str, bool]) -> list[str]:
    groups = [page.kind]
    if len(page.page.formulas) > 1:
        groups.append("2+ formulas")
    if page.page.url in judged:
        groups.append("judged math" if judged[page.page.url] else "judged other")
    return groups


def main() -> int:
    """Print the table; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one page of five")
    quick = parser.parse_args().quick
    data = shared_data()
    if data is None:
        return 0
    judged = judged_by_eye()
    pages = [
        replace(page, page=replace(page.page, language=page.language))
        for page in labelled_pages(data, 0.2 if quick else 1.0)
        if page.language in {"en", "und"}
    ]
    total: Counter[str] = Counter()
    dropped: Counter[tuple[str, str]] = Counter()
    lost: list[str] = []
    for page in pages:
        reason = quality_verdict(page.page)
        for group in groups_of(page, judged):
            total[group] += 1
            if reason is not None:
                dropped[reason, group] += 1
        if reason is not None and judged.get(page.page.url):
            lost.append(f"  {reason:22s} {page.page.url}")
    print(f"{'share dropped, %':24s}" + "".join(f"{name:>13s}" for name in COLUMNS))
    for reason in QualityDropReason:
        print(f"  {reason:22s}" + "".join(f"{100 * dropped[reason, c] / max(1, total[c]):13.1f}" for c in COLUMNS))
    sums = [100 * sum(dropped[reason, c] for reason in QualityDropReason) / max(1, total[c]) for c in COLUMNS]
    print(f"  {'all rules':22s}" + "".join(f"{value:13.1f}" for value in sums))
    print(f"  {'pages':22s}" + "".join(f"{total[column]:13d}" for column in COLUMNS))
    print("\npages judged to hold mathematics that were dropped:\n" + "\n".join(lost))
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for page in pages:
            quality_verdict(page.page)
        rates.append(len(pages) / (time.perf_counter() - start))
    print(f"\n{statistics.median(rates):.0f} pages a second on this machine (median of {ROUNDS})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
