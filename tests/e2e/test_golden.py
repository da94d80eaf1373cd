"""What users see of the program is what it was: the golden files in `tests/golden`.

Strict: every key, value, type, flag, choice, exit code, code of an error, event and its place,
metric, table, column. Of sentences only that there is one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from golden.record import FOLDER, SCENARIOS
from support.recorder import Commands, Recorder, differences

# Intended changes since the recording. List new ones here: the files stay as they were recorded.
CHANGED = re.compile(
    r"/help/flags//flags/--version: "
    # commands that are new
    r"|/help/commands: recorded |/help/flags/(init|dashboard|changes|findings): "
    # a comment in the database says what it was made with; a file did
    r"|/schema/kore_raw._dlt_version/described: |/files/.*/made_by\.txt: "
    # a column of runs says how the listing could be read
    r"|.*/listing_state: recorded \"<missing>\""
    # a refusal after successes, and a listing without an answer, are tried again
    r"|/[^/]*(bad answers|the same[^/]*|rows of failures)/.*(requests|retries)"
    r"|/the listing is no answer/.*/requests: "
    # Spark 3.5 reads no time of day, and takes a folder for a table
    r"|/files of export/.*_time\[0]: recorded \"time64|/help/flags/export/flags/--folders: "
    # a run that is turned away leaves the metrics of the one before
    r"|/metrics while another run is active/"
    # raw tables that are new
    r"|/.*[/.](requested_campaigns|notif(ications|ied_(campaigns|findings))): recorded \"<missing>"
    # flags that are new
    r"|/help/flags/(plan|run)/flags/--only(-failed)?: "
    # columns that are new
    r"|/.*/(run_number|clock_difference_seconds|listing_page_size)\b"
    r"|/.*/(campaign|other_campaign|version|change|finding)_key\b"
    r"|/.*\b(campaigns|campaign_history)\b.*/campaign_name: recorded \"<missing>"
    r"|/.*/queue_or_flow\b"
    r"|/.*/(app_name|day_name)\b"
    r"|/.*/(start|end|earliest|latest|first|last)_time: recorded \"<missing>"
    r"|/.*/(known_since|open_since|closed_date|days_from_today)\b"
    r"|/.*/(execution_type|execution_type_since|total_messages_sent|campaign_run_key)\b"
    r"|/views for \w+/json/comments: "
    r"|/.*/(max_dnc_age_days|dnc_list_calls)\b|/schema/kore_raw.dnc_list_states: "
    # an SMS campaign without a DNC list is a severe finding, and the sentence says more
    r"|/rows/kore.(list_)?findings\[\d+]/(severity|sentence): "
    # a full sweep reads the listing, too
    r"|/.*/listed: recorded null, found \d+$|/.*/not_listed: recorded \[], found \["
    r"|/export/stdout/files\[\d+]/rows: |/copy/stdout\[0]/rows/campaign_listings: recorded 0"
    # what the listing lacks is no difference; campaigns that failed come in the order of the file
    r"|/plan after edits/stdout\[0]/campaigns\[\d+]/fields"
    # findings by severity; the demo shows changes in words
    r"|/.*/stdout\[0]/findings: recorded \"<missing>\"|/demo/stdout/answers\[[01]]/rows"
    # flags that every command has, and short ones
    r"|/help/flags/\w*/flags/(-[qvc]|--(quiet|verbose|log-format|json|project-dir|debug)): "
    # an error is an object, too
    r'|/[^/]*/stdout: recorded \[], found \[{"exit_code": \d+, "error_code": "\w+", "message": '
    r"|/the same, quiet/stderr\[\d]/(campaign_id|code|http_status): "
)
CALLS = re.compile(
    r"/.*(?:requests|/retries|/calls|/listing_calls)\b[^:]*"
    r": recorded (\d+)(?:\.0)?, found (\d+)(?:\.0)?"
)


NEW_VIEWS = (
    *("apps", "campaign_runs", "weekdays"),
    *("dnc_lists", "dnc_list_states", "policy_history", "findings_history"),
    *("closed_dates", "closed_date_findings"),
)


def without_new_views(value: Any) -> Any:
    """A record as it would be without views that are newer than the golden files."""
    if isinstance(value, dict):
        # `apps` is also a key of `status`, with a list
        kept = ["apps"] if isinstance(value.get("apps"), list) else []
        shown = {k: v for k, v in value.items() if k in kept or not _is_of_new_view(k)}
        return {k: without_new_views(v) for k, v in shown.items()}
    if isinstance(value, list):
        return [without_new_views(each) for each in value if not _is_of_new_view(each)]
    return value


def _is_of_new_view(value: Any) -> bool:
    """A name of one, its file, a row about it, or a statement that makes or drops it."""
    text = str(value.get("view")) if isinstance(value, dict) else str(value)
    names = "|".join(NEW_VIEWS)
    statement = r"(drop view if exists|create( or replace)? view) "
    return (
        re.match(rf"({statement}|.*/)?(kore(_raw)?\.)?({names})\b", text, re.IGNORECASE) is not None
    )


def is_intended(difference: str) -> bool:
    """A change that the list names, or the calls that read the listing: four if it is no answer."""
    if calls := CALLS.fullmatch(difference):
        recorded, found = map(int, calls.groups())
        if 1 <= found - recorded <= 4:
            return True
    return CHANGED.match(difference) is not None


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_as_recorded(
    name: str, commands: Commands, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    expected = without_new_views(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))
    recorder = Recorder(
        tmp_path / name,
        commands,
        new_database=lambda: str(request.getfixturevalue("postgres").new_database()),
    )

    # peeks and the calls for DNC lists have tests of their own
    recorder.set(full_listing_every_minutes=0, dnc_lists_every_hours=0)
    SCENARIOS[name](recorder)

    steps = without_new_views(recorder.steps)
    found = [each for each in differences(expected, steps) if not is_intended(each)]
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:40])
