"""TeX between delimiters in running text, the way MathJax and KaTeX auto-render look for it.

In: an element's children and the page's own rules (`PageMath`). Out: the same children with formula nodes where
formulas stood. Text runs go on over `<br>` and, where Markdown or an editor broke a formula up, over inline tags.
Code is not looked into. `$...$` counts where the page enables it; elsewhere only what looks like TeX
(`crawl.formulas.likeness`). Every scan is bounded by the longest formula allowed and by a budget for the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawl.dom import Element
from crawl.formulas.asciimath import asciimath_to_latex
from crawl.formulas.likeness import Likeness, has_operator, is_citation, is_price_start, likeness
from crawl.formulas.node import FORMULA, formula_node
from crawl.formulas.page_config import PageMath
from mathpipe.core.records import FormulaSource

_SKIPPED = frozenset(
    "pre code script style textarea noscript svg math select option button kbd samp tt template x-template title "
    "head iframe xmp object".split()
) | {FORMULA}
_MATH_CLASSES = frozenset(
    "math math-container filter_mathjaxloader_equation arithmatex kdmath math-tex mathjax-tex tex2jax_process".split()
)
_BARRIER = "\ufffc"
"""Stands for an element inside a run of text."""
_INLINE = frozenset("em i b strong sub sup a span font u var wbr mark ins small".split())
_ENVIRONMENTS = frozenset(
    "equation align alignat gather multline eqnarray displaymath math flalign split aligned gathered alignedat "
    "matrix pmatrix bmatrix vmatrix Vmatrix Bmatrix cases array smallmatrix CD dcases rcases subequations".split()
)
_OPENING = (
    r"\\\\[(\[]|\\[$]|\\[(\[]|\$\$|\$|\\begin\s?\{([a-zA-Z]+)\*?\}"
    r"|\[(i?tex|latex|math|mathjaxinline|mathjax)\](?=[^\[]{0,4000}\[/\2\])"
)
_PLAIN_OPENING = re.compile(_OPENING)
_CLOSING = {
    "\\(": "\\)", "\\[": "\\]", "\\\\(": "\\\\)", "\\\\[": "\\\\]", "$$": "$$", "$": "$", "`": "`",
}  # fmt: skip
_BUDGET_FACTOR = 10
"""Characters that may be scanned for closing delimiters, as a multiple of the page's text; hostile pages hit it."""
_MAX_INLINE_DOLLAR = 1_000
"""Longest `$...$`; longer ones are two unrelated dollars (longest real one in the test data: 404 characters)."""


@dataclass(slots=True)
class TextRules:
    """What counts as a formula in this page's running text, and how much may still be scanned."""

    page: PageMath
    max_formula_chars: int = 10_000
    has_tex: bool = False  # delimited TeX is certain on this page
    has_dollars: bool = False  # `$...$` is certain on this page
    budget: int = 1_000_000
    tokens: dict[str, re.Pattern[str]] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)  # a closing delimiter and its last place in the run


@dataclass(frozen=True, slots=True)
class Span:
    """A formula inside a run: from `start` to `end`, delimiters included."""

    start: int
    end: int
    latex: str
    display: bool
    source: FormulaSource
    look: Likeness


def mark_text_formulas(root: Element, rules: TextRules) -> list[Element]:
    """Replace the delimited formulas below `root` by nodes, in place; the new nodes in document order."""
    runs = [(node, trusted, run) for node, trusted, run in _runs(root, rules.page)]
    rules.budget = _BUDGET_FACTOR * (sum(len(run) for _, _, run in runs) + 1_000)
    _look_for_evidence(runs, rules)
    found: list[Element] = []
    for node, trusted, run in runs:
        spans = list(_spans(run, rules, node, trusted=trusted))
        if spans or "\\$" in run:
            found.extend(_replace(node, run, spans))
    return found


def _triggers(text: str, page: PageMath) -> bool:
    return (
        "$" in text
        or "\\" in text
        or "[/" in text
        or (page.backquotes and "`" in text)
        or any(opening in text for opening, _ in (*page.inline, *page.display))
    )


def _runs(root: Element, page: PageMath) -> Iterator[tuple[Element, bool, str]]:
    """Elements whose own text may hold a delimiter, whether a class vouches for them, and that text."""
    stack: list[tuple[Element, bool, bool]] = [(root, False, False)]
    while stack:
        node, trusted, ignored = stack.pop()
        names = node.classes
        if names:
            ignored = (ignored or not page.ignore_classes.isdisjoint(names)) and page.process_classes.isdisjoint(
                names
            )
            trusted = trusted or not _MATH_CLASSES.isdisjoint(names)
        children = node.children
        if not ignored and any(isinstance(child, str) and _triggers(child, page) for child in children):
            yield node, trusted, _run_text(children)
        stack.extend(
            (child, trusted, ignored)
            for child in reversed(children)
            if isinstance(child, Element) and child.tag not in _SKIPPED
        )


