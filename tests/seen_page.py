"""A page as a browser would see it."""

from __future__ import annotations

from html.parser import HTMLParser


class Seen(HTMLParser):
    """Elements with their attributes, and the words outside the style sheet."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._styled = False
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._styled = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._styled = self._styled and tag != "style"

    def handle_data(self, data: str) -> None:
        if not self._styled:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    def attributes(self, name: str) -> list[str]:
        """That attribute's values wherever it stands."""
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]


def assert_inert(markup: str) -> None:
    """Nothing in the page runs, or is fetched, or leaves it."""
    seen = Seen(markup)
    assert not seen.tags & {"script", "img", "iframe", "object", "embed", "link", "base", "form"}
    for _, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcdoc", "action")]
    assert all(link.startswith("#") for link in seen.attributes("href"))
    assert seen.attributes("content")[-1].startswith("default-src 'none'")
    assert "@import" not in markup
    assert "url(" not in markup
    assert "\x1b" not in markup
    assert "\u202e" not in markup
