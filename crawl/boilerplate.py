"""The part of a page that is its content: navigation, chrome and what is hidden left out.

In: a page's tree whose formulas are nodes. Out: the content's element, pruned in place. Method: marks that name what
they are (tags, roles, class and id words) drop an element, unless it holds too much of the page's text or its
formulas;
then, from the body down, the walk enters a child as long as that child holds nearly all of the remaining text
and formulas.
Weight is text outside links plus a fixed weight a formula. Where the marks would cost most of the text, only the
certain ones are used: to keep some chrome is cheaper than to lose the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from crawl.dom import Element
from crawl.formulas.node import FORMULA

_FORMULA_WEIGHT = 40
"""Characters of text that a formula counts for: about what the words around an inline formula amount to."""
_LEAST_TEXT = 20
"""Characters that must be left beside the lists of links; with less, the links are the page."""
_NEARLY_ALL = 0.92
"""The share of the text from which a child stands for its parent."""
_HEAD_BLOCK = 300
"""Characters of a title, a subtitle and a line about the author."""
_SMALL_CHROME = 200
"""Characters of a site's head or foot that cannot be the text a page is about."""
_ASIDE_PROSE = 150
"""Characters of a box that tells something; boxes beside the text of the test pages that invite or advertise are
shorter."""
_NEVER = frozenset(
    "script style noscript template x-template head link meta title button select option input textarea "
    "iframe object "
    "canvas audio video map svg datalist dialog".split()
)
_CERTAIN_ROLES = frozenset("navigation banner contentinfo search dialog alertdialog menu menubar toolbar".split())
_CODE = frozenset(["pre", "code", "samp", "textarea"])
"""Not looked into: highlighters name tokens `comment` and `tag`."""
_INLINE = frozenset("span em i b strong small sub sup code abbr cite var mark u font label time".split())
"""Words that only likely mean chrome are believed on blocks alone."""
_CHROME_TAGS = frozenset(["nav", "footer", "aside", "menu"])


def _words(names: str) -> re.Pattern[str]:
    return re.compile(r"(?:^|[\s_:/-])(?:" + "|".join(names.split()) + r")(?:$|[\s_:/-]|\d)", re.IGNORECASE)


_CERTAIN = _words(
    "mw-editsection editsection headerlink mw-jump-link mw-jump jump-to-nav mw-cite-backlink skip-?links? skip-nav "
    "sphinxsidebar sphinxsidebarwrapper navbox catlinks printfooter mw-hidden-catlinks mw-indicators "
    "linenos linenodiv "
    "gutter breadcrumbs? docnav chlinks? chlinktop chlinkbot chlinkprevnexttop chlinkprevnextbot "
    "navheader navfooter navpath navtree navrow tabs3? "
    "summary-links? site-?header site-?footer "
    "page-?footer global-?header global-?nav cookie cookies cookie-?banner cookie-?consent cookie-?notice "
    "consent gdpr "
    "sr-only visually-?hidden screen-?reader-?text a11y-hidden print-?only noprint copybtn copy-?button clipboard "
    "comment-?form commentform respond reply-?form newsletter newsletter-?form share-?buttons? sharedaddy addtoany "
    "social-?share social-?links social-?media advert adverts advertisement adsbygoogle ad-?slot "
    "ad-?container google-?ad "
    "anchorjs-link header-?anchor heading-?anchor anchor-?link permalink reference-?back footnote-?back(?:ref|link) "
    "dynheader top-nav bottom-nav prev-?next nav-?links post-?navigation page-?navigation pagination "
    "pager wy-nav-side "
    "wy-breadcrumbs rst-versions rst-footer-buttons bd-sidebar bd-header bd-footer bd-toc mdbook-nav "
    "edit-?this-?page "
    "edit-?link view-?source-?link vector-header vector-toc mw-portlet siteSub contentSub viewcode-?link "
    "doxygen-awesome-dark-mode-toggle MSearchBox MSearchSelectWindow MSearchResultsWindow search-?box "
    "search-?form searchform "
    "prompt-button nav-?bar sidebar-?nav toc-?wrapper table-of-contents back-?to-?top hatnote ambox "
    "mw-empty-elt vector-menu "
    "bx--header mw-parser-output-nav metadata-nav vjs-control"
)
_LIKELY = _words(
    "nav navs navbar navigation menu menus sidebar side-?bar sidenav widget widgets related "
    "related-?posts recommended recommendations "
    "share sharing social footer masthead banner promo promotion sponsor sponsored subscribe subscription "
    "signup login toc "
    "popup modal overlay drawer ads ad topbar toolbar tags tag-?list tagcloud post-?tags post-?meta "
    "entry-?meta byline author-?box "
    "author-?bio comments-?link popular trending more-?stories readmore read-?next see-?also-?posts "
    "outbrain taboola disqus "
    "comments? comment-?list contents_toc"
)
_SIDE_BOX = _words("side-?bar")
_LINK_BAR = _words("header head heading top bottom nav-panel bar node-?nav links index-?nav buttons info")
_BAR_TAGS = frozenset("div ul ol p table td section header".split())
"""Names that mean a row of links only where most of the text is in links (Texinfo's `div.header`)."""
_LINK_RULES = "[]|·•/«»<> "
"""Signs between the links of a bar, which are no text."""
_HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_NAMED_BY_CONTENT = _HEADINGS | {"dt", "section", "p"}
"""Their ids are made of the words of a heading."""
_NO_LEVEL = 7
_NO_SHELLS = frozenset("p pre table ul ol dl blockquote tr td tbody li".split())
"""Never entered: what holds the text in pieces holds all of it."""
_FOLDED = re.compile(
    r"solution|answer|proof|spoiler|collaps|toggle|accordion|fold|hint|tab-?p|details|steps?|expand", re.IGNORECASE
)
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MAIN = re.compile(
    r"(?:^|\s)(?:content|main|main-content|bodyContent|mw-content-text|mw-parser-output|document|body|entry-content|"
    r"post-content|article-content|article-body|post-body|contents|markdown-body)(?:$|\s)"
)
_ANCHOR_SIGNS = frozenset(["¶", "#", "§", "🔗", "", "[link]", "", "top", "[top]", "^", "↑", "[edit]", "[source]"])


