"""Near-duplicates from text to verdict: signatures, bands, matches, clusters, and the pages that go."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.clusters import ClustersStage, Membership, memberships_of
from filters.deduplicate import (
    DeduplicateConfig,
    DeduplicateStage,
    DuplicateCluster,
    DuplicateDropReason,
    find_near_duplicates,
)
from filters.duplicate_keys import DuplicateKey, DuplicateKind, DuplicateNode, KeysStage, keys_of, partition_of
from filters.duplicate_matches import Match, MatchesConfig, MatchesStage, leaders, matches_of
from filters.minhash import MinHashConfig, Signer, collision_probability, estimated_jaccard, low_bytes
from mathpipe.core.errors import InputError
from mathpipe.core.records import Drop, Page
from mathpipe.core.stage import StageContext, StepOutput
from mathpipe.core.store import write_records


def prose(count: int, seed: int = 0) -> list[str]:
    chosen = random.Random(seed)
    return [
        f"{chosen.choice('bcdfgklm')}{chosen.choice('aeiou')}{chosen.choice('nrst')}{chosen.choice('aeio')}"
        for _ in range(count)
    ]


def with_changes(words: list[str], places: list[int]) -> str:
    return " ".join(f"changed{index}" if index in places else word for index, word in enumerate(words))


def page(name: str, text: str, url: str = "") -> Page:
    return Page(record_id=name, url=url or f"https://{name}.example/", host="", title="", text=text)


def verdicts(pages: list[Page], config: MatchesConfig | None = None) -> dict[str, Membership]:
    chosen = config or MatchesConfig()
    signer = Signer(chosen)
    keys = [key for one in pages for key in keys_of(one, signer, chosen.scheme)]
    return {row.record_id: row for row in memberships_of(matches_of(keys, chosen), chosen)}


def test_default_bands_find_95_per_cent_at_the_threshold() -> None:
    assert MinHashConfig().bands_and_rows == (16, 8)
    assert collision_probability(0.8, 16, 8) == pytest.approx(0.947, abs=0.001)
    assert collision_probability(0.9, 16, 8) == pytest.approx(0.9999, abs=0.0001)
    assert collision_probability(0.5, 16, 8) == pytest.approx(0.061, abs=0.001)


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, (42, 3)), (0.7, (21, 6)), (0.9, (9, 14)), (1.0, (1, 128))])
def test_bands_follow_the_threshold(threshold: float, expected: tuple[int, int]) -> None:
    assert MinHashConfig(threshold=threshold).bands_and_rows == expected


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.62, 0.8, 0.95])
def test_the_recall_asked_for_is_reached_and_one_row_more_would_miss_it(threshold: float) -> None:
    config = MinHashConfig(threshold=threshold)
    bands, rows = config.bands_and_rows
    assert collision_probability(threshold, bands, rows) >= config.recall_at_threshold
    assert collision_probability(threshold, config.permutations // (rows + 1), rows + 1) < config.recall_at_threshold


def test_estimates_are_within_four_standard_deviations_of_the_exact_jaccard() -> None:
    signer = Signer(MinHashConfig())
    words = prose(600)
    for places in (range(0, 600, 200), range(0, 600, 60), range(0, 600, 25)):
        one, two = " ".join(words), with_changes(words, list(places))
        a, b = signer.shingles(one), signer.shingles(two)
        exact = len(np.intersect1d(a, b)) / len(np.union1d(a, b))
        low = [
            np.frombuffer(low_bytes(signature), np.uint8)
            for signature in (signer.sign(one), signer.sign(two))
            if signature is not None
        ]
        estimate = float(estimated_jaccard(low[0], low[1][None])[0])
        assert abs(estimate - exact) < 4 * (exact * (1 - exact) / 128) ** 0.5 + 0.005


def test_estimates_of_unrelated_texts_are_nearly_zero() -> None:
    signer = Signer(MinHashConfig())
    low = [
        np.frombuffer(low_bytes(sign), np.uint8)
        for seed in (1, 2)
        if (sign := signer.sign(" ".join(prose(500, seed)))) is not None
    ]
    assert float(estimated_jaccard(low[0], low[1][None])[0]) < 0.03


def test_a_signature_does_not_depend_on_what_was_signed_before() -> None:
    text = " ".join(prose(5_000, 3))
    fresh, used = Signer(MinHashConfig()), Signer(MinHashConfig())
    used.sign(" ".join(prose(300, 4)))
    one, two = fresh.sign(text), used.sign(text)
    assert one is not None
    assert two is not None
    assert one.tolist() == two.tolist()


def test_equal_texts_share_every_band_and_unrelated_texts_none() -> None:
    signer = Signer(MinHashConfig())
    signatures = [signer.sign(" ".join(prose(300, seed))) for seed in (1, 1, 2)]
    bands = [signer.band_hashes(signature) for signature in signatures if signature is not None]
    assert bands[0] == bands[1]
    assert not set(enumerate(bands[0])) & set(enumerate(bands[2]))


def test_near_duplicates_are_found_and_the_longest_stays() -> None:
    words = prose(400)
    texts = [("short", " ".join(words[:390])), ("long", " ".join(words)), ("other", " ".join(prose(400, 9)))]
    clusters = find_near_duplicates(texts)
    assert [(one.kept, [name for name, _ in one.others]) for one in clusters] == [("long", ["short"])]
    assert 0.9 < clusters[0].others[0][1] <= 1.0


def test_equal_short_texts_are_duplicates_but_similar_short_texts_are_not() -> None:
    texts = [("a", "See the index."), ("b", "See  the\nindex."), ("c", "See the indexes.")]
    assert find_near_duplicates(texts) == [DuplicateCluster("b", (("a", 1.0),))]  # the longer by a space


def test_pages_of_one_generator_that_share_a_template_do_not_merge() -> None:
    template = prose(60, 5)
    texts = [(f"page{index}", " ".join(template + prose(60, 100 + index))) for index in range(40)]
    assert find_near_duplicates(texts) == []


def test_nothing_to_compare_is_no_cluster() -> None:
    assert find_near_duplicates([]) == []
    assert find_near_duplicates([("a", ""), ("b", " ")]) == []


def test_a_lower_threshold_merges_more() -> None:
    words = prose(400)
    texts = [("a", " ".join(words)), ("b", with_changes(words, list(range(0, 400, 20))))]  # Jaccard 0.6
    assert find_near_duplicates(texts) == []
    assert len(find_near_duplicates(texts, MatchesConfig(threshold=0.5))) == 1


def test_texts_without_spaces_between_words_are_compared_by_character() -> None:
    chosen = random.Random(0)
    text = "".join(chr(0x4E00 + chosen.randrange(3000)) for _ in range(300))
    assert [one.kept for one in find_near_duplicates([("a", text), ("b", text[:-6] + "好好好好好好")])] == ["a"]


def test_a_chain_of_similar_pages_does_not_pull_in_what_is_unlike_the_page_that_stays() -> None:
    words = prose(800)
    texts = [("chain0", " ".join(words))]
    for link in range(1, 9):  # each link differs from the one before by 2% of its words: Jaccard about 0.82
        words = [f"link{link}x{index}" if index % 50 == 5 * link else word for index, word in enumerate(words)]
        texts.append((f"chain{link}", " ".join(words)))
    rows = verdicts([page(name, text) for name, text in texts], MatchesConfig(threshold=0.7))
    signer = Signer(MinHashConfig())
    by_name = dict(texts)
    for row in rows.values():
        a, b = signer.shingles(by_name[row.record_id]), signer.shingles(by_name[row.kept_record_id])
        assert len(np.intersect1d(a, b)) / len(np.union1d(a, b)) > 0.6
    assert len({row.kept_record_id for row in rows.values()}) > 1


def test_one_address_keeps_the_longer_text_and_says_so() -> None:
    rows = verdicts([page("old", " ".join(prose(100)), "http://a.example/x?utm_source=feed"),
                     page("new", " ".join(prose(150, 2)), "https://a.example/x")])  # fmt: skip
    assert rows["old"] == Membership(
        record_id="old",
        kept_record_id="new",
        kept_url="https://a.example/x",
        kind=DuplicateKind.URL,
        similarity=1.0,
        copies=2,
    )
    assert (rows["new"].kind, rows["new"].copies) == (None, 2)


def test_the_address_is_looked_at_before_the_text_and_the_text_before_likeness() -> None:
    words = prose(300)
    pages = [
        page("original", " ".join(words), "https://a.example/x"),
        page("address", " ".join(words[:-5]), "https://a.example/x#part"),
        page("text", " ".join(words), "https://mirror.example/yy/x"),
        page("like", " ".join(words[:-4]), "https://other.example/zz"),
    ]
    rows = verdicts(pages)
    assert {name: row.kind for name, row in rows.items()} == {
        "original": None, "address": DuplicateKind.URL, "text": DuplicateKind.EXACT, "like": DuplicateKind.NEAR,
    }  # fmt: skip
    assert {row.copies for row in rows.values()} == {4}


def test_a_page_that_gave_way_leads_to_the_page_that_stays_in_the_end() -> None:
    words = prose(300)
    pages = [
        page("b-same-address", "quite another thing", "https://a.example/x"),
        page("a", " ".join(words[:-6]), "https://a.example/x"),
        page("c", " ".join(words), "https://c.example/"),
    ]
    rows = verdicts(pages)
    assert rows["b-same-address"].kept_record_id == "c"
    assert rows["a"].kept_record_id == "c"
    assert rows["c"].copies == 3


def test_a_text_equal_only_to_a_page_that_went_stays() -> None:
    words = prose(200)
    pages = [page("r", " ".join(prose(300, 7)), "https://a.example/x"), page("m", " ".join(words), "https://a.example/x"),
             page("x", " ".join(words), "https://x.example/")]  # fmt: skip
    rows = verdicts(pages)
    assert rows["m"].kept_record_id == "r"
    assert "x" not in rows


def test_a_bucket_of_many_copies_costs_one_edge_less_than_pages() -> None:
    text = " ".join(prose(200))
    config = MatchesConfig()
    signer = Signer(config)
    pages = [page(f"p{index:03}", text) for index in range(50)]
    keys = [key for one in pages for key in keys_of(one, signer, config.scheme)]
    edges = list(matches_of(keys, config))
    assert len([edge for edge in edges if edge.kind is DuplicateKind.EXACT]) == 49
    assert len([edge for edge in edges if edge.kind is DuplicateKind.NEAR]) == 16 * 49
    assert len({edge.first.record_id for edge in edges}) == 1


def node(name: str, signature: bytes) -> DuplicateNode:
    return DuplicateNode(record_id=name, url="", formulas=0, characters=0, signature=signature)


def test_leaders_are_compared_up_to_the_limit_only() -> None:
    signatures = [bytes([index]) * 128 for index in range(4)]
    nodes = [node(str(index), signatures[index % 4]) for index in range(8)]
    assert leaders(nodes, 0.8, 256) == {4: (0, 1.0), 5: (1, 1.0), 6: (2, 1.0), 7: (3, 1.0)}
    assert leaders(nodes, 0.8, 2) == {4: (0, 1.0), 5: (1, 1.0)}


def test_the_most_similar_leader_is_chosen() -> None:
    def blend(share: int) -> bytes:
        return bytes([1]) * share + bytes([2]) * (128 - share)

    nodes = [node("one", blend(128)), node("two", blend(0)), node("between", blend(20))]
    assert leaders(nodes, 0.8, 256)[2][0] == 1


def test_signatures_of_two_schemes_are_refused() -> None:
    text = " ".join(prose(100))
    one, two = MatchesConfig(seed=1), MatchesConfig(seed=2)
    keys = [*keys_of(page("a", text), Signer(one), one.scheme), *keys_of(page("b", text), Signer(two), two.scheme)]
    with pytest.raises(InputError, match="seed2.*seed1"):
        list(matches_of(keys, one))


def test_matches_and_clusters_state_memory_in_proportion_to_rows() -> None:
    config = MatchesConfig()
    for stage in (MatchesStage, ClustersStage):
        at_rest = stage.memory_bytes(config, 0)
        assert stage.memory_bytes(config, 2_000_000) - at_rest == 2 * (
            stage.memory_bytes(config, 1_000_000) - at_rest
        )
    assert MatchesStage.memory_bytes(config, 1_000_000) < 2**30 + 2**27


def staged(pages: list[Page], folder: Path, partitions: int) -> list[Page | Drop]:
    """The stages as the runner would run them, through Parquet, with that many partitions."""
    config, context = MatchesConfig(), StageContext(files=folder)
    keys = [key for key in KeysStage(config, context).run(pages) if isinstance(key, DuplicateKey)]
    edges = []
    for partition in range(partitions):
        share = [key for key in keys if partition_of(key, partitions) == partition]
        edges += [edge for edge in MatchesStage(config, context).run(share) if isinstance(edge, Match)]
    rows = list(ClustersStage(config, context).run(edges))
    shard = folder / f"clusters-{partitions}.parquet"
    write_records(shard, rows, Membership)
    sides = {"clusters": StepOutput(shards=(shard,), files=())}
    return list(DeduplicateStage(DeduplicateConfig(), StageContext(files=folder, sides=sides)).run(pages))


def sample_pages() -> list[Page]:
    words = prose(300)
    return [
        page("first", " ".join(words), "https://a.example/1"),
        page("exact", " ".join(words), "https://b.example/elsewhere"),
        page("near", " ".join(words[:-3]), "https://c.example/1"),
        page("feed", " ".join(words[:-9]), "https://a.example/1?utm_source=feed"),
        page("alone", " ".join(prose(300, 8)), "https://d.example/1"),
    ]


def test_every_page_gets_one_answer_and_drops_say_what_was_kept(tmp_path: Path) -> None:
    answers = staged(sample_pages(), tmp_path, 3)
    assert [one.record_id for one in answers] == ["first", "exact", "near", "feed", "alone"]
    kept = [one for one in answers if isinstance(one, Page)]
    assert [(one.record_id, one.copies) for one in kept] == [("first", 4), ("alone", 1)]
    drops = [one for one in answers if isinstance(one, Drop)]
    assert [one.reason for one in drops] == [
        DuplicateDropReason.EXACT,
        DuplicateDropReason.NEAR,
        DuplicateDropReason.URL,
    ]
    assert drops[0].detail == "kept https://a.example/1 first similarity 1.00"
    assert drops[0].url == "https://b.example/elsewhere"


@pytest.mark.parametrize("partitions", [1, 2, 5, 16])
def test_the_answer_does_not_depend_on_the_number_of_partitions(partitions: int, tmp_path: Path) -> None:
    assert staged(sample_pages(), tmp_path, partitions) == staged(sample_pages(), tmp_path, 1)


@given(st.permutations(range(5)))
@settings(max_examples=20, deadline=None)
def test_verdicts_do_not_depend_on_the_order_of_pages(order: list[int]) -> None:
    pages = sample_pages()
    assert verdicts([pages[index] for index in order]) == verdicts(pages)


def test_a_page_listed_twice_under_one_id_is_no_duplicate_of_itself() -> None:
    one = page("same", " ".join(prose(100)))
    assert verdicts([one, one]) == {}


def test_recall_follows_the_theoretical_curve_on_synthetic_pairs() -> None:
    config = MatchesConfig()
    signer = Signer(config)
    met, theory = 0, 0.0
    for seed in range(60):
        words = prose(300, 1000 + seed)
        one, two = " ".join(words), with_changes(words, list(range(0, 300, 38)))
        a, b = signer.shingles(one), signer.shingles(two)
        theory += collision_probability(len(np.intersect1d(a, b)) / len(np.union1d(a, b)), *config.bands_and_rows)
        signatures = [signature for text in (one, two) if (signature := signer.sign(text)) is not None]
        bands = [set(enumerate(signer.band_hashes(signature))) for signature in signatures]
        met += bool(bands[0] & bands[1])
    assert abs(met - theory) < 10  # three standard deviations of 60 draws are 11
