"""What a corpus of this pipeline cannot promise, in sentences that hold for the run at hand.

In: the resolved configuration and the certificate. Out: sentences for the datasheet; a figure is named only where
the configuration has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mathpipe.inspect.certificate_summary import CertificateSummary

LICENCE_NOTE = (
    "These are statements found in the pages' markup, not permissions: nobody has checked them. A page that states "
    "no licence is not free; copyright holds unless something says otherwise. A statement may be about something "
    "else on the page, such as a picture, or be out of date."
)


def known_limits(config: Mapping[str, Any], certificate: CertificateSummary | None) -> tuple[str, ...]:
    """One sentence or two for each thing that the pipeline cannot see."""
    return (
        "Only responses in the archives that were read can be here; what a page loads by script after it was crawled "
        "is not seen, and a formula that stands only as a picture without text is lost.",
        "Text is extracted by rules: some navigation or comments stay, some of a page's own text goes. Formulas are "
        "kept as the page writes them, or rebuilt where it holds no source, and are not checked.",
        _classifier(config),
        "Languages are told by letter statistics; short pages and pages of formulas are told badly.",
        _duplicates(config),
        _decontamination(certificate),
        "Nothing here looks for personal data, for offence, for false statements, or for text that a model wrote. "
        "Whether a proof is right was not checked.",
        "The pipeline consults neither robots.txt nor any opt-out; what the crawl respected is not recorded.",
        "Licences are what pages say of themselves, unchecked; a page that states none is not free.",
    )


def _classifier(config: Mapping[str, Any]) -> str:
    threshold = _number(config, "classify", "threshold")
    cut = "" if threshold is None else f" at a probability of {threshold:g}"
    return (
        f"A statistical classifier decides what counts as mathematics{cut}: some mathematics was dropped, some other "
        "pages were kept, and pages unlike its training pages are judged worst."
    )


def _duplicates(config: Mapping[str, Any]) -> str:
    threshold, recall = (_number(config, "duplicates", name) for name in ("threshold", "recall_at_threshold"))
    known = "" if threshold is None else f" of similarity {threshold:g}"
    found = "" if recall is None else f" (a pair at that similarity is found with probability {recall:g})"
    return (
        f"Near-duplicates{known} are found by sampled signatures{found}; less similar copies, excerpts and "
        "translations stay."
    )


def _decontamination(certificate: CertificateSummary | None) -> str:
    if certificate is None:
        return "This run holds no certificate: nothing is known of benchmark items in these pages."
    short = sum(row.not_matchable for row in certificate.benchmarks)
    return (
        "Benchmark items are found by runs of words: paraphrases, translations and benchmarks that are not listed "
        "here can be present."
        + (f" Protected items that are too short to be recognised: {short:,}." if short else "")
    )


def _number(config: Mapping[str, Any], section: str, name: str) -> float | None:
    values = config.get(section)
    value = values.get(name) if isinstance(values, dict) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
