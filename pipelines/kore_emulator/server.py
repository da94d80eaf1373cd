"""The emulator: a real HTTP server on a loopback port, controlled from the thread of a test."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from copy import deepcopy
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .catalogue import Catalogue, timestamp
from .control import CONTROL_PATH, Control
from .faults import FaultPlan
from .journal import Counters, Journal, RecordedRequest
from .request import parse_request
from .service import Service
from .settings import Settings
from .wire import deliver

HOST = "127.0.0.1"
GRACE_SECONDS = 0.05
BACKLOG = 1024
# of the event loop, from an accepted socket to a connection that the server knows
ACCEPT_TURNS = 3


@dataclass(kw_only=True, eq=False)
class Emulator(Settings):
    """Server like Kore's campaign API, from `start()` to `stop()` or inside a `with` block."""

    campaigns: InitVar[Iterable[Mapping[str, Any]]] = ()

    def __post_init__(self, campaigns: Iterable[Mapping[str, Any]]) -> None:
        self._catalogue = Catalogue(campaigns)
        self._faults = FaultPlan()
        self._journal = Journal(self.record_last)
        self._service = Service(self, self._catalogue, self._faults, self._journal)
        self._control = Control(self._catalogue, self._faults, self._journal)
        self._delays = random.Random(0)  # noqa: S311 - latency, not a secret
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start the server and wait until it listens."""
        ready: Future[int] = Future()
        thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="kore-emulator", daemon=True
        )
        thread.start()
        self.port = ready.result()
        self._thread = thread
        return self

    def stop(self) -> None:
        """Close the port and every connection; `start()` opens the same port again."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def _serve(self, ready: Future[int]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = web.Server(self._handle, access_log=None)
        try:
            listener = await self._loop.create_server(server, HOST, self.port, backlog=BACKLOG)
        except OSError as error:
            ready.set_exception(error)
            return
        ready.set_result(listener.sockets[0].getsockname()[1])
        await self._stopping.wait()
        self._loop.remove_reader(listener.sockets[0])
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        listener.close()
        transports = [connection.transport for connection in server.connections]
        server.pre_shutdown()
        await server.shutdown(GRACE_SECONDS)
        for transport in filter(None, transports):
            transport.abort()  # an answer that the client does not read keeps it open

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else b""
        if request.raw_path.startswith(CONTROL_PATH):
            return await deliver(request, self._control.answer(request, body))
        await self._travel()
        headers = {name.lower(): value for name, value in request.headers.items()}
        parsed = parse_request(
            request.method, request.raw_path, headers, body, detail_method=self.detail_method
        )
        record = self._journal.arrived(parsed, time.monotonic())
        answer = self._service.answer(parsed, record)
        self._journal.answered(record, 0 if answer.reset else answer.status)
        await self._travel()
        return await deliver(request, answer)

    async def _travel(self) -> None:
        if self.latency:
            lo, hi = self.latency if isinstance(self.latency, tuple) else (self.latency,) * 2
            await asyncio.sleep(self._delays.uniform(lo, hi) / 2)

    @property
    def host_port(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host_port}"

    def campaign_ids(self) -> list[str]:
        """Ids of the campaigns that are not deleted, in creation order."""
        return self._catalogue.ids()

    def campaign(self, campaign_id: str) -> dict[str, Any]:
        """Copy of the API's `data` object."""
        return self._catalogue.campaign(campaign_id)

    def add(self, campaign: Mapping[str, Any]) -> None:
        """Create a campaign, or replace the campaign with its id."""
        self._catalogue.add(campaign)

    def edit(self, campaign_id: str, changes: Mapping[str, Any], *, silent: bool = False) -> None:
        """Set dotted paths (`REMOVED` deletes a key); `updatedAt` moves forward unless `silent`."""
        self._catalogue.edit(campaign_id, changes, silent=silent)

    def send(self, campaign_id: str, messages: int = 0, *, execution_type: str = "NORMAL") -> None:
        """Run an SMS campaign: the listing shows the messages sent and how it was run."""
        self._catalogue.send(campaign_id, messages, execution_type)

    def delete(self, campaign_id: str) -> None:
        """Delete a campaign: it answers 404 and is not in the listing until it is restored."""
        self._catalogue.set_deleted(campaign_id, True)

    def restore(self, campaign_id: str) -> None:
        self._catalogue.set_deleted(campaign_id, False)

    def serve_bytes(self, campaign_id: str, body: bytes) -> None:
        """Answer with exactly these bytes until the campaign is edited."""
        self._catalogue.serve_bytes(campaign_id, body)

    def contact_lists(self) -> Any:
        """The `data` object of the answer with all contact lists."""
        return deepcopy(self._service.contact_lists.rows())

    def serve_contact_lists(self, rows: Any) -> None:
        """Serve exactly these rows until the next call; None serves the lists of the campaigns."""
        self._service.contact_lists.served = deepcopy(rows)

    def dnc_list(self, list_id: str) -> dict[str, Any]:
        """Copy of the `data` object of a do-not-call list that a live campaign names."""
        return deepcopy(self._service.contact_lists.detail(list_id) or {})

    def edit_dnc_list(self, list_id: str, changes: Mapping[str, Any]) -> None:
        """Set fields of a do-not-call list; `updatedAt` moves forward."""
        edits = self._service.contact_lists.dnc_edits.setdefault(list_id, {})
        edits |= {"updatedAt": timestamp(datetime.now(tz=UTC)), **changes}

    def fault(
        self, name: str, campaign_id: str | None = None, times: int | None = None, **options: Any
    ) -> None:
        """Switch a fault on, for one campaign or all, `times` times or until cleared."""
        self._faults.add(name, campaign_id, times, options)

    def clear_faults(self) -> None:
        self._faults.clear()

    @property
    def counters(self) -> Counters:
        return self._journal.counters()

    @property
    def requests(self) -> list[RecordedRequest]:
        """The last `record_last` requests, oldest first."""
        return self._journal.requests()

    @property
    def writes(self) -> list[RecordedRequest]:
        """Requests that try to change something at Kore. None is executed."""
        return self._journal.writes()

    def worst_window(self, seconds: float | None = None) -> int:
        """Largest number of arrivals, including refused ones, in any window of this length."""
        return self._journal.worst_window(self.window_seconds if seconds is None else seconds)

    def reset_counters(self) -> None:
        self._journal.reset()
