"""Shards of pages for the browser's tests: three hundred plain ones, and a dozen that attack whoever shows them."""

from __future__ import annotations

from pathlib import Path
from random import Random

from mathpipe.core.records import Formula, FormulaSource, Page, record_id_of
from mathpipe.core.store import write_records

HOSTS = ("a.example", "b.example", "c.example", "münchen.example")
SOURCES = (FormulaSource.TEX_DELIMITERS, FormulaSource.MATHML, FormulaSource.KATEX)
WORDS = ("prime", "Riemann", "surface", "recipe", "Größe", "naïve", "lemma", "group")
HOSTILE = (
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    '"><svg onload="document.title=\'owned\'">',
    "javascript:document.title='owned'",
    "{{ 7 * 7 }} {% raw %} ${7*7}",
    "\u202etxt.exe\u202c \u2066hidden\u2069",
    "nul\x00bell\x07escape\x1b[31mred",
    "' OR 1=1; DROP TABLE pages; --",
    "x" * 100_000,
    "line\u2028separator\u2029 \ufffe\uffff",
    r"$\href{javascript:alert(1)}{x}$ $$\text{</math><script>document.title='owned'</script>}$$",
    "```\n<script>document.title='owned'</script>\n\n</textarea></title></style></pre>",
)


def plain_pages(count: int = 300) -> list[Page]:
    """Pages whose every property varies, some with none: scores repeat, so that paging meets ties."""
    random = Random(5)
    pages = []
    for number in range(count):
        formulas = [Formula("x^2", False, random.choice(SOURCES)) for _ in range(random.choice((0, 0, 1, 3, 40)))]
        host = random.choice(HOSTS)
        pages.append(
            Page(
                record_id=record_id_of(str(number)),
                url=f"https://{host}/{random.choice(('wiki', 'news', 'a/b'))}/{number}.html",
                host=host,
                title=f"{random.choice(WORDS)} {number}" if number % 7 else "",
                text=" ".join(random.choices(WORDS, k=random.randrange(0, 60))),
                formulas=formulas,
                language=random.choice(("en", "de", None)),
                math_score=random.choice((0.0, 0.25, 0.5, 0.75, 1.0, None)),
            )
        )
    return pages


def hostile_pages() -> list[Page]:
    """Each attack in the title, the address, the host, the text, a formula and the origin."""
    return [
        Page(
            record_id=record_id_of(attack),
            url=attack if attack.startswith("javascript") else f"https://evil.example/{attack}",
            host=attack[:200],
            title=attack,
            text=f"{attack}\n\n{attack}\n\n${attack}$ and $$x^2$$",
            formulas=[Formula(attack, True, FormulaSource.MATHML)],
            warc=attack,
            prefilter=attack,
            language=attack[:20],
            math_score=0.5,
        )
        for attack in HOSTILE
    ]


def write_shelf(folder: Path, pages: list[Page], shards: int = 3) -> Path:
    """The pages as shards."""
    folder.mkdir(parents=True)
    size = -(-len(pages) // shards)
    for shard in range(shards):
        write_records(folder / f"shard-{shard:05d}.parquet", pages[shard * size : (shard + 1) * size], Page)
    return folder
