"""The page of solutions: whole in itself, safe, and readable without a script."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect.shards import Query
from mathpipe.inspect.solution_page import SEGMENT_CHARACTERS, render_solutions, write_solutions_page
from mathpipe.inspect.solution_records import Look, ProblemLook, SampleLook, SolutionSummary
from mathpipe.inspect.solution_source import find_solutions
from tests.inspect.small_solutions import FRACTIONS, HOSTILE, TOOLS, WRONG

_VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """The page as a browser would see it: every element with its attributes, and whether they are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.faults += [f"<{tag}> is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text.append(data)

    def of_class(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.elements if name in (attributes.get("class") or "").split()]


def written(folder: Path, target: Path, look: Look | None = None, record: str | None = None, **asked: object) -> str:
    source = find_solutions([str(folder)])
    assert source is not None
    query = Query(**{"limit": 200, **asked})  # type: ignore[arg-type]
    return write_solutions_page(source, target, query, look=look, record=record).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def html(generation: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    return written(generation, tmp_path_factory.mktemp("page") / "solutions.html")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def words(page: Page) -> str:
    return " ".join("".join(page.text).split())


def test_every_element_is_closed(page: Page) -> None:
    assert page.faults == []


def test_problems_and_samples_are_all_there(page: Page) -> None:
    assert len(page.of_class("problem")) == 4
    assert [attributes["class"] for attributes in page.of_class("solution")[:4]] == [
        "solution is-correct right",
        "solution is-wrong wrong",
        "solution is-no-answer unsure",
        "solution is-not-judged unjudged",
    ]


def test_a_verdict_is_a_word_and_a_sign_beside_its_colour(page: Page) -> None:
    text = words(page)
    for told in ("✓ correct", "✗ wrong", "∅ no answer", "· not judged", "≈ agrees with the majority"):
        assert told in text
    assert "different: two rational numbers" in text


def test_programs_and_outputs_are_blocks_of_their_own(html: str) -> None:
    assert '<pre class="program"><span class="name">print</span>(undefined)</pre>' in html
    assert '<pre class="output">NameError: name &#39;undefined&#39;</pre>' in html


def test_formulas_are_mathml(html: str, page: Page) -> None:
    assert '<math display="block" aria-label="\\frac{1}{2}+\\frac{1}{3}=\\frac{5}{6}">' in html
    assert page.of_class("boxed")


def test_hostile_text_is_inert(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "img", "iframe", "object", "form", "link"}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#problem-").startswith("#problem-")
        assert "src" not in attributes
    text = "".join(page.text)
    assert "<script>alert(1)</script>" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_nothing_is_fetched_and_no_script_runs(html: str, page: Page) -> None:
    policy = next(attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|https?://", html.split("</style>", maxsplit=1)[0])


def test_the_filter_hides_what_has_another_verdict(html: str, page: Page) -> None:
    ids = [attributes["id"] for tag, attributes in page.elements if tag == "input"]
    shown = ["all", "correct", "wrong", "no-answer", "agrees", "differs", "not-judged"]
    assert ids == [f"show-{name}" for name in shown]
    hidden = ":is(:is(.problem, .entry):not(.has-wrong), .solution:not(.is-wrong))"
    assert f"body:has(#show-wrong:checked) {hidden} {{ display: none; }}" in html


def test_both_themes_and_narrow_windows_are_served(html: str) -> None:
    assert html.count("@media (prefers-color-scheme: dark)") == 2
    assert html.count("@media (max-width: 46rem)") == 2


def test_every_colour_of_a_verdict_can_be_read_on_its_ground(html: str) -> None:
    for block in re.findall(r"--right: (?:.|\n)*?\}", html):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for name in ("right", "wrong", "unsure"):
            assert contrast(colours[name], colours[f"{name}-tint"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """The ratio of luminances that WCAG 2 defines."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_page_holds_what_the_query_lets_through(generation: Path, tmp_path: Path) -> None:
    chosen = Page(written(generation, tmp_path / "page.html", look=Look.WRONG))
    assert [attributes["id"] for attributes in chosen.of_class("problem")] == ["problem-0", "problem-3"]
    assert "2 shown, 4 in all." in words(chosen)
    limited = Page(written(generation, tmp_path / "page.html", limit=1))
    assert "1 of 4 shown, 4 in all." in words(limited)


def test_one_problem_alone_is_open(generation: Path, tmp_path: Path) -> None:
    alone = Page(written(generation, tmp_path / "page.html", record=WRONG.sample_id))
    assert [attributes["id"] for attributes in alone.of_class("problem")] == ["problem-0"]
    assert all("open" in attributes for attributes in alone.of_class("solution"))


def test_an_evaluation_has_the_same_page(evaluation: Path, tmp_path: Path) -> None:
    scored = Page(written(evaluation, tmp_path / "page.html"))
    assert scored.faults == []
    assert len(scored.of_class("solution")) == 9


@pytest.mark.parametrize("shards", ["problems", "samples", "selection/sft", "selection/dpo", "selection/grpo"])
def test_all_kinds_of_shards_have_a_page(generation: Path, tmp_path: Path, shards: str) -> None:
    assert Page(written(generation / shards, tmp_path / "page.html")).faults == []


def test_the_same_run_gives_the_same_bytes(generation: Path, tmp_path: Path, html: str) -> None:
    assert written(generation, tmp_path / "again.html") == html


def test_a_place_that_cannot_be_written_is_told(generation: Path, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "nowhere" / "page.html"):
        with pytest.raises(InputError, match="a file in a folder that exists"):
            written(generation, target)


def test_a_segment_without_end_is_cut_and_says_so() -> None:
    long = SampleLook(
        sample_id="s", look=Look.WRONG, segments=[Segment(SegmentKind.OUTPUT, "x" * (SEGMENT_CHARACTERS + 1234))]
    )
    problem = ProblemLook(
        number=0, problem_id="p", question="", answer=None, answer_source="", pass_rate=None, samples=[long]
    )
    counts: dict[str, int] = {}
    summary = SolutionSummary(
        title="t", kind="samples", problems=1, samples=1, looks={Look.WRONG: 1}, pass_rates=counts,
        mean_pass_rate=None,
        forms=counts, finishes=counts, fates=counts, models=counts, tokens=None, longest=None,
    )  # fmt: skip
    html = render_solutions(summary, [problem], 1)
    assert "1,234 more characters are not shown here" in html
    assert "x" * (SEGMENT_CHARACTERS + 1) not in html


def test_names_in_the_page_are_numbers_and_not_what_files_say(page: Page) -> None:
    ids = [attributes["id"] for attributes in page.of_class("problem")]
    assert ids == [f"problem-{number}" for number in range(4)]
    assert {FRACTIONS.problem_id, TOOLS.problem_id, HOSTILE.problem_id} <= set(words(page).split())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium to draw the page")
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_draws_the_page(generation: Path, tmp_path: Path, width: int) -> None:
    page, picture = tmp_path / "solutions.html", tmp_path / "solutions.png"
    written(generation, page)
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    command += ["--disable-background-networking", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--window-size={width},2000", f"--screenshot={picture}", page.resolve().as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**os.environ, "HOME": str(tmp_path)})
    assert picture.stat().st_size > 30_000  # a blank page of this size has under 10,000 bytes
