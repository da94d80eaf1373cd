"""Write a database with the program that is installed, to be kept for tests of later ones.

    python make_database.py FOLDER    # leaves FOLDER/<tool version>.duckdb.xz

Two apps, three runs of the first: edits with and without a new `updatedAt`, emptied lists,
deletions, and a campaign that came back.
"""

from __future__ import annotations

import lzma
import os
import sys
from pathlib import Path

from kore_campaigns import run_pipeline
from kore_campaigns.extract.connect import tool_version
from kore_emulator import REMOVED, Emulator, demo_campaigns, sample_campaigns

HOURS = "dialingStrategy.callingHours"


def main(folder: Path) -> None:
    os.environ["DLT_PROJECT_DIR"] = str(folder)
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    database = folder / "made.duckdb"
    with Emulator(campaigns=[*demo_campaigns(), *sample_campaigns(24)]) as kore:
        run(kore, database)
        first_edits(kore)
        run(kore, database)
        second_edits(kore)
        run(kore, database)
    with Emulator(campaigns=sample_campaigns(3, seed=7), stream_id="st-of-another-app") as kore:
        run(kore, database)
    packed = folder / f"{tool_version()}.duckdb.xz"
    packed.write_bytes(lzma.compress(database.read_bytes(), preset=9 | lzma.PRESET_EXTREME))


def run(kore: Emulator, database: Path) -> None:
    ids = database.with_name("campaign_ids.csv")
    if not ids.exists() or kore.stream_id == "st-of-another-app":
        ids.write_text("\n".join(["campaign_id", *kore.campaign_ids()]), encoding="utf-8")
    report = run_pipeline(
        database=database,
        host=kore.url,
        stream_id=kore.stream_id,
        account_id=kore.account_id,
        credentials={"client_id": kore.client_id, "client_secret": kore.client_secret},
        campaign_ids=str(ids),
        requests_per_minute=0,
        max_vanished=0.5,
    )
    if not report.is_complete:
        raise SystemExit(str(report.as_json()))


def first_edits(kore: Emulator) -> None:
    ids = kore.campaign_ids()
    weekdays = [{"day": day, "start": "9:00 AM", "end": "11:30 PM"} for day in ("MO", "TU", "WE")]
    kore.edit(ids[0], {f"{HOURS}.days": weekdays})
    kore.edit(ids[1], {"dncLists": {}, "status": "Paused"}, silent=True)
    kore.edit(ids[2], {"contactLists": ["A new list"], "priority": 9})
    kore.edit(ids[14], {"name": REMOVED, HOURS: None})
    kore.edit(ids[20], {"schedule.startTime": "2025-12-08T05:29:38.298Z", "pacingRatio": 1.5})
    kore.delete(ids[3])
    kore.delete(ids[15])


def second_edits(kore: Emulator) -> None:
    ids = kore.campaign_ids()
    kore.edit(ids[0], {f"{HOURS}.days": [{"day": "SU", "start": "10:00 PM", "end": "2:00 AM"}]})
    kore.edit(ids[1], {"dncLists": [{"id": "cl-1", "name": "One"}, {"name": "Two"}]})
    gone = next(each["_id"] for each in demo_campaigns() if each["_id"] not in ids)
    kore.edit(gone, {"status": "Ready"})
    kore.restore(gone)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
