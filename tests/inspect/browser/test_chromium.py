"""The browser in a real one: clicks, keys, typing, a narrow window, hostile pages, and without any script."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mathpipe.core.prefix_decisions import Decision, read_decisions
from mathpipe.inspect.browser.preview import Preview
from mathpipe.inspect.browser.source import open_source
from tests.inspect.browser.conftest import Client, Serve
from tests.inspect.browser.shelf import HOSTILE

pytestmark = pytest.mark.chromium
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
VIEWS = ("/", "/pages", "/page/3", "/prefixes", "/clusters", "/explain")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    path = os.environ.get("MATHPIPE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in MATHPIPE_CHROMIUM")
    with playwright.sync_playwright() as driver:
        # Only pages of this test are shown; Chromium refuses its sandbox to root, as which containers run.
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"] if os.getuid() == 0 else [])
        yield browser
        browser.close()


class Window:
    """A tab of the browser; what it asks of other machines and what scripts complain of is kept."""

    def __init__(self, chromium: Any, client: Client, **options: Any) -> None:
        self._context = chromium.new_context(**options)
        self.tab = self._context.new_page()
        self.base = client.server.address.rstrip("/")
        self.foreign: list[str] = []
        self.complaints: list[str] = []
        self.tab.on("request", lambda sent: self.foreign.append(sent.url) if self.base not in sent.url else None)
        self.tab.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, address: str) -> Any:
        self.tab.goto(self.base + address)
        return self.tab

    def close(self) -> None:
        self._context.close()


@pytest.fixture
def window(chromium: Any, serve: Serve, shelf: Path) -> Iterator[Window]:
    """A tab on the plain pages; no test may end with a complaint or a request to elsewhere."""
    opened = Window(chromium, serve(shelf))
    yield opened
    opened.close()
    assert (opened.foreign, opened.complaints) == ([], [])


def titles(tab: Any) -> list[str]:
    return [str(title) for title in tab.locator("tr[data-row] .title a").all_inner_texts()]


def total(tab: Any) -> str:
    return str(tab.locator(".paging").first.inner_text())


def test_keys_walk_the_list_and_open_a_page_and_its_neighbours(window: Window) -> None:
    tab = window.open("/pages?sort=score")
    listed = titles(tab)
    for key in ("j", "j", "ArrowDown", "k"):
        tab.keyboard.press(key)
    assert tab.locator("tr.current .title a").inner_text() == listed[1]
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/page/**")
    assert tab.locator("h1").inner_text() == listed[1]
    tab.keyboard.press("n")
    tab.wait_for_function("title => document.querySelector('h1').innerText === title", arg=listed[2])
    tab.keyboard.press("p")
    tab.wait_for_function("title => document.querySelector('h1').innerText === title", arg=listed[1])
    tab.keyboard.press("u")
    tab.wait_for_url("**/pages?sort=score")


def test_the_last_row_leads_to_the_next_page_of_the_list(window: Window) -> None:
    tab = window.open("/pages")
    for _ in range(51):
        tab.keyboard.press("j")
    tab.wait_for_url("**/pages?after=*")
    assert total(tab).startswith("51–100 of 300")


def test_slash_searches_while_typing_and_escape_gives_the_keys_back(window: Window) -> None:
    tab = window.open("/pages")
    tab.keyboard.press("/")
    tab.keyboard.type("riemann")
    tab.wait_for_url("**/pages?q=riemann")
    assert all("Riemann" in title for title in titles(tab))
    assert tab.locator(".chip").first.inner_text() == "title or address riemann ×"
    assert tab.locator("input[name=q]").input_value() == "riemann"
    tab.keyboard.press("Escape")
    tab.keyboard.press("j")
    assert tab.locator("tr.current").count() == 1


def test_a_click_on_a_chip_takes_the_filter_away(window: Window) -> None:
    tab = window.open("/pages?host=a.example&language=de")
    assert "of 300" not in total(tab)
    tab.get_by_label("Take away host").click()
    tab.wait_for_url("**/pages?language=de")
    tab.get_by_text("clear all").click()
    tab.wait_for_url("**/pages")
    assert total(tab).startswith("1–50 of 300")


def test_clicks_on_heads_sort_and_turn_the_order(window: Window) -> None:
    tab = window.open("/pages")
    tab.get_by_role("link", name="score").click()
    tab.wait_for_url("**/pages?sort=score")
    assert tab.locator("tbody .score").first.inner_text() == "1.00"
    tab.get_by_role("link", name="score ↓").click()
    tab.wait_for_url("**order=up")
    assert tab.locator("tbody .score").first.inner_text() == "–"


def test_a_click_on_a_host_of_the_treemap_shows_that_host(window: Window) -> None:
    tab = window.open("/")
    tab.locator(".treemap.wide a", has_text="b.example").click()
    tab.wait_for_url("**/?host=b.example")
    assert tab.locator(".tile").nth(1).inner_text().startswith("1\n")


def test_a_click_on_a_column_shows_its_pages(window: Window) -> None:
    tab = window.open("/")
    column = tab.locator(".columns-of a").last
    label = str(column.get_attribute("aria-label"))
    column.locator(".hover").click()
    tab.wait_for_url("**/pages?min_formulas=32&max_formulas=63")
    assert f"of {label.partition(': ')[2].partition(',')[0]} " in total(tab)


def test_choosing_a_format_filters_without_a_button(window: Window) -> None:
    tab = window.open("/pages")
    tab.locator("summary").click()
    tab.locator("select[name=format]").select_option("katex")
    tab.wait_for_url("**/pages?format=katex")
    assert "of 300" not in total(tab)


def test_keys_accept_and_refuse_a_prefix_without_leaving_the_page(window: Window, tmp_path: Path) -> None:
    tab = window.open("/prefixes?host=a.example")
    tab.keyboard.press("j")
    prefix = titles(tab)[0]
    tab.keyboard.press("a")
    tab.wait_for_selector("tr.accept.current")
    assert read_decisions(tmp_path / "prefixes.jsonl") == {prefix: Decision.ACCEPT}
    tab.keyboard.press("x")
    tab.wait_for_selector("tr.refuse.current")
    assert read_decisions(tmp_path / "prefixes.jsonl") == {prefix: Decision.REFUSE}
    assert tab.locator("tr.refuse button[aria-pressed=true]").inner_text() == "refuse"


def test_a_click_refuses_the_prefix_of_a_page(window: Window, tmp_path: Path) -> None:
    tab = window.open("/page/3")
    tab.get_by_role("button", name="Refuse").click()
    tab.wait_for_selector("button.refuse[aria-pressed=true]")
    assert list(read_decisions(tmp_path / "prefixes.jsonl").values()) == [Decision.REFUSE]


def test_a_decision_is_withdrawn_by_key_and_by_click(window: Window, tmp_path: Path) -> None:
    tab = window.open("/prefixes?host=a.example")
    assert tab.get_by_role("button", name="Withdraw").count() == 0
    tab.keyboard.press("j")
    for by_key in (True, False):
        tab.keyboard.press("a")
        tab.wait_for_selector("tr.accept.current")
        if by_key:
            tab.keyboard.press("w")
        else:
            tab.get_by_role("button", name="Withdraw").click()
        tab.wait_for_selector("tr.current:not(.accept)")
        assert read_decisions(tmp_path / "prefixes.jsonl") == {}
        assert tab.locator("button.withdraw, button[aria-pressed=true]").count() == 0


def test_lines_of_the_text_come_after_the_list(window: Window) -> None:
    tab = window.open("/pages?text=prime")
    tab.wait_for_selector(".snippet mark")
    assert set(tab.locator(".snippet mark").all_inner_texts()) == {"prime"}
    assert tab.locator("tr[data-row]").count() == tab.locator(".snippet").count() == 50
    assert tab.locator("#snippets").count() == 0
    tab.locator("input[name=text]").fill("riemann")
    tab.wait_for_function("() => document.querySelector('.snippet mark')?.innerText === 'Riemann'")


def test_the_page_fills_itself_when_the_table_is_there(
    chromium: Any, serve: Serve, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(shelf)
    preparation = client.server.application.preparation
    source = open_source([str(shelf)])
    table, words = preparation.catalog, preparation._words
    with closing(Preview(source, words)) as preview:
        monkeypatch.setattr(preparation, "_opened", [preview])
        monkeypatch.setattr(words, "ready", False)
        window = Window(chromium, client)
        tab = window.open("/")
        assert "is being made: " in tab.locator("#preparing").inner_text()
        assert tab.locator(".treemap").count() == 0
        monkeypatch.setattr(preparation, "_opened", [preview, table])
        tab.wait_for_selector(".treemap.wide")
        assert "Search over text is being prepared" in tab.locator("#preparing").inner_text()
        monkeypatch.setattr(words, "ready", True)
        tab.wait_for_selector("#preparing", state="detached")
        window.close()
        assert (window.foreign, window.complaints) == ([], [])


def test_a_person_who_is_typing_is_not_disturbed_when_the_table_is_there(
    chromium: Any, serve: Serve, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(shelf)
    preparation = client.server.application.preparation
    table, words = preparation.catalog, preparation._words
    with closing(Preview(open_source([str(shelf)]), words)) as preview:
        monkeypatch.setattr(preparation, "_opened", [preview])
        monkeypatch.setattr(words, "ready", False)
        window = Window(chromium, client)
        tab = window.open("/pages")
        assert tab.locator("tbody .length").first.inner_text() == "–"
        tab.keyboard.press("/")
        tab.keyboard.type("riem")
        tab.wait_for_url("**/pages?q=riem")
        monkeypatch.setattr(preparation, "_opened", [preview, table])
        tab.wait_for_function("() => document.querySelector('tbody .length').innerText !== '–'")
        assert tab.evaluate("document.activeElement.name") == "q"
        assert tab.locator("input[name=q]").input_value() == "riem"
        window.close()


def test_formulas_are_drawn_beside_their_source(chromium: Any, serve: Serve, run: Path) -> None:
    window = Window(chromium, serve(run))
    tab = window.open("/pages?q=gauss")
    tab.get_by_role("link", name="Title of /gauss").click()
    tab.wait_for_url("**/page/**")
    drawn, source = (
        tab.locator(".pair math").first.bounding_box(),
        tab.locator(".pair .written").nth(1).bounding_box(),
    )
    assert drawn["x"] + drawn["width"] <= source["x"]
    assert abs(drawn["y"] - source["y"]) < 40
    assert drawn["height"] > 15
    tab.get_by_label("cleaned source beside it").uncheck()
    assert tab.locator(".pair .written").first.is_visible() is False
    window.close()
    assert (window.foreign, window.complaints) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_scrolls_only_down(
    chromium: Any, serve: Serve, shelf: Path, hostile: Path, scheme: str
) -> None:
    for shards in (shelf, hostile):
        window = Window(
            chromium, serve(shards), viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True
        )
        for address in VIEWS:
            tab = window.open(address)
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390, address
        window.close()


def test_taps_in_a_narrow_window_reach_a_page(chromium: Any, serve: Serve, shelf: Path) -> None:
    window = Window(chromium, serve(shelf), viewport={"width": 390, "height": 844}, has_touch=True)
    tab = window.open("/")
    tab.locator(".treemap.narrow a", has_text="b.example").tap()
    tab.wait_for_url("**/?host=b.example")
    tab.locator("a.tile").first.tap()
    tab.wait_for_url("**/pages?host=b.example")
    tab.locator("tr[data-row] .title a").first.tap()
    tab.wait_for_url("**/page/**")
    tab.get_by_text("provenance ↓").tap()
    tab.get_by_role("button", name="Accept").tap()
    tab.wait_for_selector("button.accept[aria-pressed=true]")
    window.close()


def test_no_hostile_page_runs_a_script_or_asks_another_machine(chromium: Any, serve: Serve, hostile: Path) -> None:
    window = Window(chromium, serve(hostile))
    dialogs: list[str] = []

    def note(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    window.tab.on("dialog", note)
    for address in ("/", "/pages", "/prefixes", *(f"/page/{number}" for number in range(len(HOSTILE)))):
        tab = window.open(address)
        assert tab.title() != "owned"
        assert tab.locator("main script, main img, main iframe, main style").count() == 0
    window.close()
    assert (window.foreign, window.complaints, dialogs) == ([], [], [])


def test_everything_works_without_scripts(chromium: Any, serve: Serve, shelf: Path, tmp_path: Path) -> None:
    window = Window(chromium, serve(shelf), java_script_enabled=False)
    tab = window.open("/pages")
    tab.locator("input[name=q]").fill("prime")
    tab.get_by_role("button", name="Show").click()
    assert re.search(r"[?&]q=prime", tab.url)
    assert all("prime" in title for title in titles(tab))
    tab.get_by_role("link", name="next").first.click() if tab.locator("a[rel=next]").count() else None
    tab = window.open("/prefixes?host=a.example")
    tab.get_by_role("button", name="Accept").first.click()
    assert tab.url.endswith("/prefixes?host=a.example")
    assert tab.locator("button.accept[aria-pressed=true]").count() == 1
    assert list(read_decisions(tmp_path / "prefixes.jsonl").values()) == [Decision.ACCEPT]
    window.close()


def test_a_foreign_page_cannot_decide(chromium: Any, serve: Serve, shelf: Path, tmp_path: Path) -> None:
    """A form of another site, sent by a person who is lured there, even with the right token."""
    client = serve(shelf)
    window = Window(chromium, client)
    window.tab.route("http://evil.example/", lambda route: route.fulfill(
        content_type="text/html",
        body=f"<form method=post action='{window.base}/decide'><input name=token value='{client.token}'>"
        "<input name=prefix value='https://a.example/'><input name=decision value=refuse><button>x</button></form>",
    ))  # fmt: skip
    window.tab.goto("http://evil.example/")
    window.tab.locator("button").click()
    window.tab.wait_for_url("**/decide")
    assert "That did not work" in window.tab.content()
    assert not (tmp_path / "prefixes.jsonl").exists()
    window.close()
