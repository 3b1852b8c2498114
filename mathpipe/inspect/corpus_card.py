"""The card of a published corpus (`README.md`: YAML for the hub, prose for people) and `LICENSES.md`.

In: a datasheet and the tables that were written. Out: Markdown. Text that comes from pages stands in code spans, so
that it can be no markup. The YAML follows huggingface.co/docs/hub/datasets-cards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import yaml

from mathpipe.inspect import figures
from mathpipe.inspect.corpus_parts import Part
from mathpipe.inspect.datasheet_records import Datasheet, Licences
from mathpipe.inspect.safe_text import clip, one_line

HOSTS_SHOWN = 20
_CELL_CHARS = 200
# The hub's own classes: a name and the rows it ends below.
_SIZES = (
    ("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7),
    ("10M<n<100M", 10**8), ("100M<n<1B", 10**9), ("1B<n<10B", 10**10), ("10B<n<100B", 10**11),
    ("100B<n<1T", 10**12),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CardTable:
    """One configuration of the data set: its name, the folder of its parts, and the parts."""

    name: str
    folder: str
    schema: pa.Schema
    parts: tuple[Part, ...]

    @property
    def rows(self) -> int:
        """Rows of all parts."""
        return sum(part.rows for part in self.parts)


def card(sheet: Datasheet, tables: Sequence[CardTable]) -> str:
    """The whole of `README.md`."""
    header = yaml.safe_dump(front_matter(sheet, tables), sort_keys=False, allow_unicode=True)
    return f"---\n{header}---\n\n" + "\n".join(_body(sheet, tables)) + "\n"


def front_matter(sheet: Datasheet, tables: Sequence[CardTable]) -> dict[str, Any]:
    """The card's YAML."""
    languages = [row.language for row in sheet.languages if row.language]
    return {
        "pretty_name": one_line(sheet.name),
        **({"language": languages} if languages else {}),
        **_licence_fields(sheet.licences),
        "task_categories": ["text-generation"],
        "size_categories": [size_category(tables[0].rows)],
        "tags": ["mathematics", "latex", "web-crawl", "mathpipe"],
        "configs": [
            {
                "config_name": table.name,
                "data_files": [{"split": "train", "path": f"{table.folder}/train-*.parquet"}],
                **({"default": True} if place == 0 else {}),
            }
            for place, table in enumerate(tables)
        ],
        "dataset_info": [_dataset_info(table) for table in tables],
    }


def _licence_fields(licences: Licences) -> dict[str, str]:
    if not licences.stated:
        return {"license": "unknown"}
    return {"license": "other", "license_name": "as-each-page-states", "license_link": "LICENSES.md"}


def size_category(rows: int) -> str:
    """The hub's class for a number of rows."""
    return next((name for name, end in _SIZES if rows < end), "n>1T")


def _dataset_info(table: CardTable) -> dict[str, Any]:
    size = sum(part.arrow_bytes for part in table.parts)
    return {
        "config_name": table.name,
        "features": [_feature(field) for field in table.schema],
        "splits": [{"name": "train", "num_bytes": size, "num_examples": table.rows}],
        "download_size": sum(part.size_bytes for part in table.parts),
        "dataset_size": size,
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    """A column as `datasets` writes it in YAML."""
    if pa.types.is_list(field.type):
        inner = field.type.value_type
        if pa.types.is_struct(inner):
            return {"name": field.name, "list": [_feature(one) for one in inner]}
        return {"name": field.name, "list": _dtype(inner)}
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_feature(one) for one in field.type]}
    return {"name": field.name, "dtype": _dtype(field.type)}


def _dtype(kind: pa.DataType) -> str:
    return {"double": "float64"}.get(str(kind), str(kind))


def _body(sheet: Datasheet, tables: Sequence[CardTable]) -> list[str]:
    size = sheet.size
    return [
        f"# {code(sheet.name)}",
        "",
        f"{size.pages:,} web pages about mathematics as text, their {size.formulas:,} formulas as LaTeX, from "
        f"{sheet.hosts.total:,} host{'s' if sheet.hosts.total != 1 else ''}: {size.words:,} words, "
        f"{size.characters:,} characters. All of what is known is in `datasheet.html` and `datasheet.json`.",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        *(f'{table.name} = load_dataset("PATH/TO/THIS", "{table.name}", split="train")' for table in tables),
        "```",
        "",
        *_composition(sheet),
        *_process(sheet),
        *_licence_section(sheet),
        "## Limits",
        "",
        *(f"- {limit}" for limit in sheet.limits),
        "",
        "## Left to whoever publishes this",
        "",
        "Who made it and why, whom to ask to have a page taken out, and under which terms it is passed on.",
        "",
        "## Files",
        "",
        *_table(["file", "rows", "size", "SHA-256"],
                ([code(file.path), f"{file.rows:,}", figures.size(file.size_bytes), code(file.sha256)]
                 for file in sheet.files)),
        "",
        f"mathpipe {code(sheet.mathpipe_version)}, commit {code(sheet.git_commit or 'not known')}, configuration "
        f"{code(sheet.config_sha256)}, finished {code(sheet.finished)}.",
    ]  # fmt: skip


