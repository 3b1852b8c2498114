from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.errors import CorruptShardError
from mathpipe.inspect.browser.records import PART_CHARACTERS, read_record, record_facts, split_blocks, text_part
from tests.inspect.browser.shelf import plain_pages


def test_a_row_of_a_shard_is_read_in_full(shelf: Path) -> None:
    record = read_record(shelf / "shard-00001.parquet", 7)
    page = plain_pages()[107]
    assert (record["record_id"], record["text"], record["math_score"]) == (page.record_id, page.text, page.math_score)


def test_a_row_that_is_gone_is_one_clear_error(shelf: Path) -> None:
    with pytest.raises(CorruptShardError, match="no row 100"):
        read_record(shelf / "shard-00001.parquet", 100)


def test_blocks_are_cut_at_blank_lines() -> None:
    assert list(split_blocks("One.\nTwo.\n\n\n \nThree.\n")) == ["One.\nTwo.", "Three.\n"]


def test_a_fence_and_a_display_formula_over_blank_lines_stay_whole() -> None:
    fenced, display = "```\na\n\nb $$\n```", "$$x\n\n= y$$"
    assert list(split_blocks(f"A\n\n{fenced}\n\nB\n\n{display}\n\nC")) == ["A", fenced, "B", display, "C"]


def test_a_fence_that_nothing_closes_takes_nothing_along() -> None:
    assert list(split_blocks("```\n\nA\n\nB")) == ["```", "A", "B"]


def test_a_block_is_drawn_beside_its_source() -> None:
    block = text_part("It is $x^2$.", 1).blocks[0]
    assert block.source == "It is $x^2$."
    assert "<msup><mi>x</mi><mn>2</mn></msup>" in block.drawn


def test_a_long_text_has_parts_and_any_number_names_one() -> None:
    text = "\n\n".join(f"{number} " + "x" * 998 for number in range(100))
    first, last = text_part(text, 1), text_part(text, 99)
    assert (first.number, first.parts, last.number) == (1, 4, 4)
    assert sum(len(text_part(text, number).blocks) for number in range(1, 5)) == 100
    assert text_part("", 1).blocks == ()


def test_what_is_not_known_is_left_out() -> None:
    facts = record_facts(
        {"warc": "c.warc.gz", "warc_offset": 12_345, "warc_length": -1, "charset": "", "copies": None}
    )
    assert facts == [("WARC", "c.warc.gz"), ("offset", "12,345")]


@given(st.text(alphabet="ab$`\n \\#", max_size=200))
def test_no_word_of_a_text_is_lost_between_blocks(text: str) -> None:
    assert "".join("".join(split_blocks(text)).split()) == "".join(text.split())


def test_a_line_longer_than_a_part_is_shown_in_pieces() -> None:
    text = "x" * (2 * PART_CHARACTERS + 1)
    assert [len(text_part(text, number).blocks[0].source) for number in (1, 2, 3)] == [
        PART_CHARACTERS, PART_CHARACTERS, 1
    ]  # fmt: skip
