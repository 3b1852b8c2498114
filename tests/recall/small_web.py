"""A web of a few hosts, made of word lists: small enough to run the whole loop on in seconds.

algebra.example, cooking.example    the seed's hosts
analysis.example/questions/         mathematics that the seed never saw; /users/ beside it is none
lemmas.example                      mathematics in words that the prefilter passes over
travel.example, garden.example      other subjects
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from crawl.seed import SeedConfig
from filters.fasttext_training import FastTextSettings
from filters.training import TrainClassifierConfig
from mathpipe.core.executor import Mode, RunnerConfig
from mathpipe.recall.config import RecallConfig
from mathpipe.recall.proposals import ProposalConfig
from tests.crawl.warc_files import page, write_gzip

MATH = (
    "theorem lemma proof polynomial integer matrix vector prime group ring equation integral derivative sum product "
    "convergent sequence bounded function continuous eigenvalue determinant algebra topology manifold"
).split()
OTHER = (
    "butter pan oven garden train hotel beach ticket soup bread flour onion window street museum weather boat "
    "dinner market village bicycle shoes river forest breakfast"
).split()
GLUE = "the of and is a in to that for with".split()
QUESTIONS = "https://analysis.example/questions/"
LATEX_OF_COOKING = "https://travel.example/typesetting.html"  # bears LaTeX and is about something else
PROOF_IN_WORDS = "https://garden.example/theorem.html"  # mathematics without a formula, on a host that has no other
_TYPESETTING = (
    "<pre>\\documentclass{article}\\usepackage{graphicx}\\begin{document}\\section{Soup}\\end{document}</pre>"
    "<p>Water is written <script type='math/tex'>\\mathrm{H}_2\\mathrm{O}</script> on the menu.</p>"
)
_FORMULA = "<script type='math/tex'>x^2+y^2=z^2</script><script type='math/tex'>\\int_0^1 f(x)\\,dx</script>"


def text(words: list[str], name: str, count: int = 120) -> str:
    chance = random.Random(name)
    return " ".join(chance.choice(words if chance.random() < 0.5 else GLUE) for _ in range(count))


def html(words: list[str], url: str, formulas: str = "") -> bytes:
    body = "".join(f"<p>{text(words, f'{url} {part}')}.</p>{formulas}" for part in range(3))
    return f"<html><head><title>{url[8:]}</title></head><body><article>{body}</article></body></html>".encode()


def addresses() -> dict[str, bytes]:
    """Every page by its address."""
    pages = {}
    for number in range(26):
        for prefix, words, formulas in (
            ("https://algebra.example/notes/", MATH, _FORMULA),
            ("https://cooking.example/recipes/", OTHER, ""),
            (QUESTIONS, MATH, _FORMULA),
            ("https://analysis.example/users/", OTHER, ""),
            ("https://lemmas.example/", MATH, ""),
            ("https://travel.example/trips/", OTHER, ""),
            ("https://garden.example/", OTHER, ""),
        ):
            url = f"{prefix}{number}.html"
            pages[url] = html(words, url, formulas)
    pages[LATEX_OF_COOKING] = html([*OTHER, "document", "font", "margin", "package"], LATEX_OF_COOKING, _TYPESETTING)
    pages[PROOF_IN_WORDS] = html(MATH, PROOF_IN_WORDS)
    return pages


def write_web(folder: Path) -> None:
    """Two archives and the seed's labels."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = sorted(addresses().items())
    for part in range(2):
        records = [page(body, url) for url, body in pages[part::2]]
        write_gzip(folder / f"web-{part}.warc.gz", *records)
    kinds = {"algebra.example": "math", "cooking.example": "other"}
    rows = [{"url": url, "kind": kinds[url.split("/")[2]]} for url, _ in pages if url.split("/")[2] in kinds]
    (folder / "seed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def loop_config(web: Path, output: Path, **changes: object) -> RecallConfig:
    """A loop over that web with a model of a few kilobytes."""
    small = FastTextSettings(dim=8, bucket=2_000, min_count=1)
    values = {
        "name": "loop",
        "output": output,
        "sources": [str(web / "*.warc.gz")],
        "seed": SeedConfig(labels=(web / "seed.jsonl",)),
        "classifier": TrainClassifierConfig(fasttext=small, min_lines_read=2_000, min_pages_per_label=10),
        "proposals": ProposalConfig(min_pages=10),
        "report_folds": 2,
        "rounds": 3,
        "runner": RunnerConfig(mode=Mode.INLINE),
        **changes,
    }
    return RecallConfig.model_validate(values)
