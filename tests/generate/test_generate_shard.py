"""From problems to stored samples, through real models and the real sandbox."""

import time
from threading import Lock

import pytest

from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Finish, Form, SegmentKind
from mathpipe.generate import GenerationConfig, ProgramOutput, SampleGenerator, SampleStore, generate_shard
from tests.generate.local_server import serving
from tests.generate.problems_at_hand import LOOP, PROVE, QUIET, SUM, TOOL_SOLUTION, theorem, word_problem
from verify import extract_answer, run_program

PROBLEMS = [word_problem(number) for number in range(4)]


def config(**values):
    return GenerationConfig(**({"samples": 3, "max_tokens": 16, "temperature": 1.0, "seed": 7} | values))


def sandbox(code):
    result = run_program(code)
    return ProgramOutput(result.shown(), ok=result.status == "ok", seconds=result.seconds)


def greedy(form, **values):
    return GenerationConfig(**({"form": form, "temperature": 0, "max_tokens": 300} | values))


def test_chain_of_thought_end_to_end(engine, tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        samples, spent = generate_shard(PROBLEMS, engine, config(), store, extract=extract_answer)
    assert [(one.problem_id, one.index) for one in samples] == [(f"p{n}", i) for n in range(4) for i in range(3)]
    assert len({one.sample_id for one in samples}) == len({one.text for one in samples}) == 12
    assert sum(one.completion_tokens for one in samples) == spent.completion_tokens
    assert {one.model for one in samples} == {engine.model}


@pytest.mark.parametrize("values", [{"in_flight": 1}, {"in_flight": 5}, {"samples": 2}])
def test_speed_settings_and_the_number_of_samples_change_no_text(engine, tmp_path, values):
    with SampleStore(tmp_path / "a.jsonl") as store:
        samples, _ = generate_shard(PROBLEMS, engine, config(), store)
    with SampleStore(tmp_path / "b.jsonl") as store:
        others, _ = generate_shard(PROBLEMS[::-1], engine, config(**values), store)
    by_id = {one.sample_id: one for one in samples}
    assert all(one == by_id[one.sample_id] for one in others)


def test_what_decides_a_text_changes_its_sample_id(plain_engine):
    changes = [
        {},
        {"seed": 8},
        {"temperature": 0.5},
        {"max_tokens": 17},
        {"style": "few-shot"},
    ]
    changes.append({"style": "few-shot", "shots": 2})
    changes.append({"style": "few-shot", "prompt": "gsm8k-cot"})
    ids = [SampleGenerator(plain_engine, config(**change)).sample_ids(PROBLEMS[:1])[0] for change in changes]
    assert len(set(ids)) == len(changes)


def test_a_tool_is_used_in_rounds(taught_engine, tmp_path):
    """The model knows the whole solution by heart, but only its programs' real outputs enter the text."""
    with SampleStore(tmp_path / "s.jsonl") as store:
        samples, spent = generate_shard(
            [SUM, LOOP, QUIET], taught_engine, greedy(Form.TOOL_INTEGRATED, tools={"rounds": 2}), store, run=sandbox
        )
    first, looping, quiet = samples
    assert first.text == TOOL_SOLUTION[0]
    assert [part.kind for part in first.segments] == [
        SegmentKind.TEXT,
        SegmentKind.CODE,
        SegmentKind.OUTPUT,
        SegmentKind.TEXT,
    ]
    assert looping.finish is Finish.ROUNDS
    assert looping.text == TOOL_SOLUTION[1]
    assert (quiet.text, quiet.finish) == (TOOL_SOLUTION[2], Finish.STOP)
    assert spent.programs == 3


def test_a_program_answers(taught_engine, tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        [sample], _ = generate_shard([SUM], taught_engine, greedy(Form.PROGRAM), store, run=sandbox)
    assert sample.answer == "5"
    assert sample.text == "```python\nprint(3 + 2)\n```\n```output\n5\n```\n"


def test_a_proof_is_taken_from_the_text(taught_engine, tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        [sample], _ = generate_shard([PROVE], taught_engine, greedy(Form.PROOF), store)
    assert sample.answer == " by\n  norm_num"


def test_programs_run_while_the_engine_goes_on(taught_engine, tmp_path):
    """Four slow programs at once, other samples under way: the engine works meanwhile, and most waits overlap."""
    running, most, lock = 0, 0, Lock()

    def slow(code):
        nonlocal running, most
        with lock:
            running, most = running + 1, max(most, running + 1)
        time.sleep(0.2)
        with lock:
            running -= 1
        return ProgramOutput("5", seconds=0.2)

    settings = GenerationConfig(
        form=Form.TOOL_INTEGRATED, samples=12, temperature=0.05, max_tokens=300, program_workers=4
    )
    with SampleStore(tmp_path / "s.jsonl") as store:
        started = time.perf_counter()
        _, spent = generate_shard([SUM, QUIET], taught_engine, settings, store, run=slow)
        seconds = time.perf_counter() - started
    assert most == 4
    assert spent.programs >= 10
    assert spent.program_seconds >= 0.2 * spent.programs - 1e-6
    assert spent.idle_seconds < spent.program_seconds / 3
    assert 0 < spent.idle_share < 1
    assert spent.busy_seconds + spent.idle_seconds + spent.other_seconds <= seconds


def test_the_engine_is_not_idle_without_programs(plain_engine, tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        _, spent = generate_shard(PROBLEMS, plain_engine, config(), store)
    assert (spent.idle_share, spent.programs) == (0.0, 0)


def test_the_same_samples_over_a_server(taught_folder, tmp_path):
    """Rounds with a tool through a chat API that knows only messages."""
    from mathpipe.generate.engines import make_engine
    from tests.generate.conftest import engine_config

    with make_engine(engine_config(taught_folder)) as behind, serving(behind) as server:
        settings = {"url": server.url, "api": "chat"}
        with (
            make_engine(engine_config(taught_folder, "server", server=settings)) as engine,
            SampleStore(tmp_path / "s.jsonl") as store,
        ):
            [sample], _ = generate_shard([SUM], engine, greedy(Form.TOOL_INTEGRATED), store, run=sandbox)
    assert sample.text.rstrip() == TOOL_SOLUTION[0]


def test_a_prompt_that_is_too_long_is_a_stored_error(plain_engine, tmp_path):
    problem = word_problem(1, "long " * 2000)
    with SampleStore(tmp_path / "s.jsonl") as store:
        samples, _ = generate_shard([problem, PROBLEMS[0]], plain_engine, config(samples=1), store)
    assert [one.finish is Finish.ERROR for one in samples] == [True, False]
    assert "the context 512" in samples[0].detail


def test_a_problem_that_stands_twice_is_written_once(plain_engine, tmp_path):
    with SampleStore(tmp_path / "s.jsonl") as store:
        generate_shard([PROBLEMS[0], PROBLEMS[0]], plain_engine, config(), store)
        assert len(store) == 3


@pytest.mark.parametrize(
    ("values", "problem", "fault"),
    [
        ({"form": Form.PROGRAM}, PROBLEMS[0], "a way to run programs"),
        ({"prompt": "tool"}, PROBLEMS[0], "a prompt of the form cot; it is of tir"),
        ({"form": Form.PROOF}, PROBLEMS[0], "a Lean statement"),
    ],
)
def test_what_does_not_fit_together_is_refused(plain_engine, tmp_path, values, problem, fault):
    with SampleStore(tmp_path / "s.jsonl") as store, pytest.raises(ConfigError, match=fault):
        generate_shard([problem], plain_engine, config(**values), store)


def test_a_failing_run_leaves_the_engine_free(taught_engine, tmp_path):
    def broken(code):
        raise InputError("sandbox", "to be there", "start it")

    settings = greedy(Form.TOOL_INTEGRATED)
    with SampleStore(tmp_path / "s.jsonl") as store, pytest.raises(InputError, match="sandbox"):
        generate_shard([SUM, LOOP], taught_engine, settings, store, run=broken)
    assert taught_engine.unfinished == 0
    assert theorem(1).kind == "proof"
