"""What kore-campaigns is measured against: the script one would write in an afternoon.

requests, PyJWT, pandas and DuckDB, each used as its documentation shows: one session with retries
that mounts them, a fresh token for each request (Kore's tokens are short-lived, and of single use
once they carry a `jti`), `json_normalize`, and a delete and insert of what changed since last time.
It fetches one campaign after the other and does only what the three tables need: no budget, no
history, no changes by field, times as text, and one failed campaign ends it.
"""

from __future__ import annotations

import csv
import os
import time
import uuid
from pathlib import Path
from typing import Any

import duckdb
import jwt
import pandas as pd
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

SETTINGS = "SOURCES__KORE_CAMPAIGNS__"
HOST = os.environ[SETTINGS + "HOST"]
STREAM_ID = os.environ[SETTINGS + "STREAM_ID"]
ACCOUNT_ID = os.environ[SETTINGS + "ACCOUNT_ID"]
CLIENT_ID = os.environ[SETTINGS + "CREDENTIALS__CLIENT_ID"]
CLIENT_SECRET = os.environ[SETTINGS + "CREDENTIALS__CLIENT_SECRET"]

CREATE = """
create table if not exists {table} as select * from {frame} limit 0
"""
REPLACE = """
begin;
delete from {table} where campaign_id in (select campaign_id from changed);
insert into {table} by name select * from {frame};
commit;
"""


def token() -> str:
    now = int(time.time())
    claims = {"sub": "plain", "appId": CLIENT_ID, "iat": now, "exp": now + 300}
    return jwt.encode({**claims, "jti": str(uuid.uuid4())}, CLIENT_SECRET, algorithm="HS256")


def new_session() -> requests.Session:
    session = requests.Session()
    retry = Retry(total=5, backoff_factor=1, status_forcelist=(429, 500, 502, 503, 504))
    session.mount(HOST, HTTPAdapter(max_retries=retry))
    session.headers.update({"iid": STREAM_ID, "accountId": ACCOUNT_ID})
    return session


def get_campaign(session: requests.Session, campaign_id: str) -> dict[str, Any]:
    response = session.get(
        f"{HOST}/campaign/api/v2/public/{STREAM_ID}/campaign/{campaign_id}",
        params={"accountId": ACCOUNT_ID},
        headers={"auth": token()},
        timeout=30,
    )
    response.raise_for_status()
    campaign: dict[str, Any] = response.json()["data"]
    return campaign


def campaigns_table(found: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.json_normalize(found, sep="_")
    table = table.drop(columns="dialingStrategy_callingHours_days", errors="ignore")
    return table.rename(columns={"_id": "campaign_id"}).astype("str")


def calling_hours_table(found: list[dict[str, Any]]) -> pd.DataFrame:
    rows = []
    for campaign in found:
        hours = campaign.get("dialingStrategy", {}).get("callingHours") or {}
        for day in hours.get("days") or []:
            rows.append({"campaign_id": campaign["_id"], **day})  # noqa: PERF401
    return pd.DataFrame(rows, columns=["campaign_id", "day", "start", "end"], dtype="str")


def dnc_lists_table(found: list[dict[str, Any]]) -> pd.DataFrame:
    rows = []
    for campaign in found:
        lists = campaign.get("dncLists") or []
        for one in [lists] if isinstance(lists, dict) else lists:
            rows.append({"campaign_id": campaign["_id"], **one})  # noqa: PERF401
    return pd.DataFrame(rows, columns=["campaign_id", "id", "name"], dtype="str")


def known(database: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """When each campaign that we have was updated; empty before the first run."""
    if ("campaigns",) not in database.execute("show tables").fetchall():
        return {}
    return dict(database.execute("select campaign_id, updatedAt from campaigns").fetchall())


def store(database: duckdb.DuckDBPyConnection, found: list[dict[str, Any]]) -> None:
    changed = campaigns_table(found)
    frames = {
        "campaigns": changed,
        "calling_hours": calling_hours_table(found),
        "dnc_lists": dnc_lists_table(found),
    }
    database.register("changed", changed)
    for table, frame in frames.items():
        database.register("frame", frame)
        database.execute(CREATE.format(table=table, frame="frame"))
        database.execute(REPLACE.format(table=table, frame="frame"))


def main() -> None:
    with Path("campaign_ids.csv").open(newline="", encoding="utf-8") as file:
        campaign_ids = [row["campaign_id"] for row in csv.DictReader(file)]
    with duckdb.connect("plain.duckdb") as database, new_session() as session:
        found = [get_campaign(session, campaign_id) for campaign_id in campaign_ids]
        before = known(database)
        changed = [one for one in found if before.get(one["_id"]) != one["updatedAt"]]
        if changed:
            store(database, changed)


if __name__ == "__main__":
    main()
