"""A tap by Meltano's singer_sdk, and a target that merges what it sends into DuckDB by id.

The tap has one stream. It requests one campaign after the other, and keeps no history and no call
budget. It writes Singer's messages; the target stores the records as they are.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SETTINGS = "SOURCES__KORE_CAMPAIGNS__"
HOST, STREAM_ID, ACCOUNT_ID = (
    os.environ[SETTINGS + name] for name in ("HOST", "STREAM_ID", "ACCOUNT_ID")
)
CLIENT_ID, SECRET = (
    os.environ[SETTINGS + "CREDENTIALS__" + name] for name in ("CLIENT_ID", "CLIENT_SECRET")
)


def tap() -> None:
    import jwt
    from singer_sdk import RESTStream, Tap
    from singer_sdk import typing as th

    class Campaigns(RESTStream[Any]):
        name = "campaigns"
        url_base = HOST
        path = f"/campaign/api/v2/public/{STREAM_ID}/campaign"
        primary_keys = ("_id",)
        schema = th.PropertiesList(
            th.Property("_id", th.StringType, required=True),
            th.Property("name", th.StringType),
            th.Property("status", th.StringType),
            th.Property("updatedAt", th.StringType),
            th.Property("dialingStrategy", th.ObjectType(additional_properties=True)),
            th.Property("dncLists", th.CustomType({})),
            additional_properties=True,
        ).to_dict()

        def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
            with Path("campaign_ids.csv").open(newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    url = f"{HOST}{self.path}/{row['campaign_id']}"
                    request = self.build_prepared_request(
                        method="GET",
                        url=url,
                        params={"accountId": ACCOUNT_ID},
                        headers={"iid": STREAM_ID, "accountId": ACCOUNT_ID, "auth": token()},
                    )
                    response = self.request_decorator(self._request)(request, context)
                    yield response.json()["data"]

    def token() -> str:
        now = int(time.time())
        claims = {"sub": "plain", "appId": CLIENT_ID, "iat": now, "exp": now + 300}
        return jwt.encode({**claims, "jti": str(uuid.uuid4())}, SECRET, algorithm="HS256")

    class Kore(Tap):
        name = "tap-kore"
        config_jsonschema = th.PropertiesList().to_dict()

        def discover_streams(self) -> list[Campaigns]:
            return [Campaigns(self)]

    Kore(config={}).sync_all()


def target(lines: Iterable[str]) -> None:
    import duckdb

    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as records:
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                records.write(json.dumps(message["record"]) + "\n")
        records.flush()
        rows = f"read_json('{records.name}', format = 'nd', sample_size = -1)"
        with duckdb.connect("singer.duckdb") as database:
            database.execute(f"""
                create table if not exists campaigns as select * from {rows} limit 0;
                begin;
                delete from campaigns where _id in (select _id from {rows});
                insert into campaigns by name select * from {rows};
                commit;
            """)  # noqa: S608 - our file


def main() -> None:
    if sys.argv[1:] == ["tap"]:
        tap()
        return
    command = [sys.executable, __file__, "tap"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        target(process.stdout)
    if process.returncode != 0:
        sys.exit("the tap failed")


if __name__ == "__main__":
    main()
