"""Settings and secrets of a run, from Airflow Connections, as environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException
from airflow.sdk.log import mask_secret

# allowed keys in the extra of a connection, with `campaign_ids`: settings of kore-campaigns and of
# its credentials. Without this check, a misspelt key would have no effect.
SETTINGS: Final = frozenset(
    {
        *("account_id", "stream_id", "policies", "contact_lists", "sweep", "detail_method"),
        *("requests_per_minute", "requests_per_hour", "call_budget", "workers", "max_attempts"),
        *("chunk_seconds", "chunk_size", "full_sweep_every_hours", "full_listing_every_minutes"),
        *("dnc_lists_every_hours", "error_budget", "max_vanished", "vanish_confirm_seconds"),
        *("notify_url", "notify_format", "notify_severity", "notify_kinds"),
        *("connect_timeout_seconds", "read_timeout_seconds", "campaign_timeout_seconds"),
    }
)
CREDENTIALS: Final = frozenset({"private_key", "algorithm", "subject", "send_jti"})


def kore_environment(name: str, folder: Path) -> dict[str, str]:
    """Read the settings of a connection from the Airflow Connection `kore_<name>`.

    Ids that are not in a file are written into a file in `folder`.
    """
    found = airflow_connection(f"kore_{name}")
    extra = dict(found.extra_dejson)
    ids = extra.pop("campaign_ids", "*")
    if unknown := sorted(extra.keys() - SETTINGS - CREDENTIALS):
        message = (
            f"connection `kore_{name}`: unknown key in the extra: {', '.join(unknown)}; expected "
            f"campaign_ids, {', '.join(sorted(SETTINGS | CREDENTIALS))}. Next: correct it and "
            "clear the task; no request was sent."
        )
        raise AirflowFailException(message)
    if not (isinstance(ids, str) and ids.startswith("/")):
        lines = ["campaign_id", *([ids] if isinstance(ids, str) else ids)]
        file = folder / "campaign_ids.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        ids = str(file)
    mask_secret(str(extra.get("notify_url", "")))  # it works like a password
    secret = {"client_id": found.login, "client_secret": found.password}
    secret |= {key: extra.pop(key) for key in CREDENTIALS & extra.keys()}
    # count calls in the warehouse: the next run of the account may be on another machine
    settings = {"host": found.host, "campaign_ids": ids, "call_budget": "postgres", **extra}
    settings |= {f"credentials__{key}": value for key, value in secret.items()}
    return {
        f"SOURCES__KORE_CAMPAIGNS__{key.upper()}": str(value)
        for key, value in settings.items()
        if value is not None
    }


def warehouse_environment(conn_id: str) -> dict[str, str]:
    """Read the address of the warehouse from an Airflow Connection of type postgres."""
    found = airflow_connection(conn_id)
    if found.conn_type != "postgres":
        message = (
            f"connection `{conn_id}` is of type `{found.conn_type}`; expected `postgres`. "
            "Next: see docs/how-to/airflow.md for an example."
        )
        raise AirflowFailException(message)
    password = quote(found.password or "", safe="")
    mask_secret(password)  # Airflow does not know the quoted form
    query = {key: str(value) for key, value in found.extra_dejson.items()}
    host = found.host or "localhost"
    if host.startswith("/"):  # a socket cannot be the host of an address
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
            f"connection `{conn_id}` does not exist. Next: add it as in docs/how-to/airflow.md, "
            "then clear the task."
        )
        raise AirflowFailException(message) from None
