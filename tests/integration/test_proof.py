"""The proof of a rebuild sees every way in which a version could be lost, altered or doubled."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.load.duckdb_file import DuckDBFile, DuckDBReader
from kore_campaigns.maintenance.rebuild import HISTORY, faults, nested_rows
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.saved_history import saved_history

LOST = "is missing or different"
ADDED = "is new or different"


@pytest.fixture
def before(emulate: Emulate, project: Project) -> Path:
    """Three campaigns, one of them with two versions."""
    kore: Emulator = emulate(sample_campaigns(3))
    project.use(kore)
    with saved_history("proof", kore, project) as run:
        run()
        kore.edit(kore.campaign_ids()[0], {"status": "Rerun"})
        run()
    return project.database


def harmed(before: Path, *harm: str) -> Path:
    after = before.with_name("after.duckdb")
    shutil.copyfile(before, after)
    with duckdb.connect(str(after)) as connection:
        connection.execute("use kore_raw")
        for statement in harm:
            connection.execute(statement)
    return after


def file_faults(before: Path, after: Path) -> list[str]:
    with duckdb.connect() as connection:
        for name, path in {"before": before, "after": after}.items():
            connection.execute(f"attach '{path}' as {name} (read_only)")
        history = HISTORY.format(schema="before.kore_raw")
        return [*faults(DuckDBReader(connection), before=history, after="after.kore_raw")]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        ("delete from campaign_versions where version = 2", [LOST, "that belong to no version"]),
        ("update campaign_versions set valid_from = now() where version = 2", [LOST, ADDED]),
        ("update campaign_versions set observed_at = now() where version = 2", [LOST, ADDED]),
        ("update campaign_versions set content_hash = 'x' where version = 2", [LOST, ADDED]),
        ("update campaign_versions set is_deleted = true where version = 2", [LOST, ADDED]),
        ("update campaign_versions set account_id = 'x' where version = 2", [LOST, ADDED]),
        ("update campaign_versions set raw = '{}' where version = 2", [LOST, ADDED]),
        ("update campaign_versions set _dlt_load_id = 'x' where version = 2", [LOST]),
        (
            "insert into campaign_versions select * from campaign_versions where version = 2",
            [ADDED, "is stored twice"],
        ),
        (
            "update campaign_versions__changes set campaign_id = 'x' where version = 2",
            ["has rows of `changes` that belong to no version"],
        ),
        (
            "insert into campaign_versions__contact_lists"
            " select * from campaign_versions__contact_lists where version = 2",
            ["has two rows of `contact_lists` for one position"],
        ),
    ],
)
def test_a_version_that_is_lost_altered_or_doubled_is_named(
    before: Path, harm: str, told: list[str]
) -> None:
    found = file_faults(before, harmed(before, harm))

    for words in told:
        assert any(" version 2 " in each and words in each for each in found), found
    assert all(any(words in each for words in told) for each in found), found


def test_what_is_derived_may_differ(before: Path) -> None:
    after = harmed(
        before,
        "update campaign_versions set name = 'other', schedule = null",
        "delete from campaign_versions__changes",
    )

    assert file_faults(before, after) == []
    with DuckDBFile(before).read() as sound, DuckDBFile(after).read() as emptied:
        changes = [nested_rows(reader, "kore_raw")["changes"] for reader in (sound, emptied)]
    assert changes[0] > changes[1] == 0


def test_many_are_named_in_part_and_counted(before: Path) -> None:
    after = harmed(
        before,
        "insert into campaign_versions__calling_hours"
        " select hours.* replace ('x' as campaign_id, number.range as version)"
        " from campaign_versions__calling_hours as hours, range(8) as number"
        " where position = 1 and hours.version = 2",
    )

    found = file_faults(before, after)

    orphans = [each for each in found if "`calling_hours` that belong to no version" in each]
    assert len(orphans) == 6
    assert orphans[-1].startswith("and 3 more")
