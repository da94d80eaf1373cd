"""The dlt pipeline that dlt's documentation leads to: one resource, merged by id, jsonl files.

Fetches one campaign after the other, nests calling hours and lists into child tables, keeps no
history and has no call budget.
"""

import csv
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import jwt
from dlt.sources.helpers.requests import Client

SETTINGS = "SOURCES__KORE_CAMPAIGNS__"
HOST, STREAM_ID, ACCOUNT_ID = (
    os.environ[SETTINGS + name] for name in ("HOST", "STREAM_ID", "ACCOUNT_ID")
)
CLIENT_ID, SECRET = (
    os.environ[SETTINGS + "CREDENTIALS__" + name] for name in ("CLIENT_ID", "CLIENT_SECRET")
)


@dlt.resource(name="campaigns", primary_key="_id", write_disposition="merge")
def campaigns() -> Iterator[dict[str, Any]]:
    session = Client().session
    session.headers.update({"iid": STREAM_ID, "accountId": ACCOUNT_ID})
    with Path("campaign_ids.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            now, jti = int(time.time()), str(uuid.uuid4())
            claims = {"sub": "plain", "appId": CLIENT_ID, "iat": now, "exp": now + 300, "jti": jti}
            url = f"{HOST}/campaign/api/v2/public/{STREAM_ID}/campaign/{row['campaign_id']}"
            auth = {"auth": jwt.encode(claims, SECRET, algorithm="HS256")}
            yield session.get(url, params={"accountId": ACCOUNT_ID}, headers=auth).json()["data"]


if __name__ == "__main__":
    destination = dlt.destinations.duckdb("with_dlt.duckdb")
    pipeline = dlt.pipeline(
        "with_dlt", ".dlt_pipelines", destination=destination, dataset_name="dlt"
    )
    pipeline.run(campaigns(), loader_file_format="jsonl")
