"""Fenced blocks: where they begin and end, which is a program, which program waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mathpipe.core.records import Segment, SegmentKind
from mathpipe.generate.forms.blocks import CLOSING, OUTPUT, find_blocks, programs, segments_of, waiting_program


def test_blocks_are_found_with_their_language():
    text = "a\n```python\nx = 1\nprint(x)\n```\nb\n```lean4\nrfl\n```\n```\nraw\n```"
    assert [(block.language, block.code, block.closed) for block in find_blocks(text)] == [
        ("python", "x = 1\nprint(x)", True),
        ("lean4", "rfl", True),
        ("", "raw", True),
    ]
    assert [block.code for block in programs(text)] == ["x = 1\nprint(x)", "raw"]


def test_a_block_that_is_cut_off_is_open():
    [block] = find_blocks("```python\nprint(1")
    assert (block.code, block.closed) == ("print(1", False)


def test_backticks_inside_a_line_are_no_fence():
    assert find_blocks("use `x` or x```y``` here") == []


@pytest.mark.parametrize(
    ("text", "stop", "code"),
    [
        ("We add.\n```python\nprint(1)", CLOSING, "print(1)"),
        ("```python\nprint(1)\n```\n", OUTPUT, "print(1)"),
        ("```python\nprint(1)\n```", None, "print(1)"),
        ("```python\nprint(1)\n", OUTPUT, "print(1)\n"),
        ("```python\nprint(1)", None, None),
        ("```python\nprint(1)\n```\nSo it is 1.", None, None),
        ("```lean\nrfl", CLOSING, None),
        ("no block", OUTPUT, None),
        ("```python\n\n", CLOSING, None),
    ],
)
def test_which_program_waits(text, stop, code):
    block = waiting_program(text, stop)
    assert (block.code if block else None) == code


def test_an_opening_fence_never_matches_the_stop():
    assert CLOSING not in "text\n```python\nprint(1)\n"


def test_output_that_the_model_made_up_is_its_prose():
    assert segments_of("A\n```python\nprint(1)\n```\n```output\n2\n```\n") == [
        Segment(SegmentKind.TEXT, "A\n"),
        Segment(SegmentKind.CODE, "print(1)"),
        Segment(SegmentKind.TEXT, "```output\n2\n```\n"),
    ]


@given(st.text("`\n apython", max_size=60))
def test_blocks_lie_in_order_within_the_text(text):
    at = 0
    for block in find_blocks(text):
        assert at <= block.begin < block.end <= len(text)
        assert block.code in text[block.begin : block.end]
        at = block.end
