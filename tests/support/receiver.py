"""A webhook on this machine that accepts messages, or fails in every way."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET_PATH = "/hooks/T000/B000/notasecretbutsecret"


@dataclass
class Message:
    """What arrived whole."""

    key: str
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass
class Receiver:
    """`accepted` is what it has taken, `refused` what it has answered otherwise."""

    url: str = ""
    accepted: list[Message] = field(default_factory=list)
    refused: list[Message] = field(default_factory=list)
    answers: Iterator[str | int] = field(default_factory=lambda: iter(()))
    """What to do with each request: a status, or `hang`, `cut`, `cut after`, `drip`, `elsewhere`,
    `odd headers`; 200 for those after them.
    """
    retry_after: str | None = None
    before: Callable[[], object] = lambda: None
    """Called once a message was accepted, before the answer leaves."""
    over: threading.Event = field(default_factory=threading.Event)

    def will(self, *answers: str | int) -> None:
        self.answers = iter(answers)

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.accepted]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        with suppress(OSError):
            self.answer(self.receiver)

    def answer(self, receiver: Receiver) -> None:
        what = next(receiver.answers, 200)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        message = Message(headers.get("idempotency-key", ""), json.loads(body), headers)
        is_accepted = what in (200, 202, "cut after", "odd headers")
        (receiver.accepted if is_accepted else receiver.refused).append(message)
        if is_accepted:
            receiver.before()
        if what == "hang":
            receiver.over.wait(60)
        elif what in ("cut", "cut after"):
            self.connection.shutdown(socket.SHUT_RDWR)
        elif what == "odd headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nthis is none\r\n\r\n")
        elif what == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not receiver.over.wait(0.1):
                self.wfile.write(b"X: y\r\n")
        else:
            self.reply(302 if what == "elsewhere" else int(what))

    def reply(self, status: int) -> None:
        self.send_response(status)
        if self.receiver.retry_after is not None:
            self.send_header("Retry-After", self.receiver.retry_after)
        if status == 302:
            self.send_header("Location", self.receiver.url.replace("127.0.0.1", "localhost"))
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silence."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": found})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}{SECRET_PATH}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            found.over.set()
            server.shutdown()
            thread.join()
