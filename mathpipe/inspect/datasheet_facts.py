"""Reads a finished run's records into a `Datasheet`: counts from manifests, figures from the curated shards.

In: a `RunFolder` of a run that finished as a whole, and the steps that a page goes through. Out: a `Datasheet`. Every
curated shard is read whole once, so that its SHA-256 can be given and its digest compared with the manifest's. The
same run gives the same values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mathpipe.core.errors import InputError
from mathpipe.core.manifest import Manifest, OutputFile
from mathpipe.core.store import corrupt
from mathpipe.inspect.certificate_summary import CertificateSummary, PlantedShare, read_certificate
from mathpipe.inspect.datasheet_limits import LICENCE_NOTE, known_limits
from mathpipe.inspect.datasheet_places import hosts_of
from mathpipe.inspect.datasheet_records import (
    SCHEMA,
    Datasheet,
    Decontamination,
    Duplicates,
    FormulaRow,
    LanguageRow,
    LicenceRow,
    Licences,
    Planted,
    Problems,
    ProtectedBenchmark,
    Quarantine,
    ShardFile,
    Sources,
    StepRow,
    TextSize,
)
from mathpipe.inspect.run_folder import CURATED_STEP, RunFolder, StepWork, read_json_lines
from mathpipe.inspect.tables import Tables

PROBLEMS_STEP = "problems"
NAMES_LISTED = 1_000
LICENCES_LISTED = 200
_SOURCE_STEP, _CLUSTERS_STEP, _DEDUPLICATE_STEP = "crawl", "clusters", "deduplicate"
# Where and how a run was executed decides nothing about its content.
_NOT_CONTENT = frozenset(("output", "runner"))
# Settings beside the steps' own that say how pages were chosen.
_SETTINGS = ("classifier", "duplicates", "benchmark_index", "mine", "problems")


def read_datasheet(folder: RunFolder, funnel: Sequence[str]) -> Datasheet:
    """All that the datasheet says; raises `InputError` for a run that has not finished as a whole."""
    require_finished(folder)
    info, work = folder.info(), folder.step_work()
    by_name = {step.name: step for step in work}
    certificate = read_certificate(folder)
    files = shard_files(folder, CURATED_STEP)  # first: a rotten shard is named before anything is read from it
    with Tables() as tables:
        tables.add(CURATED_STEP, folder.shards(CURATED_STEP))
        return Datasheet(
            schema=SCHEMA,
            name=info.name,
            mathpipe_version=info.version,
            git_commit=info.git_commit,
            libraries=_libraries(folder.path),
            started=info.started,
            finished=info.finished,
            config_sha256=_config_digest(info.config),
            settings={
                name: _without_folders(info.config[name]) for name in (*funnel, *_SETTINGS) if name in info.config
            },
            sources=_sources(folder, tables),
            steps=tuple(_step(by_name[name]) for name in funnel if name in by_name),
            other_steps=tuple(_step(step) for step in work if step.name not in funnel and not _is_split(step)),
            size=_size(tables),
            formulas=_formulas(tables),
            hosts=hosts_of(tables, CURATED_STEP),
            languages=_languages(tables),
            licences=_licences(tables),
            duplicates=_duplicates(folder, tables, by_name),
            decontamination=None if certificate is None else _decontamination(certificate),
            quarantined=_quarantine(work),
            problems=_problems(folder, tables),
            limits=known_limits(info.config, certificate),
            files=files,
        )


def require_finished(folder: RunFolder) -> None:
    """Raise `InputError` unless the last thing done in the folder was a whole run, and its corpus is there."""
    finished = [row.get("steps") for row in read_json_lines(folder.path / "metrics.jsonl")
                if row.get("event") == "run_finished"]  # fmt: skip
    last = finished[-1] if finished else None
    missing = (
        "it never finished" if not folder.info().finished or not isinstance(last, list)
        else "single steps were run after it" if not {CURATED_STEP, _SOURCE_STEP} <= set(last)
        else "its curated shards are missing" if not folder.shards(CURATED_STEP)
        else ""
    )  # fmt: skip
    if missing:
        raise InputError(str(folder.path), f"a finished run ({missing})", "`mathpipe run` its configuration first")


def shard_files(folder: RunFolder, step: str) -> tuple[ShardFile, ...]:
    """The step's shards with their SHA-256; one that is not as its manifest says raises `CorruptShardError`."""
    entries = Manifest(folder.path / "steps" / step).entries
    return tuple(
        _digested(folder.path, f"steps/{step}/{output.path}", output, entry.rows_out)
        for _, entry in sorted(entries.items())
        for output in entry.outputs
        if output.path.startswith("shard-")
    )


