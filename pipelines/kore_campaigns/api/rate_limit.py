"""The call budget of an account, shared by every thread and process of one machine or several.

A slot is taken when a call may leave and kept until `seconds` after its answer came back. So
whatever a call's latency, the one that reuses its slot arrives at the server at least `seconds`
after it: arrival >= grant >= old answer + seconds >= old arrival + seconds. Limiters that stamp the
grant alone were measured at 22 to 24 calls for a limit of 20.

"""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

from kore_campaigns.api.endpoints import base_url
from kore_campaigns.errors import RateLimited, SettingInvalid

# Beyond this, a call each quarter of an hour asks anew: one absurd header, or a clock that was set
# back, must not silence a machine for a day.
LONGEST_PAUSE_SECONDS: Final = 900.0

# A clock that is being corrected runs up to 500 parts in a million fast (Linux, adjtimex). Windows
# are this much longer, so that they are whole by the server's clock too.
CLOCK_DRIFT: Final = 0.0005


@dataclass(frozen=True)
class Limit:
    """At most `calls` calls in any span of `seconds`. Raises `SettingInvalid` if that is none."""

    calls: int
    seconds: float

    def __post_init__(self) -> None:
        if self.calls < 1 or not 0 < self.seconds < math.inf:
            raise SettingInvalid(
                key="requests_per_minute",
                value=f"{self.calls} calls in {self.seconds:g} s",
                expected="at least one call in a positive time",
            )

    @property
    def window_seconds(self) -> float:
        return self.seconds * (1 + CLOCK_DRIFT)


class Calls(Protocol):
    """The calls of one account, in a transaction that nobody else is in.

    A call's end is when its answer came back; of one in flight, when its lease runs out.
    """

    @property
    def now(self) -> float:
        """Seconds since 1970, by the one clock of all who share the budget."""

    @property
    def paused_until(self) -> float: ...

    def end(self, place: int) -> float | None:
        """The end of the call at this place, 0 for the one that ends last; None if none is."""

    def take(self, *, lease_ends: float, forget: float) -> int:
        """The id of a call that leaves now; those that ended by `forget` are removed."""

    def give_back(self, call_id: int) -> None:
        """The call ends now, also one that was removed meanwhile."""

    def pause(self, until: float) -> None:
        """Nobody calls before `until`, whatever was asked for earlier."""

    def draw_back(self, *, answered: float, in_flight: float) -> bool:
        """No call ends later than this; whether one did."""


def wait_under(limit: Limit, calls: Calls) -> float:
    """Seconds until this limit may let a call leave; 0 or less: now."""
    # The calls that ended last hold the slots; the oldest of these is the first to free one.
    held = calls.end(limit.calls - 1)
    if held is None:
        return 0.0
    # One in flight ends now at the earliest, so it cannot be free before a whole window.
    return min(held + limit.window_seconds - calls.now, limit.window_seconds)


def last_leaves_after(limit: Limit, calls: Calls, count: int) -> float:
    """Seconds until the last of `count` more calls leaves, if each is answered at once."""
    window = limit.window_seconds
    rounds, place = divmod(count - 1, limit.calls)
    # The slots free themselves in the order in which their calls ended; unused ones come first.
    held = calls.end(limit.calls - 1 - place)
    first_round = 0.0 if held is None else min(held + window - calls.now, window)
    return rounds * window + max(0.0, first_round)


def pause_left(calls: Calls) -> float:
    """Seconds that the pause still lasts, 0 when there is none."""
    longest = calls.now + LONGEST_PAUSE_SECONDS
    if calls.paused_until > longest:  # asked for before the clock was set back
        calls.pause(longest)
    return max(0.0, calls.paused_until - calls.now)


def mend_clock(calls: Calls, lease_seconds: float) -> bool:
    """Whether calls lay in the future: the clock was set back, be it by seconds or by years.

    Such a call is taken to have ended just now (in flight: to have left just now). That is later
    than it did, so the bound holds, and one window is the longest that a wrong clock can cost.
    """
    return calls.draw_back(answered=calls.now, in_flight=calls.now + lease_seconds)


__all__ = [
    "LONGEST_PAUSE_SECONDS",
    "Budget",
    "Limit",
    "Pacer",
    "Unlimited",
    "budget_name",
    "budget_path",
]

T = TypeVar("T")

_HOUR: Final = Limit(1, 3600).window_seconds


class Pacer(Protocol):
    """What the transport needs of a budget; see `Budget` for what each promises."""

    def slot(self, *, patience_seconds: float = math.inf) -> AbstractContextManager[None]: ...
    def pause(self, seconds: float) -> None: ...
    def paused_for(self) -> float: ...
    def eta_seconds(self, calls: int) -> float: ...
    def close(self) -> None: ...


def budget_name(*, host: str, account_id: str) -> str:
    """The one name of this account at this host; it gives neither away.

    Raises `SettingInvalid` for a host that `base_url` refuses.
    """
    return hashlib.sha256(f"{base_url(host)}\n{account_id}".encode()).hexdigest()[:24]


