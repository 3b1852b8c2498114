"""The classifier on hosts it never saw, beside held-out pages of the hosts it learnt from.

    python -m benchmarks.classifier [--quick]

Reads `web/` of MATHPIPE_SHARED_DATA. Six folds: in each, one source of mathematics and one other are held out whole.
Pages in other languages than English are left out, as the language stage does; planted copies too.
Labels are those of the *source*: a page of a manual of mathematics may be a contents list or an installation
guide. So the pages judged by eye (`benchmarks/judgements`) are scored as well: those of held-out sources, and those
of the three "mixed" sources, which take part in no training and on which nothing was tuned. Tuned on the folds were
the form of words, formulas and code, the choice of pages, the mixing, and some words on learning in `shared.txt`.
`--quick` takes two pages of five. The matrix is small here (see SMALL): the last table shows what that changes.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.labelled_pages import LabelledPage, judged_by_eye, labelled_pages
from benchmarks.shared_data import shared_data
from filters.classifier import MODEL_FILE, QUANTISED_FILE, MathClassifier
from filters.fasttext_training import FastTextSettings
from filters.normalise import FormulaStyle, Normalisation, WordStyle
from filters.training_lines import ClassifierConfig

FOLDS = (
    ("sagemath-doc", "trafilatura"),
    ("python-sympy-doc", "postgresql-doc-15"),
    ("maxima-doc", "python3.11-doc"),
    ("gap-doc", "git-doc"),
    ("lilianweng", "defuddle"),
    ("python-mpmath-doc", "debian-handbook"),
)
SMALL = FastTextSettings(dim=64, bucket=200_000)
CHALLENGE = Path(__file__).resolve().parents[1] / "tests" / "cases" / "classifier" / "challenge.jsonl"
RECIPE = "1 recipe: words, LaTeX kept"
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


@dataclass(frozen=True, slots=True)
class Scores:
    """F1, precision and recall at a threshold, and the area under the ROC curve."""

    f1: float
    precision: float
    recall: float
    auc: float
    pages: int

    def __str__(self) -> str:
        return f"{self.f1:6.3f} {self.precision:6.3f} {self.recall:6.3f} {self.auc:6.3f} {self.pages:6d}"


def measure(truth: Sequence[bool], scores: Sequence[float], threshold: float = 0.5) -> Scores:
    wanted, given = np.array(truth, dtype=bool), np.array(scores)
    chosen = given >= threshold
    hits = int((chosen & wanted).sum())
    precision, recall = hits / max(1, int(chosen.sum())), hits / max(1, int(wanted.sum()))
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    pairs = given[wanted][:, None] - given[~wanted][None, :]
    auc = float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if pairs.size else float("nan")
    return Scores(f1, precision, recall, auc, len(truth))


def macro(rows: Sequence[Scores]) -> Scores:
    mean = {
        name: statistics.fmean(getattr(row, name) for row in rows) for name in ("f1", "precision", "recall", "auc")
    }
    return Scores(**mean, pages=sum(row.pages for row in rows))


@dataclass(slots=True)
class Outcome:
    """One configuration on all folds."""

    folds: list[Scores]
    judged: Scores
    by_threshold: dict[float, tuple[Scores, Scores]]


def is_math(page: LabelledPage) -> bool:
    return page.kind == "math"


def score(model: MathClassifier, pages: Sequence[LabelledPage]) -> list[float]:
    return model.score([page.page.text for page in pages])


def out_of_distribution(pages: Sequence[LabelledPage], judged: dict[str, bool], config: ClassifierConfig) -> Outcome:
    per_fold: list[tuple[list[bool], list[float]]] = []
    truth: list[bool] = []
    given: list[float] = []
    for held_out in FOLDS:
        model = MathClassifier.train((page.seed for page in pages if page.source not in held_out), config)
        test = [
            page for page in pages if page.source in held_out and (page.source, page.kind) != ("defuddle", "math")
        ]
        scores = score(model, test)
        per_fold.append(([is_math(page) for page in test], scores))
        for page, value in zip(test, scores, strict=True):
            if page.page.url in judged:
                truth.append(judged[page.page.url])
                given.append(value)
    swept = {
        limit: (macro([measure(*fold, limit) for fold in per_fold]), measure(truth, given, limit))
        for limit in THRESHOLDS
    }
    return Outcome([measure(*fold) for fold in per_fold], measure(truth, given), swept)


def in_distribution(pages: Sequence[LabelledPage], config: ClassifierConfig) -> Scores:
    test = pages[::5]
    kept = {page.page.url for page in test}
    model = MathClassifier.train((page.seed for page in pages if page.page.url not in kept), config)
    return measure([is_math(page) for page in test], score(model, test))


def challenge(model: MathClassifier) -> tuple[int, list[str], int]:
    entries = [json.loads(line) for line in CHALLENGE.read_text(encoding="utf-8").splitlines()]
    scores = model.score([entry["text"] for entry in entries])
    right = [(value >= 0.5) == (entry["label"] == "math") for entry, value in zip(entries, scores, strict=True)]
    lines = [
        f"  {'ok   ' if fits else 'WRONG'} {entry['label']:6s} {value:.3f}  {entry['name']}"
        for entry, value, fits in zip(entries, scores, right, strict=True)
    ]
    return sum(right), lines, len(lines)


def variants() -> dict[str, ClassifierConfig]:
    def config(**changes: Any) -> ClassifierConfig:
        return ClassifierConfig(fasttext=SMALL, **changes)

    plain: dict[str, Any] = {"mixed_copies": 0, "min_formulas": 0}
    words = {"words": WordStyle.KEEP, "code": True}
    recipe = Normalisation(formulas=FormulaStyle.KEEP, **words)
    return {
        "default": config(),
        RECIPE: config(normalisation=recipe, min_lines_read=0, **plain),
        "1 the same, 15 epochs": config(normalisation=recipe, min_lines_read=50_000, **plain),
        "1 formulas as commands": config(
            normalisation=Normalisation(formulas=FormulaStyle.COMMANDS, **words), **plain
        ),
        "1 formulas as a token": config(normalisation=Normalisation(formulas=FormulaStyle.TOKEN, **words), **plain),
        "1 formulas dropped": config(normalisation=Normalisation(formulas=FormulaStyle.DROP, **words), **plain),
        "2 words, chosen and mixed": config(normalisation=Normalisation(words=WordStyle.KEEP)),
        "3 words and classes": config(normalisation=Normalisation(words=WordStyle.BOTH)),
        "3 classes, all pages": config(min_formulas=0),
        "3 classes, no mixing": config(mixed_copies=0),
        "3 classes, with code": config(normalisation=Normalisation(code=True)),
        "3 classes, formula token": config(normalisation=Normalisation(formulas=FormulaStyle.TOKEN)),
        "3 classes, formula commands": config(normalisation=Normalisation(formulas=FormulaStyle.COMMANDS)),
    }


QUICK = ("default", RECIPE, "2 words, chosen and mixed", "3 words and classes")
HEAD = "    F1   prec    rec    AUC  pages"


def print_default(pages: Sequence[LabelledPage], outcome: Outcome, judged: dict[str, bool]) -> None:
    config = ClassifierConfig(fasttext=SMALL)
    usable = [page for page in pages if page.kind != "mixed"]
    print(f"{'default, labels of the source':44s}{HEAD}")
    for (math, other), row in zip(FOLDS, outcome.folds, strict=True):
        print(f"  held out {math + ' + ' + other:33s}{row}")
    print(f"  {'macro, hosts held out':42s}{macro(outcome.folds)}")
    print(f"  {'in distribution, a fifth of the pages':42s}{in_distribution(usable, config)}")
    recipe = variants()[RECIPE]
    print(f"  {'in distribution, the recipe as it is':42s}{in_distribution(usable, recipe)}")
    model = MathClassifier.train((page.seed for page in usable), config)
    if judged:
        print(f"  {'judged by eye, hosts held out':42s}{outcome.judged}")
        mixed = [page for page in pages if page.kind == "mixed" and page.page.url in judged]
        rows = measure([judged[page.page.url] for page in mixed], score(model, mixed))
        print(f"  {'judged by eye, SciPy, Octave, Eigen':42s}{rows}")
    print("\nthreshold, hosts held out: macro by source label, then judged by eye\n" + " " * 12 + HEAD + "  " + HEAD)
    for limit, (by_source, by_eye) in outcome.by_threshold.items():
        print(f"  {limit:10.1f}{by_source}    {by_eye}")
    right, lines, total = challenge(model)
    print(f"\nchallenge pages after training on all sources: {right} of {total} on their side\n" + "\n".join(lines))


def print_variants(pages: Sequence[LabelledPage], judged: dict[str, bool], default: Outcome, *, quick: bool) -> None:
    usable = [page for page in pages if page.kind != "mixed"]
    print(f"\n{'approaches (macro over folds | judged by eye)':32s}{HEAD} |{HEAD} | challenge")
    for name, config in variants().items():
        if quick and name not in QUICK:
            continue
        outcome = default if name == "default" else out_of_distribution(usable, judged, config)
        right, _, total = challenge(MathClassifier.train((page.seed for page in usable), config))
        print(f"  {name:30s}{macro(outcome.folds)} | {outcome.judged} | {right}/{total}", flush=True)


def print_sizes(pages: Sequence[LabelledPage], *, quick: bool) -> None:
    math, other = FOLDS[0]
    train = [page for page in pages if page.kind != "mixed" and page.source not in (math, other)]
    test = [page for page in pages if page.source in (math, other)]
    truth = [is_math(page) for page in test]
    sizes = (
        {"small": SMALL} if quick else {"small": SMALL, "dim 256, 200,000 buckets": FastTextSettings(bucket=200_000)}
    )
    print(f"\n{'forms, first fold':38s}{HEAD}      bytes")
    for name, settings in sizes.items():
        full = MathClassifier.train((page.seed for page in train), ClassifierConfig(fasttext=settings))
        forms = {"": (full, MODEL_FILE), ", quantised": (full.quantise(), QUANTISED_FILE)}
        with tempfile.TemporaryDirectory() as folder:
            for suffix, (model, file) in forms.items():
                path = Path(folder) / file
                model.save(path)
                row = measure(truth, score(model, test))
                print(f"  {name + suffix:36s}{row} {path.stat().st_size:11,d}", flush=True)


def main() -> int:
    """Print the tables; exit status 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two pages of five, fewer variants")
    quick = parser.parse_args().quick
    data = shared_data()
    if data is None:
        return 0
    pages = [page for page in labelled_pages(data, 0.4 if quick else 1.0) if page.language in {"en", "und"}]
    judged = judged_by_eye()
    usable = [page for page in pages if page.kind != "mixed"]
    outcome = out_of_distribution(usable, judged, ClassifierConfig(fasttext=SMALL))
    print_default(pages, outcome, judged)
    print_variants(pages, judged, outcome, quick=quick)
    print_sizes(pages, quick=quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
