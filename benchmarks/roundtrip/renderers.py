"""The real renderers, run once and kept: KaTeX, MathJax 3 and 4 and Temml by node, pandoc by its own binary.

In: formulas. Out: for each renderer one dictionary a formula, from the name of a form to its HTML; empty where the
renderer refuses the formula. Results are cached in a folder outside version control, by a digest of the input and
of the renderer's script.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from benchmarks.roundtrip.corpus import Original

HERE = Path(__file__).parent
NODE_ENGINES = ("katex", "temml", "mathjax3", "mathjax4")
_PANDOC_FORMS = {
    "pandoc mathml": "--mathml",
    "pandoc mathjax": "--mathjax",
    "pandoc katex": "--katex",
    "pandoc webtex": "--webtex",
}
_PANDOC_API = [1, 23, 1]
_MARK = re.compile(r'<div id="formula-(\d+)">\s*(.*?)\s*</div>', re.DOTALL)
_ANNOTATION = re.compile(r"<annotation.*?</annotation>", re.DOTALL)

Forms = dict[str, str]


def install() -> None:
    """Fetch the renderers that package-lock.json names, unless they are there."""
    if not (HERE / "node_modules" / "katex").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, check=True)


def by_node(engine: str, formulas: Sequence[Original], cache: Path) -> list[Forms]:
    """What one of node's renderers makes of the formulas."""
    lines = "".join(json.dumps({"latex": f.latex, "display": f.display}) + "\n" for f in formulas)
    script = (HERE / "render.mjs").read_bytes() + (HERE / "package-lock.json").read_bytes()
    digest = blake2b(lines.encode() + script, digest_size=10).hexdigest()
    kept = cache / f"{engine}-{digest}.jsonl"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["node", "render.mjs", engine], cwd=HERE, input=lines.encode(), capture_output=True, check=True
        )
        kept.write_bytes(done.stdout)
    return [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]


def by_pandoc(formulas: Sequence[Original]) -> list[Forms]:
    """What pandoc makes of them, in each of its ways to write mathematics in HTML."""
    try:
        import pypandoc
    except ImportError:
        print("pandoc left out: pip install pypandoc_binary")
        return [{} for _ in formulas]

    document = json.dumps({"pandoc-api-version": _PANDOC_API, "meta": {}, "blocks": [
        {"t": "Div", "c": [[f"formula-{index}", [], []], [{"t": "Plain", "c": [
            {"t": "Math", "c": [{"t": "DisplayMath" if f.display else "InlineMath"}, f.latex]}]}]]}
        for index, f in enumerate(formulas)]})  # fmt: skip
    forms: list[Forms] = [{} for _ in formulas]
    for name, option in _PANDOC_FORMS.items():
        command = [pypandoc.get_pandoc_path(), "--from=json", "--to=html", "--wrap=none", option]
        done = subprocess.run(command, input=document.encode(), capture_output=True, check=True)
        for index, html in _MARK.findall(done.stdout.decode()):
            if name != "pandoc mathml":
                forms[int(index)][name] = html
            elif "<math" in html:
                forms[int(index)][name] = html
                forms[int(index)][f"{name}, no source"] = _ANNOTATION.sub("", html)
    return forms
