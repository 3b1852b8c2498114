"""Where a corpus comes from: hosts, registrable domains, and how much lies with few of them.

In: a view of pages. Out: `Hosts`. Registrable domains follow the Public Suffix List that the `tld` package ships, its
private part too: two blogs of one hoster are two.
"""

from __future__ import annotations

from collections import Counter

from mathpipe.inspect.datasheet_records import HostRow, Hosts
from mathpipe.inspect.tables import Tables

HOSTS_LISTED = 100
# A host costs 4 to 15 µs to look up and a few hundred bytes to hold; beyond this the count is left out.
_MAX_HOSTS_SORTED_OUT = 500_000


def hosts_of(tables: Tables, step: str) -> Hosts:
    """Counts over the pages of a step."""
    view = tables.name(step)
    total, pages, one, ten, hundred, half = (
        int(value or 0)
        for value in tables.rows(f"""
        WITH counts AS (SELECT host, count(*) AS pages FROM {view} GROUP BY host),
             ranked AS (SELECT row_number() OVER (ORDER BY pages DESC, host) AS rank,
                               sum(pages) OVER (ORDER BY pages DESC, host) AS reached,
                               sum(pages) OVER () AS pages FROM counts)
        SELECT count(*), max(pages), max(reached) FILTER (rank <= 1), max(reached) FILTER (rank <= 10),
               max(reached) FILTER (rank <= 100), min(rank) FILTER (2 * reached >= pages) FROM ranked
    """)[0]
    )
    rows = [
        (str(host), int(count))
        for host, count in tables.rows(f"""
        SELECT host, count(*) FROM {view} GROUP BY host ORDER BY count(*) DESC, host
        LIMIT {_MAX_HOSTS_SORTED_OUT if total <= _MAX_HOSTS_SORTED_OUT else HOSTS_LISTED}
    """)
    ]
    domains = _domains(rows) if total <= _MAX_HOSTS_SORTED_OUT else None
    return Hosts(
        total=total,
        registrable_domains=None if domains is None else len(domains),
        share_of_largest=_share(one, pages),
        share_of_ten_largest=_share(ten, pages),
        share_of_hundred_largest=_share(hundred, pages),
        hosts_with_half_of_the_pages=half,
        top=tuple(_row(host, count, pages) for host, count in rows[:HOSTS_LISTED]),
        top_domains=tuple(_row(name, count, pages) for name, count in (domains or [])[:HOSTS_LISTED]),
    )


def _domains(hosts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Registrable domains with their pages, most first; an address or an unknown suffix counts as it is."""
    counts: Counter[str] = Counter()
    for host, pages in hosts:
        counts[registrable_domain(host)] += pages
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def registrable_domain(host: str) -> str:
    """`math.stackexchange.com` to `stackexchange.com`, `a.github.io` to itself; the host where there is none."""
    from tld import get_fld  # reads its list of suffixes when first asked

    try:
        found = get_fld(f"http://{host}/", fail_silently=True, search_private=True)
    except ValueError:  # brackets of a broken IPv6 address
        found = None
    return found if isinstance(found, str) else host


def _row(host: str, pages: int, total: int) -> HostRow:
    return HostRow(host=host, pages=pages, share=_share(pages, total))


def _share(part: int, total: int) -> float:
    return round(part / total, 6) if total else 0.0
