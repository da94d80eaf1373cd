"""Settings and secrets of a run, from Airflow Connections, as environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

# what the extra of a connection may hold besides `campaign_ids`: settings of kore-campaigns, and
# those that belong to its credentials. A misspelt one would be looked up by nobody.
SETTINGS: Final = frozenset(
    {
        *("account_id", "stream_id", "policies", "contact_lists", "sweep", "detail_method"),
        *("requests_per_minute", "requests_per_hour", "call_budget", "workers", "max_attempts"),
        *("chunk_seconds", "chunk_size", "full_sweep_every_hours"),
        *("error_budget", "max_vanished"),
        *("connect_timeout_seconds", "read_timeout_seconds", "campaign_timeout_seconds"),
    }
)
CREDENTIALS: Final = frozenset({"private_key", "algorithm", "subject", "send_jti"})


def kore_environment(name: str, folder: Path) -> dict[str, str]:
    """The settings of a connection, from the Airflow Connection `kore_<name>`; its ids, where they
    are no file, are written into `folder`.
    """
    found = airflow_connection(f"kore_{name}")
    extra = dict(found.extra_dejson)
    ids = extra.pop("campaign_ids", "*")
    if unknown := sorted(extra.keys() - SETTINGS - CREDENTIALS):
        message = (
            f"connection `kore_{name}`: the extra holds {', '.join(unknown)}; expected "
            f"campaign_ids, {', '.join(sorted(SETTINGS | CREDENTIALS))}. Next: correct it and "
            "clear the task; nothing was asked."
        )
        raise AirflowFailException(message)
    if not (isinstance(ids, str) and ids.startswith("/")):
        lines = ["campaign_id", *([ids] if isinstance(ids, str) else ids)]
        file = folder / "campaign_ids.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        ids = str(file)
    secret = {"client_id": found.login, "client_secret": found.password}
    secret |= {key: extra.pop(key) for key in CREDENTIALS & extra.keys()}
    # calls are counted in the warehouse: the next run of the account may be on another machine
    settings = {"host": found.host, "campaign_ids": ids, "call_budget": "postgres", **extra}
    settings |= {f"credentials__{key}": value for key, value in secret.items()}
    return {
        f"SOURCES__KORE_CAMPAIGNS__{key.upper()}": str(value)
        for key, value in settings.items()
        if value is not None
    }


def warehouse_environment(conn_id: str) -> dict[str, str]:
    """Where rows go to, from an Airflow Connection of type postgres."""
    found = airflow_connection(conn_id)
    if found.conn_type != "postgres":
        message = (
            f"connection `{conn_id}` is of type `{found.conn_type}`; expected `postgres`. "
            "Next: docs/airflow.md shows one."
        )
        raise AirflowFailException(message)
    password = quote(found.password or "", safe="")
    mask_secret(password)  # as it is written in an address, Airflow does not know it
    query = {key: str(value) for key, value in found.extra_dejson.items()}
    host = found.host or "localhost"
    if host.startswith("/"):  # a socket, which has no place in an address
        host, query["host"] = "localhost", host
    port = f":{found.port}" if found.port else ""
    address = f"{quote(found.login or '', safe='')}:{password}@{host}{port}/{found.schema or ''}"
    options = f"?{urlencode(query)}" if query else ""
    return {"DESTINATION__POSTGRES__CREDENTIALS": f"postgresql://{address}{options}"}


def airflow_connection(conn_id: str) -> Any:
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        message = (
            f"there is no connection `{conn_id}`. Next: add it as docs/airflow.md shows, then "
            "clear the task."
        )
        raise AirflowFailException(message) from None
