"""One address for several emulated apps of an account, as Kore.ai has one for all."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Self

from kore_emulator import Emulator

HOST = "127.0.0.1"
LONGEST_HEAD = 64 * 1024


class AccountHost:
    """Hands each connection on to the emulator of the app that its first request names; a client
    keeps a connection to one app.
    """

    def __init__(self, apps: Iterable[Emulator]) -> None:
        self._ports = {app.stream_id: app.port for app in apps}
        self.url = ""

    def __enter__(self) -> Self:
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        self.url = f"http://{HOST}:{ready.result()}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self, ready: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._hand_on, HOST, 0)
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        server.close()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            named = re.search(rb"^iid: *(\S+)\r$", head, re.IGNORECASE | re.MULTILINE)
            assert named is not None, head
            port = self._ports[named[1].decode()]
            from_app, to_app = await asyncio.open_connection(HOST, port)
            try:
                to_app.write(head)
                await asyncio.gather(_pour(reader, to_app), _pour(from_app, writer))
            finally:
                to_app.transport.abort()
                writer.transport.abort()


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await source.read(LONGEST_HEAD):
            target.write(some)
            await target.drain()
    target.close()
