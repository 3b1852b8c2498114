"""The figures of a run, computed from its shards by DuckDB: what the report shows, before any HTML.

In: a `RunFolder` and the steps of the funnel. Out: frozen dataclasses. Every query aggregates inside DuckDB
under a memory limit, so that a million pages cost no more Python objects than a thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mathpipe.inspect.run_folder import RunFolder, StepWork
from mathpipe.inspect.tables import Tables

HOSTS_SHOWN = 30
SAMPLES_SHOWN = 12
GROUPS_SHOWN = 12
SCORE_BINS = 20
_SAMPLE_CHARACTERS = 20_000  # read for a sample: the part shown is chosen among them


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of equal width, of what went on and of what did not; `ticks` are (position 0..1, label)."""

    labels: tuple[str, ...]
    kept: tuple[int, ...]
    gone: tuple[int, ...]
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class HostRow:
    """One host: pages read as mathematics candidates, pages kept to the end, mean score and formulas of these."""

    host: str
    pages: int
    kept: int
    score: float | None
    formulas: int


@dataclass(frozen=True, slots=True)
class FormatRow:
    """Formulas of one source type: on how many pages, how many found and emitted."""

    source: str
    pages: int
    found: int
    emitted: int


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Pages that share a value (a language, what the prefilter saw), and how many of them were kept to the end."""

    name: str
    pages: int
    kept: int


@dataclass(frozen=True, slots=True)
class Sample:
    """One curated page as a person reads it."""

    record_id: str
    url: str
    host: str
    title: str
    text: str
    language: str
    score: float | None
    formulas: int
    characters: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What came out at the end."""

    pages: int = 0
    hosts: int = 0
    formulas: int = 0
    display_formulas: int = 0
    pages_with_formulas: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything that is measured over the pages of a run; None or empty where the run holds no such data."""

    funnel: tuple[StepWork, ...]
    kept: Kept
    first_step: str
    last_step: str
    scores: Histogram | None
    score_step: str
    lengths: Histogram | None
    hosts: tuple[HostRow, ...]
    hosts_total: int
    formats: tuple[FormatRow, ...]
    languages: tuple[GroupRow, ...]
    evidence: tuple[GroupRow, ...]
    samples: tuple[Sample, ...]


def read_facts(run: RunFolder, work: Sequence[StepWork], funnel: Sequence[str]) -> RunFacts:
    """Compute all figures; steps of the funnel that did not run are left out."""
    by_name = {step.name: step for step in work}
    steps = [name for name in funnel if name in by_name]
    with Tables() as tables:
        paged = [name for name in steps if tables.add_pages(name, run.shards(name))]
        first, last = (paged[0], paged[-1]) if paged else ("", "")
        scored = next((name for name in paged if tables.has_values(name, "math_score")), "")
        return RunFacts(
            funnel=tuple(by_name[name] for name in steps),
            kept=_kept(tables, last) if paged else Kept(),
            first_step=first,
            last_step=last,
            scores=_scores(tables, scored, run.drops(scored)) if scored else None,
            score_step=scored,
            lengths=_lengths(tables, first, last) if paged else None,
            hosts=_hosts(tables, first, last) if paged else (),
            hosts_total=tables.number(f"SELECT count(DISTINCT host) FROM {tables.name(first)}") if paged else 0,
            formats=_formats(tables, first) if paged else (),
            languages=_languages(tables, paged, run),
            evidence=_evidence(tables, first, last) if paged else (),
            samples=_samples(tables, last) if paged else (),
        )


def _kept(tables: Tables, last: str) -> Kept:
    row = tables.rows(f"""
        SELECT count(*), count(DISTINCT host), sum(len(formulas)),
               sum(len(list_filter(formulas, lambda formula: formula.display))),
               count(*) FILTER (len(formulas) > 0), sum(length(text))
        FROM {tables.name(last)}
    """)[0]
    return Kept(*(int(value or 0) for value in row))


def _scores(tables: Tables, step: str, drops: Sequence[Path]) -> Histogram:
    """The scores of pages that went on are in their rows; a dropped page's score is the number in its detail."""
    kept = tables.bins(f"SELECT math_score AS value FROM {tables.name(step)}", SCORE_BINS)
    gone = [0] * SCORE_BINS
    if tables.add("score_drops", drops):
        gone = tables.bins(
            "SELECT TRY_CAST(regexp_extract(detail, '[01]?\\.\\d+(?:e-?\\d+)?|\\b[01]\\b') AS DOUBLE) AS value "
            "FROM score_drops",
            SCORE_BINS,
        )
    edges = [place / SCORE_BINS for place in range(SCORE_BINS + 1)]
    labels = tuple(f"{low:.2f} to {high:.2f}" for low, high in pairwise(edges))
    ticks = tuple((place / 4, f"{place / 4:g}") for place in range(5))
    return Histogram(labels, tuple(kept), tuple(gone), ticks)