@dataclass(slots=True)
class _Weight:
    """What an element holds: characters of text, of text in links, and formulas."""

    text: int = 0
    linked: int = 0
    formulas: int = 0

    @property
    def total(self) -> int:
        """Text, text in links at a quarter, and formulas, as one number."""
        return self.text - self.linked * 3 // 4 + _FORMULA_WEIGHT * self.formulas

    @property
    def link_share(self) -> float:
        """The share of the text that stands in links."""
        return self.linked / self.text if self.text else 0.0

    def add(self, other: _Weight, sign: int = 1) -> None:
        """Add what another element holds, or take it away."""
        self.text += sign * other.text
        self.linked += sign * other.linked
        self.formulas += sign * other.formulas


@dataclass(slots=True)
class _Weights:
    """The weight of every element that can show text, and its parent."""

    of: dict[int, _Weight]
    parent: dict[int, int]

    def without(self, dropped: Iterable[int]) -> dict[int, _Weight]:
        """The weights after those elements are gone; no two of them lie inside one another."""
        kept = dict(self.of)
        changed: set[int] = set()
        for gone in dropped:
            above = self.parent.get(gone)
            while above is not None:
                if above not in changed:
                    changed.add(above)
                    kept[above] = replace(kept[above])
                kept[above].add(self.of[gone], -1)
                above = self.parent.get(above)
            kept.pop(gone)
        return kept


def main_content(root: Element) -> Element:
    """The page's content, pruned in place; the body where nothing better is certain."""
    body = next((node for node in root.elements() if node.tag in ("body", "frameset")), root)
    weights = _weigh(body)
    whole = weights.of[id(body)]
    for certain_only in (False, True):
        dropped = _marked(body, weights.of, whole, certain_only=certain_only)
        kept = weights.without(dropped)
        if not _lost_too_much(kept[id(body)], _beside_link_lists(weights, dropped, whole), certain_only=certain_only):
            break
    else:
        dropped, kept = {}, weights.of
    _remove(body, dropped)
    content, heads = _descend(body, kept)
    _trim_edges(content, kept)
    return Element(content.tag, content.attrs, [*heads, *content.children]) if heads else content


def _trim_edges(content: Element, weights: dict[int, _Weight]) -> None:
    """Blocks of links before the first words and after the last ones, while the rest holds most of the text."""
    budget = 0.4 * weights[id(content)].text
    for backwards in (False, True):
        order = list(reversed(content.children)) if backwards else list(content.children)
        for child in order:
            if isinstance(child, str):
                if child.strip():
                    break
                continue
            weight = weights.get(id(child))
            if weight is None or not (weight.text or weight.formulas):
                continue
            budget -= weight.text
            if child.tag not in _BAR_TAGS or weight.link_share < 0.7 or weight.formulas or budget < 0:
                break
            content.children = [kept for kept in content.children if kept is not child]


