"""The engine of a server, against a real HTTP server on this machine that serves a real model."""

import socket

import pytest

from mathpipe.core.errors import ConfigError, InputError
from mathpipe.core.records import Finish
from mathpipe.generate.engines import EngineError, Request, make_engine, sample_seed
from mathpipe.generate.templates import Message
from tests.generate.conftest import engine_config
from tests.generate.local_server import serving

PROMPT = (0, 30, 31, 32)
QUICK = {"backoff_seconds": 0.01, "max_backoff_seconds": 0.05}


@pytest.fixture
def server(plain_engine):
    with serving(plain_engine) as running:
        yield running


def client(server, tiny_folder, **values):
    settings = {"url": server.url, "connections": 4} | QUICK | values
    return make_engine(engine_config(tiny_folder, "server", server=settings))


def request(**values):
    return Request(**({"request_id": "a", "prompt_token_ids": PROMPT, "max_tokens": 12, "seed": 5} | values))


@pytest.mark.parametrize("send", ["tokens", "text"])
def test_a_servers_text_is_the_models(server, plain_engine, tiny_folder, send):
    with client(server, tiny_folder, send=send) as engine:
        got = {one.index: one for one in engine.generate([request(n=3, stop=("never",))])}
    for index in range(3):
        [same] = plain_engine.generate([request(seed=sample_seed(5, index))])
        assert (got[index].text, got[index].finish) == (same.text, same.finish)
        assert send == "text" or got[index].token_ids == same.token_ids


def test_logprobs_come_with_the_tokens(server, plain_engine, tiny_folder):
    with client(server, tiny_folder) as engine:
        [got] = engine.generate([request(logprobs=True)])
    [same] = plain_engine.generate([request(seed=sample_seed(5, 0), logprobs=True)])
    assert got.logprobs == pytest.approx(same.logprobs, abs=1e-4)


def test_a_stop_text_is_named(server, plain_engine, tiny_folder):
    [free] = plain_engine.generate([request(seed=sample_seed(5, 0))])
    with client(server, tiny_folder) as engine:
        [got] = engine.generate([request(stop=(free.text[3:5],))])
    assert (got.stop, got.text) == (free.text[3:5], free.text[: free.text.index(free.text[3:5])])


def test_chat_sends_messages_and_needs_no_tokenizer(server, plain_engine):
    with client(server, "a-model-nobody-has", api="chat") as engine:
        assert engine.tokenizer is None
        turns = (Message("user", "What is 3 + 2?"), Message("assistant", "We add"))
        [got] = engine.generate([request(prompt_token_ids=None, messages=turns)])
    [same] = plain_engine.generate([request(prompt_token_ids=None, messages=turns, seed=sample_seed(5, 0))])
    path, body, _ = server.bodies[0]
    assert (got.text, got.prompt_tokens) == (same.text, same.prompt_tokens)
    assert (path, body["continue_final_message"]) == ("/v1/chat/completions", True)


@pytest.mark.parametrize("fault", [429, (429, "0.02"), 503, 500, "cut", "cut inside"])
def test_what_passes_is_tried_again(server, plain_engine, tiny_folder, fault):
    server.faults.extend([fault, fault])
    with client(server, tiny_folder) as engine:
        [got] = engine.generate([request()])
        assert engine.retries == 2
    [same] = plain_engine.generate([request(seed=sample_seed(5, 0))])
    assert got.text == same.text
    assert len({body["seed"] for _, body, _ in server.bodies}) == 1


def test_faults_among_many_requests_lose_and_double_nothing(server, tiny_folder):
    server.faults.extend([503, "cut", 429, "cut inside", 503] * 3)
    with client(server, tiny_folder) as engine:
        done = list(engine.generate([request(request_id=str(n), n=2, seed=n) for n in range(10)]))
    assert sorted((int(one.request_id), one.index) for one in done) == [(n, i) for n in range(10) for i in range(2)]
    assert all(one.finish is not Finish.ERROR for one in done)


def test_a_server_that_stays_busy_ends_the_run(server, tiny_folder):
    server.faults.extend([503] * 50)
    with client(server, tiny_folder, retries=3) as engine, pytest.raises(EngineError, match="within 4 attempts.*503"):
        list(engine.generate([request()]))


def test_a_server_that_is_not_there_ends_the_run(tiny_folder):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    settings = {"url": f"http://127.0.0.1:{port}/v1", "retries": 2} | QUICK
    with (
        make_engine(engine_config(tiny_folder, "server", server=settings)) as engine,
        pytest.raises(EngineError, match="ConnectionRefusedError"),
    ):
        list(engine.generate([request()]))


def test_a_request_that_is_refused_is_that_samples_error(server, tiny_folder):
    server.faults.append(400)
    with client(server, tiny_folder, connections=1) as engine:
        first, second = engine.generate([request(request_id="a"), request(request_id="b")])
    assert (first.finish, first.detail) == (Finish.ERROR, 'status 400: {"error": "fault on demand"}')
    assert second.text


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_would_fail_for_all_ends_the_run_at_once(server, tiny_folder, status):
    server.faults.append(status)
    with client(server, tiny_folder) as engine, pytest.raises(EngineError, match=f"status {status}"):
        list(engine.generate([request()]))
    assert len(server.bodies) == 1


def test_the_key_is_sent_and_comes_from_the_environment(server, tiny_folder, monkeypatch):
    monkeypatch.setenv("SOME_KEY", "k1")
    with client(server, tiny_folder, api_key_variable="SOME_KEY") as engine:
        list(engine.generate([request()]))
    assert server.bodies[0][2]["Authorization"] == "Bearer k1"


def test_a_server_that_waits_is_not_waited_for_on_close(server, tiny_folder):
    server.faults.extend([(503, "30")] * 5)
    engine = client(server, tiny_folder, max_backoff_seconds=30)
    engine.submit(request())
    while not server.bodies:
        engine.step()
    engine.close()  # would take 30 s


def test_a_bad_address_and_a_prompt_without_tokens_are_named(tiny_folder, server):
    with pytest.raises(ConfigError, match="http://host:port/v1"):
        make_engine(engine_config(tiny_folder, "server", server={"url": "localhost:8000"}))
    with client(server, tiny_folder) as engine, pytest.raises(InputError, match="token ids or messages"):
        engine.submit(Request(request_id="a"))
