"""Answers in words, and the delimiters and wrappers around any answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.answers.parse_sketch import sketch
from verify.answers.parse import ParseError, parse_answer
from verify.answers.tree import Symbol, Text

WORDS = [
    (r"\text{Evelyn}", '"Evelyn"'),
    ("Evelyn", '"Evelyn"'),
    (r"\mathrm{Evelyn}", '"Evelyn"'),
    (r"\textbf{Evelyn}", '"Evelyn"'),
    (r"\mbox{Saturday}", '"Saturday"'),
    ("odd", '"odd"'),
    (r"\text{odd}", '"odd"'),
    ("$odd$", '"odd"'),
    ("Yes", '"Yes"'),
    ("YES!", '"YES!"'),
    ("No.", '"No"'),
    ("no solution", '"no solution"'),
    (r"\text{no solution}", '"no solution"'),
    (r"\text{(C)}", '"C"'),
    (r"\text{C}", '"C"'),
    (r"\mathrm{Yes}", '"Yes"'),
    ("x-axis", '"x-axis"'),
    (r"\text{x-axis}", '"x-axis"'),
    ("A circle.", '"A circle"'),
    ("neither even nor odd", '"neither even nor odd"'),
    ("all real numbers except 3", '"all real numbers except 3"'),
    ("Cannot be determined", '"Cannot be determined"'),
    ("It is increasing.", '"It is increasing"'),
    ("The graph of y is a line", '"The graph of y is a line"'),
    ("does not exist", '"does not exist"'),
    ("4:30 p.m.", '"4:30 p.m."'),
    ("11:55 p.m. on 24 December 2014.", '"11:55 p.m. on 24 December 2014"'),
    ("4:30 PM", '"4:30 p.m."'),
    ("4:30pm", '"4:30 p.m."'),
    ("10 AM", '"10 a.m."'),
    (r"4\text{:}30 \text{ p.m.}", '"4:30 p.m."'),
    (r"25 \text{ R } 3", '"25 R 3"'),
    ("25 R 3", '"25 R 3"'),
    (r"x = \text{odd}", '{x = "odd"}'),
    (r"\text{Area} = 5", "{Area = 5}"),
    ("speed = 5", "{speed = 5}"),
    (r"\text{II and III}", 'L<"II" and "III">'),
    (r"\text{C, F, H}", 'L<"C", "F", "H">'),
    ("“Yes”", '"Yes"'),
    ("Café", '"Café"'),
    ("是", "是"),
]
WRAPPERS = [
    "$x$",
    "$$x$$",
    r"\(x\)",
    r"\[ x \]",
    r"\boxed{x}",
    r"$\boxed{x}$",
    r"\boxed{$x$}",
    r"\boxed{\boxed{x}}",
    r"\boxed{ x }",
    r"\fbox{$x$}",
    r"\text{$x$}",
    "{x}",
    "{{x}}",
    r"\left(x\right)",
    r"\displaystyle x",
    r"\displaystyle{x}",
    r"\textstyle x",
    r"\color{blue}{x}",
    r"\textcolor{red}{x}",
    r"\mathit{x}",
    r"\mathbf{x}",
    r"\boldsymbol{x}",
    r"\underline{x}",
    r"\rm x",
    r"\bf{x}",
    "x.",
    "x,",
    "x;",
    "$x$.",
    r"\boxed{x}.",
    r"\boxed{x.}",
    "x\\\\",
    r"x\quad",
    r"x\,",
    r"\,x",
    r"\ x\ ",
    "~x~",
    r"\!x",
    "  x  ",
    r"\begin{align*}x\end{align*}",
    r"\begin{equation}x\end{equation}",
    "**x**",
    "*x*",
    "`x`",
    '"x"',
    "<b>x</b>",
    r"\\(x\\)",
    "𝑥",
    r"x\hspace{1cm}",
    "\\[\nx\n\\]",
    "\\[\n\\boxed{\nx\n}\n\\]",
]


@pytest.mark.parametrize(("text", "tree"), WORDS)
def test_words_are_kept_as_words(text, tree):
    assert sketch(parse_answer(text)) == tree


@pytest.mark.parametrize("text", WRAPPERS)
def test_wrappers_and_delimiters_do_not_matter(text):
    assert parse_answer(text) == Symbol("x")


@pytest.mark.parametrize(
    "inside", [r"\frac{3}{4}", r"\{1,2\}", "x=5", "(1,2)", r"\text{odd}", r"30\%", "1,234", "5 cm"]
)
@pytest.mark.parametrize("wrapper", ["$@$", r"\boxed{@}", r"$\boxed{@}$", r"\(@\)", "@.", r"\[ @ \]", " @ ", r"@\,"])
def test_any_answer_may_be_wrapped(inside, wrapper):
    assert parse_answer(wrapper.replace("@", inside)) == parse_answer(inside)


@pytest.mark.parametrize(
    ("doubled", "single"),
    [
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        (r"\\sqrt{7}", r"\sqrt{7}"),
        (r"\\{1, 2\\}", r"\{1, 2\}"),
        (r"\\begin{pmatrix}1\\\\2\\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        (r"30\\%", r"30\%"),
    ],
)
def test_double_backslashes_are_single_ones_where_all_are_double(doubled, single):
    assert parse_answer(doubled) == parse_answer(single)


@given(st.lists(st.sampled_from("circle square parallel increasing solution isosceles maybe".split()), min_size=1))
def test_words_without_signs_are_text(words):
    sentence = " ".join(words)
    if len(sentence) <= 200:
        assert parse_answer(sentence) == Text(sentence)
    else:
        with pytest.raises(ParseError):
            parse_answer(sentence)


def test_long_prose_is_no_answer():
    with pytest.raises(ParseError) as caught:
        parse_answer("so the answer is that there are many of them " * 10)
    assert caught.value.reason == "not-mathematics"