def _beside_link_lists(weights: _Weights, dropped: dict[int, Element], whole: _Weight) -> _Weight:
    """What the page holds besides the marked lists of links: to drop those loses no text, however long they are.

    A short article under a sidebar that lists a whole manual would else be taken for a page of wrong marks.
    """
    rest = replace(whole)
    for gone, node in dropped.items():
        weight = weights.of[gone]
        small = weight.text < _SMALL_CHROME and (node.tag == "header" or _certainly_chrome(node, inside_main=False))
        if (small or weight.link_share > 0.5) and not weight.formulas:
            rest.add(weight, -1)
    return rest if rest.text >= _LEAST_TEXT else whole


def _lost_too_much(kept: _Weight, whole: _Weight, *, certain_only: bool) -> bool:
    """Would so little be left that the marks must be wrong? Marks that are certain are believed nearly always."""
    return kept.total < (0.02 if certain_only else 0.3) * whole.total or kept.formulas < 0.8 * whole.formulas


def _weigh(body: Element) -> _Weights:
    """The weight of every element: text where it stands, then children into parents, last to first."""
    weights: dict[int, _Weight] = {}
    parents: dict[int, int] = {}
    stack: list[tuple[Element, bool]] = [(body, False)]
    while stack:
        node, linked = stack.pop()
        key = id(node)
        linked = linked or node.tag == "a"
        text = formulas = 0
        for child in node.children:
            if isinstance(child, str):
                text += len(child.strip().strip(_LINK_RULES))
            elif child.tag == FORMULA:
                formulas += 1
            elif child.tag not in _NEVER:
                parents[id(child)] = key
                stack.append((child, linked))
        weights[key] = _Weight(text, text if linked else 0, formulas)
    for key in reversed(weights):
        parent = parents.get(key)
        if parent is not None:
            weights[parent].add(weights[key])
    return _Weights(weights, parents)


def _marked(body: Element, weights: dict[int, _Weight], whole: _Weight, *, certain_only: bool) -> dict[int, Element]:
    """The elements that their own marks call chrome, and that hold little enough to believe it."""
    dropped: dict[int, Element] = {}
    stack: list[tuple[Element, bool]] = [(body, False)]
    while stack:
        node, inside_main = stack.pop()
        prose: bool | None = None  # asked once a node: it looks at all children
        for child in node.children:
            if isinstance(child, str) or (weight := weights.get(id(child))) is None:
                continue
            if _is_side_box(child, weight, inside_main=inside_main):
                prose = _holds_paragraphs(node) if prose is None else prose
                if prose:
                    stack.append((child, inside_main))
                    continue
            if _is_chrome(child, node, weight, whole, inside_main=inside_main, certain_only=certain_only):
                dropped[id(child)] = child
            elif child.tag not in _CODE and "fragment" not in child.attrs.get("class", ""):
                stack.append((child, inside_main or _is_main_element(child)))
    return dropped


def _is_chrome(
    node: Element, parent: Element, weight: _Weight, whole: _Weight, *, inside_main: bool, certain_only: bool
) -> bool:
    if node.tag == "a":
        return _is_anchor_sign(node, parent)
    if not weight.text and not weight.formulas:
        return False
    certain = _certainly_chrome(node, inside_main=inside_main)
    if not certain and (certain_only or not _likely_chrome(node, weight, inside_main=inside_main)):
        return False
    if weight.formulas and (weight.link_share < 0.5 or weight.formulas > 0.2 * whole.formulas):
        return False
    return weight.total <= (0.5 if certain else 0.3) * whole.total or weight.link_share > 0.5


def _is_side_box(node: Element, weight: _Weight, *, inside_main: bool) -> bool:
    """A box of prose: a book (DocBook) puts it between paragraphs, a web page beside all of them."""
    if weight.text < _ASIDE_PROSE or weight.link_share > 0.1:
        return False
    return (node.tag == "aside" or _named(node, _SIDE_BOX)) and not _certainly_chrome(node, inside_main=inside_main)


def _holds_paragraphs(node: Element) -> bool:
    """Two paragraphs or more, by tag or as divisions of bare text."""
    paragraphs = 0
    for child in node.elements():
        paragraphs += child.tag == "p" or (
            child.tag == "div"
            and any(isinstance(piece, str) and len(piece.strip()) > 40 for piece in child.children)
            and not _named(child, _SIDE_BOX)
        )
    return paragraphs >= 2


def _is_anchor_sign(node: Element, parent: Element) -> bool:
    """The pilcrow, hash or chain that links a heading to itself."""
    names = node.get("class")
    if names and _CERTAIN.search(names):
        return True
    if parent.tag in _HEADINGS or parent.tag in ("dt", "div", "span", "p"):
        text = node.text().strip() if len(node.children) <= 2 else "-"
        return text in _ANCHOR_SIGNS and bool(text) and node.get("href", "#").startswith("#")
    return False


