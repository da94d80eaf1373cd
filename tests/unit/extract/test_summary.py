"""A row of the account listing, read: nothing in it that a database refuses."""

from __future__ import annotations

from kore_campaigns.extract.listing import as_listed


def test_a_name_that_no_text_column_holds_is_kept_as_its_json_text() -> None:
    row = {"_id": "cd-1", "name": "a\0b", "connection": "q\0", "status": "Ready"}

    listed = as_listed(row, "voice")

    assert listed is not None
    assert "\0" not in f"{listed.name}{listed.connection}"
    assert listed.name
    assert listed.connection


def test_a_plain_name_stays_as_it_is() -> None:
    listed = as_listed({"id": "cd-1", "name": "Täglich", "connection": "Queue 1"}, "sms")

    assert listed is not None
    assert (listed.campaign_id, listed.name, listed.connection) == ("cd-1", "Täglich", "Queue 1")
