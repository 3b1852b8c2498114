"""Claims about what the classifier learns from a real seed: mathematics, not LaTeX.

The challenge pages (`tests/cases/classifier/challenge.jsonl`) were written for this: pages that bear LaTeX and are
about something else, and mathematics without any LaTeX. None of them is in a seed.
"""

import json
import os
from functools import cache
from pathlib import Path

import pytest

from benchmarks.labelled_pages import labelled_pages
from crawl import extract_page
from crawl.extract import ExtractionError
from filters.classifier import MathClassifier
from filters.fasttext_training import FastTextSettings
from filters.normalise import FormulaStyle, Normalisation, WordStyle
from filters.training_lines import ClassifierConfig
from mathpipe.core.records import SeedLabel, SeedPage

REPO = Path(__file__).resolve().parents[2]
FIXTURE = REPO / "data" / "fixture"
SHARED = Path(os.environ.get("MATHPIPE_SHARED_DATA", REPO.parent / "shared" / "data"))
SMALL = FastTextSettings(dim=32, bucket=50_000)
MARBLES = (
    "A bag holds six red marbles and four blue ones. Two are drawn without putting the first one back. What is the "
    "probability that both are red? Multiply six tenths by five ninths: the answer is one third."
)


def challenge() -> list[dict[str, str]]:
    lines = (REPO / "tests" / "cases" / "classifier" / "challenge.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def wrong_side(model: MathClassifier) -> set[str]:
    entries = challenge()
    scores = model.score([entry["text"] for entry in entries])
    return {
        entry["name"]
        for entry, score in zip(entries, scores, strict=True)
        if (score >= 0.5) != (entry["label"] == SeedLabel.MATH)
    }


@cache
def fixture_seed() -> tuple[SeedPage, ...]:
    """The labelled pages that the repository ships, extracted."""
    pages = []
    for line in (FIXTURE / "index.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["kind"] not in set(SeedLabel) or entry["status"] != 200 or not entry["file"]:
            continue
        try:
            page = extract_page((FIXTURE / "pages" / entry["file"]).read_bytes(), entry["url"])
        except ExtractionError:
            continue
        pages.append(
            SeedPage(
                record_id=page.record_id,
                url=page.url,
                host=page.host,
                label=SeedLabel(entry["kind"]),
                text=page.text,
                formula_count=len(page.formulas),
            )
        )
    return tuple(pages)


@pytest.fixture(scope="module")
def from_fixture() -> MathClassifier:
    return MathClassifier.train(fixture_seed(), ClassifierConfig(fasttext=SMALL))


def test_shipped_seed_is_large_enough(from_fixture: MathClassifier) -> None:
    assert from_fixture.card.pages["math"] >= 40
    assert from_fixture.card.pages["other"] >= 30
    assert from_fixture.card.lines["math"] == from_fixture.card.lines["other"]


def test_shipped_seed_puts_plain_text_mathematics_on_its_side(from_fixture: MathClassifier) -> None:
    assert {name for name in wrong_side(from_fixture) if name in names(SeedLabel.MATH)} == set()


def test_shipped_seed_puts_latex_on_other_subjects_on_its_side(from_fixture: MathClassifier) -> None:
    # A post on matching phone numbers talks of numbers, digits and expressions; a seed of a hundred pages is too
    # small to know it for what it is. The seed of the benchmark is not: see the test below.
    assert {name for name in wrong_side(from_fixture) if name in names(SeedLabel.OTHER)} <= {"regex-post"}


def test_latex_put_into_a_page_moves_its_score_by_nothing(from_fixture: MathClassifier) -> None:
    cake = "Melt the butter, stir in the flour, and bake the cake until it is brown. Serve it with cream. " * 5
    with_latex = cake + r"$\int_0^1 \frac{\alpha}{2}\,dx$ and $\sum_{n=1}^\infty n^{-2}$."
    plain, bearing = from_fixture.score([cake + "and .", with_latex])
    assert bearing == pytest.approx(plain, abs=0.02)
    assert bearing < 0.5


def test_removing_every_formula_leaves_mathematics_mathematics(from_fixture: MathClassifier) -> None:
    bare, bearing = from_fixture.score([MARBLES, MARBLES + r" $\frac{6}{10}\cdot\frac{5}{9}=\frac13$"])
    assert bare > 0.5
    assert bearing == pytest.approx(bare, abs=0.02)


def test_the_recipe_without_our_changes_does_worse_on_the_challenge(from_fixture: MathClassifier) -> None:
    recipe = ClassifierConfig(
        fasttext=SMALL,
        normalisation=Normalisation(formulas=FormulaStyle.KEEP, words=WordStyle.KEEP, code=True),
        mixed_copies=0,
        min_formulas=0,
        min_lines_read=0,
    )
    assert len(wrong_side(MathClassifier.train(fixture_seed(), recipe))) > len(wrong_side(from_fixture))


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "web").is_dir(), reason="the shared web pages are not here")
def test_every_challenge_page_is_on_its_side_after_training_on_real_pages() -> None:
    seed = [page.seed for page in labelled_pages(SHARED, 0.4) if page.kind != "mixed"]
    model = MathClassifier.train(seed, ClassifierConfig(fasttext=SMALL))
    assert wrong_side(model) == set()


def names(label: SeedLabel) -> set[str]:
    return {entry["name"] for entry in challenge() if entry["label"] == label}
