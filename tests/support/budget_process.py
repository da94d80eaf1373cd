"""A process of its own that asks the emulator for campaigns under a shared budget.

`python caller.py ORDERS`, a JSON object, prints how many campaigns it got.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.rate_limit import (
    Limit,
    PostgresRateLimiter,
    RateLimiter,
    SQLiteRateLimiter,
)
from kore_campaigns.api.transport import Transport
from kore_emulator import Emulator


@dataclass(frozen=True, kw_only=True)
class Orders:
    url: str
    stream_id: str
    account_id: str
    client_id: str
    client_secret: str
    place: str
    limits: Sequence[tuple[int, float]]
    campaign_ids: Sequence[str]
    threads: int = 8
    lease_seconds: float = 5.0


def orders(
    kore: Emulator,
    place: str,
    *,
    limits: Sequence[tuple[int, float]],
    calls: int,
    threads: int = 8,
) -> Orders:
    """`calls` calls for the emulator's campaigns, one after another and around again, counted in
    `place`: a file, or the database of this address.
    """
    ids = kore.campaign_ids()
    return Orders(
        url=kore.url,
        stream_id=kore.stream_id,
        account_id=kore.account_id,
        client_id=kore.client_id,
        client_secret=kore.client_secret,
        place=place,
        limits=limits,
        campaign_ids=[ids[i % len(ids)] for i in range(calls)],
        threads=threads,
    )


# what a machine's clock is, before anything of ours is imported
_WRONG_CLOCK = """
import runpy, sys, time
right, ahead = time.time, float(sys.argv.pop(1))
time.time = lambda: right() + ahead
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(given: Orders, *, clock_ahead: float = 0.0) -> subprocess.Popen[str]:
    """A process that carries the orders out, on a machine whose clock may be wrong."""
    command = [sys.executable, __file__, json.dumps(asdict(given))]
    if clock_ahead:
        command[1:1] = ["-c", _WRONG_CLOCK, str(clock_ahead)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> int:
    """Waits for the end of a process; how many campaigns it got."""
    got, _ = process.communicate()
    assert process.returncode == 0
    return int(got)


def carry_out(given: Orders) -> int:
    """How many of the campaigns came back."""
    limiter = _limiter(given)
    client = KoreClient(
        Transport(
            host=given.url,
            stream_id=given.stream_id,
            account_id=given.account_id,
            auth=TokenAuth(client_id=given.client_id, key=given.client_secret),
            rate_limiter=limiter,
            workers=given.threads,
        )
    )
    waiting = iter(given.campaign_ids)
    lock = threading.Lock()
    got: list[str] = []

    def work() -> None:
        while True:
            with lock:
                campaign_id = next(waiting, None)
            if campaign_id is None:
                return
            got.append(client.campaign(campaign_id)["_id"])

    threads = [threading.Thread(target=work) for _ in range(given.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.close()
    return len(got)


def _limiter(given: Orders) -> RateLimiter:
    limits = [Limit(calls, seconds) for calls, seconds in given.limits]
    lease = given.lease_seconds
    if given.place.startswith("postgresql:"):
        return PostgresRateLimiter(
            address=given.place, limits=limits, account="calls", lease_seconds=lease
        )
    return SQLiteRateLimiter(path=Path(given.place), limits=limits, lease_seconds=lease)


if __name__ == "__main__":
    print(carry_out(Orders(**json.loads(sys.argv[1]))))  # noqa: T201 - the answer to the test
