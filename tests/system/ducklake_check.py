"""`make test-ducklake`: runs into a DuckLake whose catalogue is a Postgres, in an environment that
has the extensions.

Not among the tests of `make test`: those are made with another DuckDB.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conftest import Emulate
from kore_emulator import demo_campaigns
from support.postgres import Postgres
from support.project import Project

PYTHON = os.environ["DUCKLAKE_PYTHON"]
PREPARED = """
from duckdb_extensions import import_extension
import_extension("ducklake")
import_extension("postgres_scanner")
"""
ASKED = """
import json, sys, duckdb
connection = duckdb.connect()
connection.execute("load ducklake; load postgres_scanner")
lake = f"ducklake:postgres:{sys.argv[1]}"
connection.execute(f"attach '{lake}' as lake (metadata_schema 'ducklake')")
connection.execute("use lake")
print(json.dumps(connection.execute(sys.argv[2]).fetchall(), default=str))
"""
ORPHANS = """
select count(*) from kore_raw.campaign_versions__calling_hours as hours
left join kore_raw.campaign_versions as versions using (stream_id, campaign_id, version)
where versions.campaign_id is null
"""


class Lake:
    def __init__(
        self, project: Project, address: str, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._project, self._address = project, address
        credentials = "DESTINATION__DUCKLAKE__CREDENTIALS__"
        monkeypatch.setenv(f"{credentials}CATALOG", address)
        monkeypatch.setenv(f"{credentials}STORAGE__BUCKET_URL", f"file://{folder}")

    def command(self, name: str) -> dict[str, Any]:
        command = [PYTHON, "-m", "kore_campaigns", name, "--destination", "ducklake", "--json"]
        ended = subprocess.run(
            command, cwd=self._project.folder, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def sql(self, query: str) -> list[list[Any]]:
        script = [PYTHON, "-c", ASKED, self._address, query]
        ended = subprocess.run(script, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        found: list[list[Any]] = json.loads(ended.stdout)
        return found


def test_runs_into_a_ducklake_keep_versions_and_their_lists(
    emulate: Emulate,
    project: Project,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    subprocess.run([PYTHON, "-c", PREPARED], check=True)
    (tmp_path / "lake").mkdir()
    lake = Lake(project, postgres.new_database(), tmp_path / "lake", monkeypatch)
    kore = emulate(demo_campaigns())
    project.use(kore, sweep="auto")

    first = lake.command("run")
    unchanged = lake.command("run")
    emptied, shortened, *_ = kore.campaign_ids()
    kore.edit(emptied, {"dialingStrategy.callingHours.days": []})
    kore.edit(shortened, {"contactLists": ["one"], "status": "Paused"})
    changed = lake.command("run")

    count = len(kore.campaign_ids())
    assert [first["new_versions"], unchanged["unchanged"]] == [count, count]
    assert [unchanged["new_versions"], changed["new_versions"]] == [0, 2]
    assert lake.sql(ORPHANS) == [[0]]
    assert lake.sql("select count(*), count(distinct campaign_id) from kore.campaigns") == [
        [count, count]
    ]
    hours = "select count(*) from kore.campaign_calling_hours where campaign_id = '{}'"
    lists = "select contact_list_name from kore.campaign_contact_lists where campaign_id = '{}'"
    assert lake.sql(hours.format(emptied)) == [[0]]
    assert lake.sql(lists.format(shortened)) == [["one"]]
    status = lake.command("status")
    assert (status["state"], status["live"], status["versions"]) == ("ok", count, count + 2)
