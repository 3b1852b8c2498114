"""Solutions read from all the files that hold some."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mathpipe.core.errors import CorruptShardError, InputError
from mathpipe.core.records import Segment, SegmentKind
from mathpipe.inspect.shards import Query
from mathpipe.inspect.solution_records import Look, ProblemLook, SampleLook
from mathpipe.inspect.solution_source import Kind, find_solutions
from mathpipe.inspect.solutions import Solutions
from tests.inspect.small_solutions import (
    FRACTIONS,
    HOSTILE,
    LATE,
    OPEN,
    RIGHT,
    SAMPLES,
    SILENT,
    TOOL,
    TOOLS,
    WRONG,
    write_samples,
)


def opened(path: Path) -> Solutions:
    source = find_solutions([str(path)])
    assert source is not None
    return Solutions(source)


@pytest.fixture(scope="module")
def run_solutions(generation: Path) -> Iterator[Solutions]:
    with opened(generation) as solutions:
        yield solutions


def looks(problem: ProblemLook) -> list[Look]:
    return [sample.look for sample in problem.samples]


def ids(solutions: Solutions, query: Query, look: Look | None = None) -> list[int]:
    return [row.number for row in solutions.listing(query, look).rows]


# --- what is recognised --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", Kind.RUN),
        ("problems", Kind.PROBLEMS),
        ("samples", Kind.SAMPLES),
        ("samples/shard-00000.parquet", Kind.SAMPLES),
        ("selection", Kind.JUDGED),
        ("selection/judged", Kind.JUDGED),
        ("selection/sft", Kind.SFT),
        ("selection/dpo", Kind.DPO),
        ("selection/grpo", Kind.GRPO),
    ],
)
def test_every_file_of_a_run_is_recognised(generation: Path, path: str, kind: Kind) -> None:
    source = find_solutions([str(generation / path)])
    assert source is not None
    assert source.kind is kind


def test_an_evaluation_is_recognised_by_its_folder_and_by_its_file(evaluation: Path) -> None:
    for path in (evaluation, evaluation / "problems.jsonl"):
        source = find_solutions([str(path)])
        assert source is not None
        assert (source.kind, source.title) == (Kind.EVALUATION, "scored")


def test_pages_are_no_solutions(run: Path) -> None:
    assert find_solutions([str(run)]) is None


def test_a_folder_that_is_no_run_says_what_would_be_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no Parquet shards there; .* generation run or an evaluation"):
        find_solutions([str(tmp_path)])


def test_shards_of_two_kinds_are_refused(generation: Path) -> None:
    with pytest.raises(InputError, match="shards of one kind, not problems and samples"):
        find_solutions([str(generation / "problems"), str(generation / "samples")])


def test_a_folder_of_evaluations_names_them(evaluation: Path) -> None:
    with pytest.raises(InputError, match=r"one evaluation, not 1; name one of .*scored"):
        find_solutions([str(evaluation.parent)])


def test_a_broken_shard_is_named(tmp_path: Path) -> None:
    (tmp_path / "shard-00000.parquet").write_bytes(b"no Parquet")
    with pytest.raises(CorruptShardError, match=r"shard-00000\.parquet"):
        find_solutions([str(tmp_path)])


# --- one problem ---------------------------------------------------------------------------------------------------


def test_a_problem_has_its_samples_with_verdicts_and_reasons(run_solutions: Solutions) -> None:
    problem = run_solutions.problem(FRACTIONS.problem_id)
    assert (problem.question, problem.answer) == (FRACTIONS.question, r"\frac{5}{6}")
    assert looks(problem) == [Look.CORRECT, Look.WRONG, Look.NO_ANSWER, Look.NOT_JUDGED]
    right, wrong, silent, late = problem.samples
    assert (right.reason, right.detail, right.fate) == ("same-text", "the same text", "kept")
    assert (wrong.reason, wrong.answer, wrong.fate) == ("different", r"\frac{2}{5}", "wrong")
    assert (silent.answer, silent.detail, silent.finish) == (None, "the sample gives no answer", "length")
    assert (late.sample_id, late.reason, late.fate) == (LATE.sample_id, "", "")
    assert (right.completion_tokens, right.prompt_tokens, right.seed, right.model) == (10, 50, 100, "models/tiny")


def test_the_pass_rate_counts_what_was_judged(run_solutions: Solutions) -> None:
    assert run_solutions.problem(FRACTIONS.problem_id).pass_rate == pytest.approx(1 / 3)


def test_facts_of_a_problem_are_those_that_are_known(run_solutions: Solutions) -> None:
    facts = dict(run_solutions.problem(FRACTIONS.problem_id).facts)
    assert facts == {
        "source": "small",
        "split": "train",
        "subject": "fractions",
        "level": "2",
        "kind": "answer",
        "origin": "small.jsonl:1",
    }


def test_segments_keep_their_order_and_kind(run_solutions: Solutions) -> None:
    [sample] = run_solutions.problem(TOOLS.problem_id).samples
    assert list(sample.segments) == TOOL.segments
    assert (sample.form, sample.finish) == ("tir", "rounds")


def test_a_majority_is_no_verdict(run_solutions: Solutions) -> None:
    problem = run_solutions.problem(OPEN.problem_id)
    assert looks(problem) == [Look.AGREES, Look.AGREES, Look.DIFFERS, Look.AGREES]
    assert (problem.answer, problem.answer_title, problem.pass_rate) == ("7", "majority's answer", 0.75)
    assert dict(problem.facts)["agreement"] == "75.0%"


@pytest.mark.parametrize(
    "reference", [FRACTIONS.problem_id, FRACTIONS.problem_id[:6], FRACTIONS.problem_id.upper(), "0"]
)
def test_a_problem_is_found_by_its_id_its_beginning_or_its_number(run_solutions: Solutions, reference: str) -> None:
    assert run_solutions.problem(reference).problem_id == FRACTIONS.problem_id


def test_a_sample_leads_to_its_problem_and_is_marked(run_solutions: Solutions) -> None:
    problem = run_solutions.problem(WRONG.sample_id[:10])
    assert problem.problem_id == FRACTIONS.problem_id
    assert [sample.asked for sample in problem.samples] == [False, True, False, False]


@pytest.mark.parametrize("reference", ["ffffffffffff", "99", "ab", "", "'; DROP VIEW problem; --"])
def test_an_id_that_is_not_there_is_told(run_solutions: Solutions, reference: str) -> None:
    with pytest.raises(InputError, match="a problem or sample that is there; give a number below 4"):
        run_solutions.problem(reference)


def test_a_beginning_of_several_ids_names_them(tmp_path: Path) -> None:
    twins = [dataclasses.replace(FRACTIONS, problem_id=f"twin-{name}") for name in "ab"]
    write_samples(tmp_path, twins, [])
    with (
        opened(tmp_path) as solutions,
        pytest.raises(InputError, match=r"not several; give more, one of twin-a, twin-b"),
    ):
        solutions.problem("twin")
    with opened(tmp_path) as solutions:
        assert solutions.problem("twin-b").problem_id == "twin-b"


# --- tables --------------------------------------------------------------------------------------------------------


def test_the_summary_counts_verdicts_rates_and_tokens(run_solutions: Solutions) -> None:
    summary = run_solutions.summary()
    assert (summary.kind, summary.title, summary.problems, summary.samples) == ("generation run", "little", 4, 10)
    assert summary.looks == {
        Look.CORRECT: 2,
        Look.WRONG: 2,
        Look.NO_ANSWER: 1,
        Look.AGREES: 3,
        Look.DIFFERS: 1,
        Look.NOT_JUDGED: 1,
    }
    assert summary.pass_rates == {"0": 1, "to 0.25": 0, "to 0.5": 1, "to 0.75": 1, "below 1": 0, "1": 1, "none": 0}
    assert summary.mean_pass_rate == pytest.approx((1 / 3 + 1 + 0.75 + 0) / 4)
    assert summary.forms == {"cot": 9, "tir": 1}
    assert summary.finishes == {"stop": 8, "length": 1, "rounds": 1}
    assert summary.tokens == sum(sample.completion_tokens for sample in [*SAMPLES, LATE])
    assert summary.longest == LATE.completion_tokens


def test_the_listing_has_a_row_a_problem(run_solutions: Solutions) -> None:
    listing = run_solutions.listing(Query())
    assert listing.columns == ("id", "question", "answer", "pass_rate", "verdicts")
    assert listing.rows[0].cells == (
        FRACTIONS.problem_id[:8],
        FRACTIONS.question,
        r"\frac{5}{6}",
        pytest.approx(1 / 3),
        "1 correct, 1 wrong, 1 no-answer, 1 not-judged",
    )
    assert listing.matching == 4


def test_a_verdict_chooses_the_problems_that_have_one(run_solutions: Solutions) -> None:
    assert ids(run_solutions, Query(), Look.WRONG) == [0, 3]
    assert ids(run_solutions, Query(), Look.DIFFERS) == [2]
    assert ids(run_solutions, Query(), Look.CRASH) == []


def test_a_condition_is_sql_over_the_columns(run_solutions: Solutions) -> None:
    assert ids(run_solutions, Query(where="pass_rate > 0.5 AND form = 'cot'")) == [2]
    assert ids(run_solutions, Query(where="tokens > 30 AND not_judged = 1")) == [0]


def test_a_condition_that_cannot_be_read_names_the_columns(run_solutions: Solutions) -> None:
    with pytest.raises(InputError, match=r"an SQL condition over id, problem_id, .*for example: pass_rate < 0\.5"):
        run_solutions.listing(Query(where="colour = 'red'"))


def test_rows_are_sorted_by_any_column(run_solutions: Solutions) -> None:
    assert ids(run_solutions, Query(sort="pass_rate", descending=True)) == [1, 2, 0, 3]
    assert ids(run_solutions, Query(sort="samples", descending=True, limit=2)) == [0, 2]


def test_a_column_that_is_not_there_is_told(run_solutions: Solutions) -> None:
    with pytest.raises(InputError, match="did you mean 'pass_rate'"):
        run_solutions.listing(Query(sort="passrate"))


def test_a_search_finds_questions_and_samples(run_solutions: Solutions) -> None:
    [cake] = run_solutions.listing(Query(search="CAKE")).rows
    assert (cake.number, cake.snippet and cake.snippet.column) == (0, "question")
    [said] = run_solutions.listing(Query(search="cannot   say")).rows
    assert said.snippet is not None
    assert (said.snippet.column, said.snippet.match) == (f"sample {SILENT.sample_id[:8]}", "cannot say")


def test_a_pattern_that_is_none_is_told(run_solutions: Solutions) -> None:
    with pytest.raises(InputError, match="regular expression"):
        run_solutions.listing(Query(search="(", regex=True))


# --- other files ---------------------------------------------------------------------------------------------------


def test_an_evaluation_shows_the_same_with_its_vote(evaluation: Path) -> None:
    with opened(evaluation) as solutions:
        problem = solutions.problem(FRACTIONS.problem_id)
        tool = solutions.problem(TOOLS.problem_id).samples[0]
        unscored = solutions.problem(OPEN.problem_id)
    assert looks(problem) == [Look.CORRECT, Look.WRONG, Look.NO_ANSWER]
    assert dict(problem.facts)["vote"] == r"\frac{5}{6} (1 of 1 votes, correct)"
    assert [segment.kind for segment in tool.segments] == [segment.kind for segment in TOOL.segments]
    assert unscored.pass_rate is None


def test_samples_alone_find_their_problems_beside_them(generation: Path, tmp_path: Path) -> None:
    with opened(generation / "samples") as solutions:
        assert solutions.problem(FRACTIONS.problem_id).question == FRACTIONS.question
    shutil.copytree(generation / "samples", tmp_path / "apart")
    with opened(tmp_path / "apart") as solutions:
        problem = solutions.problem(RIGHT.sample_id)
        assert (problem.problem_id, problem.question, problem.answer) == (FRACTIONS.problem_id, "", None)
        assert len(problem.samples) == 4


def test_rows_of_a_training_set_show_what_was_asked_and_said(generation: Path) -> None:
    with opened(generation / "selection" / "sft") as solutions:
        problem = solutions.problem(FRACTIONS.problem_id)
    assert problem.question == FRACTIONS.question
    assert looks(problem) == [Look.CORRECT]
    assert list(problem.samples[0].segments) == RIGHT.segments
    assert problem.pass_rate == pytest.approx(1 / 3)


def test_a_pair_shows_both_sides(generation: Path) -> None:
    with opened(generation / "selection" / "dpo") as solutions:
        samples = solutions.problem(FRACTIONS.problem_id).samples
    assert [(sample.role, sample.look) for sample in samples[:2]] == [
        ("chosen", Look.CORRECT),
        ("rejected", Look.WRONG),
    ]
    assert samples[0].completion_tokens == RIGHT.completion_tokens


def test_problems_to_explore_have_no_samples(generation: Path) -> None:
    with opened(generation / "selection" / "grpo") as solutions:
        problem = solutions.problem("0")
        assert (problem.question, problem.answer, list(problem.samples)) == (FRACTIONS.question, r"\frac{5}{6}", [])


def test_judged_rows_stand_by_themselves(generation: Path) -> None:
    with opened(generation / "selection") as solutions:
        assert solutions.problem(HOSTILE.problem_id).question == HOSTILE.question
        assert solutions.summary().samples == len(SAMPLES)


def test_verdicts_of_a_selection_that_was_killed_are_shown(generation: Path, tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    shutil.copytree(generation, killed, ignore=shutil.ignore_patterns("selection"))
    with (killed / "verdicts.jsonl").open("a") as file:
        file.write('{"key": "torn')
    with opened(killed) as solutions:
        assert looks(solutions.problem(FRACTIONS.problem_id))[:2] == [Look.CORRECT, Look.WRONG]


def test_a_run_that_is_going_on_shows_what_it_has_stored(tmp_path: Path) -> None:
    write_samples(tmp_path, [FRACTIONS], [])
    shutil.rmtree(tmp_path / "samples")
    (tmp_path / "stored").mkdir()
    odd = dataclasses.replace(WRONG, text="lone \ud800", segments=[Segment(SegmentKind.TEXT, "lone \ud800")])
    lines = [json.dumps(dataclasses.asdict(sample)) for sample in (RIGHT, odd)]
    (tmp_path / "stored" / "00000-abc.jsonl").write_text("\n".join([*lines, '{"sample_id": "to']))
    with opened(tmp_path) as solutions:
        samples = solutions.problem(FRACTIONS.problem_id).samples
    assert [(sample.sample_id, sample.look) for sample in samples] == [
        (RIGHT.sample_id, Look.NOT_JUDGED),
        (WRONG.sample_id, Look.NOT_JUDGED),
    ]
    assert samples[1].segments == [Segment(SegmentKind.TEXT, "lone ?")]


def test_an_evaluation_of_odd_rows_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    rows = [{"problem_id": "p", "question": None, "samples": [{"sample_id": 7, "outcome": "odd", "text": 3}]}, [], {}]
    (tmp_path / "problems.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n{")
    with opened(tmp_path) as solutions:
        assert solutions.summary().problems == 2
        [sample] = solutions.problem("0").samples
    assert (sample.sample_id, sample.look) == ("7", Look.NOT_JUDGED)


def test_a_word_is_read_for_every_verdict() -> None:
    assert Look.NOT_JUDGED.words == "not judged"
    assert Look.AGREES.words == "agrees with the majority"
    assert len({look.mark for look in Look}) > 5


def test_the_language_of_a_proof_is_lean() -> None:
    proof = SampleLook(sample_id="s", look=Look.UNAVAILABLE, segments=[], form="proof")
    assert proof.language == "lean4"
