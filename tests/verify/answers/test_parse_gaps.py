r"""Two equations apart by a line break or `\quad` are two; elsewhere a wide space is a blank."""

import time

import pytest

from verify.answers.lexer import tokenize
from verify.answers.parse import parse_answer
from verify.answers.parse_gaps import part_equations
from verify.answers.tree import Listing


@pytest.mark.parametrize(
    ("text", "count"),
    [(r"x=2 \quad y=3", 2), ("x=2\ny=3", 2), ("x=2\n\ny=3", 2), (r"x=2 \qquad y=3 \qquad z=4", 3),
     ("$x=2$\n$y=3$", 2), ("6=n!\nm=3", 2), ("(a+b)^2=9\n(a-b)^2=1", 2)],
)  # fmt: skip
def test_a_wide_space_between_equations_parts_them(text: str, count: int) -> None:
    node = parse_answer(text)
    assert isinstance(node, Listing)
    assert len(node.items) == count


@pytest.mark.parametrize(
    "text",
    ["x=2 +\n3", "x=2\n=1+1", "x=2\n+3", "2\nx=3", "x=2\n3", "x=2 y=3", r"x = 2 \quad (y=3)", "f(a,\n b)=3",
     "x=(2\n y=3)", r"\frac{x\quad y}{2}=3", "x=2,\ny=3", r"x=2 \quad \text{if } y=3",
     "\\begin{cases} x=2 \\quad y=3 \\end{cases}"],
)  # fmt: skip
def test_elsewhere_it_is_a_blank(text: str) -> None:
    tokens = tokenize(text)
    assert part_equations(tokens) == tokens


def test_only_spaces_outside_of_groups_are_wide() -> None:
    tokens = tokenize("x=2 y\nz \\quad \\text{a\nb} w")
    assert [token.text for token in tokens if token.wide] == ["z", "a"]


def test_many_lines_take_linear_time() -> None:
    # The bracket that stays open keeps every line from being parted.
    tokens = tokenize("(x" + "\na=b" * 900)
    started = time.perf_counter()
    assert part_equations(tokens) == tokens
    assert time.perf_counter() - started < 5
