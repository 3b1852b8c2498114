"""What a page says about its own mathematics: the delimiters it enables, its macros, what renders it.

In: the page's tree. Out: `PageMath`. Read are MathJax 2 (`MathJax.Hub.Config({tex2jax: ...})`, also in
`text/x-mathjax-config`), MathJax 3 and 4 (`MathJax = {tex: {inlineMath: ...}}`), KaTeX auto-render
(`renderMathInElement(..., {delimiters: [...]})`) and ASCIIMath. The script is never run: lists and names are
found by their shape, which also holds where the object is not valid JSON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from crawl.dom import Element
from crawl.formulas.tex_macros import Macro

_LOADER = re.compile(
    r"mathjax|katex|asciimath|jsmath|mathtex|latexit|tex-mml|tex-chtml|tex-svg|latex\.js|mathlive|temml",
    re.IGNORECASE,
)
_ASCIIMATH_LOADER = re.compile(
    r"asciimathml|AM_HTMLorMML|config=AM_|[,&=-]AM_|asciimath2jax|input/asciimath|asciimath\.js", re.IGNORECASE
)
_CONFIG_HINT = re.compile(
    r"MathJax|tex2jax|asciimath2jax|renderMathInElement|katex|inlineMath|mathjax", re.IGNORECASE
)
_STRING = r"""(?:'((?:[^'\\]|\\.){1,12})'|"((?:[^"\\]|\\.){1,12})"|`((?:[^`\\]|\\.){1,12})`)"""
_PAIR = re.compile(rf"\[\s*{_STRING}\s*,\s*{_STRING}\s*,?\s*\]")
_KATEX_PAIR = re.compile(
    rf"left\s*:\s*{_STRING}\s*,\s*right\s*:\s*{_STRING}|"
    + rf""""left"\s*:\s*{_STRING}\s*,\s*"right"\s*:\s*{_STRING}"""
)
_INLINE_MATH = re.compile(r"""(inlineMath|displayMath)['"]?\s*:\s*(?:\{\s*['"]\[\+\]['"]\s*:\s*)?\[""")
_DELIMITERS = re.compile(r"""(?<![a-zA-Z])delimiters['"]?\s*:\s*(?:\{\s*['"]\[\+\]['"]\s*:\s*)?\[""")
_CLASS = re.compile(
    r"""(ignore(?:Html)?Class|process(?:Html)?Class)['"]?\s*:\s*(?:'([^']{0,300})'|"([^"]{0,300})")"""
)
_MACRO_STRING = r"""(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")"""
_MACRO = re.compile(
    rf"""['"]?(\\{{0,2}}[a-zA-Z@]+)['"]?\s*:\s*(?:{_MACRO_STRING}|\[\s*{_MACRO_STRING}\s*,\s*(\d)\s*[\],])"""
)
_MACROS = re.compile(r"""[mM]acros['"]?\s*:\s*\{""")
_MAX_SCRIPT_CHARS = 200_000
_MAX_LISTS = 20
"""Lists of delimiters or macros read from one script; a configuration has one or two of each."""


@dataclass(slots=True)
class PageMath:
    """The page's own rules for mathematics in running text."""

    has_loader: bool = False
    configured: bool = False  # the page lists its inline delimiters itself
    dollar_inline: bool = False
    inline: list[tuple[str, str]] = field(default_factory=list)  # delimiters besides the usual ones
    display: list[tuple[str, str]] = field(default_factory=list)
    backquotes: bool = False  # ASCIIMath between backquotes
    ignore_classes: frozenset[str] = frozenset()
    process_classes: frozenset[str] = frozenset()
    macros: dict[str, Macro] = field(default_factory=dict)
    script_ids: frozenset[str] = frozenset()  # of the scripts that hold a formula each (MathJax 2)


_IGNORE = frozenset("tex2jax_ignore mathjax_ignore nomathjax no-mathjax asciimath2jax_ignore".split())
_PROCESS = frozenset("tex2jax_process mathjax_process".split())
_USUAL = {("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$")}


