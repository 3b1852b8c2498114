"""Which prefixes are asked about, and who decides them."""

import json
from pathlib import Path

import pytest

from mathpipe.core.errors import InputError
from mathpipe.core.prefix_decisions import Decision, append_decision
from mathpipe.core.stage import StageContext
from mathpipe.recall.config import DecideConfig, Decisions
from mathpipe.recall.deciding import DECIDED_FILE, decide, keep_decisions, kept_decisions
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
        score=0.95 if hit else 0.1, tokens=10, hit=hit, decision="", collected=hit,
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


def test_the_rule_is_strict_in_the_first_round_and_the_recipe_s_tenth_later(tmp_path):
    first = decide([HIGH, LOW], NOTHING, tmp_path / "none", DecideConfig(), 1)
    assert (first.accepted, first.waiting) == (("https://high.example/",), ("https://low.example/",))
    second = decide([LOW], first.standing(NOTHING), tmp_path / "none", DecideConfig(), 2)
    assert second.accepted == ("https://high.example/", "https://low.example/")
    assert second.by_rule == ("https://low.example/",)


def test_a_person_s_word_counts_before_the_rule_s(tmp_path):
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "http://high.example/", Decision.REFUSE, "me")
    append_decision(file, "https://low.example/", Decision.ACCEPT, "me")
    append_decision(file, "https://other.example/folder/", Decision.ACCEPT, "me")
    decided = decide([HIGH, LOW], NOTHING, file, DecideConfig(), 1)
    assert decided.refused == ("https://high.example/",)
    assert decided.accepted == ("https://low.example/", "https://other.example/folder/")
    assert (decided.by_rule, decided.waiting) == ((), ())


def test_what_the_rule_took_a_person_can_refuse_later(tmp_path):
    before = NOTHING.model_copy(update={"accepted": ("https://high.example/",)})
    file = tmp_path / "prefixes.jsonl"
    append_decision(file, "https://high.example/", Decision.REFUSE, "me")
    decided = decide([], before, file, DecideConfig(), 2)
    assert (decided.accepted, decided.refused) == ((), ("https://high.example/",))


def test_asked_the_rule_takes_nothing(tmp_path):
    decided = decide([HIGH, LOW], NOTHING, tmp_path / "none", DecideConfig(by=Decisions.ASK), 1)
    assert decided.waiting == ("https://high.example/", "https://low.example/")


def test_kept_decisions_count_only_on_the_same_grounds(tmp_path):
    rule = DecideConfig()
    keep_decisions(tmp_path, decide([HIGH], NOTHING, tmp_path / "none", rule, 1))
    kept = kept_decisions(tmp_path, [HIGH], NOTHING, rule, 1)
    assert kept is not None
    assert kept.accepted == ("https://high.example/",)
    assert kept_decisions(tmp_path, [HIGH, LOW], NOTHING, rule, 1) is None
    assert kept_decisions(tmp_path, [HIGH], NOTHING, DecideConfig(auto_share=(0.6,)), 1) is None


def test_a_broken_file_of_decisions_is_named(tmp_path):
    (tmp_path / DECIDED_FILE).write_text(json.dumps({"basis": 3, "extra": 1}))
    with pytest.raises(InputError, match=r"decided\.json"):
        kept_decisions(tmp_path, [], NOTHING, DecideConfig(), 1)
