"""Which destinations of dlt's keep the promises, and what each is made of."""

from __future__ import annotations

from typing import Any, Final

from dlt.common.destination.reference import Destination
from dlt.destinations.job_client_impl import SqlJobClientBase

from kore_campaigns.errors import SettingInvalid

POSTGRES: Final = "postgres"


def destination_called(kind: str, **options: Any) -> Any:
    """Dlt's destination, which takes its credentials from dlt's configuration."""
    if kind == POSTGRES:
        from kore_campaigns.postgres import ExactPostgres

        return ExactPostgres(**options)
    return Destination.from_reference(kind, **options)


def check_promises(kind: str) -> None:
    """Raises `SettingInvalid` for a destination in which versions and children could part."""
    if kind == "sqlalchemy":
        raise refused(
            kind,
            "a destination of its own such as `postgres`: through SQLAlchemy moments, yes and no "
            "and JSON come back as texts and numbers, and what is held could not be compared",
        )
    try:
        destination: Any = Destination.from_reference(kind)
        strategies = destination.capabilities().supported_merge_strategies or ()
        is_sql = issubclass(destination.client_class, SqlJobClientBase)
    except Exception as unknown:  # whatever dlt's lookup of names and packages raises
        reason = (str(unknown).splitlines() or [type(unknown).__name__])[0]
        raise refused(kind, f"a destination that dlt can load ({reason})") from None
    if not is_sql:
        raise refused(
            kind,
            "a SQL database such as `duckdb` or `postgres`: files know no transaction over a "
            "version and its lists, and what is held decides what is new",
        )
    if "delete-insert" not in strategies:
        raise refused(
            kind, "a destination that dlt merges by delete-insert: others leave rows of old lists"
        )


def refused(kind: str, expected: str) -> SettingInvalid:
    """The error for a destination that cannot do what is asked."""
    return SettingInvalid(key="destination", value=kind, expected=expected)
