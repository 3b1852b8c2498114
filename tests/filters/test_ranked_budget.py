"""The cut of the ranked budget: where it lies, and that every page agrees with it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from filters.ranked_budget import BudgetConfig, BudgetCut, RankedBudgetStage
from filters.score_pages import PageScore
from mathpipe.core.stage import StageContext


def score(name: str, value: float, tokens: int = 10) -> PageScore:
    return PageScore(
        record_id=name, url=f"https://a.example/{name}", host="a.example", score=value, tokens=tokens, shows=True
    )


def cut_of(pages: list[PageScore], **config: object) -> BudgetCut:
    stage = RankedBudgetStage(BudgetConfig.model_validate(config), StageContext(Path("unused")))
    (cut,) = stage.run(pages)
    assert isinstance(cut, BudgetCut)
    return cut


def test_the_best_pages_are_taken_until_the_next_would_overrun_the_tokens():
    pages = [score("a", 0.99, 40), score("b", 0.95, 50), score("c", 0.97, 30), score("d", 0.91, 5)]
    cut = cut_of(pages, tokens=90)
    assert [page.record_id for page in pages if cut.takes(page)] == ["a", "c"]
    assert (cut.score, cut.pages, cut.tokens, cut.seen_pages, cut.seen_tokens) == (0.97, 2, 70, 4, 125)


def test_without_a_budget_the_score_alone_decides():
    pages = [score("a", 0.9), score("b", 0.89), score("c", 1.0)]
    cut = cut_of(pages, min_score=0.9)
    assert [page.record_id for page in pages if cut.takes(page)] == ["a", "c"]


def test_a_budget_that_holds_no_page_takes_none():
    assert not cut_of([score("a", 1.0, 10)], tokens=9).takes(score("a", 1.0, 10))
    assert not cut_of([]).takes(score("a", 1.0))


_PAGES = st.lists(st.tuples(st.sampled_from([0.2, 0.9, 0.95, 1.0]), st.integers(0, 50)), max_size=30)


@given(_PAGES, st.integers(0, 400))
def test_pages_of_one_score_are_cut_the_same_in_any_order_and_the_count_is_kept(rows, tokens):
    pages = [score(str(number), value, size) for number, (value, size) in enumerate(rows)]
    cut = cut_of(pages, tokens=tokens)
    assert cut_of(pages[::-1], tokens=tokens) == cut
    taken = [page for page in pages if cut.takes(page)]
    assert (len(taken), sum(page.tokens for page in taken)) == (cut.pages, cut.tokens)
    assert cut.tokens <= tokens
