"""The project folder and what is configured in it, read without importing dlt.

`status`, `report`, `export` and `restore` import no dlt, which would take most of their time.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from kore_campaigns.config.csv_files import DEFAULT_POLICIES, read_campaign_ids, read_policies
from kore_campaigns.config.paths import local_path
from kore_campaigns.config.settings import KoreSettings, settings_file
from kore_campaigns.errors import SettingInvalid

_POSTGRES: Final = "DESTINATION__POSTGRES__CREDENTIALS"
_PARTS: Final = ("username", "password", "host", "port", "database", "connect_timeout")
_COMPLETE_URL: Final = re.compile(
    r"postgres(?:ql)?://[^\s:/?#@]+:[^\s/?#@]+@[\w.-]+(?::[0-9]+)?/[^\s/?#]+(?:\?\S*)?"
)


def project_folder(project_dir: str | Path | None = None) -> Path:
    """Return the folder of relative paths: the given one, `DLT_PROJECT_DIR` or the current one.

    Raises `SettingInvalid` if a settings file cannot be read.
    """
    for name in ("secrets.toml", "config.toml"):
        settings_file(name)
    return local_path(project_dir or os.environ.get("DLT_PROJECT_DIR", "."), key="project-dir")


def postgres_address() -> str:
    """Return the address of `[destination.postgres.credentials]` in the form of libpq, with its
    password: never log it. What it lacks, libpq finds: in PGPASSWORD, in ~/.pgpass ...

    An address or a complete table is read here, the environment first, as dlt does it. Everything
    else is left to dlt. Raises `SettingMissing` or `SettingInvalid`.
    """
    stored: Any = settings_file("secrets.toml")
    for section in ("destination", "postgres", "credentials"):
        stored = stored.get(section) if isinstance(stored, Mapping) else None
    address = os.environ.get(_POSTGRES) or stored
    has_parts = any(name.startswith(f"{_POSTGRES}__") for name in os.environ)
    if not isinstance(address, str):
        address = _of_table(stored if isinstance(stored, Mapping) else {})
    elif not has_parts or _COMPLETE_URL.fullmatch(address):
        address = libpq_address(address)
    else:
        address = ""
    if not address:
        from kore_campaigns.config.dlt_settings import postgres_of_dlt

        address = libpq_address(**postgres_of_dlt())
    return address


def libpq_address(address: str = "", **parts: Any) -> str:
    """The address, in any form that libpq or SQLAlchemy reads, and more parts of it; empty if it
    is none. The client encoding is UTF8, whatever that of the database.
    """
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import make_dsn, parse_dsn

    # SQLAlchemy names the driver in the scheme
    plain = re.sub(r"^(postgres\w*)\+\w+:", r"\1:", address.strip())
    try:
        found = {"connect_timeout": 15, **parse_dsn(plain), **parts, "client_encoding": "UTF8"}
        return str(make_dsn(**found))
    except ProgrammingError:
        return ""


def _of_table(table: Mapping[str, Any]) -> str:
    """The address of its parts; empty if some are missing or only dlt knows them."""
    environment = {name: os.environ.get(f"{_POSTGRES}__{name.upper()}") for name in _PARTS}
    parts = {**table, **{name: value for name, value in environment.items() if value}}
    if not {"username", "password", "host", "database"} <= parts.keys() <= {*_PARTS}:
        return ""
    names = {"username": "user", "database": "dbname"}
    return libpq_address(**{names.get(n, n): str(value).strip() for n, value in parts.items()})


def configured_ids(
    settings: KoreSettings, folder: Path, *, connection: str | None = None
) -> list[str]:
    """Return the campaign ids of this connection; raises `CampaignIdsInvalid`."""
    campaigns = read_campaign_ids(
        local_path(settings.campaign_ids, key="campaign_ids", folder=folder)
    )
    others = {campaign.connection for campaign in campaigns} - {"", connection or ""}
    names = ", ".join(sorted(others))
    if others and connection is None:
        expected = (
            f"`--connection` with the name of one: {settings.campaign_ids} has ids of several"
        )
        raise SettingInvalid(key="--connection", value=names, expected=expected)
    found = [c.campaign_id for c in campaigns if c.connection in ("", connection or "")]
    if not found:
        expected = f"a connection with ids in {settings.campaign_ids}: {names}"
        raise SettingInvalid(key="connection", value=connection, expected=expected)
    return found


def configured_policies(settings: KoreSettings, folder: Path) -> list[dict[str, Any]]:
    """Return rows of `kore_raw.policies` for this app; raises `PoliciesInvalid`.

    The file of the default setting is optional.
    """
    path = local_path(settings.policies, key="policies", folder=folder)
    if settings.policies == DEFAULT_POLICIES and not path.exists():
        return []
    return [{"stream_id": settings.stream_id, **row} for row in read_policies(path)]
