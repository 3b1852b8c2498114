"""What the loop asks of a round's table of hit rates."""

import dataclasses
from pathlib import Path

import pytest

from mathpipe.core.stage import StageContext
from mathpipe.core.store import read_records, write_records
from mathpipe.recall.config import LearnConfig
from mathpipe.recall.hit_rates import HitRate, HitRateConfig, HitRateStage
from mathpipe.recall.judging import JudgeConfig
from mathpipe.recall.rate_table import likely_shares, others_rate, write_table
from tests.recall.test_proposals import pages

MATH, POOR, RICH = "https://math.example/q/", "https://poor.example/", "https://rich.example/"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """20 pages below MATH, 15 of them likely, with no room in the budget; 1 and 10 hits of 20 pages elsewhere."""
    shards = []
    no_room = [dataclasses.replace(page, hit=False) for page in pages(MATH, 15, 5)]
    for number, seen in enumerate((no_room, pages(POOR, 1, 19) + pages(RICH, 10, 10))):
        rates = HitRateStage(HitRateConfig(), StageContext(tmp_path)).run(seen)
        shards.append(str(tmp_path / f"{number}.parquet"))
        write_records(Path(shards[-1]), rates, HitRate)
    return write_table(tmp_path, shards)


def test_the_table_holds_the_rows_of_all_shards(table):
    assert table.name == "domains.parquet"
    rows = {row.record_id: (row.level, row.pages, row.hits) for row in read_records(table, HitRate)}
    assert rows["math.example"] == ("domain", 20, 0)
    assert rows[MATH] == ("path", 20, 0)
    assert rows[RICH] == ("host", 20, 10)


def test_likely_is_a_page_by_its_score_whatever_the_budget_had_room_for(table):
    assert likely_shares(table, [MATH, POOR, "https://never.example/"]) == {MATH: 0.75, POOR: 0.05}
    assert likely_shares(table, []) == {}


def test_others_are_sampled_so_that_there_are_as_many_as_pages_labelled_math(table):
    decided = JudgeConfig(accepted=(RICH,))
    hosts_with_few = 20 + 19  # math.example has no hit, poor.example one; rich.example is decided
    assert others_rate(table, decided, LearnConfig()) == round(20 / hosts_with_few, 6)
    assert others_rate(table, decided, LearnConfig(others_per_math=10.0)) == 1.0


def test_where_no_host_has_few_hits_or_all_are_decided_every_other_page_is_taken(table):
    decided = JudgeConfig(accepted=("https://math.example/", RICH), refused=(POOR,))
    assert others_rate(table, decided, LearnConfig()) == 1.0