def _composition(sheet: Datasheet) -> list[str]:
    languages = ", ".join(f"{code(row.language or 'not told')} {row.pages:,}" for row in sheet.languages)
    shown = min(HOSTS_SHOWN, len(sheet.hosts.top))
    return [
        "## Composition",
        "",
        *([f"Languages, in pages: {languages}.", ""] if languages else []),
        *_table(["formulas stood in their page as", "formulas", "pages"],
                ([code(row.source), f"{row.formulas:,}", f"{row.pages:,}"] for row in sheet.formulas)),
        "",
        f"The {shown} largest of {sheet.hosts.total:,} hosts:" if shown < sheet.hosts.total else "Hosts:",
        "",
        *_table(["host", "pages", "share"],
                ([code(row.host), f"{row.pages:,}", figures.share(row.share, 1)] for row in sheet.hosts.top[:shown])),
        "",
    ]  # fmt: skip


def _process(sheet: Datasheet) -> list[str]:
    sources = sheet.sources
    archives = f"{sources.archives:,} archive{'s' if sources.archives != 1 else ''}"
    dates = f", crawled {code(sources.first_crawl_date[:10])} to {code(sources.last_crawl_date[:10])}"
    return [
        "## How it was made",
        "",
        f"{sources.records:,} responses of {archives} of a web crawl were read"
        f"{dates if sources.first_crawl_date else ''}; each step takes what the one before it let through.",
        "",
        *_table(["step", "in", "out", "dropped, and why"],
                ([code(step.name), f"{step.rows_in:,}", f"{step.rows_out:,}",
                  ", ".join(f"{code(reason)} {count:,}" for reason, count in step.dropped.items())]
                 for step in sheet.steps)),
        "",
        f"{sheet.quarantined.records:,} records failed and are not here.",
        "",
        *_decontamination(sheet),
    ]  # fmt: skip


def _decontamination(sheet: Datasheet) -> list[str]:
    clean = sheet.decontamination
    if clean is None:
        return ["Decontamination: this run holds no certificate.", ""]
    planted = ", ".join(f"{code(row.rewrite)} {row.found:,} of {row.planted:,}" for row in clean.planted)
    return [
        f"Decontamination: {clean.pages_searched:,} pages were searched for benchmark items and "
        f"{clean.pages_removed:,} removed. Items planted in clean pages, as they stand and rewritten, and found: "
        f"{planted or 'none planted'}.",
        "",
        *_table(["benchmark protected", "items", "too short to find", "pages removed"],
                ([code(row.benchmark), f"{row.items:,}", f"{row.not_matchable:,}", f"{row.removed_pages:,}"]
                 for row in clean.benchmarks)),
        "",
    ]  # fmt: skip


def _licence_section(sheet: Datasheet) -> list[str]:
    licences = sheet.licences
    counts = (
        f"{licences.stated:,} pages state a licence, {licences.none_stated:,} state none: see `LICENSES.md`."
        if licences.recorded
        else "Statements were not read in this run."
    )
    return ["## Licences", "", f"{counts} {licences.note}", ""]


def licences_page(sheet: Datasheet) -> str:
    """The whole of `LICENSES.md`."""
    licences = sheet.licences
    lines = ["# Licences seen", "", licences.note, ""]
    if not licences.recorded:
        lines += ["Statements were not read in this run."]
    else:
        lines += [
            f"{licences.none_stated:,} of {sheet.size.pages:,} pages state none. The column `license` holds each "
            "page's own; a short name stands for a licence that is known, an address is given as the page gives it.",
            "",
            *_table(["stated", "pages", "hosts"],
                    ([code(row.license), f"{row.pages:,}", f"{row.hosts:,}"] for row in licences.rows)),
        ]  # fmt: skip
        if licences.others:
            lines += ["", f"And {licences.others:,} pages of licences seen less often."]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Text from elsewhere as a code span that nothing in it can end, on one line and of bounded length."""
    plain = clip(one_line(text), _CELL_CHARS).replace("`", "'").replace("|", "\\|")
    return f"`{plain}`" if plain else ""


def _table(heads: list[str], rows: Iterable[list[str]]) -> list[str]:
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *body] if body else []