def _run_text(children: list[Element | str]) -> str:
    """One character an element, text as it stands."""
    return "".join(
        child.replace(_BARRIER, " ") if isinstance(child, str) else ("\n" if child.tag == "br" else _BARRIER)
        for child in children
    )


def _look_for_evidence(runs: list[tuple[Element, bool, str]], rules: TextRules) -> None:
    """Is there a formula beyond doubt between delimiters, and between single dollars?"""
    rules.has_tex = rules.page.has_loader
    rules.has_dollars = rules.page.dollar_inline
    if rules.has_tex and rules.has_dollars:
        return
    for node, trusted, run in runs:
        for span in _spans(run, rules, node, trusted=trusted):
            if span.look is Likeness.STRONG:
                rules.has_tex = True
                rules.has_dollars = rules.has_dollars or (run[span.start] == "$" and run[span.start + 1] != "$")
        if rules.has_tex and rules.has_dollars:
            return


def _spans(run: str, rules: TextRules, node: Element, *, trusted: bool) -> Iterator[Span]:
    """The formulas of one run, left to right, not overlapping."""
    opening = _opening_pattern(rules.page)
    rules.last.clear()
    at = 0
    while True:
        match = opening.search(run, at)
        if match is None:
            return
        span = _span_at(match, run, rules, node, trusted=trusted)
        if span is None:
            at = match.start() + (2 if match[0] == "\\$" else len(match[0]) if match[0] != "$$" else 2)
            continue
        yield span
        at = span.end


def _opening_pattern(page: PageMath) -> re.Pattern[str]:
    extra = [re.escape(opening) for opening, _ in (*page.inline, *page.display)]
    if page.backquotes:
        extra.append("`")
    return re.compile("|".join([_OPENING, *extra])) if extra else _PLAIN_OPENING


def _span_at(match: re.Match[str], run: str, rules: TextRules, node: Element, *, trusted: bool) -> Span | None:
    token, start = match[0], match.start()
    if token == "\\$":
        return None
    if match[1]:
        return _environment(match[1], run, start, rules, node)
    display = token in ("\\[", "\\\\[", "$$")
    closing = _CLOSING.get(token)
    if match[2]:
        closing = f"[/{match[2]}]"
        display = match[2] in ("tex", "math", "mathjax") and node.tag in ("p", "div") and _alone(run, start, closing)
    elif closing is None:
        pairs = {**dict(rules.page.inline), **dict(rules.page.display)}
        closing = pairs[token]
        display = token in dict(rules.page.display)
    end = _closing_index(run, match.end(), closing, rules, longest=_longest(token, rules))
    if end is None:
        return None
    content = _flattened(run, match.end(), end - len(closing), node)
    if content is None:
        return None
    if not content.strip() or token == "`":
        return _of_little(content, token, start, end, rules)
    look = likeness(content)
    if token == "$" and content.startswith("latex "):
        content = content[6:]
    elif not trusted and not _accepted(token, content, look, run[start - 1 : start], run[end : end + 1], rules):
        return None
    source = FormulaSource.MATH_CLASS if trusted else FormulaSource.TEX_DELIMITERS
    return Span(start, end, content, display, source, look)


def _of_little(content: str, token: str, start: int, end: int, rules: TextRules) -> Span | None:
    """Between backquotes, or empty: `\\(\\)`, which a cell of an alignment may be, shows nothing."""
    if not content.strip():
        shown = token[0] != "\\" or not rules.has_tex
        return None if shown else Span(start, end, "{}", False, FormulaSource.TEX_DELIMITERS, Likeness.WEAK)
    latex = asciimath_to_latex(content)
    return Span(start, end, latex, False, FormulaSource.ASCIIMATH, Likeness.WEAK) if latex else None


def _longest(token: str, rules: TextRules) -> int:
    return min(_MAX_INLINE_DOLLAR, rules.max_formula_chars) if token == "$" else rules.max_formula_chars


def _alone(run: str, start: int, closing: str) -> bool:
    return not run[:start].strip() and not run[run.find(closing, start) + len(closing) :].strip()


def _accepted(token: str, content: str, look: Likeness, before: str, after: str, rules: TextRules) -> bool:
    """Is this a formula, by its delimiter, its looks and what the page enables?"""
    if token == "$":
        return _dollar_accepted(content, look, before, after, rules)
    if token in ("\\[", "\\\\[") and is_citation(content):
        return False
    if token == "$$":
        return look is Likeness.STRONG or (rules.has_tex and (look is Likeness.WEAK or has_operator(content)))
    if token in ("\\(", "\\["):
        return rules.has_tex or look is Likeness.STRONG or (look is Likeness.WEAK and not content.strip().isdigit())
    return look is not Likeness.PROSE or token in dict((*rules.page.inline, *rules.page.display))