def _lengths(tables: Tables, first: str, last: str) -> Histogram:
    """Text lengths in halves of an octave; from the first page step's output, parted by who reached the last."""
    bin_of = "floor(2 * log2(greatest(length(text), 1)))::INTEGER"
    rows = tables.rows(f"""
        SELECT {bin_of} AS bin, count(*) - count(kept.record_id), count(kept.record_id)
        FROM {tables.name(first)} AS pages
        LEFT JOIN (SELECT DISTINCT record_id FROM {tables.name(last)}) AS kept USING (record_id)
        GROUP BY bin ORDER BY bin
    """)
    if not rows:
        return Histogram((), (), (), ())
    by_bin = {int(row[0]): (int(row[1]), int(row[2])) for row in rows}
    low, high = min(by_bin), max(by_bin)
    bins = range(low, high + 1)
    labels = tuple(f"{2 ** (at / 2):,.0f} to {2 ** ((at + 1) / 2):,.0f} characters" for at in bins)
    ticks = tuple(
        ((2 * power * 3.321928 - low) / len(bins), f"{10**power:,}")
        for power in range(1, 9)
        if low <= 2 * power * 3.321928 <= high + 1  # log2(10): ticks at powers of ten
    )
    gone, kept = zip(*(by_bin.get(at, (0, 0)) for at in bins), strict=True)
    return Histogram(labels, kept, gone, ticks)


def _hosts(tables: Tables, first: str, last: str) -> tuple[HostRow, ...]:
    rows = tables.rows(f"""
        WITH seen AS (SELECT host, count(*) AS pages FROM {tables.name(first)} GROUP BY host),
             kept AS (SELECT host, count(*) AS pages, avg(math_score) AS score, sum(len(formulas)) AS formulas
                      FROM {tables.name(last)} GROUP BY host)
        SELECT seen.host, seen.pages, coalesce(kept.pages, 0), kept.score, coalesce(kept.formulas, 0)
        FROM seen LEFT JOIN kept USING (host)
        ORDER BY coalesce(kept.pages, 0) DESC, seen.pages DESC, seen.host LIMIT {HOSTS_SHOWN}
    """)
    return tuple(HostRow(str(r[0]), int(r[1]), int(r[2]), r[3], int(r[4])) for r in rows)


def _formats(tables: Tables, first: str) -> tuple[FormatRow, ...]:
    rows = tables.rows(f"""
        WITH counts AS (SELECT record_id, unnest(formula_counts, recursive := true) FROM {tables.name(first)})
        SELECT source, count(DISTINCT record_id), sum(found), sum(emitted) FROM counts
        GROUP BY source ORDER BY sum(found) DESC, source
    """)
    return tuple(FormatRow(str(r[0]), int(r[1]), int(r[2]), int(r[3])) for r in rows)


def _languages(tables: Tables, paged: Sequence[str], run: RunFolder) -> tuple[GroupRow, ...]:
    """Languages of pages that passed the language step, and of those it dropped (`de 0.99` in their detail)."""
    known = next((name for name in paged if tables.has_values(name, "language")), "")
    if not known:
        return ()
    value = "coalesce(language, '?')"
    kept = {row.name: row for row in _groups(tables, value, known, paged[-1], limit=1_000)}
    dropped: dict[str, int] = {}
    if tables.add("language drops", run.drops(known)):
        dropped = dict(
            tables.rows("""
                SELECT regexp_extract(detail, '^([a-z]{2,3}) [01]', 1) AS language, count(*)
                FROM "language drops" WHERE language <> '' GROUP BY language
            """)
        )
    rows = [
        GroupRow(name, pages=dropped.get(name, 0) + (row.pages if row else 0), kept=row.kept if row else 0)
        for name in {*kept, *dropped}
        for row in [kept.get(name)]
    ]
    return tuple(sorted(rows, key=lambda row: (-row.pages, row.name))[:GROUPS_SHOWN])


def _evidence(tables: Tables, first: str, last: str) -> tuple[GroupRow, ...]:
    """By the keyword that let a page through; a score in that place would make every page its own group."""
    if not tables.has_values(first, "prefilter"):
        return ()
    return _groups(tables, "regexp_replace(prefilter, ':[0-9.e-]+$', '')", first, last)


def _groups(tables: Tables, value: str, first: str, last: str, limit: int = GROUPS_SHOWN) -> tuple[GroupRow, ...]:
    rows = tables.rows(f"""
        WITH seen AS (SELECT {value} AS name, count(*) AS pages FROM {tables.name(first)} GROUP BY name),
             kept AS (SELECT {value} AS name, count(*) AS pages FROM {tables.name(last)} GROUP BY name)
        SELECT seen.name, seen.pages, coalesce(kept.pages, 0) FROM seen LEFT JOIN kept USING (name)
        ORDER BY seen.pages DESC, seen.name LIMIT {limit}
    """)
    return tuple(GroupRow(str(row[0]), int(row[1]), int(row[2])) for row in rows)


def _samples(tables: Tables, last: str) -> tuple[Sample, ...]:
    """Pages with formulas in an order that only their identifiers decide, one a host before a second of any."""
    rows = tables.rows(f"""
        WITH ranked AS (
            SELECT record_id, row_number() OVER (PARTITION BY host ORDER BY md5(record_id)) AS turn
            FROM {tables.name(last)} WHERE len(formulas) > 0),
        chosen AS (SELECT * FROM ranked ORDER BY turn, md5(record_id), record_id LIMIT {SAMPLES_SHOWN})
        SELECT record_id, url, host, title, left(text, {_SAMPLE_CHARACTERS}), coalesce(language, ''), math_score,
               len(formulas), length(text)
        FROM {tables.name(last)} JOIN chosen USING (record_id) ORDER BY turn, md5(record_id), record_id
        LIMIT {SAMPLES_SHOWN}
    """)
    return tuple(Sample(*row) for row in rows)
