"""From settings to a client that is ready to ask, with the account's budget behind it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_state_path

from kore_campaigns.api.auth import TokenMinter
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.endpoints import base_url
from kore_campaigns.api.rate_limit import Budget, Limit, Store, Unlimited, budget_name, budget_path
from kore_campaigns.api.rate_limit_stores import CallsFile
from kore_campaigns.api.transport import RetryPolicy, Timeouts, Transport
from kore_campaigns.config.project import postgres_address
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.extract.fetch import stoppable_sleep

MINUTE = 60.0
HOUR = 3600.0


def tool_version() -> str:
    return version("kore-campaigns")


@contextmanager
def connected(settings: KoreSettings, *, stop: threading.Event) -> Iterator[KoreClient]:
    """A client for one connection; every wait of it ends when `stop` is set. Sends nothing yet.

    Raises `BudgetUnavailable`, `SettingMissing` or `SettingInvalid` where the budget is to be kept
    in a Postgres that cannot be used.
    """
    sleep = stoppable_sleep(stop)
    timeouts = Timeouts(
        connect_seconds=settings.connect_timeout_seconds,
        read_seconds=settings.read_timeout_seconds,
        campaign_seconds=settings.campaign_timeout_seconds,
    )
    credentials = settings.credentials
    minter = TokenMinter(
        client_id=credentials.client_id,
        key=credentials.signing_key(),
        algorithm=credentials.algorithm,
        subject=credentials.subject,
        send_jti=credentials.send_jti,
    )
    budget = _budget(settings, timeouts, stop)
    transport = Transport(
        host=settings.host,
        stream_id=settings.stream_id,
        account_id=settings.account_id,
        minter=minter,
        budget=budget,
        detail_method=settings.detail_method,
        timeouts=timeouts,
        retry=RetryPolicy(attempts=settings.max_attempts),
        workers=settings.workers,
        user_agent=f"kore-campaigns/{tool_version()}",
        sleep=sleep,
    )
    try:
        yield KoreClient(transport)
    finally:
        transport.close()
        budget.close()


def _budget(
    settings: KoreSettings, timeouts: Timeouts, stop: threading.Event
) -> Budget | Unlimited:
    limits = []
    if settings.requests_per_minute:
        limits.append(Limit(settings.requests_per_minute, MINUTE))
    if settings.requests_per_hour:
        limits.append(Limit(settings.requests_per_hour, HOUR))
    sleep = stoppable_sleep(stop)
    if not limits:
        return Unlimited(sleep=sleep)
    return Budget(
        _store(settings, sleep),
        limits=limits,
        lease_seconds=timeouts.connect_seconds + timeouts.read_seconds,
        sleep=sleep,
    )


def _store(settings: KoreSettings, sleep: Callable[[float], None]) -> Store:
    account_id, host = settings.account_id, base_url(settings.host)
    if settings.call_budget == "machine":
        return CallsFile(budget_path(_state_dir(), host=host, account_id=account_id))
    try:
        from kore_campaigns.api.rate_limit_stores import CallsTable
    except ImportError:  # psycopg2, which only Postgres needs
        raise SettingInvalid(
            key="call_budget",
            value=settings.call_budget,
            expected="`machine`, or the driver: `pip install 'kore-campaigns[postgres]'`",
        ) from None
    table = CallsTable(
        postgres_address(), account=budget_name(host=host, account_id=account_id), sleep=sleep
    )
    table.open()
    return table


def _state_dir() -> Path:
    # the budget belongs to the account and this machine's user, not to a project folder
    return user_state_path("kore-campaigns", appauthor=False)
