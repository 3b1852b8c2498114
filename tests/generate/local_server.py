"""An OpenAI-compatible HTTP server over an engine of ours, with faults on demand: busy, cut off, refusing."""

import json
import socket
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from mathpipe.core.records import Finish
from mathpipe.generate.engines import Request
from mathpipe.generate.templates import Message


class ModelServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, engine):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.engine = engine
        self.lock = Lock()
        self.faults = deque()  # a status, (status, Retry-After), or "cut" / "cut inside"
        self.bodies = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests

    def complete(self, path, body):
        prompt = body.get("prompt")
        if isinstance(prompt, str):
            prompt = self.engine.tokenizer.encode(prompt)
        messages = tuple(Message(**turn) for turn in body.get("messages", ())) or None
        request = Request(
            request_id="http",
            prompt_token_ids=tuple(prompt) if prompt else None,
            messages=messages,
            max_tokens=body["max_tokens"],
            temperature=body["temperature"],
            top_p=body["top_p"],
            stop=tuple(body.get("stop", ())),
            stop_token_ids=self.engine.template.stop_token_ids if messages else tuple(body.get("stop_token_ids", ())),
            seed=body["seed"],
            logprobs="logprobs" in body,
        )
        with self.lock:
            [one] = self.engine.generate([request])
        choice = {"index": 0, "finish_reason": one.finish.value, "stop_reason": one.stop}
        assert one.finish is not Finish.ERROR
        if body.get("return_token_ids"):
            choice["token_ids"] = list(one.token_ids)
        if messages:
            choice["message"] = {"role": "assistant", "content": one.text}
        else:
            choice["text"] = one.text
            choice["logprobs"] = {"token_logprobs": list(one.logprobs)} if one.logprobs else None
        usage = {"prompt_tokens": one.prompt_tokens, "completion_tokens": len(one.token_ids)}
        return {"choices": [choice], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append((self.path, body, dict(self.headers)))
            fault = self.server.faults.popleft() if self.server.faults else None
        if fault == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if fault is not None and fault != "cut inside":
            status, wait = fault if isinstance(fault, tuple) else (fault, None)
            self.answer(status, b'{"error": "fault on demand"}', {} if wait is None else {"Retry-After": wait})
            return
        data = json.dumps(self.server.complete(self.path, body)).encode()
        if fault == "cut inside":
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:20])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.answer(200, data, {})

    def answer(self, status, data, headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@contextmanager
def serving(engine):
    server = ModelServer(engine)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