def _certainly_chrome(node: Element, *, inside_main: bool) -> bool:
    attrs = node.attrs
    if node.tag in ("nav", "footer") or attrs.get("role", "") in _CERTAIN_ROLES:
        return node.tag != "footer" or not inside_main or attrs.get("role", "") == "contentinfo"
    if "hidden" in attrs or ("style" in attrs and _HIDDEN_STYLE.search(attrs["style"])):
        return not _FOLDED.search(attrs.get("class", "") + " " + attrs.get("id", ""))
    return bool(_named(node, _CERTAIN))


def _likely_chrome(node: Element, weight: _Weight, *, inside_main: bool) -> bool:
    if node.tag in _CHROME_TAGS:
        return True
    if node.tag == "header":
        return not inside_main or weight.link_share > 0.5
    if node.tag == "form":
        return weight.total < 400
    if node.get("role") == "complementary" or (
        weight.link_share > 0.5 and node.tag in _BAR_TAGS and _named(node, _LINK_BAR)
    ):
        return True
    if node.tag in _INLINE or node.tag in ("body", "main", "article", "html", "code", "pre"):
        return False
    return bool(_named(node, _LIKELY))


def _named(node: Element, pattern: re.Pattern[str]) -> bool:
    names = node.attrs.get("class")
    if names and pattern.search(names):
        return True
    name = node.attrs.get("id")
    return bool(name and node.tag not in _NAMED_BY_CONTENT and pattern.search(name))


def _remove(body: Element, dropped: dict[int, Element]) -> None:
    """Take the dropped elements out of the tree."""
    if not dropped:
        return
    for node in list(_parents_of(body, dropped)):
        node.children = [child for child in node.children if id(child) not in dropped]


def _parents_of(body: Element, dropped: dict[int, Element]) -> Iterator[Element]:
    return (node for node in body.walk() if any(id(child) in dropped for child in node.elements()))


def _descend(body: Element, weights: dict[int, _Weight]) -> tuple[Element, list[Element]]:
    """From the body into the child that holds nearly everything; and the titles that stood before it."""
    node, carried = body, list[Element]()
    levels = _heading_levels(body, weights)
    while True:
        here = weights[id(node)]
        best = max(
            (child for child in node.elements() if id(child) in weights),
            key=lambda child: weights[id(child)].total,
            default=None,
        )
        if best is None or best.tag in _NO_SHELLS:
            return node if node.tag not in ("tr", "tbody") else body, carried
        inner = weights[id(best)]
        needed = 0.6 if _is_marked_main(best) else _NEARLY_ALL
        if inner.total < needed * here.total or inner.formulas < 0.95 * here.formulas or _holds_heading(node):
            return node, carried
        if node is not body and not _is_main_element(best) and _holds_paragraphs(node):
            return node, carried
        heads = _heads_before(node, best, levels, weights)
        if heads and inner.total >= _NEARLY_ALL * here.total and not _is_main_element(best):
            return node, carried
        carried += heads
        node = best


def _heading_levels(body: Element, weights: dict[int, _Weight]) -> dict[int, int]:
    """The highest heading in every element (1 for `h1`); one that is a link, like a site's name, does not count."""
    levels: dict[int, int] = {}
    for node in reversed(list(body.walk())):
        weight = weights.get(id(node))
        if node.tag in _HEADINGS:
            if weight is not None and weight.text and weight.link_share <= 0.5:
                levels[id(node)] = int(node.tag[1])
        elif below := [levels[id(child)] for child in node.elements() if id(child) in levels]:
            levels[id(node)] = min(below)
    return levels


def _heads_before(node: Element, best: Element, levels: dict[int, int], weights: dict[int, _Weight]) -> list[Element]:
    """The block before the content whose heading is above all of the content's own: its title."""
    for child in node.elements():
        if child is best:
            break
        level = levels.get(id(child), _NO_LEVEL)
        if level < min(3, levels.get(id(best), _NO_LEVEL)):
            weight = weights[id(child)]
            if weight.text <= _HEAD_BLOCK and weight.link_share < 0.3:
                return [child]
            return [below for below in child.walk() if levels.get(id(below)) == level and below.tag in _HEADINGS][:1]
    return []


def _is_main_element(node: Element) -> bool:
    return node.tag in ("main", "article") or node.get("role") == "main"


def _is_marked_main(node: Element) -> bool:
    if _is_main_element(node):
        return True
    return bool(_MAIN.search(node.get("id"))) or bool(_MAIN.search(node.get("class")))


def _holds_heading(node: Element) -> bool:
    """The title beside the content belongs to it."""
    return node.tag != "body" and any(child.tag in ("h1", "header") for child in node.elements())
