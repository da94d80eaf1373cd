"""Locks that Postgres keeps for a session and takes back when it ends, however it ends."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from dlt.destinations.sql_client import SqlClientBase

from kore_campaigns.errors import DestinationUnavailable

_OURS: Final = "kore-campaigns"
_HOLDERS = """
select activity.pid, to_char(activity.backend_start at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    coalesce(host(activity.client_addr), 'the server itself'), locks.objid::bigint
from pg_locks as locks
join pg_stat_activity as activity on locks.pid = activity.pid
where locks.locktype = 'advisory' and locks.granted and locks.classid::bigint = %s
order by activity.backend_start
"""


class AccountLocked(DestinationUnavailable):
    """Another run, on this machine or another one, writes for the account."""

    code = "database_locked"


_BUSY: Final = "a run, `rebuild` or `copy` goes on"
_EVERY: Final = "every account"
_NEXT: Final = "wait for it, then run the same command again; it goes on from there"


def lock_account(client: SqlClientBase[Any], account_id: str, *, database: str) -> None:
    """One run per account, and none during a `rebuild` or `copy`, as long as the connection of
    `client` is open; raises `AccountLocked`, which says who has it.
    """
    for what, function, refused in (
        (_EVERY, "pg_try_advisory_lock_shared", "`rebuild` or `copy` goes on"),
        (f"account {account_id}", "pg_try_advisory_lock", "another run writes for this account"),
    ):
        if holder := _other_holder(client, what, function, refused=refused):
            raise AccountLocked(database, holder, next_step=_NEXT)


def lock_all_accounts(client: SqlClientBase[Any], *, database: str) -> None:
    """No run of any account, as long as the connection of `client` is open; raises
    `AccountLocked`, which says which one goes on.
    """
    if holder := _other_holder(client, _EVERY, "pg_try_advisory_lock", refused=_BUSY):
        raise AccountLocked(database, holder, next_step="wait for it, then repeat the command")


def _other_holder(client: SqlClientBase[Any], what: str, function: str, *, refused: str) -> str:
    """Takes the lock; in words who has it, if that was refused, else nothing."""
    keys = _numbers(what)
    rows = client.execute_sql(f"select {function}(%s, %s)", *keys)
    return "" if rows and rows[0][0] else _held_by(client, keys, refused)


def wait_for_others_to_make(client: SqlClientBase[Any]) -> None:
    """One at a time makes tables and views, as long as the connection of `client` is open."""
    client.execute_sql("select pg_advisory_lock(%s, %s)", *_numbers("tables and views"))


def holder(client: SqlClientBase[Any]) -> tuple[int, str] | None:
    """Backend and start (UTC) of the run that has held an account longest; None if none does."""
    return next(((pid, since) for pid, since, _, _ in _holders(client)), None)


def _held_by(client: SqlClientBase[Any], keys: tuple[int, int], what: str) -> str:
    for pid, since, address, lock in _holders(client):
        if lock == keys[1] % 2**32:
            return f"{what}: from {address}, since {since} UTC, backend {pid} of Postgres"
    return what


def _holders(client: SqlClientBase[Any]) -> Sequence[Sequence[Any]]:
    """Backend, start, address and lock of each that has one of ours, the oldest first."""
    return client.execute_sql(_HOLDERS, _number(_OURS) % 2**32) or ()


def _numbers(what: str) -> tuple[int, int]:
    """Two signed numbers of 32 bits: ours, and this lock's."""
    return _number(_OURS), _number(f"{_OURS} {what}")


def _number(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:4], "big", signed=True)
