"""Which prefixes are asked about, and who decides them."""

import json
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import Decision, append_decision
from mathpipe.core.stage import StageContext
from mathpipe.recall.config import DecideConfig, Decisions
from mathpipe.recall.deciding import (
    DECIDED_FILE,
    Decided,
    Grounds,
    decide,
    keep_decisions,
    kept_decisions,
)
from mathpipe.recall.hit_rates import HitRate, HitRateConfig, HitRateStage
from mathpipe.recall.judging import JudgeConfig, JudgedPage
from mathpipe.recall.places import place_of
from mathpipe.recall.proposals import Proposal, ProposalConfig, ProposeConfig, ProposeStage

NOTHING = JudgeConfig()


def judged(url: str, *, hit: bool) -> JudgedPage:
    place = place_of(url)
    assert place is not None
    return JudgedPage(
        record_id=url, url=url, address=place.address, domain=place.domain, host=place.host,
        score=0.95 if hit else 0.1, tokens=10, hit=hit, likely=hit, shows=hit, decision="", collected=hit,
    )  # fmt: skip


def pages(prefix: str, hits: int, misses: int) -> list[JudgedPage]:
    return [judged(f"{prefix}{number}", hit=number < hits) for number in range(hits + misses)]


def proposals(tmp_path: Path, seen: list[JudgedPage], decided: JudgeConfig = NOTHING) -> dict[str, float]:
    rates = HitRateStage(HitRateConfig(), StageContext(tmp_path / "rates")).run(seen)
    stage = ProposeStage(ProposeConfig(rule=ProposalConfig(min_pages=10), decided=decided), StageContext(tmp_path))
    found = stage.run(rate for rate in rates if isinstance(rate, HitRate))
    return {item.record_id: round(item.share, 3) for item in found if isinstance(item, Proposal)}


def test_a_host_is_cut_down_to_the_folder_that_carries_its_hits(tmp_path):
    seen = pages("https://mo.example/questions/", 30, 10) + pages("https://mo.example/users/", 1, 60)
    assert proposals(tmp_path, seen) == {"https://mo.example/questions/": 0.75}


def test_a_host_whose_hits_lie_everywhere_is_named_whole(tmp_path):
    seen = pages("https://a.example/x/", 20, 20) + pages("https://a.example/y/", 20, 0)
    assert proposals(tmp_path, seen) == {"https://a.example/": 0.667}


def test_hits_beside_the_folder_keep_the_host_whole(tmp_path):
    seen = pages("https://a.example/x/", 20, 0) + pages("https://a.example/page", 5, 5)
    assert proposals(tmp_path, seen) == {"https://a.example/": 0.833}


def test_a_tenth_is_not_more_than_a_tenth(tmp_path):
    assert proposals(tmp_path, pages("https://a.example/", 10, 90)) == {}
    assert proposals(tmp_path, pages("https://a.example/", 11, 89)) == {"https://a.example/": 0.11}


def test_few_pages_say_nothing_unless_their_domain_does(tmp_path):
    few = pages("https://small.big.example/", 3, 0)
    assert proposals(tmp_path, few) == {}
    found = proposals(tmp_path, few + pages("https://www.big.example/", 20, 0))
    assert set(found) == {"https://small.big.example/", "https://www.big.example/"}


def test_tenants_of_one_domain_are_judged_apart(tmp_path):
    seen = pages("https://maths.wordpress.com/", 15, 0) + pages("https://cakes.wordpress.com/", 0, 15)
    assert proposals(tmp_path, seen) == {"https://maths.wordpress.com/": 1.0}


def test_below_a_decided_prefix_nothing_is_asked(tmp_path):
    seen = pages("https://a.example/x/", 20, 0)
    assert proposals(tmp_path, seen, JudgeConfig(accepted=("https://a.example/",))) == {}
    assert proposals(tmp_path, seen, JudgeConfig(refused=("https://a.example/x/",))) == {}


def proposal(prefix: str, share: float) -> Proposal:
    return Proposal(record_id=prefix, domain="d", pages=100, hits=round(100 * share), share=share, mean_score=0.5,
                    host_pages=100, host_hits=1)  # fmt: skip


HIGH, LOW = proposal("https://high.example/", 0.5), proposal("https://low.example/", 0.2)


ASK = DecideConfig(by=Decisions.ASK)


def grounds(*asked: Proposal, number: int = 1, before: Decided | None = None, rule: DecideConfig | None = None,
            likely: dict[str, float] | None = None) -> Grounds:  # fmt: skip
    return Grounds(number, rule or DecideConfig(), asked, before or Decided(), likely or {})


