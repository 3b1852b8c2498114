r"""Real formulas to render and recover: from the benchmark files and from the pages of the shared data.

In: the shared data folder, read in place. Out: distinct `(latex, display)` pairs, a deterministic sample spread
over the sources: within each source in the order of a digest, so that adding a file changes no other's share.

The held-out sample holds what the first one left: none of its formulas has the letters or the normal form of one of
the first. The converters were written against the first; the held-out one shows what they do on formulas not seen.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from fastwarc.warc import ArchiveIterator, WarcRecordType

from crawl.formulas.normal_form import normal_form

# The dollars of prices and of other files' prose are left out: only files whose dollars are all delimiters.
_FILES = (
    "math_test", "math500_test", "olympiadbench", "minerva_math", "college_math", "aime24", "amc23", "sat_test",
    "proofnet_lean4", "minif2f_lean4",
)  # fmt: skip
_FIELDS = ("problem", "question", "solution", "informal_prefix", "answer", "options")
_DELIMITED = re.compile(
    r"\$\$(?P<d1>[^$]+)\$\$|\\\[(?P<d2>.+?)\\\]|(?P<d3>\\begin\{(align\*?|gather\*?|equation\*?)\}.+?\\end\{\4\})"
    r"|\$(?P<i1>(?:[^$\\]|\\.)+)\$|\\\((?P<i2>.+?)\\\)",
    re.DOTALL,
)
_SPHINX = re.compile(
    rb'<(?:span|div) class="math notranslate nohighlight"[^>]*>\s*(?:<span class="eqno">.*?</span>)?'
    rb"\s*\\([(\[])(.*?)\\[)\]]\s*</(?:span|div)>",
    re.DOTALL,
)
_ANNOTATION = re.compile(
    r'<math[^>]*?(display="block")?[^>]*>(?:(?!</math>).)*?<annotation encoding="application/x-tex">'
    r"(.*?)</annotation>",
    re.DOTALL,
)
_PER_SOURCE = 240  # twelve sources of which seven hold that many: about 2,900
_HELD_OUT_PER_SOURCE = 130  # of either kind, as display is rarer: about 2,000 of what the first sample leaves
_LONGEST = 1500


class Original(NamedTuple):
    """A formula as its author wrote it."""

    latex: str
    display: bool


def sample(data: Path, *, per_source: int = _PER_SOURCE) -> list[Original]:
    """Distinct formulas, in an order that depends on nothing but the data."""
    return _chosen(_sources(data), {None: per_source}, set(), lambda latex: "".join(latex.split()))


def held_out(data: Path, *, per_source: int = _HELD_OUT_PER_SOURCE) -> list[Original]:
    """Distinct formulas, none of them in the first sample, whatever its spelling there."""
    seen = {normal_form(formula.latex) for formula in sample(data)}
    sources = chain(_sources(data), [_in_scripts(sorted((data / "web").glob("*.warc.gz")))])
    return _chosen(sources, {True: per_source, False: per_source}, seen, normal_form)


def _chosen(
    sources: Iterable[Iterator[Original]],
    quotas: Mapping[bool | None, int],
    seen: set[str],
    key_of: Callable[[str], str],
) -> list[Original]:
    """The first usable formulas of each source whose key was not seen before, so many of a kind (None: of any)."""
    chosen: list[Original] = []
    for formulas in sources:
        left = dict(quotas)
        for formula in sorted(set(formulas), key=_digest):
            kind = formula.display if None not in left else None
            if not left[kind] or not _usable(formula.latex):
                continue
            key = key_of(formula.latex)
            if key not in seen:
                seen.add(key)
                chosen.append(formula)
                left[kind] -= 1
    return sorted(chosen, key=_digest)


def _digest(formula: Original) -> bytes:
    return blake2b(repr(formula).encode(), digest_size=16).digest()


def _usable(latex: str) -> bool:
    """Not a bare letter or number, not a drawing, braces paired."""
    if len(latex) < 3 or len(latex) > _LONGEST or "[asy]" in latex or "$" in latex or "tikz" in latex:
        return False
    plain = re.sub(r"\\.", "", latex)
    return plain.count("{") == plain.count("}")


def _sources(data: Path) -> Iterator[Iterator[Original]]:
    for name in _FILES:
        path = data / "benchmarks" / f"{name}.jsonl"
        if path.is_file():
            yield _in_benchmark(path)
    yield _in_gold_pages(data / "formulas")
    yield _in_warcs(sorted((data / "web").glob("*.warc.gz")), ("sympy", "mpmath"))
    yield _in_warcs(sorted((data / "web").glob("*.warc.gz")), ("sage",))
    yield _in_warcs(sorted((data / "web").glob("*.warc.gz")), ("scipy",))


def _in_benchmark(path: Path) -> Iterator[Original]:
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        for field in _FIELDS:
            value = record.get(field)
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    yield from _delimited(text)


def _delimited(text: str) -> Iterator[Original]:
    for match in _DELIMITED.finditer(text):
        display = match["d1"] or match["d2"] or match["d3"]
        latex = (display or match["i1"] or match["i2"]).strip()
        yield Original(latex, display is not None)


def _in_gold_pages(folder: Path) -> Iterator[Original]:
    for path in sorted(folder.glob("*.html")):
        for match in _ANNOTATION.finditer(path.read_text(encoding="utf-8", errors="replace")):
            yield Original(html.unescape(match[2]).strip(), match[1] is not None)


def _in_warcs(paths: list[Path], hosts: tuple[str, ...]) -> Iterator[Original]:
    """Formulas of Sphinx pages whose URL names one of the hosts."""
    for path in paths:
        for record in ArchiveIterator(str(path), record_types=WarcRecordType.response):
            if any(host in (record.headers.get("WARC-Target-URI") or "") for host in hosts):
                for opening, latex in _SPHINX.findall(record.reader.read()):
                    yield Original(html.unescape(latex.decode("utf-8", "replace")).strip(), opening == b"[")


_SCRIPT = re.compile(rb'<script type="math/tex(; mode=display)?"[^>]*>(.+?)</script>', re.DOTALL)
_IN_MATHJAX_PAGE = re.compile(rb"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)


def _in_scripts(paths: list[Path]) -> Iterator[Original]:
    """TeX in scripts, and between backslashed brackets of MathJax pages that Sphinx did not write."""
    for path in paths:
        for record in ArchiveIterator(str(path), record_types=WarcRecordType.response):
            body = record.reader.read()
            for display, latex in _SCRIPT.findall(body):
                yield Original(_decoded(latex), bool(display))
            if b"MathJax" in body and b"notranslate nohighlight" not in body:
                for inline, shown in _IN_MATHJAX_PAGE.findall(body):
                    if b"<" not in inline + shown:
                        yield Original(_decoded(inline or shown), bool(shown))


def _decoded(latex: bytes) -> str:
    return html.unescape(latex.decode("utf-8", "replace")).strip()
