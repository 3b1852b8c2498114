r"""The parts that extraction is made of: boxes, blocks, formulas, numbers, statements."""

from itertools import pairwise

import pytest

from verify.answers.extract_blocks import end_of_turn, fenced_blocks, last_output_line, program_spans
from verify.answers.extract_boxes import answer_in_boxes, find_boxes, joins, outermost
from verify.answers.extract_formulas import formula_spans, without_text_groups
from verify.answers.extract_numbers import last_number
from verify.answers.extract_prose import is_answer, is_short_statement, last_value, lines_from_end, trimmed
from verify.answers.extract_stated import final_answer, stated_answer

TORA = "Let us compute.\n```python\nprint(1)\nprint(18)\n```\n```output\n1\n18\n```\nIt is $\\boxed{18}$."


def test_blocks_are_found_with_their_languages():
    assert [(block.language, TORA[block.start : block.end]) for block in fenced_blocks(TORA)] == [
        ("python", "print(1)\nprint(18)\n"),
        ("output", "1\n18\n"),
    ]


def test_a_named_fence_opens_a_block_inside_an_open_one():
    text = "```python\nx = 1\n```output\n5\n"
    assert [(block.language, block.is_program, block.is_output) for block in fenced_blocks(text)] == [
        ("python", True, False),
        ("output", False, True),
    ]


def test_the_last_printed_line_is_found():
    start, end = last_output_line(TORA)
    assert TORA[start:end] == "18"
    assert last_output_line("```output\n\n```") is None
    assert last_output_line("no block") is None


def test_programs_are_told_from_other_blocks():
    text = "```latex\n\\boxed{1}\n```\n```py\nx\n```"
    assert [text[start:end] for start, end in program_spans(text)] == ["x\n"]
    assert [box.content(text) for box in find_boxes(text)] == ["1"]


def test_a_turn_ends_at_the_first_token_with_text_before_it():
    assert end_of_turn("answer 5<|im_end|>more") == 8
    assert end_of_turn("<|im_start|>assistant 5") == 23
    assert end_of_turn("a <| b |> 5") == 11


def test_inner_boxes_are_found_and_outermost_ones_told_apart():
    text = r"\boxed{1 + \boxed{2}} \boxed{ \boxed{3} }"
    boxes = find_boxes(text)
    assert [box.content(text) for box in boxes] == [r"1 + \boxed{2}", "2", r"\boxed{3}", "3"]
    assert [box.content(text) for box in outermost(text, boxes)] == [r"1 + \boxed{2}", "3"]


def test_escaped_braces_do_not_close_a_box():
    text = r"\boxed{\{x \mid x \ne \}\}} tail}"
    assert [box.content(text) for box in find_boxes(text)] == [r"\{x \mid x \ne \}\}"]


def test_the_bare_command_is_no_box():
    assert find_boxes(r"use \boxed to mark and \boxedsize{3}") == []


def test_an_open_box_before_another_is_no_box():
    text = r"\boxed{1 and \boxed{2}"
    assert [box.content(text) for box in find_boxes(text)] == ["2"]


def test_the_end_of_the_last_box_is_told():
    assert answer_in_boxes(r"\boxed{} tail") == (None, 8)
    assert answer_in_boxes("no box") == (None, -1)


@pytest.mark.parametrize(
    "glue",
    [
        "",
        " ",
        ", ",
        "$ and $",
        r"\) or \(",
        r" \quad \text{and} \quad ",
        r"}, \text{ and }",
        " papers and ",
        "; x = ",
        ".\n\n",
        "、",
        "和",
        " und ",
        " ------ ",
        r"\\",
        " cm, or about ",
    ],
)
def test_separators_and_conjunctions_join(glue):
    assert joins(glue)


@pytest.mark.parametrize(
    "glue",
    [
        " = ",
        " + ",
        " no, ",
        ", so ",
        " wait and ",
        " or rather ",
        " and then ",
        " gives ",
        r" \Rightarrow ",
        " and 17 and ",
        "a" * 200,
        " papers ",
        " and one two three four five ",
        " is not ",
        ". Therefore, the answer is ",
    ],
)
def test_corrections_conclusions_and_signs_do_not_join(glue):
    assert not joins(glue)


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("a $x$ b $y+1$", ["x", "y+1"]),
        ("pays $18 a day and $20 a night", []),
        ("pays $5, then $x = 3$ holds", ["x = 3"]),
        ("$ 9 $ and $ 8 $", [" 9 ", " 8 "]),
        ("$\\frac13 $", ["\\frac13 "]),
        ("$$a$$ then \\[b\\] and \\(c\\)", ["a", "b", "c"]),
        ("\\[ a \\text{ if $x$ } \\]", [" a \\text{ if $x$ } "]),
        ("costs \\$5 and \\$6", []),
        ("$a\n\nb$", []),
        ("\\( open and \\( closed \\)", [" closed "]),
        ("$$$$ $x$", ["x"]),
        ("$x \\text{ where it is said that y}$", ["x \\text{ where it is said that y}"]),
    ],
)
def test_formulas_are_told_from_money(text, formulas):
    assert [text[span.inner_start : span.inner_end] for span in formula_spans(text)] == formulas