def _digested(run: Path, path: str, output: OutputFile, rows: int) -> ShardFile:
    public, own = hashlib.sha256(), hashlib.blake2b(digest_size=16)
    try:
        with (run / path).open("rb") as file:
            while block := file.read(2**20):
                public.update(block)
                own.update(block)
    except OSError as error:
        raise corrupt(run / path, f"it cannot be read ({error.strerror})") from error
    if own.hexdigest() != output.digest:
        raise corrupt(run / path, "its bytes are not those that were written")
    return ShardFile(path=path, rows=rows, size_bytes=output.size_bytes, sha256=public.hexdigest())


def _libraries(run: Path) -> tuple[str, ...]:
    """`name==version` of what decided the outputs, as the run noted it."""
    path = run / "run.json"
    values = json.loads(path.read_text(encoding="utf-8")).get("libraries") if path.is_file() else None
    return tuple(map(str, values)) if isinstance(values, list) else ()


def _config_digest(config: Mapping[str, Any]) -> str:
    content = {name: value for name, value in config.items() if name not in _NOT_CONTENT}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_folders(value: Any) -> Any:
    """The value with every local path cut to its file's name: a datasheet is public, a machine's folders are not."""
    if isinstance(value, dict):
        return {name: _without_folders(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_folders(inner) for inner in value]
    return source_name(value) if isinstance(value, str) and value.startswith(("/", "~", ".")) else value


def source_name(path: str) -> str:
    """A local file by its name, a remote one by its address without credentials or query."""
    scheme, separator, rest = path.partition("://")
    if not separator:
        return Path(path).name
    host, slash, place = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{place.partition('?')[0]}"


def _is_split(step: StepWork) -> bool:
    return step.name.endswith("-split")  # the runner's own, no step of the pipeline


def _step(work: StepWork) -> StepRow:
    return StepRow(name=work.name, rows_in=work.rows_in, rows_out=work.rows_out, dropped=work.dropped,
                   quarantined=work.quarantined)  # fmt: skip


def _sources(folder: RunFolder, tables: Tables) -> Sources:
    entries = Manifest(folder.path / "steps" / _SOURCE_STEP).entries.values()
    paths = {path for entry in entries for path in entry.inputs}
    first = last = None
    if tables.add(_SOURCE_STEP, folder.shards(_SOURCE_STEP)) and "crawl_date" in tables.columns(_SOURCE_STEP):
        first, last = tables.rows(f"""
            SELECT min(crawl_date), max(crawl_date) FROM {tables.name(_SOURCE_STEP)} WHERE crawl_date <> ''
        """)[0]
    return Sources(
        archives=len(paths),
        size_bytes=None if any("://" in path for path in paths) else sum(entry.bytes_in for entry in entries),
        records=sum(entry.rows_in for entry in entries),
        first_crawl_date=first or "",
        last_crawl_date=last or "",
        names=tuple(sorted(set(map(source_name, paths)))[:NAMES_LISTED]),
    )


def _size(tables: Tables) -> TextSize:
    # A word with the white space around it becomes one letter: no list of all words is ever held.
    row = tables.rows(f"""
        SELECT count(*), sum(length(text)), sum(strlen(text)),
               sum(length(regexp_replace(text, '\\s*\\S+\\s*', 'x', 'g'))),
               sum(len(formulas)), sum(len(list_filter(formulas, lambda formula: formula.display))),
               count(*) FILTER (len(formulas) > 0)
        FROM {tables.name(CURATED_STEP)}
    """)[0]
    pages, characters, utf8_bytes, words, formulas, display, with_formulas = (int(value or 0) for value in row)
    return TextSize(
        pages=pages,
        characters=characters,
        utf8_bytes=utf8_bytes,
        words=words,
        formulas=formulas,
        display_formulas=display,
        pages_with_formulas=with_formulas,
    )


def _formulas(tables: Tables) -> tuple[FormulaRow, ...]:
    rows = tables.rows(f"""
        WITH each AS (SELECT record_id, unnest(formulas).source AS source FROM {tables.name(CURATED_STEP)})
        SELECT source, count(DISTINCT record_id), count(*) FROM each GROUP BY source ORDER BY count(*) DESC, source
    """)
    return tuple(FormulaRow(source=str(row[0]), pages=int(row[1]), formulas=int(row[2])) for row in rows)


def _languages(tables: Tables) -> tuple[LanguageRow, ...]:
    if "language" not in tables.columns(CURATED_STEP):
        return ()
    rows = tables.rows(f"""
        SELECT coalesce(language, '') AS name, count(*) FROM {tables.name(CURATED_STEP)}
        GROUP BY name ORDER BY count(*) DESC, name
    """)
    return tuple(LanguageRow(language=str(row[0]), pages=int(row[1])) for row in rows)


def _licences(tables: Tables) -> Licences:
    if "license" not in tables.columns(CURATED_STEP):
        return Licences(recorded=False, none_stated=0, stated=0, rows=(), others=0, note=LICENCE_NOTE)
    counts = tables.rows(f"""
        SELECT license, count(*), count(DISTINCT host) FROM {tables.name(CURATED_STEP)}
        WHERE license IS NOT NULL GROUP BY license ORDER BY count(*) DESC, license LIMIT {LICENCES_LISTED}
    """)
    rows = tuple(LicenceRow(license=str(row[0]), pages=int(row[1]), hosts=int(row[2])) for row in counts)
    pages, stated = tables.rows(f"SELECT count(*), count(license) FROM {tables.name(CURATED_STEP)}")[0]
    return Licences(
        recorded=True,
        none_stated=pages - stated,
        stated=stated,
        rows=rows,
        others=stated - sum(row.pages for row in rows),
        note=LICENCE_NOTE,
    )


def _duplicates(folder: RunFolder, tables: Tables, work: Mapping[str, StepWork]) -> Duplicates | None:
    step = work.get(_DEDUPLICATE_STEP)
    if step is None:
        return None
    clusters = 0
    if tables.add(_CLUSTERS_STEP, folder.shards(_CLUSTERS_STEP)):
        clusters = tables.number(f"SELECT count(*) FROM {tables.name(_CLUSTERS_STEP)} WHERE kind IS NULL")
    return Duplicates(clusters=clusters, removed=step.dropped_rows, removed_by_reason=step.dropped)


def _decontamination(certificate: CertificateSummary) -> Decontamination:
    return Decontamination(
        pages_searched=certificate.pages,
        pages_removed=certificate.removed,
        planted=_planted(certificate, certificate.total),
        benchmarks=tuple(
            ProtectedBenchmark(
                benchmark=row.benchmark,
                items=row.items,
                not_matchable=row.not_matchable,
                removed_pages=row.removed_pages,
                planted=_planted(certificate, row.planted),
            )
            for row in certificate.benchmarks
        ),
    )


def _planted(certificate: CertificateSummary, shares: Sequence[PlantedShare]) -> tuple[Planted, ...]:
    pairs = zip(certificate.rewrites, shares, strict=True)
    return tuple(Planted(rewrite=name, planted=share.planted, found=share.found) for name, share in pairs)


def _quarantine(work: Sequence[StepWork]) -> Quarantine:
    by_step = {step.name: step.quarantined for step in work if step.quarantined}
    return Quarantine(records=sum(by_step.values()), by_step=by_step)


def _problems(folder: RunFolder, tables: Tables) -> Problems | None:
    if not tables.add(PROBLEMS_STEP, folder.shards(PROBLEMS_STEP)):
        return None
    view = tables.name(PROBLEMS_STEP)
    total, answered, solved = tables.rows(f"SELECT count(*), count(answer), count(solution) FROM {view}")[0]
    kinds = tables.rows(f"SELECT kind, count(*) FROM {view} GROUP BY kind ORDER BY count(*) DESC, kind")
    return Problems(
        problems=total,
        with_answer=answered,
        with_solution=solved,
        by_kind={str(row[0]): int(row[1]) for row in kinds},
    )
