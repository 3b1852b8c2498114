"""A run of ten pages, written by the spine's own classes: one page for each thing that can become of one.

kept       /gauss      a.example, two formulas          dropped by language   /deutsch
kept       /hostile    its text, title and URL attack   dropped by quality    /short
kept       /plain      b.example, no formulas           dropped by classify   /cooking (score 0.12)
failed     /poison     quarantined in the crawl         dropped by deduplicate /copy
dropped by crawl /forum                                 dropped by decontaminate /leak
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mathpipe.core.manifest import Manifest, OutputFile, ShardEntry
from mathpipe.core.metrics import Failure, JsonLines, Ledger
from mathpipe.core.records import Drop, Formula, FormulaCount, FormulaSource, Page, record_id_of
from mathpipe.core.store import write_records

HOSTILE_URL = 'javascript:alert("url")'
HOSTILE_TITLE = "<script>alert('title')</script>"
HOSTILE_TEXT = (
    "</p></style><img src=x onerror=alert(1)> [bold red]markup[/] \x1b[31mred\x1b[0m \u202eesrever\n\n"
    r"$\text{<script>alert('tex')</script>}$ and $\href{javascript:alert(2)}{x}$"
)
CERTIFICATE = {
    "pages": 4,
    "removed": 1,
    "benchmarks": [
        {
            "benchmark": "gsm8k_test",
            "items": 1319,
            "by_ngram": 1300,
            "by_whole": 15,
            "not_matchable": 4,
            "planted": [
                {"rewrite": "verbatim", "matchable": "ngram", "planted": 190, "found": 190},
                {"rewrite": "verbatim", "matchable": "whole", "planted": 10, "found": 10},
                {"rewrite": "latex", "matchable": "ngram", "planted": 200, "found": 197},
            ],
            "removed_pages": 1,
        }
    ],
    "removed_sample": [
        {"url": "https://b.example/leak", "benchmark": "gsm8k_test", "item_id": "7", "matched": "<b>clips</b> to 48"}
    ],
}


def page(
    path: str, text: str, *, host: str = "a.example", latex: Sequence[str] = (), found: int | None = None
) -> Page:
    """A page of the crawl; its formulas are delimited, the first one display."""
    formulas = [Formula(tex, place == 0, FormulaSource.TEX_DELIMITERS) for place, tex in enumerate(latex)]
    counts = [FormulaCount(FormulaSource.TEX_DELIMITERS, len(latex) if found is None else found, len(latex))]
    return Page(
        record_id=record_id_of(path),
        url=f"https://{host}{path}",
        host=host,
        title=f"Title of {path}",
        text=text,
        formulas=formulas,
        formula_counts=counts if latex else [],
        charset="utf-8",
        prefilter="markup:$$" if latex else "ngrams:0.031",
        warc="crawl-0.warc.gz",
        warc_offset=100,
        warc_length=50,
        crawl_date="2024-02-11T10:00:00Z",
    )


GAUSS = page(
    "/gauss", "The Gaussian integral\n\n$$\\int e^{-x^2}\\,dx$$ . It costs \\$5.", latex=["\\int", "x"], found=3
)
HOSTILE = replace(
    page("/hostile", HOSTILE_TEXT, host="evil.example", latex=["\\text{x}"]), url=HOSTILE_URL, title=HOSTILE_TITLE
)
PLAIN = page("/plain", "Every bounded sequence has\na convergent subsequence.", host="b.example")
DEUTSCH = page("/deutsch", "Jede beschränkte Folge")
SHORT = page("/short", "x")
COOKING = page("/cooking", "Two eggs and a spoon of flour", host="b.example")
COPY = page("/copy", "The Gaussian integral, again", host="b.example")
LEAK = page("/leak", "Natalia sold clips to 48 of her friends", host="b.example")
FORUM_ID, POISON_ID = record_id_of("/forum"), record_id_of("/poison")


def drop(dropped: Page, reason: str, detail: str = "") -> Drop:
    """A drop of the page."""
    return Drop(dropped.record_id, reason, dropped.url, detail)


def write_step(
    run: Path, name: str, shards: Sequence[tuple[Sequence[Page], Sequence[Drop]]], *, failed: int = 0
) -> None:
    """One finished step: shards, drops, manifest and events."""
    folder = run / "steps" / name
    folder.mkdir(parents=True)
    manifest, events = Manifest(folder), JsonLines(run / "metrics.jsonl")
    events.write(event="step_started", step=name, shards=len(shards), todo=len(shards))
    for shard, (pages, drops) in enumerate(shards):
        written = [
            write_records(folder / f"shard-{shard:05d}.parquet", pages, Page),
            write_records(folder / f"drops-{shard:05d}.parquet", drops, Drop),
        ]
        reasons = [dropped.reason for dropped in drops]
        manifest.add(
            ShardEntry(
                shard=shard,
                key="k",
                inputs=(),
                rows_in=len(pages) + len(drops) + (failed if shard == 0 else 0),
                rows_out=len(pages),
                seconds=0.5,
                peak_rss_bytes=100_000_000 + shard,
                bytes_in=1_000_000,
                dropped={reason: reasons.count(reason) for reason in sorted(set(reasons))},
                quarantined=failed if shard == 0 else 0,
                outputs=tuple(OutputFile(file.path.name, file.size_bytes, file.digest) for file in written),
            )
        )
    events.write(event="step_finished", step=name)


def write_certificate(run: Path, content: str) -> None:
    """A certificate step whose only output is `certificate.json`."""
    folder = run / "steps" / "certificate"
    (folder / "files-00000").mkdir(parents=True)
    (folder / "files-00000" / "certificate.json").write_text(content)
    entry = ShardEntry(0, "k", (), 4, 1, 0.1, 1, 1, outputs=(OutputFile("files-00000/certificate.json", 1, ""),))
    Manifest(folder).add(entry)


def write_run(run: Path) -> Path:
    """The whole run."""
    run.mkdir(parents=True)
    forum = Drop(FORUM_ID, "no-math-seen", "https://a.example/forum", "")
    write_step(
        run,
        "crawl",
        [([GAUSS, HOSTILE, PLAIN, DEUTSCH], [forum]), ([SHORT, COOKING, COPY, LEAK], [])],
        failed=1,
    )
    english = [replace(p, language="en", language_score=0.98) for p in (GAUSS, HOSTILE, PLAIN)]
    others = [replace(p, language="en", language_score=0.9) for p in (SHORT, COOKING, COPY, LEAK)]
    write_step(run, "language", [(english, [drop(DEUTSCH, "other-language", "de 0.99")]), (others, [])])
    write_step(run, "quality", [(english, []), (others[1:], [drop(SHORT, "too-short", "1 word")])])
    scores = (0.97, 0.75, 0.51)
    math = [replace(p, math_score=score) for p, score in zip(english, scores, strict=True)]
    rest = [replace(p, math_score=0.9) for p in others[2:]]
    write_step(run, "classify", [(math, []), (rest, [drop(COOKING, "not-math", "0.1200")])])
    single = [replace(p, copies=1) for p in math]
    leak = [replace(p, copies=1) for p in rest[1:]]
    write_step(run, "deduplicate", [(single, []), (leak, [drop(COPY, "duplicate-near", GAUSS.url)])])
    write_step(
        run, "decontaminate", [(single, []), ([], [drop(LEAK, "contaminated", "gsm8k_test 7 (words): clips")])]
    )
    write_certificate(run, json.dumps(CERTIFICATE))
    write_step(run, "curate", [(single, []), ([], [])])
    poison = Failure(
        "crawl", 0, POISON_ID, "https://a.example/poison", "quarantined", "ValueError: <i>deep</i>", "tb"
    )
    Ledger(run / "ledger.jsonl").add(poison)
    (run / "run.json").write_text(
        json.dumps(
            {
                "name": "small <run>",
                "started": "2024-05-01T10:00:00.000+00:00",
                "finished": "2024-05-01T10:01:30.000+00:00",
                "git_commit": "0123456789abcdef",
                "mathpipe_version": "0.1.0",
                "mode": "inline",
                "workers": 2,
                "config": {"name": "small", "classify": {"threshold": 0.5}},
            }
        )
    )
    return run
