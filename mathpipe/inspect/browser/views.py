"""The browser's pages as HTML: what the catalog and the shards say, through templates that escape every value.

In: a `Filter` and what the address names besides. Out: HTML. The pages work without their script; it adds keys and
filtering while typing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from math import log10
from pathlib import Path
from typing import Any

import jinja2

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.core.prefix_decisions import Decision, decision_for, read_decisions
from mathpipe.inspect.browser import drawings
from mathpipe.inspect.browser.catalog import Bin, Catalog, Group, PageList, prefix_of
from mathpipe.inspect.browser.filters import SORTS, Filter
from mathpipe.inspect.browser.mentions import can_be_found
from mathpipe.inspect.browser.preparation import Progress
from mathpipe.inspect.browser.records import format_counts, read_record, read_texts, record_facts, text_part
from mathpipe.inspect.browser.snippets import Snippet, phrases_of, snippet
from mathpipe.inspect.browser.source import Source
from mathpipe.inspect.explain import Explanation, explain
from mathpipe.inspect.figures import short, whole
from mathpipe.inspect.report import page_environment
from mathpipe.inspect.safe_text import visible

ASSETS = {
    "report.css": "text/css; charset=utf-8",
    "browser.css": "text/css; charset=utf-8",
    "browser.js": "text/javascript; charset=utf-8",
}
HOSTS_DRAWN = 60
PREFIXES_SHOWN = 200
CLUSTERS_SHOWN = 200
_CHOICES = 30  # values that a list of the form offers


@dataclass(frozen=True, slots=True)
class PrefixRow:
    """A prefix with its pages and what was decided: for it, or for one above it."""

    group: Group
    prefix: str  # as decisions name it; empty where they cannot
    own: Decision | None
    inherited: Decision | None
    deeper: bool


class Views:
    """Renders pages of one source."""

    def __init__(self, source: Source, catalog: Catalog, decisions: Path | None, token: str) -> None:
        self._source = source
        self.catalog = catalog
        self._decisions = decisions
        self._environment = browser_environment()
        self._environment.globals.update(
            name=source.name, catalog=catalog, token=token, deciding=decisions is not None, run=source.run,
            step=source.steps[-1].name, sources=len(source.files),
        )  # fmt: skip

    def follow(self, progress: Callable[[], Progress]) -> None:
        """Show on every page how far the indexes are."""
        self._environment.globals.update(progress=progress, told_progress=self.progress)

    def overview(self, asked: Filter) -> str:
        """Counts, histograms, formats, hosts; of shards whose table is being made, only how far it is."""
        if not self.catalog.whole:
            return self._render("preparing", asked=asked, choices=self._choices())
        with self.catalog.only(asked) as (catalog, rest):
            counts = self._counts(asked, catalog, rest)
        hosts = counts["hosts"]
        treemap = drawings.treemap(
            hosts,
            counts["totals"].pages - sum(host.pages for host in hosts),
            lambda name: asked.but(host=name).address("/"),
        )
        return self._render("overview", asked=asked, treemap=treemap, choices=self._choices(), **counts)

    def _counts(self, asked: Filter, catalog: Catalog, rest: Filter) -> dict[str, Any]:
        return {
            "totals": catalog.totals(rest),
            "histograms": self._histograms(asked, catalog, rest),
            "hosts": catalog.groups(rest, "host", HOSTS_DRAWN),
            "formats": catalog.formats(rest),
            "languages": catalog.groups(rest, "language", _CHOICES),
            "fates": catalog.groups(rest, "fate", _CHOICES) if catalog.judged else [],
        }

    def _histograms(self, asked: Filter, catalog: Catalog, rest: Filter) -> list[dict[str, Any]]:
        shapes = (
            ("score", "Mathematics score", "pages in 20 steps", catalog.scores(rest)),
            ("length", "Text length", "characters, in halves of an octave", catalog.sizes(rest, "length", 2)),
            ("formulas", "Formulas a page", "the first column is pages without any",
             catalog.sizes(rest, "formulas", 1)),
        )  # fmt: skip
        return [
            {
                "title": title,
                "note": note,
                "drawn": drawings.columns(bins, lambda bin_, n=name: _range(asked, n, bin_), _told),  # type: ignore[misc]
                "ticks": _ticks(bins),
                "peak": max(bin_.kept + bin_.gone for bin_ in bins),
            }
            for name, title, note, bins in shapes
            if any(bin_.kept or bin_.gone for bin_ in bins)
        ]

    def pages(self, asked: Filter, values: Mapping[str, str]) -> str:
        """The list of pages."""
        listing = self.catalog.pages(asked, after=_number(values, "after"), before=_number(values, "before"))
        return self._render(
            "pages", asked=asked, listing=listing, choices=self._choices(), sorts=list(SORTS),
            snippets=self._snippets(listing, asked.text) if values.get("snippets") else {},
            phrases=phrases_of(asked.text),
            here_with_snippets=asked.address(
                "/pages", **{name: values[name] for name in ("after", "before") if values.get(name)}, snippets=1
            ),
        )  # fmt: skip

    def _snippets(self, listing: PageList, text: str) -> dict[int, Snippet]:
        """Where the words that were searched for stand in the text of each row, by its number."""
        if not text:
            return {}
        places = {row.number: self.catalog.place_of_record(row.number) for row in listing.rows}
        texts = read_texts(self._source.files, list(places.values()))
        return {number: snippet(texts[place], text) for number, place in places.items() if place in texts}

    def page(self, number: int, asked: Filter, values: Mapping[str, str]) -> str | None:
        """One page in full; None where there is none of this number."""
        row = self.catalog.page(number)
        if row is None:
            return None
        file, file_row = self.catalog.place_of_record(number)
        shard = self._source.files[file]
        record = read_record(shard, file_row)
        if (record.get("record_id") or "") != row.record_id:
            raise CorruptShardError(
                str(shard), "it was written anew since this server read it", "start the browser again"
            )
        text = str(record.get("text") or "")
        prefix = prefix_of(row.url)
        decisions = self._read_decisions()
        return self._render(
            "page",
            asked=asked,
            row=row,
            part=text_part(text, _number(values, "part") or 1),
            facts=record_facts(record),
            shard=f"{shard}, row {file_row}",
            formats=format_counts(record),
            explanation=self._explanation(row.record_id) if row.record_id and self.catalog.whole else None,
            cluster=self.catalog.cluster_of(row.record_id),
            prefix=prefix,
            own=decisions.get(prefix),
            inherited=decision_for(row.url, decisions),
            before=self.catalog.neighbour(asked, number, back=True),
            after=self.catalog.neighbour(asked, number, back=False),
        )

    def _explanation(self, asked: str) -> Explanation | None:
        """What `explain` says, from the files that the index names; all are read where it cannot tell."""
        run, tables = self._source.run, self._source.tables
        if run is None:
            return None
        known = self.catalog.tables_of(asked)
        if known is not None or (self.catalog.whole and can_be_found(asked)):
            without = frozenset(tables) - {tables[place] for place in known or ()}
            explanation = explain(run, asked, self._source.funnel, without=without)
            if explanation.records:
                return explanation
            if known is None and not self._source.has_grown():
                return replace(explanation, near=self.catalog.near(asked))
        return explain(run, asked, self._source.funnel)

    def prefixes(self, asked: Filter) -> str:
        """Path prefixes with their hit rates and what was decided."""
        decisions = self._read_decisions()
        rows = []
        for group in self.catalog.prefixes(asked, PREFIXES_SHOWN):
            # A beginning that a person typed may end amid a name: pages are counted below it, but it is no prefix.
            prefix = prefix_of(group.name) if group.name.endswith("/") else ""
            own = decisions.get(prefix)
            inherited = None if own is not None else decision_for(group.name, decisions)
            rows.append(PrefixRow(group, prefix, own, inherited, deeper=group.name != asked.under))
        return self._render(
            "prefixes", asked=asked, rows=rows, limit=PREFIXES_SHOWN, decided=decisions, file=self._decisions,
            choices=self._choices(),
        )  # fmt: skip

    def clusters(self) -> str:
        """The largest near-duplicate clusters."""
        return self._render("clusters", clusters=self.catalog.clusters(CLUSTERS_SHOWN))

    def explained(self, url: str) -> str:
        """What `mathpipe explain URL` says."""
        explanation, fault = None, ""
        if url.strip():
            try:
                explanation = self._explanation(url)
            except InputError as error:
                fault = str(error)
        return self._render(
            "explain", url=url, explanation=explanation, fault=fault, number=self.catalog.find(url.strip())
        )

    def progress(self, progress: Progress) -> str:
        """What is being made and how far it is, for people; empty when everything is there."""
        counted = f"{whole(progress.files)} of {whole(progress.of)} files read"
        if progress.fault:
            return visible(progress.fault)
        if progress.made == "table":
            later = "text lengths, charts and the search over text"
            if len(self._source.steps) > 1:
                later += f", and the pages that did not come to {self._source.steps[-1].name},"
            return f"The table of all pages is being made: {counted}. Until then {later} are missing."
        return f"Search over text is being prepared: {counted}; until then it finds nothing." if progress.made else ""

    def fault(self, message: str) -> str:
        """A page that says what went wrong."""
        return self._render("fault", message=message)

    def _read_decisions(self) -> dict[str, Decision]:
        return {} if self._decisions is None else read_decisions(self._decisions)

    @cache  # noqa: B019 - one `Views` a server; what the lists offer does not change
    def _choices(self) -> dict[str, list[str]]:
        everything = Filter()
        if not self.catalog.whole:  # each would be a scan of all shards
            return {"language": [], "format": [], "fate": []}
        return {
            "language": [group.name for group in self.catalog.groups(everything, "language", _CHOICES) if group.name],
            "format": [name for name, _ in self.catalog.formats(everything)[:_CHOICES] if name],
            "fate": [group.name for group in self.catalog.groups(everything, "fate", 100) if group.name],
        }

    def _render(self, template: str, **values: Any) -> str:
        return self._environment.get_template(f"browser/{template}.html").render(**values)


def browser_environment() -> jinja2.Environment:
    """The report's environment: every value escaped, figures written alike."""
    environment = page_environment()
    environment.globals["Filter"] = Filter
    return environment


