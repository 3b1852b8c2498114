"""Values with units, and numbers in words. Each text beside its tree."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from tests.verify.answers.parse_sketch import sketch
from verify.answers.parse import ParseError, parse_answer
from verify.answers.parse_words import read_number_words
from verify.answers.tree import Number

CASES = {
    "units": [
        ("5 cm", "5‹centimeter›"),
        ("5cm", "5‹centimeter›"),
        (r"5\text{cm}", "5‹centimeter›"),
        (r"5 \text{ cm}", "5‹centimeter›"),
        (r"5\,\text{cm}", "5‹centimeter›"),
        (r"5 \mathrm{~cm}", "5‹centimeter›"),
        (r"5\ \mathrm{cm}.", "5‹centimeter›"),
        (r"5\mbox{ cm}", "5‹centimeter›"),
        (r"125\textnormal{ miles}", "125‹mile›"),
        (r"15\mbox{ cm}^2", "15‹centimeter2›"),
        (r"15 \text{ cm}^{2}", "15‹centimeter2›"),
        ("15 cm²", "15‹centimeter2›"),
        (r"15\ \mathrm{cm^2}", "15‹centimeter2›"),
        ("15 sq cm", "15‹centimeter2›"),
        (r"100\text{ square units}", "100‹unit2›"),
        ("50 units^2", "50‹unit2›"),
        ("5 km/h", "5‹hour-1 kilometer›"),
        ("60 miles per hour", "60‹hour-1 mile›"),
        (r"60\text{ miles}/\text{hour}", "60‹hour-1 mile›"),
        (r"36 \frac{\text{km}}{\text{h}}", "36‹hour-1 kilometer›"),
        ("9.8 m/s^2", "49/5@1‹meter second-2›"),
        (r"9.8 \text{ m/s}^2", "49/5@1‹meter second-2›"),
        (r"9.8 \text{ m}/\text{s}^2", "49/5@1‹meter second-2›"),
        (r"9.8 \text{ m s}^{-2}", "49/5@1‹meter second-2›"),
        (r"3 \mathrm{~kg} \cdot \mathrm{m}^2", "3‹kilogram meter2›"),
        ("1,000.99m²", "100099/100@2‹meter2›"),
        ("12in.", "12‹inch›"),
        ("5 m", "[5·m]"),
        (r"5\text{ m}", "5‹meter›"),
        (r"7 \mathrm{~s}", "7‹second›"),
        (r"2\mathrm{e}", "[2·«e»]"),
        (r"\frac{1}{3} \text{meters}", "<1 / 3>‹meter›"),
        (r"2\pi \text{ cm}", "[2·«pi»]‹centimeter›"),
        (r"5\sqrt{3}\text{ m}", "[5·sqrt⟨3⟩]‹meter›"),
        (r"2+\sqrt{3} \text{ cm}", "(2 + sqrt⟨3⟩)‹centimeter›"),
        (r"5\text{ cm}+3\text{ cm}", "(5‹centimeter› + 3‹centimeter›)"),
        (r"4 \mathrm{ft} \times 12 \mathrm{ft}", "[4‹foot›·12‹foot›]"),
        (r"x = 5 \text{ cm}", "{x = 5‹centimeter›}"),
        (r"(3 \text{ cm}, 4 \text{ cm})", "B(3‹centimeter›, 4‹centimeter›)"),
        (r"0.05 \mathrm{~N}-\mathrm{m}", "1/20@2‹meter newton›"),
        ("450,000 foot-pounds", "450000‹foot pound›"),
        ("36 (sq. inches)", "36‹inch2›"),
        ("57 ( science books)", "57‹word:science book›"),
    ],
    "angles": [
        (r"90^\circ", "90‹degree›"),
        (r"90^{\circ}", "90‹degree›"),
        ("90°", "90‹degree›"),
        ("45 degrees", "45‹degree›"),
        (r"2x^\circ", "[2·x]‹degree›"),
        (r"\sin 30^\circ", "sin⟨30‹degree›⟩"),
        (r"180^\circ - 2\alpha", "(180‹degree› + -[2·alpha])"),
        (r"25^\circ\text{C}", "25‹celsius›"),
        ("25 °C", "25‹celsius›"),
        (r"45^\circ 30'", "(45‹degree› + 30‹arcminute›)"),
        (r"\frac{\pi}{2} \text{ radians}", "<«pi» / 2>‹radian›"),
        (r"179^{\circ} 59^{\prime} 56^{\prime \prime}", "(179‹degree› + 59‹arcminute› + 56‹arcsecond›)"),
    ],
    "percents": [
        ("28%", "28‹percent›"),
        (r"28\%", "28‹percent›"),
        ("28 percent", "28‹percent›"),
        ("28 pct", "28‹percent›"),
        (r"66\frac{2}{3}\%", "200/3‹percent›"),
        (r"50\% \cdot 20", "[50‹percent›·20]"),
    ],
    "money": [
        (r"\$6", "6‹dollar›"),
        ("$6", "6‹dollar›"),
        (r"\$ 139", "139‹dollar›"),
        ("6 dollars", "6‹dollar›"),
        ("12.5 cents", "25/2@1‹cent›"),
        ("50¢", "50‹cent›"),
        ("€12,50", "25/2@2‹euro›"),
        ("12,50 €", "25/2@2‹euro›"),
        ("£3", "3‹sterling›"),
        (r"\pounds 3", "3‹sterling›"),
        ("USD 5", "5‹dollar›"),
        ("5 USD", "5‹dollar›"),
        (r"-\$5", "-5‹dollar›"),
        (r"\$5\$", "5‹dollar›"),
        (r"\$5\text{ dollars}", "5‹dollar›"),
        (r"\$5 \text{ per hour}", "5‹dollar hour-1›"),
        (r"\$18/\text{hour}", "18‹dollar hour-1›"),
        (r"\$1,250.50", "2501/2@2‹dollar›"),
        ("$1,250.50", "2501/2@2‹dollar›"),
        (r"\$9{,}000", "9000‹dollar›"),
        (r"\$2.5 \text{ million}", "2500000@-5‹dollar›"),
        ("2.5 million dollars", "2500000@-5‹dollar›"),
        ("70 thousand", "70000"),
    ],
    "counted things": [
        ("12 apples", "12‹word:apple›"),
        (r"5 \text{ books}", "5‹word:book›"),
        ("5 red apples", "5‹word:red apple›"),
        ("9 men", "9‹word:men›"),
        ("30 pieces of candy", "30‹word:piece›"),
        ("9 (apples)", "9‹word:apple›"),
        ("6 (red roses)", "6‹word:red rose›"),
        ("5 dozen", "5‹dozen›"),
        ("two apples", "2‹word:apple›"),
    ],
    "number words": [
        ("twelve", "12"),
        ("Twelve", "12"),
        ("twenty-one", "21"),
        ("twenty one", "21"),
        (r"\text{twenty-one}", "21"),
        ("one hundred five", "105"),
        ("one hundred and five", "105"),
        ("three hundred forty-two", "342"),
        ("two thousand five hundred", "2500"),
        ("one million", "1000000"),
        ("a thousand", "1000"),
        ("minus five", "-5"),
        ("negative five", "-5"),
        ("zero", "0"),
        ("one half", "1/2"),
        ("half", "1/2"),
        ("a half", "1/2"),
        ("two thirds", "2/3"),
        ("two-thirds", "2/3"),
        ("three and a half", "7/2"),
    ],
    "compound": [
        ("5 feet 6 inches", "(5‹foot› + 6‹inch›)"),
        ("1 hour 30 minutes", "(1‹hour› + 30‹minute›)"),
        (r"\text{1 hour 30 minutes}", "(1‹hour› + 30‹minute›)"),
        ("2 hours and 30 minutes", "(2‹hour› + 30‹minute›)"),
        (r"2 \text{ hours}, 3 \text{ hours}", "L<2‹hour›, 3‹hour›>"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("text", "tree"), [case for cases in CASES.values() for case in cases])
def test_a_quantity_has_its_tree(text, tree):
    assert sketch(parse_answer(text)) == tree


@pytest.mark.parametrize(
    "text",
    ["5 or apples", "12 foo bar baz qux", "3x banana", "x+1 foo", "5 times", "5 cm 3", "$5 euros", "5 cm^x"],
)
def test_words_that_are_no_unit_are_never_dropped(text):
    with pytest.raises(ParseError):
        parse_answer(text)


@pytest.mark.parametrize(
    ("words", "value", "used"),
    [
        ("seven", fmpq(7), 1),
        ("ninety nine", fmpq(99), 2),
        ("two hundred", fmpq(200), 2),
        ("six hundred and one thousand two", fmpq(601_002), 6),
        ("three quarters", fmpq(3, 4), 2),
        ("two and a half apples", fmpq(5, 2), 4),
        ("five apples", fmpq(5), 1),
        ("one two", fmpq(1), 1),
        ("twenty twelve", fmpq(20), 1),
        ("one and five", fmpq(1), 1),
    ],
)
def test_number_words_are_read_as_far_as_they_go(words, value, used):
    spelled = read_number_words(words.split())
    assert spelled is not None
    assert (spelled.node, spelled.words) == (Number(value), used)


@pytest.mark.parametrize("words", ["third", "and", "apples", "hundred", "a cat", ""])
def test_other_words_begin_no_number(words):
    assert read_number_words(words.split()) is None


UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split()
)
TEENS = [*UNITS, "seventeen", "eighteen", "nineteen"]
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def spelled(value):
    if value < 20:
        return TEENS[value]
    if value < 100:
        tens = TENS[value // 10 - 2]
        return tens if value % 10 == 0 else f"{tens}-{TEENS[value % 10]}"
    for scale, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if value >= scale:
            rest = value % scale
            joint = " and " if scale == 100 or rest < 100 else " "
            return f"{spelled(value // scale)} {name}" + (joint + spelled(rest) if rest else "")
    raise ValueError(value)


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_every_whole_number_can_be_spelled_out(value):
    words = spelled(value).replace("-", " ").split()
    assert read_number_words(words) == (Number(fmpq(value)), len(words))
