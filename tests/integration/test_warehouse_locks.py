"""What rewrites every account and what writes one do not meet in a warehouse."""

from __future__ import annotations

import pytest

from conftest import Emulate
from kore_campaigns.load.postgres import Postgres, lock_account, lock_all_accounts
from kore_emulator import sample_campaigns
from support.warehouse import Warehouse

NAME = "postgres, schema kore_raw"


def test_a_rebuild_and_a_run_do_not_meet(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    warehouse.run()
    kore.reset_counters()
    place = Postgres(project.folder)

    with place.connect() as client:
        lock_all_accounts(client, database=NAME)
        turned_away = project.cli("run", "--destination", "postgres")
    with place.connect() as client:
        lock_account(client, "some other account", database=NAME)
        refused = project.cli("rebuild", "--destination", "postgres")
        beside = project.cli("run", "--destination", "postgres")

    assert (turned_away.code, refused.code, beside.code) == (6, 6, 0)
    assert "`rebuild` or `copy` is running: from the server itself, since " in turned_away.err
    assert "a run, `rebuild` or `copy` is running: from the server itself, since " in refused.err
    for ended in (turned_away, refused):
        assert ended.err.count("\n") == 1
    assert project.cli("rebuild", "--destination", "postgres").code == 0


def test_a_copy_waits_for_no_run(emulate: Emulate, warehouse: Warehouse) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(2)))
    project.run()

    with Postgres(project.folder).connect() as client:
        lock_account(client, "some account", database=NAME)
        refused = project.cli("copy", "--destination", "postgres")

    assert refused.code == 6
    assert "a run, `rebuild` or `copy` is running" in refused.err
    assert project.cli("copy", "--destination", "postgres").code == 0


@pytest.mark.parametrize("is_running", [True, False])
def test_status_sees_whoever_holds_an_account(
    emulate: Emulate, warehouse: Warehouse, is_running: bool
) -> None:
    project = warehouse.project
    project.use(emulate(sample_campaigns(2)))
    warehouse.run()

    with Postgres(project.folder).connect() as client:
        if is_running:
            lock_account(client, "some account", database=NAME)
        found = project.cli("status", "--destination", "postgres", "--json").json

    assert (found["running_pid"] is not None) == is_running