def test_the_rule_is_strict_in_the_first_round_and_the_recipe_s_tenth_later(tmp_path):
    first = decide(grounds(HIGH, LOW), tmp_path / "none")
    assert (first.accepted, first.waiting) == (("https://high.example/",), ("https://low.example/",))
    second = decide(grounds(LOW, number=2, before=first), tmp_path / "none")
    assert second.accepted == ("https://high.example/", "https://low.example/")
    assert second.by_rule == second.accepted


def test_what_the_rule_took_it_gives_back_when_a_later_classifier_finds_hardly_any_page_likely(tmp_path):
    first = decide(grounds(HIGH, LOW, number=2), tmp_path / "none")
    likely = {"https://high.example/": 0.10, "https://low.example/": 0.11}
    second = decide(grounds(number=3, before=first, likely=likely), tmp_path / "none")
    assert (second.accepted, second.given_back) == (("https://low.example/",), ("https://high.example/",))
    third = decide(grounds(HIGH, number=4, before=second, likely={"https://low.example/": 0.5}), tmp_path / "none")
    assert (third.accepted, third.waiting) == (("https://low.example/",), ("https://high.example/",))  # for good
    assert third.given_back == ("https://high.example/",)


def test_what_a_person_accepted_is_never_given_back_and_what_the_rule_gave_back_a_person_can_take(tmp_path):
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "https://low.example/", Decision.ACCEPT, "me")
    first = decide(grounds(HIGH, LOW, number=2), file)
    assert first.by_rule == ("https://high.example/",)
    nothing_likely = dict.fromkeys(first.accepted, 0.0)
    second = decide(grounds(number=3, before=first, likely=nothing_likely), file)
    assert (second.accepted, second.given_back) == (("https://low.example/",), ("https://high.example/",))
    append_decision(file, "https://high.example/", Decision.ACCEPT, "me")
    assert decide(grounds(number=4, before=second, likely=nothing_likely), file).accepted == first.accepted


def test_a_person_s_word_counts_before_the_rule_s(tmp_path):
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "http://high.example/", Decision.REFUSE, "me")
    append_decision(file, "https://low.example/", Decision.ACCEPT, "me")
    append_decision(file, "https://other.example/folder/", Decision.ACCEPT, "me")
    decided = decide(grounds(HIGH, LOW), file)
    assert decided.refused == ("https://high.example/",)
    assert decided.accepted == ("https://low.example/", "https://other.example/folder/")
    assert (decided.by_rule, decided.waiting) == ((), ())


def test_what_the_rule_took_a_person_can_refuse_later(tmp_path):
    before = decide(grounds(HIGH), tmp_path / "none")
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "https://high.example/", Decision.REFUSE, "me")
    decided = decide(grounds(number=2, before=before), file)
    assert (decided.accepted, decided.refused) == ((), ("https://high.example/",))


def test_what_a_person_withdraws_is_undecided_again(tmp_path):
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "https://low.example/", Decision.ACCEPT, "me")
    before = decide(grounds(LOW), file)
    append_decision(file, "http://low.example/", Decision.WITHDRAW, "me")
    after = decide(grounds(LOW, before=before), file)
    assert (before.accepted, after.accepted, after.waiting) == (
        ("https://low.example/",),
        (),
        ("https://low.example/",),
    )


def test_asked_the_rule_takes_nothing(tmp_path):
    decided = decide(grounds(HIGH, LOW, rule=ASK), tmp_path / "none")
    assert decided.waiting == ("https://high.example/", "https://low.example/")


def test_kept_decisions_count_only_on_the_same_grounds(tmp_path):
    keep_decisions(tmp_path, decide(grounds(HIGH), tmp_path / "none"))
    kept = kept_decisions(tmp_path, grounds(HIGH))
    assert kept is not None
    assert kept.accepted == ("https://high.example/",)
    assert kept_decisions(tmp_path, grounds(HIGH, LOW)) is None
    assert kept_decisions(tmp_path, grounds(HIGH, rule=DecideConfig(auto_share=(0.6,)))) is None
    assert kept_decisions(tmp_path, grounds(HIGH, rule=DecideConfig(keep_share=0.2))) is None


def test_a_broken_file_of_decisions_is_named(tmp_path):
    (tmp_path / DECIDED_FILE).write_text(json.dumps({"basis": 3, "extra": 1}))
    with pytest.raises(InputError, match=r"decided\.json"):
        kept_decisions(tmp_path, grounds())