@pytest.mark.parametrize(
    ("formula", "name"),
    [
        ("$n$", True),
        ("$ABCD$", True),
        ("$f(x)$", True),
        ("$x_1$", True),
        ("$\\theta$", True),
        ("$5$", False),
        ("$x=1$", False),
        ("$2x$", False),
    ],
)
def test_names_are_told_from_values(formula, name):
    assert formula_spans(formula)[0].is_name(formula) is name


def test_text_groups_are_left_out():
    assert without_text_groups(r"5\text{ cm long} \begin{cases} x") == "5    x"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("from 3 to 7 apples", "7"),
        ("is x = 2y + 5, we said", "x = 2y + 5"),
        ("a total of 5 - 3 = 2 apples", "5 - 3 = 2"),
        ("it is - 5 degrees", "- 5 degrees"),
        ("costs $ 5 now", "$ 5"),
        ("costs ($5) now", "($5)"),
        ("for x in [0, 1)", "[0, 1)"),
        ("of (a) 12 000 people", "12 000"),
        ("1, 2, and 3 remain", "1, 2, and 3"),
        ("<<3*4=12>>12 eggs", "12"),
        ("is 2.5 × 10^3 there", "2.5 × 10^3"),
        ("about 1/2.", "1/2"),
        ("5 = x holds", "5 = x"),
        ("on 5 days", "5 days"),
        ("word5word", "word5word"),
    ],
)
def test_a_number_keeps_what_it_is_part_of(text, number):
    start, end = last_number(text, 0, len(text))
    assert text[start:end] == number


def test_no_digit_is_no_number():
    assert last_number("none at all", 0, 11) is None
    assert last_number("5 then none", 1, 11) is None


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "x = 5",
        "2 or 3",
        "(C) 36",
        "no solution",
        "all real numbers except 0",
        "$x$ apples",
        "∅",
        "-",
        "5 cm^2",
        r"\frac{a}{b}",
        "i or -i",
    ],
)
def test_answers_are_answers(text):
    assert is_answer(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "…",
        "so x = 5",
        "The total is 5",
        "It holds. So 5",
        "Total: 5",
        "I think 5",
        "why?",
        "one two three four five six seven eight nine",
    ],
)
def test_sentences_are_no_answers(text):
    assert not is_answer(text)


def test_short_statements_end_and_do_not_greet():
    assert is_short_statement("There are no such numbers")
    assert not is_short_statement("The answer is")
    assert not is_short_statement("I do not know")
    assert not is_short_statement("one\ntwo")
    assert not is_short_statement("123")


@pytest.mark.parametrize(
    ("text", "inner"),
    [
        (' "$5$". ', "5"),
        ("**42**", "42"),
        ("5,", "5"),
        ("p.m.", "p.m."),
        ("$5$ cm.", "$5$ cm"),
        ("\\[ $x$ \\]", "x"),
        ('\\"5\\"', "5"),
        ("  ", ""),
    ],
)
def test_trimming_keeps_the_answer(text, inner):
    start, end = trimmed(text, 0, len(text))
    assert text[start:end] == inner


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("so $a=1$ and $b=2$ hold", "$a=1$ and $b=2$"),
        ("$x = 2$ or 3", "$x = 2$ or 3"),
        ("with $x=1$ there are 12 ways", "12"),
        ("with 12 ways for $n$", "n"),
        ("$5$ of the $n$", "5"),
        ("nothing", None),
    ],
)
def test_the_last_value_is_the_later_of_formula_and_number(text, value):
    found = last_value(text, 0, len(text))
    assert (text[found[0] : found[1]] if found else None) == value


def test_windows_of_lines_cover_the_text_from_its_end():
    text = "\n".join("x" * (n % 90) for n in range(200))
    windows = list(lines_from_end(text, 0, len(text)))
    assert windows[0][1] == len(text)
    assert windows[-1][0] == 0
    assert all(before[0] == after[1] for before, after in pairwise(windows))
    assert all(start == 0 or text[start - 1] == "\n" for start, _ in windows)


def test_statements_are_looked_for_from_the_end():
    text = "The answer is 3.\nThe answer is unclear, so we go on."
    assert stated_answer(text, 0, len(text)).text == "unclear"
    assert stated_answer("nothing here", 0, 12) is None


def test_words_are_no_final_answer_after_a_box():
    assert final_answer("The final answer is a matter of taste", 0, 37) is None
    assert final_answer("The final answer is 5.", 0, 22).text == "5"
