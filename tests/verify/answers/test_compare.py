"""What the comparison decides between kinds of answers; each pair stands with its wrong twin."""

import pytest

from mathpipe.core.records import Outcome
from verify.answers.check import check_answer
from verify.answers.judgement import Reason

GROUPS = {
    "labels": (
        [
            ("5", "x = 5"),
            ("x = 5", "5"),
            ("x=5", "5 = x"),
            ("k=1", "1"),
            ("x = 11", "x = 5+5+1 = 7 = 11"),
            ("1/3", r"x=1/3\approx 0.33"),
            ("f(x)=x^2", "f(t)=t^2"),
            ("x^2+1", "f(x)=x^2+1"),
            ("|AB|=1", "1"),
            (r"\frac{NO}{BO}=\frac{1}{\sqrt 6}", r"\frac{1}{\sqrt{6}}"),
            ("(p,q)=(3,2)", "(3,2)"),
            ("x_1=2", "x=2"),
        ],
        [
            ("x = 5", "y = 5"),
            ("5", "x = -5"),
            ("7 = 11a + c", "11a + c"),
            ("a + 3z = 0", "0"),
            ("2x + z = 1", "1"),
            ("f(x)=x^2", "f(t)=t^3"),
            ("x = 5", "x"),
            ("(p,q)=(3,2)", "(2,3)"),
        ],
    ),
    "several values": (
        [
            ("1, 2", "2, 1"),
            (r"\{1,2\}", "1 and 2"),
            ("x=1 or x=2", r"\{2,1\}"),
            (r"1 \pm \sqrt{2}", r"1+\sqrt2, 1-\sqrt2"),
            (r"\pm 2021", r"\{-2021, 2021\}"),
            ("a=1, b=2", "b=2, a=1"),
            ("a=1, b=2", "1, 2"),
            ("AB=4, CD=5", "4, 5"),
            ("x=1, x=2", "2, 1"),
            ("x_1=1, x_2=2", "x_1=2, x_2=1"),
            ("p=5,q=2;p=7,q=2", "(5,2),(7,2)"),
            ("n = 1, 2, 3", r"n \in \{1,2,3\}"),
            ("(1,2),(3,4)", "(3,4),(1,2)"),
            ("(1,3)", "{1,3}"),
            ("a=4, -8, -10", "-10, -8, 4"),
            (r"(x,y) = (5,8) \text{ and } (8,5)", "(5,8),(8,5)"),
            ("19, 46, and 82", r"19, 46, \text{ and } 82"),
        ],
        [
            ("1, 2", "1, 2, 3"),
            ("1, 2, 3", "1, 2"),
            ("2", "2 or 3"),
            (r"\pm 2021", "2021"),
            ("2021", r"\pm 2021"),
            ("a=1, b=2", "a=2, b=1"),
            ("a=1, b=2", "2, 1"),
            ("(3,1)", "{1,3}"),
            (r"\{1,3\}", "(1,3)"),
            ("(1,2),(3,4)", "(2,1),(3,4)"),
            ("a_1=2, a_2=3", "a_1=3, a_2=2"),
            ("1, 2", "(2, 1)"),
        ],
    ),
    "points and matrices": (
        [
            (r"(3, \frac{\pi}{2})", r"\left(3,\pi/2\right)"),
            (r"\langle 1,2\rangle", "(1,2)"),
            (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)"),
            (r"(1,\frac{9}{2})", "(1,4.5)"),
            (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\left[\begin{array}{cc}1 & 2 \\3 & 4\end{array}\right]"),
            (
                r"\begin{pmatrix}6&8\\10&12\end{pmatrix}",
                r"\begin{pmatrix}1&2\\3&4\end{pmatrix}+\begin{pmatrix}5&6\\7&8\end{pmatrix}",
            ),
            (r"\begin{pmatrix}1&0\\0&1\end{pmatrix}", r"\begin{pmatrix}0&1\\1&0\end{pmatrix}^2"),
            (r"\begin{pmatrix}2&4\\6&8\end{pmatrix}", r"2\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
        ],
        [
            ("(1,2)", "(2,1)"),
            ("(1,2)", "(1,2,3)"),
            (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&3\\2&4\end{pmatrix}"),
            (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}"),
            ("[0,1)", "(0,1)"),
            ("(0,1)", "[0,1]"),
            (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}"),
        ],
    ),
    "ranges": (
        [
            ("(-793, 10)", "-793 < a < 10"),
            (r"x \in [-2,7]", r"-2 \le x \le 7"),
            ("x <= 1", "-x >= -1"),
            ("[-4,0]", "-4 <= k <= 0"),
            (r"(-\infty,3)\cup(3,\infty)", r"x \ne 3"),
            (r"(2, 12) \cup (12, 102)", r"x \in (2,12)\cup(12,102)"),
            ("(0,1)", "0<f(x)<1"),
            (r"(1, +\infty)", "x > 1"),
            (r"\mathbb{R}", r"(-\infty,\infty)"),
            ("x<-1 or x>1", r"(-\infty,-1)\cup(1,\infty)"),
            (r"\{x \mid x > 2\}", r"(2,\infty)"),
            (r"(\frac35, \frac83]", "0.6 < x <= 8/3"),
        ],
        [
            ("x > 5", "x < 5"),
            ("x >= 5", "x > 5"),
            ("[0,9)", "[0,1)"),
            ("x < 1", "x > -1"),
            ("1", "[0,1)"),
            ("x > 5", "y > 5"),
            (r"(-\infty,3)", r"x \ne 3"),
            ("x > 5", "5"),
        ],
    ),
    "equations": (
        [
            ("2x+4y-3=0", r"y=-\frac{1}{2}x+\frac{3}{4}"),
            ("x^2/4+y^2/3=1", "x^2/16+y^2/12=1/4"),
            ("34x+45y-20z+100=0", "-34x-45y+20z-100=0"),
            ("y = 2x + 1", "2x + 1"),
            ("y=2x+1", "y - 2x = 1"),
            ("f(2) < f(1) < f(4)", "f(4) > f(1) > f(2)"),
        ],
        [
            ("y=2x+1", "y=2x-1"),
            ("y = 2x", "y = 2x^2"),
            ("f(2) < f(1)", "f(1) < f(2)"),
            ("x^2 = y^2", "x = y"),
            ("xy = 6", "6x y = 1"),
        ],
    ),
    "units": (
        [
            ("6 m", r"600 \text{ cm}"),
            (r"30\%", "30"),
            (r"30\%", "0.3"),
            ("0.3", r"30\%"),
            (r"48^\circ", "48"),
            ("90", r"90^\circ"),
            (r"90^\circ", r"\frac{\pi}{2}"),
            (r"\$6", "6"),
            ("18", r"\$18"),
            (r"15\mbox{ cm}^2", "15"),
            (r"100\text{ square units}", "100"),
            ("125 miles", r"125\textnormal{ miles}"),
            ("50 cents", r"\$0.50"),
            ("5 apples", "5"),
            ("2 hours", "120 minutes"),
            (r"\frac{1}{3}", r"\frac{1}{3}\text{ meters}"),
        ],
        [
            ("6 m", r"6 \text{ cm}"),
            ("30", r"30\%"),
            (r"30\%", "3"),
            (r"30\%", "3000"),
            ("6 m", "600"),
            ("5 apples", "5 dollars"),
            (r"\$6", "6 euros"),
            (r"90^\circ", r"\pi"),
            (r"15\text{ cm}^2", r"15\text{ cm}^3"),
            ("50 cents", r"\$50"),
        ],
    ),
    "words and choices": (
        [
            (r"\text{Evelyn}", "Evelyn."),
            (r"\text{odd}", "odd"),
            (r"\text{E}", "E"),
            ("C", r"\textbf{(C)}\ 36"),
            ("36", r"\textbf{(C)}\ 36"),
            ("C", "(C)"),
            ("42", "C. x = 42"),
            ("C", "C. x = 42"),
            (r"\text{(C)}", "C"),
            (r"\text{Even}", "even"),
            (r"\emptyset", r"\text{no solution}"),
            (r"\mathbb{R}", r"\text{all real numbers}"),
        ],
        [
            (r"\text{Evelyn}", "Debra"),
            ("C", "D"),
            ("C", r"\textbf{(D)}\ 36"),
            (r"\text{odd}", "even"),
            ("D", "C. x = 42"),
            ("yes", "no"),
            (r"\text{4:30 p.m.}", "4:30"),
            ("12:00", "1:00"),
            ("4:30", "2:15"),
        ],
    ),
    "ratios, remainders, bases, cases": (
        [
            ("2:4", "1:2"),
            ("3:4", r"\frac34"),
            ("7:32", r"S_{MBCN}:S=7:32"),
            (r"x \equiv 3 \pmod 7", r"x \equiv 10 \pmod{7}"),
            ("204_5", "204"),
            ("204_5", "54"),
            ("12:00", "12:00"),
            ("1:2:3", "2:4:6"),
        ],
        [
            ("2:4", "2:1"),
            (r"x \equiv 3 \pmod 7", r"x \equiv 3 \pmod{14}"),
            (r"x \equiv 3 \pmod 7", r"x \equiv 4 \pmod 7"),
            ("204", "204_5"),
            ("1:2:3", "1:3:2"),
            ("204_5", "204_6"),
            ("204_5", "205"),
        ],
    ),
    "rounding": (
        [
            ("0.333", r"\frac13"),
            (r"\frac{1}{12}", "0.0833333333333333"),
            ("4.123105625617661", r"\sqrt{17}"),
            (r"x \approx 0.3", r"\frac13"),
        ],
        [
            (r"\frac13", "0.333"),
            (r"\sqrt{17}", "4.12"),
            ("0.3", r"\frac13"),
            ("12.5", "12.54"),
            ("6290000", "6287000"),
        ],
    ),
}
SAME = [(group, *pair) for group, (pairs, _) in GROUPS.items() for pair in pairs]
OTHER = [(group, *pair) for group, (_, pairs) in GROUPS.items() for pair in pairs]


@pytest.mark.parametrize(("group", "reference", "candidate"), SAME)
def test_the_same_answer_is_correct(group, reference, candidate):
    verdict = check_answer(reference, candidate)
    assert verdict.outcome is Outcome.CORRECT, verdict


@pytest.mark.parametrize(("group", "reference", "candidate"), OTHER)
def test_another_answer_is_wrong(group, reference, candidate):
    verdict = check_answer(reference, candidate)
    assert verdict.outcome is Outcome.WRONG, verdict


@pytest.mark.parametrize(("group", "reference", "candidate"), [*SAME, *OTHER])
def test_delimiters_do_not_matter(group, reference, candidate):
    bare = check_answer(reference, candidate).outcome
    assert check_answer(reference, f"${candidate}$").outcome is bare
    assert check_answer(reference, rf"\boxed{{{candidate}}}").outcome is bare
    assert check_answer(f"${reference}$", candidate).outcome is bare


@pytest.mark.parametrize(
    ("reference", "candidate", "reason"),
    [
        (r"\frac13", "0.333", Reason.ROUNDED_CANDIDATE),
        ("6 m", r"6 \text{ s}", Reason.DIFFERENT_UNIT),
        ("x = 5", "y = 5", Reason.DIFFERENT_LABEL),
        ("1, 2", "1, 2, 3", Reason.DIFFERENT_COUNT),
        ("x > 5", "5", Reason.DIFFERENT_KIND),
        ("7", r"\boxed{}", Reason.NO_ANSWER_FOUND),
        ("", "7", Reason.UNREADABLE_REFERENCE),
        ("7", "$7$", Reason.SAME_TEXT),
    ],
)
def test_a_verdict_says_why(reference, candidate, reason):
    verdict = check_answer(reference, candidate)
    assert verdict.reason == reason
    assert verdict.detail
