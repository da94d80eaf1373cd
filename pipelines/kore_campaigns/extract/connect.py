"""Build the API client of one connection from its settings, with the account's rate limiter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from platformdirs import user_state_path

from kore_campaigns.api.auth import TokenAuth
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.rate_limit import (
    Limit,
    PostgresRateLimiter,
    RateLimiter,
    SQLiteRateLimiter,
    budget_name,
    budget_path,
)
from kore_campaigns.api.transport import RetryPolicy, Timeouts, Transport
from kore_campaigns.config.project import postgres_address
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import BudgetUnusable, SettingInvalid
from kore_campaigns.extract.fetch import stoppable_sleep

MINUTE = 60.0
HOUR = 3600.0
# after a stop, open requests have so long to end
_GRACE_SECONDS = 2.0
_LOOK_EVERY_SECONDS = 0.25


def tool_version() -> str:
    return version("kore-campaigns")


@contextmanager
def connected(settings: KoreSettings, *, stop: threading.Event) -> Iterator[KoreClient]:
    """A client for one connection; each of its waits ends when `stop` is set. Sends nothing yet.

    Raises `BudgetUnavailable`, `SettingMissing` or `SettingInvalid` if calls are to be counted in
    a Postgres that cannot be used.
    """
    credentials = settings.credentials
    rate_limiter = _rate_limiter(settings, stop)
    transport = Transport(
        host=settings.host,
        stream_id=settings.stream_id,
        account_id=settings.account_id,
        auth=TokenAuth(
            client_id=credentials.client_id,
            key=credentials.signing_key(),
            algorithm=credentials.algorithm,
            subject=credentials.subject,
            send_jti=credentials.send_jti,
        ),
        rate_limiter=rate_limiter,
        detail_method=settings.detail_method,
        timeouts=Timeouts(
            connect_seconds=settings.connect_timeout_seconds,
            read_seconds=settings.read_timeout_seconds,
            campaign_seconds=settings.campaign_timeout_seconds,
        ),
        retry=RetryPolicy(attempts=settings.max_attempts),
        workers=settings.workers,
        user_agent=f"kore-campaigns/{tool_version()}",
        sleep=stoppable_sleep(stop),
    )
    ended = threading.Event()

    def watch() -> None:
        """Once `stop` is set, open requests may end; slow ones are left to the next run."""
        while not ended.wait(_LOOK_EVERY_SECONDS):
            if stop.is_set() and not ended.wait(_GRACE_SECONDS):
                transport.abort()
                return

    threading.Thread(target=watch, name="watch-stop", daemon=True).start()
    try:
        yield KoreClient(transport)
    finally:
        ended.set()
        transport.close()
        rate_limiter.close()


def _rate_limiter(settings: KoreSettings, stop: threading.Event) -> RateLimiter:
    calls = {MINUTE: settings.requests_per_minute, HOUR: settings.requests_per_hour}
    limits = [Limit(count, seconds) for seconds, count in calls.items() if count]
    lease_seconds = settings.connect_timeout_seconds + settings.read_timeout_seconds
    sleep = stoppable_sleep(stop)
    host, account_id = settings.host, settings.account_id
    if limits and settings.call_budget == "postgres":
        if find_spec("psycopg2") is None:
            raise SettingInvalid(
                key="call_budget",
                value=settings.call_budget,
                expected="`machine`, or the driver: `pip install 'kore-campaigns[postgres]'`",
            )
        limiter = PostgresRateLimiter(
            address=postgres_address(),
            limits=limits,
            account=budget_name(host=host, account_id=account_id),
            lease_seconds=lease_seconds,
            sleep=sleep,
        )
        limiter.open()
        return limiter
    # The limit belongs to the account and this machine's user, not to a project folder. Without
    # limits only the pauses count, within this process.
    path = None
    if limits:
        try:
            folder = user_state_path("kore-campaigns", appauthor=False)
        except RuntimeError:  # neither HOME nor an entry for this user id
            raise BudgetUnusable(
                path="~/.local/state/kore-campaigns", reason="this user has no home directory"
            ) from None
        path = budget_path(folder, host=host, account_id=account_id)
    return SQLiteRateLimiter(path=path, limits=limits, lease_seconds=lease_seconds, sleep=sleep)
