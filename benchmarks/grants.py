"""What a call's place in the budget costs by itself: kept in the file, or in Postgres."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from kore_campaigns.api.rate_limit import Limit, PostgresRateLimiter, RateLimiter, SQLiteRateLimiter
from support.postgres import running_postgres
from table import aligned

CALLS = 500
THREADS = 8
# as many slots as Kore's limit has, and a window so short that no thread waits for a slot
NO_WAIT = Limit(60, 1e-6)


@dataclass(frozen=True, slots=True)
class Grants:
    """Milliseconds to request a slot and to release it, without the call itself."""

    typical: float
    slowest: float
    """The slowest of a hundred."""
    cpu: float
    """Of our process."""
    threads: float
    """Total time by the number of calls, when `THREADS` threads request slots at once."""


def measure_grants() -> list[str]:
    """Both places, one after the other, as a table."""
    with TemporaryDirectory(prefix="kore-bench-") as scratch:
        folder = Path(scratch)
        file = _measure(
            SQLiteRateLimiter(path=folder / "calls.sqlite", limits=[NO_WAIT], lease_seconds=40)
        )
        with running_postgres(folder / "server") as server:
            url = server.new_database()
            table = _measure(
                PostgresRateLimiter(
                    address=url, limits=[NO_WAIT], account="calls", lease_seconds=40
                )
            )
    rows = [
        ["one after another", f"{file.typical:.2f}", f"{table.typical:.2f}"],
        ["the slowest of a hundred", f"{file.slowest:.2f}", f"{table.slowest:.2f}"],
        ["CPU of our process", f"{file.cpu:.2f}", f"{table.cpu:.2f}"],
        [
            f"{THREADS} threads at once, for each call",
            f"{file.threads:.2f}",
            f"{table.threads:.2f}",
        ],
    ]
    return aligned(["a call's place in the budget, ms", "file", "Postgres"], rows, left=1)


def _measure(limiter: RateLimiter) -> Grants:
    _take(limiter)  # makes the file, or the tables
    cpu = time.process_time()
    found = [_take(limiter) for _ in range(CALLS)]
    cpu = time.process_time() - cpu
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(_take, [limiter] * CALLS))
    at_once = time.perf_counter() - began
    limiter.close()
    return Grants(median(found), quantiles(found, n=100)[-1], *_each(cpu, at_once))


def _each(*seconds: float) -> list[float]:
    return [1000 * each / CALLS for each in seconds]


def _take(limiter: RateLimiter) -> float:
    began = time.perf_counter()
    with limiter.slot():
        pass
    return 1000 * (time.perf_counter() - began)
