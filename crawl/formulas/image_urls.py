"""Formulas in images: LaTeX in the URL of a rendering service, in `alt` or `title`, or MathML in an attribute.

In: an `img` element. Out: every representation found, best first. Services are known by what their URLs look like
(codecogs, wp-latex, mimetex, mathtex, latex.php, Google charts, GitHub, Zhihu, upmath, Moodle, …); besides, any
query parameter or path that decodes to TeX counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from crawl.dom import Element
from crawl.formulas.asciimath import asciimath_to_latex
from crawl.formulas.clean import strip_delimiters
from crawl.formulas.likeness import Likeness, likeness
from mathpipe.core.records import FormulaSource

_WHOLE_QUERY = re.compile(
    r"(?:codecogs\.com/|/(?:mimetex|mathtex|latex2png|texrender|tex2png|mathtran)[\w.-]*(?:cgi|exe|php)?|/cgi-bin/\w*tex\w*(?:\.cgi)?|texify\.[a-z]+/)[^?]*\?(.+)",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"[?&;](latex|tex|math|eq|equation|formula|formdata|expr|expression|chl|from|inline|display|code|t|e|f|m|in)=([^&#]*)",
    re.IGNORECASE,
)
_SERVICE = re.compile(
    r"latex\.php|/latex[/.?]|latex\.codecogs|wp\.com/latex|mimetex|mathtex|/render/math|/equation\?tex|math\.now\.sh|cht=tx|/tex\.|/texrender"
    r"|quicklatex|upmath|s2cms|/filter/tex|/svg\.latex|/png\.latex|/gif\.latex|math\.vercel|/formula/|/tex/|tex\.php|texify|_images/math/",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?:/(?:svg|png|gif|formula|tex|latex|math|eq|equation|render)/)([^?#]+)$", re.IGNORECASE)
_OPTIONS = re.compile(
    r"^(?:\s|\\(?:inline|bg_[a-z]+|fn_[a-z]+|dpi\s?\{?\d+\}?|small|large|Large|LARGE|huge|Huge|normalsize|footnotesize"
    r"|tiny|scriptsize|opaque|reverse|gammacorrection\{[^}]*\}|fg_[a-z0-9]+|usepackage\{[^}]*\})(?![a-zA-Z])|\\color\s?\{\w+\}(?=\s*\S))+"
)
_MATH_CLASS = re.compile(
    r"math|(?:^|[\s_-])tex(?:$|[\s_-])|latex|formula|equation|ql-img|mwe-|eqn|ltx_|texrender", re.IGNORECASE
)
_PREFIX = re.compile(r"^(?:LaTeX|TeX|Formula|Equation)\s*:\s*", re.IGNORECASE)
"""Canvas and others announce the source in the alternative text."""
_DISPLAY_CLASS = re.compile(r"display|formulaDsp|latexcenter|(?:^|\s)block|numberedequation|center", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One representation of a formula, and what it says about standing on a line of its own."""

    latex: str
    source: FormulaSource
    display: bool | None = None


def image_formulas(image: Element) -> list[Candidate]:
    """All representations of a formula in an image, best first; empty for a picture."""
    source = image.get("src") or image.get("data-src") or image.get("data-lazy-src")
    found: list[Candidate] = []
    from_url = latex_from_url(source)
    alt = image.get("alt").strip() or image.get("title").strip()
    hinted = bool(_MATH_CLASS.search(image.get("class") + " " + image.get("id"))) or _is_service(source)
    from_alt = _from_alt(alt, hinted=hinted)
    display = True if _DISPLAY_CLASS.search(image.get("class")) else None
    if "inline" in image.get("class").lower() or image.get("class").endswith("Inl"):
        display = False
    if from_url:
        found.append(Candidate(from_url, FormulaSource.IMAGE_URL, display))
    if from_alt:
        latex, said = from_alt
        found.append(Candidate(latex, FormulaSource.IMAGE_ALT, display if said is None else said))
    return found


def _is_service(source: str) -> bool:
    return not source.startswith("data:") and bool(_SERVICE.search(source[:300]))


def _from_alt(alt: str, *, hinted: bool) -> tuple[str, bool | None] | None:
    """LaTeX in an alternative text, if it is LaTeX: certain with delimiters, likely with a class or service."""
    if not alt or len(alt) > 10_000:
        return None
    latex, said = strip_delimiters(_PREFIX.sub("", alt))
    if said is not None or alt.startswith("\\begin{"):
        return (latex, said) if likeness(latex) is not Likeness.PROSE or hinted else None
    look = likeness(latex)
    if hinted:
        if "\\" not in latex and re.search(r"[_^]\(|sqrt\(", latex):
            return (asciimath_to_latex(latex) or latex), None
        return (latex, None) if look is not Likeness.PROSE else None
    return (latex, None) if look is Likeness.STRONG and ("\\" in latex) else None


def latex_from_url(url: str) -> str | None:
    """The LaTeX that a rendering service's URL asks for; None for any other URL."""
    if not url or url.startswith("data:") or len(url) > 12_000:
        return None
    url = url.strip().replace("&amp;", "&").replace("&space;", "%20")  # codecogs writes spaces so
    for match in _PARAMETER.finditer(url):
        value = _without_options(
            unquote_plus(match[2]) if "+" in match[2] and "%20" not in match[2] else unquote(match[2])
        )
        name = match[1].lower()
        if name == "chl" and "cht=tx" not in url:
            continue
        if name in ("latex", "tex", "math", "formula", "equation", "chl", "formdata", "eq") and _is_service(url):
            return value or None
        if likeness(value) is Likeness.STRONG and "\\" in value:
            return value
    whole = _WHOLE_QUERY.search(url)
    if whole:
        return _without_options(unquote(whole[1])) or None
    path = _PATH.search(url)
    if path and "%" in path[1]:
        value = _without_options(re.sub(r"\.(?:svg|png|gif)$", "", unquote(path[1])))
        if likeness(value) is Likeness.STRONG or (_is_service(url) and likeness(value) is Likeness.WEAK):
            return value
    return None


def _without_options(latex: str) -> str:
    """Drop a service's own options (`\\dpi{150}`, `\\bg_white`) before the formula, and delimiters around it."""
    latex = latex.strip()
    match = _OPTIONS.match(latex)
    if match:
        latex = latex[match.end() :].strip()
    return strip_delimiters(latex)[0]
