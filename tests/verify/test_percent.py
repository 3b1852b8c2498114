import pytest

from verify.percent import asks_percent, is_by_percent, stated_reference, votes_of, without_percent

ASKED = "What percentage of the cars are red?"


@pytest.mark.parametrize(
    ("question", "reference", "asked"),
    [
        (ASKED, "20", True),
        ("By what percent did it rise?", "12.5", True),
        ("What % is left?", "1,200", True),
        ("How many per cent?", "$7$", True),
        ("百分之几？", "7", True),
        (ASKED, "20\\%", False),
        (ASKED, r"\frac{1}{5}", False),
        ("80% are blue. How many are red?", "20", False),
        ("How many cars?", "20", False),
        (ASKED, None, False),
    ],
)
def test_when_a_question_asks_for_a_percentage(question: str, reference: str | None, asked: bool) -> None:
    assert asks_percent(question, reference) is asked


@pytest.mark.parametrize(
    ("answer", "bare"), [(r"20\%", "20"), ("20%", "20"), ("20 percent", "20"), (r"20\%$.", "20"), ("20", "20")]
)
def test_a_percent_sign_at_the_end_goes(answer: str, bare: str) -> None:
    assert without_percent(answer) == bare


def test_the_reference_takes_the_sign_only_where_the_answer_has_it_and_the_question_asks() -> None:
    assert stated_reference(ASKED, "$20$", "20 percent") == "20%"
    assert stated_reference(ASKED, "20", "20") == "20"
    assert stated_reference(ASKED, "20", None) == "20"
    assert stated_reference("How many?", "20", "20%") == "20"
    assert is_by_percent(ASKED, "20", "5%")


def test_votes_lose_the_sign_where_the_question_asks_for_it() -> None:
    assert votes_of(ASKED, ["20%", r"$12.5\%$", "x%", None, "20"]) == ["20", "$12.5", "x%", None, "20"]
    assert votes_of("How many?", ["20%"]) == ["20%"]
    assert votes_of(ASKED, ["20%"], r"\frac{1}{5}") == ["20%"]