def read_page_math(nodes: Iterable[Element]) -> PageMath:
    """Collect what the page's scripts, style sheets and attributes say; `nodes` are all elements of the page."""
    page = PageMath()
    ignored, processed = set(_IGNORE), set(_PROCESS)
    ids: set[str] = set()
    for node in nodes:
        if node.tag == "script":
            if node.get("type").startswith("math/"):
                ids.add(node.get("id"))
            _read_script(node, page, ignored, processed)
        elif node.tag in ("link", "mjx-container", "math") and not page.has_loader:
            page.has_loader = node.tag != "link" or bool(_LOADER.search(node.get("href")))
    page.script_ids = frozenset(ids - {""})
    page.ignore_classes = frozenset(ignored)
    page.process_classes = frozenset(processed)
    return page


def _read_script(node: Element, page: PageMath, ignored: set[str], processed: set[str]) -> None:
    source = node.get("src")
    if source and _LOADER.search(source):
        page.has_loader = True
        page.backquotes = page.backquotes or bool(_ASCIIMATH_LOADER.search(source))
    if node.get("type").startswith("math/"):
        page.has_loader = True
        return
    code = node.text()[:_MAX_SCRIPT_CHARS]
    if not code or not _CONFIG_HINT.search(code):
        return
    page.has_loader = True
    page.backquotes = page.backquotes or bool(_ASCIIMATH_LOADER.search(code))
    _read_delimiters(code, page)
    for kind, single, double in _CLASS.findall(code):
        names = re.findall(r"[\w-]+", single or double)
        (ignored if kind.startswith("ignore") else processed).update(names)
    for match in islice(_MACROS.finditer(code), _MAX_LISTS):
        page.macros.update(_macros_in(_balanced(code, match.end() - 1)))


def _read_delimiters(code: str, page: PageMath) -> None:
    """Inline and display pairs; `$` and anything beyond the usual four are noted."""
    for match in islice(_INLINE_MATH.finditer(code), _MAX_LISTS):
        pairs = [_pair(groups) for groups in _PAIR.findall(_balanced(code, match.end() - 1))]
        if match[1] == "inlineMath":
            page.configured = page.configured or bool(pairs)
            page.dollar_inline = page.dollar_inline or ("$", "$") in pairs
            page.inline.extend(pair for pair in pairs if pair not in _USUAL and pair not in page.inline)
        else:
            page.display.extend(pair for pair in pairs if pair not in _USUAL and pair not in page.display)
    for match in islice(_DELIMITERS.finditer(code), _MAX_LISTS):
        block = _balanced(code, match.end() - 1)
        if "`" in block and "asciimath" in code:
            page.backquotes = True
        pairs = [_pair(groups[:6] if any(groups[:6]) else groups[6:]) for groups in _KATEX_PAIR.findall(block)]
        page.configured = page.configured or bool(pairs)
        page.dollar_inline = page.dollar_inline or ("$", "$") in pairs


def _pair(groups: tuple[str, ...]) -> tuple[str, str]:
    """Opening and closing delimiter out of the three quoting styles of each."""
    opening = groups[0] or groups[1] or groups[2]
    closing = groups[3] or groups[4] or groups[5]
    return _unescaped(opening), _unescaped(closing)


def _unescaped(text: str) -> str:
    """A JavaScript string's backslash pairs."""
    return re.sub(r"\\(.)", r"\1", text)


def _balanced(code: str, start: int) -> str:
    """From the bracket at `start` to the one that closes it (strings not looked into), at most 20,000 characters."""
    depth = 0
    window = code[start : start + 20_000]
    for match in re.finditer(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[\[\]{}]""", window):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
            if depth == 0:
                return window[: match.end()]
    return window


def _macros_in(block: str) -> dict[str, Macro]:
    """`name: "body"` and `name: ["body", arguments]` of a Macros object."""
    macros: dict[str, Macro] = {}
    for name, single, double, single_list, double_list, count in _MACRO.findall(block):
        body = _unescaped(single or double or single_list or double_list)
        arity = int(count or 0) or max((int(digit) for digit in re.findall(r"#(\d)", body)), default=0)
        macros[name.lstrip("\\")] = Macro(body, arity)
    return macros
