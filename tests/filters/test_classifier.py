"""Claims about `MathClassifier`, its training lines, its files and its stages. Real fastText, a seed written here."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from filters.classifier import MODEL_FILE, QUANTISED_FILE, MathClassifier
from filters.classify import ClassifyConfig, ClassifyDropReason, ClassifyStage
from filters.fasttext_training import FastTextSettings, fit, zeroed_allocations
from filters.normalise import FormulaStyle, Normalisation
from filters.score_pages import PageScore, ScorePagesConfig, ScorePagesStage
from filters.training import TrainClassifierConfig, TrainClassifierStage
from filters.training_lines import ClassifierConfig, epochs_for, training_lines
from mathpipe.core.errors import InputError, StageError
from mathpipe.core.records import Drop, Formula, FormulaSource, Page, SeedLabel, SeedPage, record_id_of
from mathpipe.core.stage import StageContext, StepOutput

REPO = Path(__file__).resolve().parents[2]
CHALLENGE = REPO / "tests" / "cases" / "classifier" / "challenge.jsonl"
SMALL = FastTextSettings(dim=8, bucket=4_000)

MATH = (
    "Let $p$ be a prime number and suppose that $p$ divides the product of two integers; then it divides a factor.",
    "The determinant of the matrix vanishes, hence the linear system has a solution other than zero.",
    "By induction the sum of the first odd numbers is a square, which proves the theorem.",
    "Draw the triangle, bisect the angle at the vertex and compare the two congruent triangles.",
    "The integral converges because the integrand is bounded by a convergent geometric series.",
    "What is the probability that two dice show the same number? There are thirty-six outcomes.",
    "The polynomial has two real roots if its discriminant is positive and none if it is negative.",
    "A continuous function on a compact set attains its maximum; prove it by contradiction.",
)
OTHER = (
    "Install the package, edit the configuration file and restart the server to apply the new settings.",
    "The city council voted on Tuesday to close the old bridge until the spring, the mayor said.",
    "Melt the butter, stir in the flour and let the sauce simmer until it thickens, then serve.",
    "Click the button in the toolbar to open the dialog, then choose a folder for the downloaded files.",
    "The band played for two hours and the crowd sang along to every song of the first album.",
    "Our hotel was close to the beach and the staff were friendly, but breakfast ended too early.",
    "The command prints the log of the branch; add an option to see the files of each commit.",
    "She scored twice before the break and the home team kept its lead until the whistle.",
)


def seed_pages(count: int = 60) -> list[SeedPage]:
    """Pages of six sentences each, from three made-up hosts a label."""
    choice = random.Random(7)
    pages = []
    for label, sentences in ((SeedLabel.MATH, MATH), (SeedLabel.OTHER, OTHER)):
        for number in range(count):
            text = " ".join(choice.choice(sentences) for _ in range(6)) + f" Page {'abcdefgh'[number % 8]}."
            url = f"https://{label}{number % 3}.example/{number}"
            pages.append(
                SeedPage(
                    record_id=record_id_of(url),
                    url=url,
                    host=f"{label}{number % 3}.example",
                    label=label,
                    text=text,
                    formula_count=2 if label is SeedLabel.MATH else 0,
                )
            )
    return pages


def page(text: str, number: int = 0) -> Page:
    return Page(record_id=f"r{number}", url=f"https://a.example/{number}", host="a.example", title="", text=text)


@pytest.fixture(scope="module")
def config() -> ClassifierConfig:
    return ClassifierConfig(fasttext=SMALL)


@pytest.fixture(scope="module")
def trained(config: ClassifierConfig) -> MathClassifier:
    return MathClassifier.train(seed_pages(), config)


def test_defaults_are_the_settings_of_the_recipe() -> None:
    settings = ClassifierConfig().fasttext
    assert (settings.dim, settings.learning_rate, settings.word_ngrams) == (256, 0.1, 3)
    assert (settings.min_count, settings.epochs, settings.bucket) == (3, 3, 2_000_000)


def test_unseen_sentences_fall_on_their_side(trained: MathClassifier) -> None:
    math, other = trained.score(
        [
            "Prove that the sum of two even integers is even; conclude that the equation has no solution.",
            "The users of the website must change the password before they upload a video.",
        ]
    )
    assert other < 0.5 < math


def test_scores_are_probabilities_in_the_order_asked(trained: MathClassifier) -> None:
    texts = [*MATH, *OTHER]
    scores = trained.score(texts)
    assert len(scores) == len(texts)
    assert all(0.0 <= score <= 1.0 for score in scores)
    assert trained.score(texts[::-1]) == scores[::-1]
    assert [trained.score([text])[0] for text in texts] == scores


def test_nothing_to_score_is_no_error(trained: MathClassifier) -> None:
    assert trained.score([]) == []


@pytest.mark.parametrize("text", ["", "\n\n", "\x00", "__label__math", "\ud800 theorem", "$" * 50_000, "0 " * 10_000])
def test_any_text_gets_a_score(trained: MathClassifier, text: str) -> None:
    (score,) = trained.score([text])
    assert 0.0 <= score <= 1.0


def test_training_twice_and_in_another_order_gives_the_same_bytes(config: ClassifierConfig, tmp_path: Path) -> None:
    pages = seed_pages()
    for name, ordered in (("a", pages), ("b", pages[::-1])):
        MathClassifier.train(ordered, config).save(tmp_path / name / MODEL_FILE)
    assert (tmp_path / "a" / MODEL_FILE).read_bytes() == (tmp_path / "b" / MODEL_FILE).read_bytes()
    assert (tmp_path / "a" / "classifier.json").read_text() == (tmp_path / "b" / "classifier.json").read_text()


def test_training_in_another_process_and_hash_seed_gives_the_same_bytes(
    trained: MathClassifier, tmp_path: Path
) -> None:
    trained.save(tmp_path / "here" / MODEL_FILE)
    code = (
        "import sys; from pathlib import Path; from tests.filters.test_classifier import *;"
        "MathClassifier.train(seed_pages(), ClassifierConfig(fasttext=SMALL)).save(Path(sys.argv[1]))"
    )
    there = tmp_path / "there" / MODEL_FILE
    subprocess.run(
        [sys.executable, "-c", code, str(there)],
        check=True,
        cwd=REPO,
        env={**os.environ, "PYTHONPATH": str(REPO), "PYTHONHASHSEED": "123"},
        timeout=60,
    )
    assert there.read_bytes() == (tmp_path / "here" / MODEL_FILE).read_bytes()


def test_rows_that_training_never_touched_are_zero() -> None:
    lines = ["__label__math prime number", "__label__other blue car"] * 5
    model = fit(lines, FastTextSettings(dim=8, bucket=50_000, min_count=1))
    matrix = model.get_input_matrix()
    untouched = matrix[len(matrix) // 10 + 1 :]
    assert (untouched == 0).all(axis=1).sum() > 0.99 * len(untouched)


def test_memory_that_held_garbage_does_not_reach_the_model() -> None:
    lines = ["__label__math prime number", "__label__other blue car"] * 5
    settings = FastTextSettings(dim=8, bucket=50_000, min_count=1)
    first = fit(lines, settings).get_input_matrix()
    for _ in range(3):
        garbage = [bytearray(b"\x7f" * (1 << 20)) for _ in range(8)]
        del garbage
        assert (fit(lines, settings).get_input_matrix() == first).all()


def test_zeroed_allocations_end_with_the_block() -> None:
    with zeroed_allocations():
        pass
    assert bytearray(10) == b"\x00" * 10


def test_reloaded_model_scores_the_same(trained: MathClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / MODEL_FILE)
    loaded = MathClassifier.load(tmp_path / MODEL_FILE)
    assert loaded.score([*MATH, *OTHER]) == trained.score([*MATH, *OTHER])
    assert loaded.card.config == trained.card.config


def test_quantised_form_is_smaller_and_agrees(trained: MathClassifier, tmp_path: Path) -> None:
    quantised = trained.quantise()
    assert quantised.is_quantised
    assert not trained.is_quantised
    trained.save(tmp_path / MODEL_FILE)
    quantised.save(tmp_path / QUANTISED_FILE)
    assert (tmp_path / QUANTISED_FILE).stat().st_size < 0.5 * (tmp_path / MODEL_FILE).stat().st_size
    texts = [*MATH, *OTHER]
    full, small = trained.score(texts), MathClassifier.load(tmp_path / QUANTISED_FILE).score(texts)
    assert [a >= 0.5 for a in full] == [b >= 0.5 for b in small]


def test_both_forms_share_one_card(trained: MathClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / MODEL_FILE)
    trained.quantise().save(tmp_path / QUANTISED_FILE)
    card = json.loads((tmp_path / "classifier.json").read_text())
    assert sorted(card["models"]) == [MODEL_FILE, QUANTISED_FILE]
    assert card["pages"] == {"math": 60, "other": 60}
    assert card["hosts"] == {"math": 3, "other": 3}


def test_model_of_another_normalisation_is_refused(trained: MathClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / MODEL_FILE)
    card = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps({**card, "normalisation_version": 999}))
    with pytest.raises(InputError, match="normalisation 999"):
        MathClassifier.load(tmp_path / MODEL_FILE)


def test_model_of_other_word_lists_is_refused(trained: MathClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / MODEL_FILE)
    card = json.loads((tmp_path / "classifier.json").read_text())
    (tmp_path / "classifier.json").write_text(json.dumps({**card, "word_lists": "0"}))
    with pytest.raises(InputError, match="word lists 0"):
        MathClassifier.load(tmp_path / MODEL_FILE)


def test_changed_model_file_is_refused(trained: MathClassifier, tmp_path: Path) -> None:
    trained.save(tmp_path / MODEL_FILE)
    with (tmp_path / MODEL_FILE).open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\x00\x00\x80\x7f")
    with pytest.raises(InputError, match="differ from the digest"):
        MathClassifier.load(tmp_path / MODEL_FILE)


def test_missing_model_card_or_a_card_of_something_else_is_a_clear_error(
    trained: MathClassifier, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="expected a classifier model file"):
        MathClassifier.load(tmp_path / MODEL_FILE)
    trained.save(tmp_path / MODEL_FILE)
    (tmp_path / "classifier.json").write_text('{"a": 1}')
    with pytest.raises(InputError, match="expected a classifier card"):
        MathClassifier.load(tmp_path / MODEL_FILE)
    (tmp_path / "classifier.json").unlink()
    with pytest.raises(InputError, match=r"expected its card classifier\.json"):
        MathClassifier.load(tmp_path / MODEL_FILE)


def test_seed_without_a_class_is_refused(config: ClassifierConfig) -> None:
    only_math = [page for page in seed_pages() if page.label is SeedLabel.MATH]
    with pytest.raises(StageError, match="'other', got 0"):
        MathClassifier.train(only_math, config)


def test_seed_with_a_class_too_small_is_refused(config: ClassifierConfig) -> None:
    with pytest.raises(StageError, match="at least 20 usable pages of label 'math', got 5"):
        MathClassifier.train(seed_pages()[55:], config)


def test_math_page_without_mathematics_is_not_learnt_from(config: ClassifierConfig) -> None:
    release_notes = SeedPage(
        record_id="x", url="u", host="h", label=SeedLabel.MATH, text="Release notes: fixed the installer. " * 20
    )
    lines = training_lines([*seed_pages(), release_notes], config)
    assert lines.pages == {"math": 60, "other": 60}


def test_page_in_another_language_is_not_learnt_from_unless_asked(config: ClassifierConfig) -> None:
    text = "Jede gerade Zahl ist die Summe zweier gleicher Zahlen, und das ist leicht zu beweisen. " * 4
    german = SeedPage(record_id="x", url="u", host="h", label=SeedLabel.OTHER, text=text)
    assert training_lines([*seed_pages(), german], config).pages == {"math": 60, "other": 60}
    every_language = config.model_copy(update={"languages": None})
    assert training_lines([*seed_pages(), german], every_language).pages == {"math": 60, "other": 61}


def test_smaller_class_is_repeated_until_both_weigh_the_same() -> None:
    config = ClassifierConfig(fasttext=SMALL, mixed_copies=0)
    lines = training_lines(seed_pages()[40:], config)
    assert lines.pages == {"math": 20, "other": 60}
    assert lines.per_label == {"math": 60, "other": 60}


def test_repeats_are_bounded() -> None:
    config = ClassifierConfig(fasttext=SMALL, mixed_copies=0, max_repeats=2)
    assert training_lines(seed_pages()[40:], config).per_label == {"math": 40, "other": 60}


def test_mixed_copy_holds_words_of_both_and_is_labelled_math() -> None:
    config = ClassifierConfig(fasttext=SMALL, mixed_copies=1, normalisation=Normalisation(words="keep"))
    mixed = [line for line in training_lines(seed_pages(), config).lines if " butter " in line or " server " in line]
    assert any(line.startswith("__label__math ") for line in mixed)


def test_training_lines_do_not_depend_on_the_order_of_pages(config: ClassifierConfig) -> None:
    pages = seed_pages()
    assert training_lines(pages, config) == training_lines(pages[::-1], config)


def test_formula_style_of_the_model_is_used_when_it_scores(config: ClassifierConfig) -> None:
    token = config.model_copy(update={"normalisation": Normalisation(formulas=FormulaStyle.TOKEN)})
    model = MathClassifier.train(seed_pages(), token)
    assert model.line("we $x$ are") == "we 0f are"


def test_small_seed_is_read_more_often_and_a_large_one_as_the_recipe_says() -> None:
    assert epochs_for(1_200, ClassifierConfig()) == 10
    assert epochs_for(1_000_000, ClassifierConfig()) == 3


def test_training_that_diverges_is_a_clear_error() -> None:
    lines = ["__label__math prime", "__label__other car"] * 50
    with pytest.raises(StageError, match="fastText failed on 100 lines"):
        fit(lines, FastTextSettings(dim=4, bucket=10, min_count=1, learning_rate=1e30, epochs=5))


def step_output(folder: Path) -> StepOutput:
    return StepOutput(shards=(), files=(folder,))


def train_stage(tmp_path: Path, *, quantise: bool = False) -> Path:
    files = tmp_path / "files"
    stage = TrainClassifierStage(TrainClassifierConfig(fasttext=SMALL, quantise=quantise), StageContext(files=files))
    assert list(stage.run(seed_pages())) == []
    return files


def test_training_stage_writes_model_and_card(tmp_path: Path) -> None:
    files = train_stage(tmp_path, quantise=True)
    assert sorted(path.name for path in files.iterdir()) == [MODEL_FILE, QUANTISED_FILE, "classifier.json"]


def test_training_states_its_memory_before_it_starts() -> None:
    stated = TrainClassifierStage.memory_bytes(TrainClassifierConfig(), 1_000_000)
    matrix = 2_000_000 * 256 * 4
    assert stated > matrix
    assert TrainClassifierStage.memory_bytes(TrainClassifierConfig(fasttext=SMALL), 100) < matrix


@pytest.mark.parametrize("quantised", [False, True])
def test_classify_stage_scores_keeps_and_drops_in_order(tmp_path: Path, quantised: bool) -> None:
    files = train_stage(tmp_path, quantise=True)
    stage = ClassifyStage(
        ClassifyConfig(batch_size=3, quantised=quantised),
        StageContext(files=tmp_path, sides={"classifier": step_output(files)}),
    )
    pages = [page(text, number) for number, text in enumerate([*MATH, *OTHER])]
    answers = list(stage.run(pages))
    assert [answer.record_id for answer in answers] == [page.record_id for page in pages]
    kept = [answer for answer in answers if isinstance(answer, Page)]
    dropped = [answer for answer in answers if isinstance(answer, Drop)]
    assert [answer.record_id for answer in kept] == [f"r{n}" for n in range(8)]
    assert all(answer.math_score is not None and answer.math_score >= 0.5 for answer in kept)
    assert {answer.reason for answer in dropped} == {ClassifyDropReason.NOT_MATH}
    assert dropped[0].detail.startswith("math score 0.")


def test_classify_stage_takes_a_model_from_its_config(tmp_path: Path) -> None:
    files = train_stage(tmp_path)
    stage = ClassifyStage(ClassifyConfig(model=files / MODEL_FILE, threshold=0.0), StageContext(files=tmp_path))
    assert len([answer for answer in stage.run([page(OTHER[0])]) if isinstance(answer, Page)]) == 1


def test_a_scored_page_says_whether_it_shows_what_training_asks_of_mathematics(tmp_path: Path) -> None:
    files = train_stage(tmp_path)
    context = StageContext(files=tmp_path, sides={"classifier": step_output(files)})
    formula = Formula(latex="x^2", display=False, source=FormulaSource.TEX_SCRIPT)
    contents = "Installation. Contents. Next page. Previous page. About this manual and how to build it from source."
    pages = [
        page("every prime divides the sum, a proof of the theorem follows by induction on the integer", 0),
        page(contents, 1),
        replace(page(contents, 2), formulas=[formula]),
        replace(page(contents, 3), formulas=[formula, formula]),
    ]
    scores = list(ScorePagesStage(ScorePagesConfig(), context).run(pages))
    assert [score.shows for score in scores if isinstance(score, PageScore)] == [True, False, False, True]


def test_classify_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="side 'classifier'"):
        ClassifyStage(ClassifyConfig(), StageContext(files=tmp_path))


def test_classify_quantised_without_that_file_is_a_clear_error(tmp_path: Path) -> None:
    files = train_stage(tmp_path)
    context = StageContext(files=tmp_path, sides={"classifier": step_output(files)})
    with pytest.raises(InputError, match=r"classifier\.ftz"):
        ClassifyStage(ClassifyConfig(quantised=True), context)


def test_challenge_pages_are_of_both_labels_and_different() -> None:
    pages = [json.loads(line) for line in CHALLENGE.read_text(encoding="utf-8").splitlines()]
    assert {entry["label"] for entry in pages} == {"math", "other"}
    assert len({entry["name"] for entry in pages}) == len(pages)
    latex_bearing = [entry for entry in pages if entry["label"] == "other" and "$" in entry["text"]]
    plain = [entry for entry in pages if entry["label"] == "math" and "$" not in entry["text"]]
    assert len(latex_bearing) >= 8
    assert len(plain) >= 8