def asset_bytes(name: str) -> bytes:
    """A style sheet or script by one of the names in `ASSETS`."""
    folder = resources.files("mathpipe.inspect")
    return (folder / name if name == "report.css" else folder / "browser" / name).read_bytes()


def _number(values: Mapping[str, str], name: str) -> int | None:
    value = values.get(name, "")
    if not value:
        return None
    if not value.isascii() or not value.isdecimal() or len(value) > 15:
        raise InputError(name, "the number of a page", "go back to the list")
    return int(value)


def _range(asked: Filter, column: str, of: Bin) -> str:
    """The address of the pages in one column; the lists' limits are inclusive, a column's upper edge is not."""
    if column == "score":
        low, high = f"{of.low:g}", f"{of.high:g}"
    else:
        low, high = f"{_first_at(of.low)}", f"{max(_first_at(of.high) - 1, _first_at(of.low))}"
    return asked.but(**{f"min_{column}": low, f"max_{column}": high}).address("/pages")


def _first_at(edge: float) -> int:
    """The first whole number from an edge on."""
    return int(edge) if edge == int(edge) else int(edge) + 1


def _told(of: Bin) -> str:
    if of.high <= 1 and of.low < 1:
        return f"{of.low:.2f} to {of.high:.2f}" if of.high > of.low + 0.01 and of.high - of.low < 0.5 else "none"
    return f"{short(_first_at(of.low))} to {short(max(_first_at(of.high) - 1, _first_at(of.low)))}"


def _ticks(bins: list[Bin]) -> list[str]:
    """Five labels under the columns, evenly apart."""
    if len(bins) < 4:
        return [_edge(bins[0].low), _edge(bins[-1].high)] if bins else []
    edges = [column.low for column in bins] + [bins[-1].high]
    return [_edge(_between(edges, place / 4)) for place in range(5)]


def _between(edges: list[float], share: float) -> float:
    """The value at a share of the axis: columns are equally wide whatever they span."""
    place = share * (len(edges) - 1)
    low = min(int(place), len(edges) - 2)
    return edges[low] + (place - low) * (edges[low + 1] - edges[low])


def _edge(value: float) -> str:
    if value and value < 1:
        return f"{value:.2g}"
    return short(float(f"{value:.2g}")) if value and log10(value) > 0 else f"{value:.0f}"