def budget_path(state_dir: Path, *, host: str, account_id: str) -> Path:
    """The one file of this account at this host. Raises as `budget_name` does."""
    return state_dir / f"calls-v1-{budget_name(host=host, account_id=account_id)}.sqlite"


class Store(Protocol):
    """Where calls are counted: `CallsFile` for one machine, `CallsTable` for several."""

    def transact(self, work: Callable[[Calls], T]) -> T: ...
    def close(self) -> None: ...


class Budget:
    """All limits at once, held across threads, processes and runs.

    `lease_seconds` must be longer than a call can take to reach the server. The slot of a process
    that died in the middle of a call counts as answered so long after it was granted. Every method
    raises what its store does where that cannot be read or written: no call leaves uncounted.
    """

    def __init__(
        self,
        store: Store,
        *,
        limits: Sequence[Limit],
        lease_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._limits = tuple(limits)
        self._lease_seconds = lease_seconds
        self._sleep = sleep
        self._turn = threading.Lock()
        self._process_id = os.getpid()

    @contextmanager
    def slot(self, *, patience_seconds: float = math.inf) -> Iterator[None]:
        """Waits until a call may leave, and holds its place until the answer is back.

        Raises `RateLimited`, with nothing sent, when the service asked the account to pause for
        longer than `patience_seconds`. What `sleep` raises passes through; no slot is then taken.
        """
        call_id = self._take(patience_seconds)
        try:
            yield
        finally:
            self._store.transact(lambda calls: calls.give_back(call_id))

    def pause(self, seconds: float) -> None:
        """Nobody who shares the budget calls for `seconds`; a longer pause that was asked for
        stays.

        At most `LONGEST_PAUSE_SECONDS`.
        """

        def lengthen(calls: Calls) -> None:
            until = calls.now + min(seconds, LONGEST_PAUSE_SECONDS)
            calls.pause(max(until, calls.paused_until))

        self._store.transact(lengthen)

    def paused_for(self) -> float:
        """Seconds that the pause still lasts, 0 when there is none."""
        return self._store.transact(pause_left)

    def eta_seconds(self, calls: int) -> float:
        """Seconds until the last of `calls` more calls may leave, if nobody else takes a slot."""
        if calls < 1:
            return 0.0

        def wait(known: Calls) -> float:
            waits = [last_leaves_after(limit, known, calls) for limit in self._limits]
            return max([pause_left(known), *waits])

        return self._store.transact(wait)

    def close(self) -> None:
        """Closes the store; what was used stays known to the next process."""
        self._store.close()

    def _take(self, patience_seconds: float) -> int:
        if os.getpid() != self._process_id:  # forked while another thread may have held the lock
            self._turn, self._process_id = threading.Lock(), os.getpid()
        with self._turn:  # one thread of a process watches the store; the others queue here
            while True:
                call_id, wait = self._store.transact(
                    lambda calls: self._try(calls, patience_seconds)
                )
                if call_id is not None:
                    return call_id
                self._sleep(wait)

    def _try(self, calls: Calls, patience_seconds: float) -> tuple[int | None, float]:
        """The id of a call that may leave now; or None and the seconds to wait at least."""
        paused = pause_left(calls)
        if paused > patience_seconds:
            raise RateLimited(campaign_id="", http_status=None, attempts=0, wait_seconds=paused)
        wait = self._wait(calls)
        if wait > 0 and mend_clock(calls, self._lease_seconds):
            wait = self._wait(calls)
        if paused > 0 or wait > 0:
            return None, max(paused, wait)
        # An hour at least, whatever our own limits: another process may have been given others.
        longest = max([_HOUR, *(limit.window_seconds for limit in self._limits)])
        lease_ends = calls.now + self._lease_seconds
        return calls.take(lease_ends=lease_ends, forget=calls.now - longest), 0.0

    def _wait(self, calls: Calls) -> float:
        return max((wait_under(limit, calls) for limit in self._limits), default=0.0)


class Unlimited:
    """No limits; only a pause that the service asked for is kept, within this process."""

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._paused_until = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, *, patience_seconds: float = math.inf) -> Iterator[None]:
        """Waits for the end of a pause; raises `RateLimited` if that is beyond the patience."""
        while paused := self.paused_for():
            if paused > patience_seconds:
                raise RateLimited(campaign_id="", http_status=None, attempts=0, wait_seconds=paused)
            self._sleep(paused)
        yield

    def pause(self, seconds: float) -> None:
        """No thread of this process calls for `seconds`, at most `LONGEST_PAUSE_SECONDS`."""
        with self._lock:
            until = self._now() + min(seconds, LONGEST_PAUSE_SECONDS)
            self._paused_until = max(self._paused_until, until)

    def paused_for(self) -> float:
        """Seconds that the pause still lasts, 0 when there is none."""
        return max(0.0, min(self._paused_until - self._now(), LONGEST_PAUSE_SECONDS))

    def eta_seconds(self, calls: int) -> float:
        """Seconds until the last of `calls` more calls may leave: what is left of a pause."""
        return self.paused_for() if calls else 0.0

    def close(self) -> None:
        """Nothing to close."""
