"""The rows of `campaign_versions`: keys, validity and what changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given

from kore_campaigns import schema
from kore_campaigns.transform import campaign as shaping
from kore_campaigns.transform.campaign import (
    StoredVersion,
    deletion_row,
    is_new_version,
    shape,
)
from kore_campaigns.transform.values import canonical, settled, text_hash
from support.strategies import campaigns, edits

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = {"stream_id": "st-1", "campaign_id": "cd-1"}
ASKED: Any = {"account_id": "acc-1", **KEY, "observed_at": NOW}


def sent(**fields: Any) -> dict[str, Any]:
    return {"name": "A", "dialingMode": "Preview", "contactLists": ["L1", "L2"], **fields}


def version_row(data: dict[str, Any], **known: Any) -> dict[str, Any]:
    return shaping.version_row(shape(data), **known)


def stored(**facts: Any) -> StoredVersion:
    known: dict[str, Any] = {
        "version": 3,
        "content_hash": "h",
        "valid_from": NOW - 9 * HOUR,
        "updated_at": NOW - 10 * HOUR,
        "is_deleted": False,
        "observed_at": NOW - 9 * HOUR,
        "campaign_type": "voice",
    }
    return StoredVersion(**(known | facts))


def same(moment: datetime) -> dict[str, Any]:
    return {"valid_from": moment, "observed_at": moment}


def test_the_first_version_is_whole_and_has_no_changes() -> None:
    data = sent(updatedAt="2026-01-30T00:00:00Z", dncLists={"id": "cl-1", "name": "N"})
    expected = {
        **dict.fromkeys(schema.CAMPAIGN_VERSIONS.column_names()),
        "account_id": "acc-1",
        **KEY,
        "version": 1,
        "content_hash": text_hash(canonical(data)),
        "observed_at": NOW,
        "valid_from": datetime(2026, 1, 30, tzinfo=UTC),
        "is_deleted": False,
        "change_summary": "first seen",
        "campaign_type": "voice",
        "name": "A",
        "dialing_mode": "Preview",
        "updated_at": datetime(2026, 1, 30, tzinfo=UTC),
        "raw": json.dumps(data, separators=(",", ":")),
        "calling_hours": [],
        "dnc_lists": [
            {**KEY, "version": 1, "position": 1, "dnc_list_id": "cl-1", "dnc_list_name": "N"}
        ],
        "contact_lists": [
            {
                **KEY,
                "version": 1,
                "position": position,
                "contact_list_id": None,
                "contact_list_name": name,
            }
            for position, name in [(1, "L1"), (2, "L2")]
        ],
        "changes": [],
    }
    assert version_row(data, stored=None, stored_raw=None, **ASKED) == expected


def test_a_later_version_lists_what_changed() -> None:
    row = version_row(sent(name="B", status="Ready"), stored=stored(), stored_raw=sent(), **ASKED)
    assert row["version"] == 4
    assert row["changes"] == [
        {
            **KEY,
            "version": 4,
            "position": 1,
            "path": "name",
            "old_value": "A",
            "new_value": "B",
            "kind": "text",
            "is_risky": False,
        },
        {
            **KEY,
            "version": 4,
            "position": 2,
            "path": "status",
            "old_value": None,
            "new_value": "Ready",
            "kind": "status",
            "is_risky": False,
        },
    ]
    assert row["change_summary"] == "name A -> B; status none -> Ready"


def test_without_the_state_before_no_change_is_invented() -> None:
    row = version_row(sent(), stored=stored(), stored_raw=None, **ASKED)
    assert row["changes"] == []
    assert row["change_summary"] == "not compared with the version before"


def valid_from(updated_at: datetime | None, before: StoredVersion | None) -> datetime:
    data = sent() if updated_at is None else sent(updatedAt=updated_at.isoformat())
    found = version_row(data, stored=before, stored_raw=sent(), **ASKED)["valid_from"]
    assert isinstance(found, datetime)
    return found


@pytest.mark.parametrize(
    ("updated_at", "before", "expected"),
    [
        (NOW - HOUR, None, NOW - HOUR),
        (None, None, NOW),
        (NOW - HOUR, stored(), NOW - HOUR),
        (NOW - HOUR, stored(updated_at=None), NOW - HOUR),
        (None, stored(), NOW),
        (NOW - 10 * HOUR, stored(), NOW),
        (NOW - 10 * HOUR, stored(valid_from=NOW - 11 * HOUR), NOW),
        (NOW - 9 * HOUR, stored(), NOW),
        (NOW - 11 * HOUR, stored(), NOW),
        (None, stored(**same(NOW + HOUR)), NOW),
        (NOW + HOUR, None, NOW),
        (NOW + HOUR, stored(), NOW),
        (NOW - HOUR, stored(valid_from=NOW + HOUR, observed_at=NOW - 2 * HOUR), NOW - HOUR),
        (NOW - HOUR, stored(**same(NOW + HOUR)), NOW),
        (NOW - 5 * HOUR, stored(is_deleted=True, **same(NOW - 4 * HOUR)), NOW),
        (NOW - 3 * HOUR, stored(is_deleted=True, valid_from=NOW - 4 * HOUR), NOW - 3 * HOUR),
    ],
    ids=[
        *("first", "first, undated", "moved", "newly dated", "undated", "not moved"),
        *("not moved, though later", "moved to the same instant", "moved back", "clock set back"),
        *("first, in the future", "moved into the future"),
        *("an older program stored the future", "moved while the clock was ahead"),
        *("back, edited before it went", "back, edited since"),
    ],
)
def test_a_version_counts_from_when_it_was_written(
    updated_at: datetime | None, before: StoredVersion | None, expected: datetime
) -> None:
    assert valid_from(updated_at, before) == expected


def test_a_deletion_keeps_what_was_last_known() -> None:
    raw = sent(dncLists={"name": "N"}, priority="5")
    row = deletion_row(raw, stored=stored(), **ASKED)
    assert row == {
        "account_id": "acc-1",
        **KEY,
        "version": 4,
        "content_hash": "h",
        "observed_at": NOW,
        "valid_from": NOW,
        "is_deleted": True,
        "change_summary": "deleted in Kore",
        **shape(raw).columns,
        "raw": json.dumps(raw, separators=(",", ":")),
        "calling_hours": [],
        "dnc_lists": [],
        "contact_lists": [],
        "changes": [
            {
                **KEY,
                "version": 4,
                "position": 1,
                "path": "is_deleted",
                "old_value": "false",
                "new_value": "true",
                "kind": "status",
                "is_risky": False,
            }
        ],
    }


def test_a_stored_time_in_the_future_does_not_hold_a_deletion_back() -> None:
    row = deletion_row(sent(), stored=stored(valid_from=NOW + HOUR), **ASKED)
    assert row["valid_from"] == NOW


def test_a_campaign_that_came_back_says_so_first() -> None:
    row = version_row(sent(name="B"), stored=stored(is_deleted=True), stored_raw=sent(), **ASKED)
    told = [(c["position"], c["path"], c["old_value"], c["new_value"]) for c in row["changes"]]
    assert told == [(1, "is_deleted", "true", "false"), (2, "name", "A", "B")]
    assert row["is_deleted"] is False
    assert len(row["contact_lists"]) == 2


@pytest.mark.parametrize(
    ("before", "content", "new"),
    [
        (None, "h", True),
        (stored(), "h", False),
        (stored(), "other", True),
        (stored(is_deleted=True), "h", True),
    ],
)
def test_only_news_make_a_version(before: StoredVersion | None, content: str, new: bool) -> None:
    assert is_new_version(before, content) is new


def check_names(row: dict[str, Any]) -> None:
    table = schema.CAMPAIGN_VERSIONS
    assert row.keys() == {*table.column_names(), *(child.name for child in table.children)}
    for child in table.children:
        for nested in row[child.name]:
            assert nested.keys() == {*child.column_names()}
            assert nested.items() >= {**KEY, "version": row["version"]}.items()
        positions = [nested["position"] for nested in row[child.name]]
        assert positions == sorted(set(positions))


@given(edits())
def test_every_row_has_exactly_the_declared_columns(edit: tuple[Any, Any]) -> None:
    old, new = edit
    check_names(version_row(new, stored=stored(), stored_raw=old, **ASKED))
    check_names(deletion_row(old, stored=stored(), **ASKED))


@given(campaigns)
def test_what_is_stored_has_the_hash_of_what_was_received(campaign: dict[str, Any]) -> None:
    row = version_row(campaign, stored=None, stored_raw=None, **ASKED)
    raw = json.loads(row["raw"])
    assert row["content_hash"] == text_hash(canonical(campaign)) == text_hash(canonical(raw))
    assert raw == settled(campaign)[0]
    assert list(raw) == list(settled(campaign)[0])
    again = version_row(raw, stored=stored(), stored_raw=raw, **ASKED)
    assert again["changes"] == []
    assert again["content_hash"] == row["content_hash"]
