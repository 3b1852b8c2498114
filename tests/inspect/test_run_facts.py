"""Figures of a run against pages counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mathpipe.core.errors import CorruptShardError
from mathpipe.inspect.run_facts import (
    HOSTS_SHOWN,
    SAMPLES_SHOWN,
    FormatRow,
    GroupRow,
    HostRow,
    Kept,
    RunFacts,
    read_facts,
)
from mathpipe.inspect.run_folder import DEFAULT_FUNNEL, RunFolder
from mathpipe.inspect.tables import Tables
from tests.inspect.small_run import GAUSS, HOSTILE, PLAIN, page, write_step


@pytest.fixture(scope="module")
def facts(run: Path) -> RunFacts:
    folder = RunFolder(run)
    return read_facts(folder, folder.step_work(), DEFAULT_FUNNEL)


def test_the_funnel_narrows_step_by_step(facts: RunFacts) -> None:
    assert [(step.name, step.rows_in, step.rows_out) for step in facts.funnel] == [
        ("crawl", 10, 8),
        ("language", 8, 7),
        ("quality", 7, 6),
        ("classify", 6, 5),
        ("deduplicate", 5, 4),
        ("decontaminate", 4, 3),
        ("curate", 3, 3),
    ]


def test_what_was_kept_is_counted(facts: RunFacts) -> None:
    characters = sum(len(page.text) for page in (GAUSS, HOSTILE, PLAIN))
    assert facts.kept == Kept(3, 3, 3, 2, 2, characters)


def test_scores_of_dropped_pages_come_from_their_detail(facts: RunFacts) -> None:
    assert facts.score_step == "classify"
    assert facts.scores is not None
    assert {place: count for place, count in enumerate(facts.scores.gone) if count} == {2: 1}  # 0.12
    kept = {place: count for place, count in enumerate(facts.scores.kept) if count}
    assert kept == {10: 1, 15: 1, 18: 2, 19: 1}  # 0.51, 0.75, twice 0.9, 0.97


def test_text_lengths_part_what_was_kept_from_the_rest(facts: RunFacts) -> None:
    assert facts.lengths is not None
    assert (sum(facts.lengths.kept), sum(facts.lengths.gone)) == (3, 5)
    assert facts.lengths.labels[0].startswith("1 to 1")


def test_hosts_are_ranked_by_pages_kept(facts: RunFacts) -> None:
    assert facts.hosts_total == 3
    assert facts.hosts == (
        HostRow("b.example", 4, 1, 0.51, 0),
        HostRow("a.example", 3, 1, 0.97, 2),
        HostRow("evil.example", 1, 1, 0.75, 1),
    )


def test_formula_formats_count_found_and_emitted(facts: RunFacts) -> None:
    assert facts.formats == (FormatRow("tex-delimiters", 2, 4, 3),)


def test_languages_include_those_that_were_dropped(facts: RunFacts) -> None:
    assert facts.languages == (GroupRow("en", 7, 3), GroupRow("de", 1, 0))


def test_scores_in_the_prefilter_evidence_do_not_make_groups(facts: RunFacts) -> None:
    assert facts.evidence == (GroupRow("ngrams", 6, 1), GroupRow("markup:$$", 2, 2))


def test_samples_are_pages_with_formulas(facts: RunFacts) -> None:
    assert {sample.record_id for sample in facts.samples} == {GAUSS.record_id, HOSTILE.record_id}


def test_a_run_that_stopped_early_shows_what_there_is(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS, PLAIN], [])])
    folder = RunFolder(tmp_path)
    facts = read_facts(folder, folder.step_work(), DEFAULT_FUNNEL)
    assert (facts.first_step, facts.last_step, facts.kept.pages) == ("crawl", "crawl", 2)
    assert (facts.scores, facts.languages) == (None, ())


def test_a_last_step_that_kept_nothing_counts_nothing(tmp_path: Path) -> None:
    write_step(tmp_path, "crawl", [([GAUSS], [])])
    write_step(tmp_path, "curate", [([], [])])
    folder = RunFolder(tmp_path)
    facts = read_facts(folder, folder.step_work(), DEFAULT_FUNNEL)
    assert (facts.kept.pages, facts.kept.formulas, facts.samples) == (0, 0, ())


def test_a_run_without_steps_has_no_figures(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    facts = read_facts(RunFolder(tmp_path), [], DEFAULT_FUNNEL)
    assert (facts.funnel, facts.kept, facts.hosts, facts.lengths) == ((), Kept(), (), None)


def test_a_damaged_shard_is_named(run: Path, tmp_path: Path) -> None:
    broken = tmp_path / "shard-00000.parquet"
    broken.write_bytes(b"PAR1 is not enough")
    with Tables() as tables, pytest.raises(CorruptShardError, match="shard-00000"):
        tables.add("pages", [broken])


def test_a_view_may_have_any_name(run: Path) -> None:
    with Tables() as tables:
        name = 'odd "name"'
        tables.add(name, RunFolder(run).shards("curate"))
        assert tables.number(f"SELECT count(*) FROM {tables.name(name)}") == 3


def test_of_many_hosts_and_pages_a_bounded_number_is_shown(tmp_path: Path) -> None:
    pages = [page(f"/{place}", "x $y$", host=f"h{place % 40:02d}.example", latex=["y"]) for place in range(120)]
    write_step(tmp_path, "crawl", [(pages, [])])
    folder = RunFolder(tmp_path)
    facts = read_facts(folder, folder.step_work(), DEFAULT_FUNNEL)
    assert (facts.hosts_total, len(facts.hosts)) == (40, HOSTS_SHOWN)
    assert [row.host for row in facts.hosts] == [f"h{place:02d}.example" for place in range(HOSTS_SHOWN)]
    assert len({sample.host for sample in facts.samples}) == SAMPLES_SHOWN


def test_samples_do_not_depend_on_the_shards_that_hold_them(tmp_path: Path) -> None:
    pages = [page(f"/{place}", "x $y$", latex=["y"]) for place in range(30)]
    write_step(tmp_path / "one", "crawl", [(pages, [])])
    write_step(tmp_path / "two", "crawl", [(pages[20:], []), (pages[:20][::-1], [])])
    folders = [RunFolder(tmp_path / name) for name in ("one", "two")]
    first, second = (read_facts(folder, folder.step_work(), DEFAULT_FUNNEL).samples for folder in folders)
    assert first == second
