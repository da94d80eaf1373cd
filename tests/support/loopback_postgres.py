"""A Postgres that listens in a folder of its own, made to be reached over the network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


@contextmanager
def on_loopback(url: str) -> Iterator[str]:
    """The address of the same database, for a process that cannot see that folder."""
    parts = urlsplit(url)
    relay = _Relay(f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432")
    try:
        yield f"postgresql://postgres:none@127.0.0.1:{relay.port}{parts.path}"
    finally:
        relay.close()


class _Relay:
    def __init__(self, path: str) -> None:
        self._path = path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed at the end
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                self._sockets += [client, server]
                server.connect(self._path)
                for ends in ((client, server), (server, client)):
                    self._threads.append(threading.Thread(target=_hand_on, args=ends, daemon=True))
                    self._threads[-1].start()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
