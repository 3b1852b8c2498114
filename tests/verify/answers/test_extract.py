r"""Which answer a solution gives: the order of the rules, totality, linear time, true spans."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.answers.extract import AnswerKind, extract_answer, find_answer

BOXED = [
    (r"so $x=\boxed{5}$.", "5"),
    (r"\boxed{41} no, \boxed{42}", "42"),
    (r"\boxed{1} no no no no no \boxed{2}", "2"),
    (r"so \boxed{\frac{\sqrt{3}}{2}} cm", r"\frac{\sqrt{3}}{2}"),
    (r"\boxed{\{1,2\}}", r"\{1,2\}"),
    (r"\fbox{7} it is", "7"),
    (r"$\boxed 12$", "12"),
    (r"\boxed\frac{1}{2}", r"\frac{1}{2}"),
    (r"\boxed{\boxed{7}}", "7"),
    (r"\boxed{ $\boxed{7}$ }", "7"),
    (r"\boxed{\boxed{1}2}", r"\boxed{1}2"),
    (r"\text{Answer: \boxed{5}}", "5"),
    (r"$x \in \boxed{[0, 7)}$", "[0, 7)"),
    (r"$a \equiv \boxed{9} \pmod{11}$", "9"),
    (r"\boxed{5", "5"),
    (r"\boxed{\frac{1}{2}", r"\frac{1}{2}"),
    (r"So $\boxed{5$ is it", "5"),
    (r"It is \[\boxed{\frac{1}{2}\] then", r"\frac{1}{2}"),
    ("\\boxed{5\nMore text", "5"),
    (r"\boxed{1 then \boxed{2}.", "2"),
    (r"\\boxed{\\frac{1}{2}}", r"\frac{1}{2}"),
    (r"\\boxed{004}.\n\n**Final Answer**\n\\boxed{840}", "840"),
    (r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    (r"Early \boxed{3}. Then we check it." + "\n\n**Final Answer** \\boxed{840}", "840"),
    (r"\boxed{5}" + "\n\n" + r"\boxed{5}", "5"),
    (r"\boxed{1} = \boxed{2}", "2"),
    (r"\boxed{1} + \boxed{2}", "2"),
    (r"\boxed{1}, so \boxed{2}", "2"),
    (r"\boxed{1} or rather \boxed{2}", "2"),
    (r"\boxed{42} was the first try, but the correct answer is \boxed{43}.", "43"),
    (r"$28$? No: $\boxed{28}$ pct", "28"),
    (r"\boxed{\text{Evelyn}} is our answer", r"\text{Evelyn}"),
    (r"The answer is 3. No, \boxed{4}.", "4"),
    (r"#### 3" + "\n" + r"\boxed{4}", "4"),
]
LISTS = [
    (r"\boxed{1} papers and \boxed{2} bins", "1, 2"),
    (r"\[\boxed{(1, 2)}, \boxed{(2, 1)}\]", "(1, 2), (2, 1)"),
    (r"\boxed{-2} \quad \text{and} \quad \boxed{1}", "-2, 1"),
    (r"\boxed{2} or \boxed{3}", "2, 3"),
    (r"either \boxed{42} or maybe \boxed{43}", "42, 43"),
    (r"\boxed{1}\boxed{2}", "1, 2"),
    (r"\(\boxed{1}\) and \(\boxed{-2}\).", "1, -2"),
    (r"\boxed{(3, 3)} \text{ for part (a) and } \boxed{(1, 1)}", "(3, 3), (1, 1)"),
    (r"$y_1 = \boxed{x} $ and $ y_2 = \boxed{2x}$", "x, 2x"),
    (r"$x=\boxed{1}$; $x=\boxed{2}$", "1, 2"),
    (r"\\boxed{35 cm} ++++++ \\boxed{4}", "35 cm, 4"),
    (r"\boxed{1} \boxed{2} \boxed{42}", "1, 2, 42"),
    (r"\boxed{1}或\boxed{2}", "1, 2"),
    (r"\boxed{0} no. \boxed{1} and \boxed{2}", "1, 2"),
]
STATED = [
    ("16*2=32\n#### 32", "32"),
    ("#### 1,234", "1,234"),
    ("#### -5", "-5"),
    ("#### 3 apples", "3 apples"),
    ("#### $\\frac{1}{2}$", r"\frac{1}{2}"),
    ("She has <<2*2=4>>4\nA: 26", "26"),
    ("The answer is 17.", "17"),
    ("The answer is: 17", "17"),
    ("So the answer is\n17", "17"),
    ("the answer is $17$.", "17"),
    ("Final Answer: The final answer is $\\frac{3}{4}$. I hope it is correct.", r"\frac{3}{4}"),
    ('The final answer is \\"$12 $ and $13 $\\". I hope it is correct.', "$12 $ and $13 $"),
    ("Final Answer: Jane started growing Sphere 3 hours ago. I hope it is correct.", "3 hours"),
    ("Final Answer: The largest $n$ is 34.", "34"),
    ("Final Answer: The largest number that works is 19.", "19"),
    ("**Answer:** 17", "17"),
    ("**Answer**\n\n42", "42"),
    ("## Final Answer\n\nThe area is 25 square units.", "25"),
    ("Answer $ 9 $", "9"),
    ("Answer \\[\n 9 \n\\]", "9"),
    ("The answer is $(3, 4)$, a point.", "(3, 4)"),
    ("The answer is $5$, which is less than $6$.", "5"),
    ("The answer is 17 because 3+14=17.", "17"),
    ("The answer is 5 cm.", "5 cm"),
    ("The answer is $5$ cm.", "$5$ cm"),
    ("The answer is $18.", "$18"),
    ("The answer is 3.14.", "3.14"),
    ("The answer is 5!", "5!"),
    ("The answer is 4:30 p.m.", "4:30 p.m."),
    ("The answer is 2 or 3.", "2 or 3"),
    ("The answer is 3, 4, and 5.", "3, 4, and 5"),
    ("The answer is $3$, $4$, and $5$.", "$3$, $4$, and $5$"),
    ("The answer is not 42.", "not 42"),
    ("The answer is Evelyn.", "Evelyn"),
    ("The answer is no solution.", "no solution"),
    ("The answer to the question is 8.", "8"),
    ("The answer should be $\\sqrt 2$.", r"\sqrt 2"),
    ("The answer is x^2 + 1.", "x^2 + 1"),
    ("The answer is 3. Wait. The answer is 4.", "4"),
    ("so the answer is $x$ = 3.", "$x$ = 3"),
    ("答案是 5。", "5"),
    ("答案：$\\frac{1}{2}$", r"\frac{1}{2}"),
    ("La réponse est 5.", "5"),
    ("Réponse : 12 cm", "12 cm"),
    ("Die Antwort lautet 7,5.", "7,5"),
    ("La respuesta es $x=3$.", "x=3"),
    ("Ответ: 15", "15"),
]
CHOICES = [
    ("The answer is (C).", "C"),
    ("The correct option is B.", "B"),
    ("the correct choice is C", "C"),
    ("We choose (D)", "D"),
    ("Answer: C", "C"),
    ("故选 B。", "B"),
    ("The answer is **A**.", "A"),
]
WHOLE = [
    ("18", "18"),
    (" $x = 42$ ", "x = 42"),
    ("$$\\frac{1}{2}$$", r"\frac{1}{2}"),
    (r"\(x\)", "x"),
    ("C. x = 42", "C. x = 42"),
    ("D) 7", "D) 7"),
    ("(C)", "(C)"),
    (r"\text{(C)}", r"\text{(C)}"),
    (r"\textbf{(C)}\ 36", r"\textbf{(C)}\ 36"),
    ("2 or 3", "2 or 3"),
    ("x=2 or x=3", "x=2 or x=3"),
    ("$21,16$ or $11$", "$21,16$ or $11$"),
    ("28 percent", "28 percent"),
    ("$28$ %", "$28$ %"),
    ("AZYUK2A", "AZYUK2A"),
    ("[0, 1)", "[0, 1)"),
    ("no real solutions", "no real solutions"),
    ("Evelyn", "Evelyn"),
    ("The midpoints form a regular hexagon", "The midpoints form a regular hexagon"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    ("5.", "5"),
    ("They are equal", "They are equal"),
]
LAST = [
    ("```python\nprint(3*6)\n```\n```output\n18\n```\nSo there are eighteen of them.", "18"),
    ("Therefore $x \\geq 5$ is the solution.", r"x \geq 5"),
    ("The sum is $3+4$ for any $n$.", "3+4"),
    ("We find \\[ y = 2x \\] as was asked.", "y = 2x"),
    ("The roots are $2$ and $3$.", "$2$ and $3$"),
    ("so $28$ percent of them", "$28$ percent"),
    ("She earned $18 every day and $20 at night.", "$20"),
    ("the number is not 10 which is 1,000.99€", "1,000.99€"),
    ("so the number is 10 which is 1,000.99m²", "1,000.99m²"),
    ("Soucis : 2,74 $ a..", "2,74 $"),
    ("So she has 1 000 apples.", "1 000"),
    ("It weighs 2 1/3 kg.", "2 1/3 kg"),
    ("so x = 2y + 5.", "x = 2y + 5"),
    ("Therefore, x = 5.", "x = 5"),
    ("The roots are 2 and 3.", "2 and 3"),
    ("the point is (1, 2, 3).", "(1, 2, 3)"),
    ("It is -7 degrees outside.", "-7 degrees"),
    ("That costs 5%.", "5%"),
    ("We add 3 apples.\nNothing more is said here.", "3"),
]
NOTHING = [
    "",
    "   \n ",
    "I do not know.",
    "Hello there",
    "…",
    "?",
    r"\boxed{}",
    r"\boxed{ }",
    r"\boxed{",
    r"\boxed{$ $}",
    "####",
    "The answer is",
    "Let me think about it.",
    r"\boxed{5} and \boxed{}",
    r"The answer is \boxed{}",
    "$$",
    "```python\nx = 5\n```",
]


@pytest.mark.parametrize(("solution", "answer"), BOXED)
def test_the_last_box_is_the_answer(solution, answer):
    found = find_answer(solution)
    assert (found.text, found.kind) == (answer, AnswerKind.BOXED)


@pytest.mark.parametrize(("solution", "answer"), LISTS)
def test_joined_boxes_are_one_list(solution, answer):
    found = find_answer(solution)
    assert (found.text, found.kind) == (answer, AnswerKind.SEVERAL_BOXES)


@pytest.mark.parametrize(("solution", "answer"), STATED)
def test_without_a_box_the_last_statement_is_the_answer(solution, answer):
    found = find_answer(solution)
    assert found.text == answer
    assert found.kind in (AnswerKind.STATED, AnswerKind.HASHES)


@pytest.mark.parametrize(("solution", "letter"), CHOICES)
def test_a_stated_letter_is_a_choice(solution, letter):
    found = find_answer(solution)
    assert (found.text, found.kind) == (letter, AnswerKind.CHOICE)


@pytest.mark.parametrize(("text", "answer"), WHOLE)
def test_a_text_that_is_only_an_answer_is_taken_whole(text, answer):
    found = find_answer(text)
    assert (found.text, found.kind) == (answer, AnswerKind.WHOLE)


@pytest.mark.parametrize(("solution", "answer"), LAST)
def test_without_a_statement_the_last_value_is_the_answer(solution, answer):
    found = find_answer(solution)
    assert found.text == answer
    assert found.kind in (AnswerKind.OUTPUT, AnswerKind.FORMULA, AnswerKind.NUMBER)


@pytest.mark.parametrize("solution", NOTHING)
def test_where_nothing_is_answered_nothing_is_found(solution):
    assert extract_answer(solution) is None


def test_what_stands_after_the_thoughts_comes_first():
    assert extract_answer(r"<think>\boxed{3}</think> So it is \boxed{4}") == "4"
    assert extract_answer(r"<think>maybe \boxed{3}</think>The answer is 8") == "8"
    assert extract_answer("<think>a</think>b 1</think> It is 7.") == "7"


def test_thoughts_are_read_where_nothing_follows_them():
    found = find_answer(r"<think>\boxed{3}</think> I am done.")
    assert (found.text, found.start) == ("3", 14)


def test_a_solution_ends_with_its_turn():
    solution = "It is \\boxed{5}<|im_end|>\n<|im_start|>user\nand \\boxed{6}?"
    assert extract_answer(solution) == "5"
    assert extract_answer("the answer is 2/3. <|im_start|>user") == "2/3"


def test_a_box_in_a_program_is_no_answer():
    solution = "```python\nprint('\\boxed{7}')\n```\n```output\n9\n```\n"
    found = find_answer(solution)
    assert (found.text, found.kind) == ("9", AnswerKind.OUTPUT)


def test_an_empty_last_box_is_overridden_only_by_a_final_answer():
    assert extract_answer(r"Put it within \boxed{}. The sum is 8.") is None
    assert extract_answer(r"Put it within \boxed{}. Done. The final answer is 7.") == "7"


def test_a_final_answer_after_the_last_box_overrides_it():
    assert (
        extract_answer(r"Interest is \boxed{255}. Final Answer: The final answer is $10,455$. I hope so.") == "10,455"
    )
    assert extract_answer(r"\boxed{255} is the final answer, I am sure.") == "255"
    assert extract_answer("\\boxed{255}\n#### 4. Conclusion\nwords") == "255"


def test_a_heading_of_the_fourth_level_is_no_answer():
    assert extract_answer("#### 1. Compute the area\nIt is 12 in all.") == "12"
    assert extract_answer("#### Step 3\nSo we get 7 of them.") == "7"


def test_the_rule_that_found_an_answer_is_named():
    assert find_answer("#### 5").kind is AnswerKind.HASHES
    assert find_answer("A: 5").kind is AnswerKind.STATED
    assert find_answer("That makes $x=5$ for us.").kind is AnswerKind.FORMULA
    assert find_answer("That makes 5 for us.").kind is AnswerKind.NUMBER


@pytest.mark.parametrize("solution", [s for s, _ in BOXED + STATED + CHOICES + WHOLE + LAST if "\\\\" not in s[:9]])
def test_the_span_holds_the_answer(solution):
    found = find_answer(solution)
    assert solution[found.start : found.end] == found.text


@pytest.mark.parametrize("solution", [s for s, _ in LISTS])
def test_the_span_of_a_list_reaches_from_the_first_box_to_the_last(solution):
    found = find_answer(solution)
    parts = found.text.split(", ")
    assert solution[found.start :].startswith(parts[0])
    assert solution[: found.end].endswith(parts[-1])


PIECES = [
    r"\boxed{",
    r"\boxed",
    r"\fbox{",
    "}",
    "{",
    "$",
    "$$",
    r"\[",
    r"\]",
    r"\(",
    r"\)",
    "\\",
    "####",
    "The answer is ",
    "Answer:",
    "A: ",
    "\n",
    " ",
    ". ",
    ", ",
    " and ",
    " or ",
    "5",
    "-3",
    "1,000",
    "1/2",
    "x = ",
    "(C)",
    "```python\n",
    "```output\n",
    "```\n",
    "</think>",
    "<|im_end|>",
    "\x00",
    "\ud800",
    "word",
    "not",
    "%",
    "(",
    ")",
    "é",
    "答案是",
    "!",
    "…",
    r"\text{",
    r"\frac{1}{2}",
    "**",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.text(max_size=80))
def test_any_text_gives_an_answer_or_none(solution):
    found = find_answer(solution)
    if found is None:
        return
    assert 0 <= found.start < found.end <= len(solution)
    assert found.text.strip()
    if found.kind is not AnswerKind.SEVERAL_BOXES and "\\\\" not in solution:
        assert solution[found.start : found.end] == found.text


@given(st.text(alphabet="abc123 +=().$", min_size=1, max_size=30))
def test_what_stands_in_the_last_box_is_the_answer(content):
    # A dollar is a delimiter: one alone is not part of an answer.
    if not any(map(str.isalnum, content)):
        return
    assert extract_answer(f"We try 7 things. Then $\\boxed{{{content}}}$ results.") == content.strip()


@given(st.integers(-(10**12), 10**12), st.sampled_from(["The answer is {}.", "A: {}", "#### {}", "Answer: ${}$"]))
def test_a_stated_number_is_found_in_every_form(number, form):
    assert extract_answer("First 3 + 4 = 7.\n" + form.format(number)) == str(number)


class Sly(str):
    """Text that lies about itself."""

    __slots__ = ()

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def rfind(self, *arguments):
        raise RuntimeError


def test_only_the_characters_of_a_subclass_of_text_count():
    assert extract_answer(Sly("the answer is 5")) == "5"


HOSTILE = {
    "nested boxes": r"\boxed{" * 7_000,
    "nested closed boxes": r"\boxed{" * 7_000 + "}" * 7_000,
    "2,000 boxes": " ".join(rf"\boxed{{{n}}}" for n in range(2_000)),
    "a megabyte of statements": "so the answer is $x$ = 3. " * 40_000,
    "a megabyte of a letter": "a" * 1_000_000,
    "a megabyte of digits": "1" * 1_000_000,
    "open braces": r"\boxed{5}" + "{" * 500_000,
    "dollars": "$ " * 300_000,
    "backslashes": "\\" * 500_000 + r"\boxed{5}",
    "openers": r"\[\(" * 100_000,
    "blanks after a mark": "The answer to" + " " * 500_000,
    "line breaks": "\n" * 500_000 + "5" + "\n" * 500_000,
    "hashes": "#### " * 100_000,
    "marks": "answer is\n" * 60_000,
    "fences": "```python\n\\boxed{1}\n" * 20_000,
    "unbraced boxes": r"\boxed5" * 60_000,
    "brackets": "( " * 100_000 + "5" + " )" * 100_000,
    "signs": "5 + " * 150_000,
    "empty groups": r"\text{" * 100_000,
    "zeros": "\x00" * 500_000 + "\ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_linear_time(name):
    started = time.perf_counter()
    find_answer(HOSTILE[name])
    assert time.perf_counter() - started < 2.0  # measured: at most 0.4 s; a quadratic rule takes minutes


def test_every_box_of_two_thousand_is_in_the_list():
    assert extract_answer(HOSTILE["2,000 boxes"]).count(", ") == 1_999