def _dollar_accepted(content: str, look: Likeness, before: str, after: str, rules: TextRules) -> bool:
    """`$...$`: enabled by the page, or TeX beyond doubt, or weakly so beside others; never a price."""
    if look is not Likeness.STRONG and is_price_start(content):
        return False
    spaced = content[0].isspace() or content[-1].isspace()
    if rules.page.dollar_inline:
        if look is Likeness.PROSE:
            return not spaced and has_operator(content) and len(content) <= 120 and not is_price_start(content)
        return not (spaced and look is Likeness.WEAK and content[-1].isspace() and not content[0].isspace())
    if (
        after.isdigit()
        or (before.isascii() and before.isalnum())
        or (content[-1].isspace() and not content[0].isspace())
    ):
        return False
    if look is Likeness.STRONG:
        return True
    return (
        look is Likeness.WEAK
        and not spaced
        and (rules.has_dollars or (rules.page.has_loader and not rules.page.configured))
    )


def _closing_index(run: str, start: int, closing: str, rules: TextRules, *, longest: int) -> int | None:
    """The index after the closing delimiter that stands outside braces; None where there is none in reach."""
    limit = min(len(run), start + longest)
    last = rules.last.get(closing)
    if last is None:
        last = rules.last[closing] = run.rfind(closing)
    if rules.budget <= 0 or last < start or run.find(closing, start, limit) < 0:
        rules.budget -= 16 if last < start else (limit - start) // 8
        return None
    pattern = rules.tokens.get(closing)
    if pattern is None:
        pattern = rules.tokens[closing] = re.compile(re.escape(closing) + r"|\\.|[{}]", re.DOTALL)
    depth = 0
    for match in pattern.finditer(run, start, limit):
        token = match[0]
        if token == closing and depth <= 0:
            rules.budget -= match.end() - start
            return match.end()
        depth += (token == "{") - (token == "}")
    rules.budget -= limit - start
    return None


def _environment(name: str, run: str, start: int, rules: TextRules, node: Element) -> Span | None:
    """`\\begin{align} ... \\end{align}` standing by itself in the text."""
    if name not in _ENVIRONMENTS or rules.budget <= 0:
        return None
    limit = min(len(run), start + rules.max_formula_chars)
    depth = 0
    for match in re.finditer(rf"\\(begin|end)\s?\{{{name}\*?\}}", run[start:limit]):
        depth += 1 if match[1] == "begin" else -1
        if depth == 0:
            rules.budget -= match.end()
            latex = _flattened(run, start, start + match.end(), node)
            if latex is None:
                return None
            return Span(start, start + match.end(), latex, True, FormulaSource.TEX_DELIMITERS, Likeness.STRONG)
    rules.budget -= limit - start
    return None


def _flattened(run: str, start: int, end: int, node: Element) -> str | None:
    """The text of a span, inline tags inside it written as what they stood for; None where blocks cut it."""
    content = run[start:end]
    if _BARRIER not in content:
        return content
    skipped = run.count(_BARRIER, 0, start)
    inside = [child for child in node.children if isinstance(child, Element) and child.tag != "br"]
    pieces: list[str] = []
    for index, piece in enumerate(content.split(_BARRIER)):
        if index:
            element = inside[skipped + index - 1]
            if element.tag not in _INLINE:
                return None
            pieces.append(_inline_tex(element))
        pieces.append(piece)
    return "".join(pieces)


def _inline_tex(element: Element) -> str:
    """An inline tag that a Markdown processor or editor put inside TeX, undone."""
    text = element.text()
    if element.tag in ("em", "i"):
        return f"_{text}_"
    if element.tag == "sub":
        return f"_{{{text}}}"
    if element.tag == "sup":
        return f"^{{{text}}}"
    return text


def _replace(node: Element, run: str, spans: list[Span]) -> list[Element]:
    """Put formula nodes into the element's children; `\\$` outside formulas becomes a dollar."""
    inside = iter([child for child in node.children if isinstance(child, Element)])
    starts = {span.start: span for span in spans}
    nodes: list[Element] = []
    children: list[Element | str] = []
    at = 0
    cuts = sorted([*starts, *_element_places(node)])
    for cut in cuts:
        if cut < at:
            next(inside, None)  # an element inside a formula: flattened there
            continue
        if cut > at:
            children.append(run[at:cut].replace("\\$", "$"))
        span = starts.get(cut)
        if span is None:
            children.append(next(inside))
            at = cut + 1
        else:
            nodes.append(formula_node(span.latex, span.source, display=span.display))
            children.append(nodes[-1])
            at = span.end
    if at < len(run):
        children.append(run[at:].replace("\\$", "$"))
    node.children = children
    return nodes


def _element_places(node: Element) -> list[int]:
    """Where in the run each child element stands."""
    places: list[int] = []
    at = 0
    for child in node.children:
        if isinstance(child, str):
            at += len(child)
        else:
            places.append(at)
            at += 1
    return places
