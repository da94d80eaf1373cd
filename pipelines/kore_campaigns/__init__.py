"""An append-only, typed, queryable history of every Kore.ai campaign.

From Python: `kore_campaigns` is a plain dlt source, `run_pipeline` what the command and the DAG
call, `read_view` a view as a typed pandas DataFrame.

Where to find what, in the order of a run:

    ids      campaign_ids, policies     the csv files that a person keeps (csv_file)
    plan     plan, survey               what to ask for, and why; made from
             held, past_runs,           what the destination holds, what earlier runs left,
             listing, summary, beside   and the account listing beside it
    fetch    fetch, client, transport   many at once; the read endpoints; pace, sign, send, retry
             auth, pacing, call_waits   the token; the budget of calls, kept in a file
             calls_file, calls_table,   or, for several machines, in a Postgres
             shared_connection
             contact_lists              the app's contact lists: one call at the end of a run
             endpoints, adapter         the only requests there are; what leaves for the socket
             answers, failures,         what came back, or why nothing did;
             verdicts, course, retry    is it worth another try, and when
    shape    shape, calling_hours,      an answer as rows; its calling windows;
             named_lists, changes,      its lists; what differs from before,
             change_meaning,            what that means and in a sentence;
             change_summary, drift,     fields nobody knows
             typed, json_text
    load     store, load                chunks as dlt packages
             tables, nested_tables,     every table and column, declared once
             run_tables, columns,
             policy_tables, zone_tables,
             list_tables, view_columns
             configured, drift_rows     what is configured, and was met, for the first time
             reference, zones_in_use,   tables that say how things are now; what is known of
             time_zones                 time zones
    views    views/                     one .sql file each
    publish  publish, run_lock, disk    the private file and the swap; one run at a time; room
             generations, restore       what a run replaced is kept; going back to it
    a run    run, sweep, report         and source: the same as a plain dlt source
             watermark, records         how far a full sweep is; what a run says of itself
             preview, plan_text         the plan alone
    again    verify, rebuild            read Kore and compare; derive all columns anew
             stored, compare, proof,    what a file holds; what differs; that nothing is lost
             verification, verify_text
    people   cli, arguments, commands   arguments in, text out (terminal, texts, progress)
             run_command, endings       the command `run`; how a command ended that raised
             check, demo, read
             status, facts              when it last worked, what is stale (status_text)
             html_file, html_page,      one page for a mail: its file, its text, its pictures,
             html_pictures, page_facts  what it shows
             monitors, metrics, ping    who is told how a run ended
             watch, events, problems    what a run tells while it goes on; log: as JSON lines
    before   settings, lookup, project, connect, destination_address, errors, campaign_errors
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kore_campaigns.read import read_view
    from kore_campaigns.report import RunReport
    from kore_campaigns.run import run_pipeline
    from kore_campaigns.source import kore_campaigns

__all__ = ["RunReport", "kore_campaigns", "read_view", "run_pipeline"]

_HOMES = {
    "RunReport": "report",
    "kore_campaigns": "source",
    "read_view": "read",
    "run_pipeline": "run",
}


def __getattr__(name: str) -> Any:
    # dlt, duckdb and pandas take a second to import: only who uses them waits for them
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
