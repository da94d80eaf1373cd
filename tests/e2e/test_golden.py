"""What users see of the program is what it was: the golden files in `tests/golden`.

Strict: every key, value, type, flag, choice, exit code, code of an error, event and its place,
metric, table, column. Of sentences only that there is one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from golden.record import FOLDER, SCENARIOS
from support.recorder import Commands, Recorder, differences

# Intended changes since the recording. List new ones here: the files stay as they were recorded.
CHANGED = re.compile(
    r"/help/flags//flags/--version: "
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
    # columns that are new
    r"|/.*/(run_number|clock_difference_seconds)\b"
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_as_recorded(
    name: str, commands: Commands, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    expected = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    recorder = Recorder(
        tmp_path / name,
        commands,
        new_database=lambda: str(request.getfixturevalue("postgres").new_database()),
    )

    SCENARIOS[name](recorder)

    found = [each for each in differences(expected, recorder.steps) if not CHANGED.match(each)]
    assert not found, f"{len(found)} differences:\n" + "\n".join(found[:40])
