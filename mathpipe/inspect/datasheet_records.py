"""What a datasheet says, as values: the schema of `datasheet.json`.

The headings follow "Datasheets for Datasets" (Gebru et al., CACM 2021) as far as a run's own records can answer
them. A field is None where the run does not know; `SCHEMA` names the version, and changes where a field changes its
meaning or goes. Sizes are bytes, shares lie in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA = "mathpipe-datasheet/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The archives that were read. Dates are of the pages that the crawl step let through; empty if unknown."""

    archives: int
    size_bytes: int | None  # None where some were read by their address
    records: int
    first_crawl_date: str
    last_crawl_date: str
    names: tuple[str, ...]  # of files without their folders, of remote ones in full; the first `NAMES_LISTED`


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """What a step took in, gave out, dropped by reason, and set aside because it failed."""

    name: str
    rows_in: int
    rows_out: int
    dropped: dict[str, int]
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSize:
    """How much text there is. Tokens depend on a tokenizer; none is part of a run, so none are counted."""

    pages: int
    characters: int
    utf8_bytes: int
    words: int  # runs of anything but ASCII white space
    formulas: int
    display_formulas: int
    pages_with_formulas: int
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaRow:
    """Formulas in the text that stood in their page in one way, and on how many pages."""

    source: str
    pages: int
    formulas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRow:
    """A host, or a registrable domain, and its part of the pages."""

    host: str
    pages: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """Where the pages come from, and how much of them lies with few."""

    total: int
    registrable_domains: int | None  # None where there are too many hosts to sort out
    share_of_largest: float
    share_of_ten_largest: float
    share_of_hundred_largest: float
    hosts_with_half_of_the_pages: int
    top: tuple[HostRow, ...]
    top_domains: tuple[HostRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRow:
    """Pages in a language (ISO 639-1); an empty one where it was not told."""

    language: str
    pages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceRow:
    """A licence as pages state it, on how many pages of how many hosts."""

    license: str
    pages: int
    hosts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Licences:
    """What pages state; a page that states nothing is not free."""

    recorded: bool  # False for a run made before statements were read
    none_stated: int
    stated: int
    rows: tuple[LicenceRow, ...]  # most pages first
    others: int  # pages of licences beyond the rows
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """Clusters of pages that say the same, and the copies that were removed, by what they repeat."""

    clusters: int
    removed: int
    removed_by_reason: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """Benchmark items planted in clean pages in one way of writing, and how many the search found."""

    rewrite: str
    planted: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedBenchmark:
    """A benchmark that was looked for; `not_matchable` of its items are too short to be recognised."""

    benchmark: str
    items: int
    not_matchable: int
    removed_pages: int
    planted: tuple[Planted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decontamination:
    """The certificate's figures."""

    pages_searched: int
    pages_removed: int
    planted: tuple[Planted, ...]  # over all benchmarks
    benchmarks: tuple[ProtectedBenchmark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Records at which a step failed; they are not in the corpus."""

    records: int
    by_step: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problems:
    """Problems mined from the pages, where the run mined any."""

    problems: int
    with_answer: int
    with_solution: int
    by_kind: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFile:
    """One file of the corpus as the run wrote it; `path` is relative to the run's folder."""

    path: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet:
    """One corpus. `config_sha256` digests the settings that decide its content: all but `output` and `runner`."""

    schema: str
    name: str
    mathpipe_version: str
    git_commit: str
    libraries: tuple[str, ...]
    started: str
    finished: str
    config_sha256: str
    settings: dict[str, Any]  # of the steps that pages go through, files by their name
    sources: Sources
    steps: tuple[StepRow, ...]  # those a page goes through, in order
    other_steps: tuple[StepRow, ...]
    size: TextSize
    formulas: tuple[FormulaRow, ...]
    hosts: Hosts
    languages: tuple[LanguageRow, ...]
    licences: Licences
    duplicates: Duplicates | None
    decontamination: Decontamination | None
    quarantined: Quarantine
    problems: Problems | None
    limits: tuple[str, ...]
    files: tuple[ShardFile, ...]
