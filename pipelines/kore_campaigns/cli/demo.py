"""Demo: two runs against an emulator on this machine, with changes in between."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any, Final

import duckdb

from kore_campaigns.cli.console import table_width
from kore_campaigns.cli.output import table
from kore_campaigns.errors import SettingInvalid, first_line
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_campaigns.pipeline import run_pipeline
from kore_campaigns.schema import queries
from kore_emulator import Emulator, demo_campaigns

HOURS = "dialingStrategy.callingHours.days"
INDIA = "cd-9e14b72-88cc-4544-9a98-7aee9b7a1c2d"
FESTIVAL = "cd-3b6f0d8-2c71-4e95-a1d4-6f9b2e7c0a53"
WEST = "cd-8d03b7e-1f24-4c6a-8e91-5a7d9c3f6b08"
UK = "cd-16b9f7d-8c40-4a53-9d2e-4b7c1e6f0a98"

# examples, not legal advice: docs/reference/findings.md says where they come from
POLICIES = """\
name,country,earliest,latest,min_ring_seconds
US federal,US,8:00 AM,9:00 PM,15
India,IN,10:00 AM,9:00 PM,
"""

QUESTIONS: Final = queries(__name__)


def play_demo(
    directory: str, *, say: Callable[[str], None], stop: threading.Event | None = None
) -> dict[str, Any]:
    """Return both reports and the answers to the questions; all files stay in `directory`.

    Raises `KeyboardInterrupt` after the current run if `stop` is set.
    """
    stop = stop or threading.Event()
    folder = Path(directory)
    destination = DuckDBFile.in_folder(folder)
    with Emulator(campaigns=demo_campaigns()) as kore:
        ids = kore.campaign_ids()
        lines = ["campaign_id,note", *(f"{campaign_id},from the demo" for campaign_id in ids)]
        ids_file = "\n".join(lines) + "\n"
        _use_folder(folder, {"campaign_ids.csv": ids_file, "policies.csv": POLICIES})
        destination.published.unlink(missing_ok=True)
        shutil.rmtree(destination.folder, ignore_errors=True)
        say(f"A Kore.ai emulator answers on {kore.url}: {len(ids)} campaigns,")
        say("60 calls a minute, a signed token for each.\n")
        first = _run(folder, kore, stop)
        say(f"Run 1   {first.requests} requests: {first.in_words}")
        edit(kore)
        say("        ... three campaigns are edited in Kore.ai and one is deleted ...")
        second = _run(folder, kore, stop)
        say(f"Run 2   {second.requests} requests: {second.in_words}\n")
    answers = []
    database = destination.published
    with duckdb.connect(str(database), read_only=True) as connection:
        for question, sql in QUESTIONS.items():
            cursor = connection.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            found = cursor.fetchall()
            shown = table(names, found, width=min(78, table_width() - 2))
            say(f"{question}\n\n" + indent("\n".join(shown), "  ") + "\n")
            answers.append({"question": question, "sql": sql.strip(), "rows": found})
    is_below = database.is_relative_to(Path.cwd())
    place = database.relative_to(Path.cwd()) if is_below else database
    say(f"All of it is in {place}, schema `kore`. Next:\n")
    say(f"    kore-campaigns dashboard --database {place}")
    say(f"    kore-campaigns report --database {place} --html page.html")
    say("    kore-campaigns init      # a project for your own account")
    return {"runs": [first.as_json(), second.as_json()], "answers": answers}


def _use_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Write the csv files of a demo, in an empty folder or in that of an earlier demo."""
    expected = "an empty folder or that of an earlier demo: a demo replaces database and csv files"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = {each.name for each in folder.iterdir()}
        is_of_demo = ".dlt" not in found and all(
            name in found and (folder / name).read_text(encoding="utf-8") == text
            for name, text in files.items()
        )
        for name, text in files.items() if is_of_demo or not found else ():
            (folder / name).write_text(text, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as failed:
        expected = f"a folder that can be written; {first_line(failed)}"
        raise SettingInvalid(key="directory", value=folder, expected=expected) from None
    if found and not is_of_demo:
        raise SettingInvalid(key="directory", value=folder, expected=expected)


def _run(folder: Path, kore: Any, stop: threading.Event) -> RunReport:
    report = run_pipeline(
        project_dir=folder,
        host=kore.url,
        stream_id=kore.stream_id,
        account_id=kore.account_id,
        credentials={"client_id": kore.client_id, "client_secret": kore.client_secret},
        campaign_ids="campaign_ids.csv",
        policies="policies.csv",
        stop=stop,
    )
    if stop.is_set():
        raise KeyboardInterrupt
    return report


def edit(kore: Any) -> None:
    """Edits in Kore.ai between the two runs."""
    weekdays = ("MO", "TU", "WE", "TH")
    shorter = [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in weekdays]
    kore.edit(INDIA, {HOURS: [*shorter, {"day": "FR", "start": "9:00 AM", "end": "8:00 PM"}]})
    kore.edit(FESTIVAL, {"dncLists": {}}, silent=True)
    kore.edit(WEST, {"status": "Paused", "dialingStrategy.maxAttemptsPerRecord": 5})
    kore.delete(UK)
