"""AsciiMath read by MathJax's own reader and by ours.

In: the expressions of `asciimath.txt`, written for this. Out: a pair of formulas for each: what MathJax's reader
makes of it (MathML, which our converter writes as LaTeX), and what ours does.
"""

from __future__ import annotations

import json
import subprocess

from benchmarks.roundtrip.corpus import Original
from benchmarks.roundtrip.renderers import HERE
from crawl.dom import parse_html
from crawl.formulas.asciimath import asciimath_to_latex
from crawl.formulas.mathml import mathml_to_latex


def read_by_both() -> list[tuple[str, Original, list[Original]]]:
    """The expression, MathJax's reading, and ours (none where it gives up)."""
    source = (HERE / "asciimath.txt").read_text(encoding="utf-8")
    done = subprocess.run(["node", "asciimath.mjs"], cwd=HERE, input=source.encode(), capture_output=True, check=True)
    readings = []
    for expression, line in zip(source.splitlines(), done.stdout.decode().splitlines(), strict=True):
        math = next(node for node in parse_html(f"<p>{json.loads(line)}</p>").walk() if node.tag == "math")
        ours = asciimath_to_latex(expression)
        theirs = Original(mathml_to_latex(math) or "", display=False)
        readings.append((expression, theirs, [] if ours is None else [Original(ours, display=False)]))
    return readings
