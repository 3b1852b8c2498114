"""Pages of the tests on sites, written short: signs in the markup stand for what a renderer would put there.

`⟦x⟧` stands for KaTeX's output of x, `⟦⟦x⟧⟧` for its display form, `{words}` for a sentence of prose.
"""

from __future__ import annotations

import re

WORDS = "The theorem says that every bounded sequence has a convergent subsequence, and its proof is short."
_KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi>'
    '<annotation encoding="application/x-tex">{}</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span class="base"><span class="mord mathnormal">x</span>'
    "</span></span></span>"
)


def site_page(markup: str) -> str:
    """The page that the markup stands for."""
    markup = markup.strip("\n").replace("{words}", WORDS)
    markup = re.sub("⟦⟦(.*?)⟧⟧", lambda m: f'<span class="katex-display">{_KATEX.format(m[1])}</span>', markup)
    markup = re.sub("⟦(.*?)⟧", lambda m: _KATEX.format(m[1]), markup)
    return f"<html><head><title>t</title></head><body>{markup}</body></html>"
