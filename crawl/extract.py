"""One HTML page to text with its formulas: the one entry point of the extraction.

In: a page's bytes or text, and its URL. Out: `Page`. Steps: decode, parse, read what the page says about its
mathematics, put nodes in the place of formulas (markup first, then delimiters in text), choose the main content,
write Markdown. Formulas are found before anything hidden or marginal is removed; `formula_counts` says for
every source
how many representations the page held and how many formulas stand in the text.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

from crawl.boilerplate import main_content
from crawl.charset import decode_html
from crawl.dom import Element, parse_html
from crawl.formulas.clean import clean_latex
from crawl.formulas.find import mark_markup_formulas
from crawl.formulas.node import FORMULA
from crawl.formulas.page_config import PageMath, read_page_math
from crawl.formulas.tex_delimiters import TextRules, mark_text_formulas
from crawl.formulas.tex_macros import Macro, expand, split_definitions
from crawl.licences import page_licence
from crawl.limits import DEFAULT_LIMITS, ExtractionError, ExtractionFailure, ExtractionLimits
from crawl.page_title import page_title
from crawl.render import render
from mathpipe.core.records import FormulaCount, FormulaSource, Page, record_id_of

__all__ = ["ExtractionError", "ExtractionFailure", "ExtractionLimits", "extract_page"]


def extract_page(
    html: bytes | str, url: str = "", *, content_type: str = "", limits: ExtractionLimits = DEFAULT_LIMITS
) -> Page:
    """The page's title, text and formulas; raises `ExtractionError` for a page beyond the limits or without text."""
    text, charset = decode_html(html, content_type) if isinstance(html, bytes) else (html, "")
    root = parse_html(text, limits)
    nodes = list(root.walk())
    title, licence = page_title(nodes), page_licence(nodes, url)
    found = mark_formulas(root, read_page_math(nodes), limits)
    rendered = render(main_content(root))
    if len(rendered.text.strip()) < limits.min_text_chars:
        raise ExtractionError(
            ExtractionFailure.NO_TEXT,
            url or "the page",
            f"at least {limits.min_text_chars} characters of text",
            "nothing to mend: the page shows no text without its scripts",
        )
    emitted = Counter(formula.source for formula in rendered.formulas)
    return Page(
        record_id=record_id_of(url, rendered.text),
        url=url,
        host=urlsplit_host(url),
        title=title,
        text=rendered.text,
        formulas=rendered.formulas,
        formula_counts=[
            FormulaCount(source, max(found[source], emitted[source]), emitted[source])
            for source in FormulaSource
            if found[source] or emitted[source]
        ],
        charset=charset,
        license=licence,
    )


def urlsplit_host(url: str) -> str:
    """The URL's host in lower case; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def mark_formulas(root: Element, page: PageMath, limits: ExtractionLimits) -> Counter[FormulaSource]:
    """Put nodes in the place of all formulas below `root`; the representations found, by source."""
    found = mark_markup_formulas(root, page)
    in_text = mark_text_formulas(root, TextRules(page, limits.max_formula_chars))
    found.update(FormulaSource(node.get("source")) for node in in_text)
    dropped = _finish(root, page.macros, limits)
    found.subtract(dropped)
    return found


def _finish(root: Element, macros: dict[str, Macro], limits: ExtractionLimits) -> Counter[FormulaSource]:
    """Take definitions out, expand macros, clean; formulas with nothing left go. What was no formula, by source."""
    nodes = [
        (parent, node)
        for parent in root.walk()
        for node in parent.children
        if not isinstance(node, str) and node.tag == FORMULA
    ]
    defined = dict(macros)
    only_definitions: Counter[FormulaSource] = Counter()
    for _, node in nodes:
        latex, here = split_definitions(node.attrs["latex"])
        if here:
            defined.update(here)
            node.attrs["latex"] = latex
            if not latex.strip(" \t\n$\\(){}[];,"):
                only_definitions[FormulaSource(node.get("source"))] += 1
                node.attrs["latex"] = ""
    gone: dict[int, list[int]] = {}
    for parent, node in nodes:
        latex = expand(node.attrs["latex"], defined, limits.max_formula_chars)
        latex = clean_latex(latex, display=bool(node.get("display")))
        if not latex and node.attrs["latex"]:
            only_definitions[FormulaSource(node.get("source"))] += 1  # `\\({}\\)`: nothing to see
        node.attrs["latex"] = latex
        if not latex or len(latex) > limits.max_formula_chars:
            gone.setdefault(id(parent), []).append(id(node))
    for parent in {id(parent): parent for parent, _ in nodes}.values():
        if id(parent) in gone:
            parent.children = [child for child in parent.children if id(child) not in gone[id(parent)]]
    return only_definitions
