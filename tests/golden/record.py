"""The golden files: what users see of the program, recorded by driving it as they do.

    python tests/golden/record.py [NAME ...]    # writes tests/golden/<name>.json

`tests/e2e/test_golden.py` records again and compares. Record again only for a change that users
are meant to see, and look at the difference that git shows.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import psycopg2
import pyarrow.parquet as pq
from filelock import FileLock

import kore_emulator as emulator

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from support.recorder import (
    Commands,
    Recorder,
    commands_of,
    flags_of,
    postgres_server,
    pretty,
)

FOLDER: Final = Path(__file__).parent
# rows of these depend on the day on which they are read, or on the machine's time zone data
_OF_THE_DAY: Final = (
    *("kore.calendar", "kore.calling_windows_utc", "kore.campaign_overlaps"),
    *("kore.time_zones", "kore.zone_offsets"),
)
_RAW_ROWS: Final = (
    *("kore_raw.extraction_runs", "kore_raw.extraction_errors", "kore_raw.extraction_drift"),
)
_COLUMNS: Final = """
select table_schema, table_name, column_name, data_type, is_nullable
from information_schema.columns where table_schema in ('kore', 'kore_raw', 'kore_calls')
"""
_COMMENTS_IN_DUCKDB: Final = """
select schema_name, table_name, null, comment from duckdb_tables()
union all select schema_name, view_name, null, comment from duckdb_views()
union all select schema_name, table_name, column_name, comment from duckdb_columns()
"""
_COMMENTS_IN_POSTGRES: Final = """
select nspname, relname, attname, pg_description.description
from pg_description
join pg_class on pg_class.oid = objoid and classoid = 'pg_class'::regclass
join pg_namespace on pg_namespace.oid = relnamespace
left join pg_attribute on attrelid = objoid and attnum = objsubid and attnum > 0
"""
_POLICIES: Final = (
    "name,country,earliest,latest,min_ring_seconds",
    "US federal,US,8:00 AM,9:00 PM,15",
    "India,IN,10:00 AM,9:00 PM,",
)
_HOURS: Final = "dialingStrategy.callingHours.days"
_MOVED: Final = {"updatedAt": "2026-01-07T08:09:10.111Z"}


def history(kore: Recorder) -> None:
    """Runs that go well, and every command that reads what they brought."""
    with _app(kore) as app:
        ids = app.campaign_ids()
        kore.write("policies.csv", *_POLICIES)
        kore.step("check before the first run", "check", "--json")
        kore.step("plan before the first run", "plan", "--json")
        kore.step("status before the first run", "status", "--json")
        kore.step("restore before the first run", "restore", "--json")
        kore.step("first run", "run", "--json", "--metrics-file", "kore.prom")
        kore.metrics("metrics after the first run", "kore.prom")
        kore.step("nothing changed", "run", "--json")
        _edit(app, ids)
        kore.step("plan after edits", "plan", "--json")
        kore.step("verify after edits", "verify", "--json")
        kore.step("second run", "run", "--json", "--log-format", "json")
        kore.step("full sweep", "run", "--json", "--sweep", "full")
        kore.step("plan of a listing sweep", "plan", "--json", "--sweep", "listing")
        kore.step("verify", "verify", "--json")
        kore.step("status", "status", "--json", "--metrics-file", "kore.prom")
        kore.metrics("metrics of status", "kore.prom")
        kore.step("check", "check", "--json")
        kore.step("report", "report", "--json", "--html", "page.html")
        kore.step("rebuild", "rebuild", "--json")
        _export(kore, "export")
        some = ("--view", "campaigns", "--view", "runs")
        kore.step("export of two views", "export", "--json", "--parquet", "two", *some)
        _schema_in_duckdb(kore)
        with duckdb.connect(str(kore.database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            views = sorted(f"kore.{name}" for name in _views(connection))
            shown = [view for view in views if view not in _OF_THE_DAY]
            kore.rows("rows", connection.cursor(), [*shown, *_RAW_ROWS])
        kore.step("restore lists", "restore", "--json")
        kore.step("restore", "restore", "--json", "--generation", "2")
        kore.step("restore of none", "restore", "--json", "--generation", "9")
        kore.step("run after a restore", "run", "--json")
        _spoil(kore)
        kore.step("verify finds differences", "verify", "--json")
        kore.step("rebuild finds differences", "rebuild", "--json")
        kore.files("files")


def _edit(app: Any, ids: list[str]) -> None:
    weekdays = [{"day": day, "start": "9:00 AM", "end": "11:30 PM"} for day in ("MO", "FR")]
    app.edit(ids[0], {_HOURS: weekdays, **_MOVED})
    app.edit(ids[1], {"status": "Paused", "dialingStrategy.maxAttemptsPerRecord": 9, **_MOVED})
    app.edit(ids[2], {"contactLists": ["A new list"], "pacingRatio": 1.5, **_MOVED})
    app.edit(ids[4], {"dncLists": {}}, silent=True)
    app.edit(ids[5], {"name": emulator.REMOVED, "status": "Dreaming", **_MOVED})
    app.edit(ids[6], {f"{_HOURS}": [{"day": "SU", "start": "noon", "end": "2:00 AM"}], **_MOVED})
    app.delete(ids[8])


def _spoil(kore: Recorder) -> None:
    """What another version of the program, or somebody's SQL, may have left."""
    with duckdb.connect(str(kore.database)) as connection:
        for statement in (
            "update kore_raw.campaign_versions set status = 'Odd' where status = 'Active'",
            "update kore_raw.campaign_versions__calling_hours set end_text = null where day = 'SA'",
            "delete from kore_raw.campaign_versions__dnc_lists where dnc_list_name = 'India DND'",
        ):
            connection.execute(statement)


def _export(kore: Recorder, name: str, *arguments: str) -> None:
    """Record the files without how many rows depend on the day."""
    ended = kore.run("export", "--json", "--parquet", name, *arguments)
    found = ended.json
    for each in found["files"]:
        if f"kore.{each['view']}" in _OF_THE_DAY:
            del each["rows"]
    kore.note(name, {"exit_code": ended.code, "stdout": found, "stderr": ended.err})
    files = {}
    for path in sorted((kore.project / name).iterdir()):
        schema = pq.read_schema(path)
        files[path.name] = {
            "metadata": sorted(key.decode() for key in schema.metadata or {}),
            "columns": {
                column.name: [
                    str(column.type),
                    sorted(key.decode() for key in column.metadata or {}),
                ]
                for column in schema
            },
        }
    kore.note(f"files of {name}", files)


def failures(kore: Recorder) -> None:
    """Runs in which everything goes wrong that can, as lines of a log for programs."""
    logged = ("run", "--json", "--log-format", "json")
    with _app(kore) as app:
        ids = app.campaign_ids()
        kore.write("campaign_ids.csv", "campaign_id", *ids, "cd-typo")
        kore.set(error_budget=1, max_attempts=2)
        for place, (fault, options) in enumerate(_FAULTS.items()):
            app.fault(fault, ids[place], **options)
        app.fault("forbidden", endpoint="contact_lists")
        kore.step("bad answers", *logged, "--metrics-file", "kore.prom")
        kore.metrics("metrics after bad answers", "kore.prom")
        kore.step("status after bad answers", "status", "--json")
        kore.step("the same for people", "run", "--json")
        kore.step("the same, quiet", "run", "--quiet", "--log-format", "json")
        kore.step("verify with bad answers", "verify", "--json")
        app.clear_faults()
        kore.write("campaign_ids.csv", "campaign_id", *ids)
        kore.step("well again", *logged)
        kore.step("quiet and well", "run", "--quiet", "--json", "--log-format", "json")
        with duckdb.connect(str(kore.database), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            kore.rows("rows of failures", connection.cursor(), _RAW_ROWS)
        _bad_listings(kore, app, logged)
        _gone(kore, app, ids, logged)
        _stopped(kore, app, ids, logged)
        _every_campaign(kore, app, logged)
        _not_begun(kore, app, logged)
        kore.files("files")


# by place in the csv; what each has for options
_FAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "rate_limit_retry_after": {"times": 1, "retry_after": 0},
    "server_error": {"status": 503, "retry_after": 0},
    "html": {},
    "truncated_json": {},
    "status_failure": {},
    "wrong_id": {},
    "no_data": {},
    "redirect": {},
    "not_json_object": {},
    "unknown_field": {},
    "reset": {},
}


def _bad_listings(kore: Recorder, app: Any, logged: tuple[str, ...]) -> None:
    by_listing = (*logged, "--sweep", "listing")
    app.fault("forbidden", endpoint="listing")
    kore.step("the listing is refused", *by_listing)
    kore.step("plan with a refused listing", "plan", "--json", "--sweep", "listing")
    kore.step("check with a refused listing", "check", "--json")
    app.clear_faults()
    app.fault("lying_listing", total_results=99)
    kore.step("the listing is doubted", *by_listing)
    app.clear_faults()
    app.fault("html", endpoint="listing")
    kore.step("the listing is no answer", *by_listing)
    app.clear_faults()
    app.serve_contact_lists([{"name": "without an id"}])
    kore.step("a contact list without an id", *logged)
    app.serve_contact_lists(None)


def _gone(kore: Recorder, app: Any, ids: list[str], logged: tuple[str, ...]) -> None:
    for campaign_id in ids[:6]:
        app.delete(campaign_id)
    in_full = (*logged, "--sweep", "full")
    kore.step("too many are gone", *in_full)
    kore.step("they are believed to be gone", *in_full, "--accept-vanished")
    kore.step("status with deleted ones", "status", "--json")
    for campaign_id in ids[:6]:
        app.restore(campaign_id)
    kore.step("they are back", *in_full)


def _stopped(kore: Recorder, app: Any, ids: list[str], logged: tuple[str, ...]) -> None:
    in_full = (*logged, "--sweep", "full")
    app.fault("html")
    kore.step("every answer is bad", *in_full)
    kore.step("check with bad answers", "check", "--json")
    kore.set(error_budget=0.2)
    _stopped_early(kore, "stopped by the error budget", *in_full)
    kore.set(error_budget=1)
    app.clear_faults()
    app.fault("rate_limit_retry_after", retry_after=900)
    kore.step("the account is paused", *in_full, in_order=False)
    app.clear_faults()
    kore.set(requests_per_minute=2)
    kore.step("the deadline", *in_full, "--deadline", "2s")
    kore.set(requests_per_minute=0)
    app.scope_granted = False
    kore.step("the scope is missing", *logged)
    kore.step("check without the scope", "check", "--json")
    app.scope_granted = True
    kore.set(credentials__client_secret="revoked")
    kore.step("the secret is refused", *logged)
    kore.step("verify with a refused secret", "verify", "--json")
    kore.step("plan with a refused secret", "plan", "--json", "--sweep", "listing")
    kore.use(app)
    kore.step("all is well after stops", *in_full)


def _stopped_early(kore: Recorder, name: str, *arguments: str) -> None:
    """Record a run of which it is chance how many requests it made before it stopped."""
    ended = kore.run(*arguments)
    lines = [json.loads(line) for line in ended.err.splitlines()]
    events = {(line["event"], line["level"], line.get("code")): sorted(line) for line in lines}
    shown = {" ".join(map(str, event)): keys for event, keys in events.items()}
    kore.note(name, {"exit_code": ended.code, "stdout": sorted(ended.json), "events": shown})


def _every_campaign(kore: Recorder, app: Any, logged: tuple[str, ...]) -> None:
    kore.write("campaign_ids.csv", "campaign_id", "*")
    kore.step("every campaign", *logged)
    app.fault("forbidden", endpoint="listing")
    kore.step("every campaign, and no listing", *logged)
    app.clear_faults()


def _not_begun(kore: Recorder, app: Any, logged: tuple[str, ...]) -> None:
    kore.step("the ping fails", *logged, "--ping-url", f"{app.url}/secret-path")
    kore.step("no metrics file can be", *logged, "--metrics-file", "no/such/kore.prom")
    kore.step("no csv", *logged, "--campaign-ids", "no.csv")
    kore.step("no csv, for people", "run", "--campaign-ids", "no.csv")
    kore.step("check without a csv", "check", "--json", "--campaign-ids", "no.csv")
    kore.step("no such project", *logged, "--project-dir", "nowhere")
    kore.set(workers=0)
    kore.step("a wrong setting", *logged)
    kore.step("check with a wrong setting", "check", "--json")
    kore.set(workers=1, account_id=None)
    kore.step("a missing setting", *logged)
    kore.use(app)
    kore.write("campaign_ids.csv", "campaign_id", "..")
    kore.step("not an id", *logged)
    kore.write("campaign_ids.csv", "campaign_id", *app.campaign_ids())
    kore.write("not.duckdb", "not a database")
    not_one = ("--json", "--database", "not.duckdb")
    kore.step("not a database", "run", "--log-format", "json", *not_one)
    kore.step("status of a file that is not a database", "status", *not_one)
    kore.step("check of a file that is not a database", "check", *not_one)
    with FileLock(kore.project / ".kore_campaigns" / "kore_campaigns" / "run.lock"):
        kore.step("another run is active", *logged, "--metrics-file", "kore.prom")
        kore.metrics("metrics while another run is active", "kore.prom")
        kore.step("another run is active, for people", "run")
        kore.step("rebuild while a run is active", "rebuild", "--json")
        kore.step("restore while a run is active", "restore", "--json", "--generation", "1")
        kore.step("status while a run is active", "status", "--json")
    app.stop()
    kore.set(error_budget=0.2)
    _stopped_early(kore, "no server answers", *logged)
    kore.step("check when no server answers", "check", "--json")


def connections(kore: Recorder) -> None:
    """Two apps as connections, one of them with wrong settings in the end."""
    samples = emulator.sample_campaigns
    with (
        _emulated(samples(3), stream_id="st-uk", account_id="acc-uk") as uk,
        _emulated(samples(5), stream_id="st-us", account_id="acc-us") as us,
    ):
        kore.use(uk, connection="uk")
        kore.use(us, connection="us")
        kore.set(requests_per_minute=0, workers=1)
        lines = [f"{each},uk" for each in uk.campaign_ids()]
        lines += [f"{each},us" for each in us.campaign_ids()]
        kore.write("campaign_ids.csv", "campaign_id,connection", *lines)
        logged = ("run", "--json", "--log-format", "json")
        kore.step("check", "check", "--json")
        kore.step("plan", "plan", "--json")
        kore.step("first run", *logged, "--metrics-file", "kore.prom")
        kore.metrics("metrics", "kore.prom")
        us.edit(us.campaign_ids()[1], {"priority": "9", **_MOVED})
        uk.fault("html", uk.campaign_ids()[0])
        kore.step("second run", *logged, "--sweep", "full")
        uk.clear_faults()
        kore.step("one of them", "run", "--json", "--connection", "us")
        named = ("--connection", "uk", "--connection", "de")
        kore.step("a connection that is not configured", *logged, *named)
        kore.step("verify", "verify", "--json")
        kore.set(connections__uk__credentials__client_secret="revoked")
        kore.step("one is refused", *logged)
        kore.step("check when one is refused", "check", "--json")
        kore.set(connections__us__max_attempts=0)
        kore.step("no connection can run", *logged)
        kore.step("status", "status", "--json", "--metrics-file", "kore.prom")
        kore.metrics("metrics of status", "kore.prom")
        kore.step("restore lists", "restore", "--json")
        kore.files("files")


def postgres(kore: Recorder) -> None:
    """Every command that knows `--destination`, on Postgres."""
    address, other = kore.new_database(), kore.new_database()
    kore.hide(address.partition("host=")[2], "<socket>")
    for place, each in enumerate((address, other)):
        kore.hide(re.findall(r"/(\w+)\?", each)[0], f"<database {place + 1}>")
    kore.environment["DESTINATION__POSTGRES__CREDENTIALS"] = address
    there = ("--destination", "postgres", "--json")
    with _app(kore) as app:
        ids = app.campaign_ids()
        kore.write("policies.csv", *_POLICIES)
        kore.set(call_budget="postgres", requests_per_minute=60_000)
        kore.step("check before the first run", "check", *there)
        kore.step("plan before the first run", "plan", *there)
        kore.step("status before the first run", "status", *there)
        logged = ("run", *there, "--log-format", "json", "--metrics-file", "kore.prom")
        kore.step("first run", *logged)
        kore.metrics("metrics", "kore.prom")
        _edit(app, ids)
        app.fault("html", ids[3])
        kore.step("second run", *logged, "--sweep", "full")
        kore.step("status", "status", *there)
        kore.step("verify", "verify", *there)
        app.clear_faults()
        kore.step("rebuild", "rebuild", *there)
        kore.step("report", "report", *there, "--html", "page.html")
        _export(kore, "export", "--destination", "postgres")
        _schema_in_postgres(kore, address)
        kore.step("run into a file", "run", "--json")
        kore.environment["DESTINATION__POSTGRES__CREDENTIALS"] = other
        kore.step("copy", "copy", *there)
        kore.step("copy into what is not empty", "copy", *there)
        kore.step("status of the copy", "status", *there)
        kore.environment["DESTINATION__POSTGRES__CREDENTIALS"] = address + "/nowhere"
        kore.step("no server", *logged)
        del kore.environment["DESTINATION__POSTGRES__CREDENTIALS"]
        kore.step("no address", "status", *there)
        kore.files("files")


def offline(kore: Recorder) -> None:
    """What needs no account: help, usage, SQL for other databases, the demo."""
    top = kore.run("--help")
    names = commands_of(top.out)
    flags: dict[str, Any] = {"": {"exit_code": top.code, "flags": flags_of(top.out)}}
    for name in names:
        ended = kore.run(name, "--help")
        flags[name] = {"exit_code": ended.code, "flags": flags_of(ended.out)}
    kore.note("help", {"commands": sorted(names), "flags": flags})
    for arguments in _USAGE:
        ended = kore.run(*arguments)
        shown = {"exit_code": ended.code, "stdout": bool(ended.out), "stderr": bool(ended.err)}
        kore.note(" ".join(("usage:", *arguments)), shown)
    for dialect in flags["views"]["flags"]["--dialect"]["choices"]:
        ended = kore.run("views", "--dialect", dialect, "--json")
        found = ended.json
        starts = [re.split(r"\s+as\s", text)[0] for text in found.pop("statements")]
        made = {"exit_code": ended.code, "json": found, "statements": starts}
        kore.note(f"views for {dialect}", made)
    demo = kore.run("demo", "--json")
    kore.note("demo", {"exit_code": demo.code, "stdout": demo.json, "stderr": demo.err})
    kore.files("files")


_USAGE: Final = (
    (),
    ("-h",),
    ("run", "-h"),
    ("no-such-command",),
    ("run", "--no-such-flag"),
    ("run", "--quie"),
    ("run", "unexpected"),
    ("run", "--sweep", "some"),
    ("run", "--deadline", "soon"),
    ("run", "--deadline", "0s"),
    ("run", "--requests-per-minute", "many"),
    ("run", "--log-format", "xml"),
    ("run", "--ping-url", "ftp://example.org/x"),
    ("report",),
    ("export",),
    ("copy",),
    ("views",),
    ("views", "--dialect", "oracle"),
    ("status", "--destination", "no_such_database"),
    ("status", "--project-dir", "nowhere"),
)


@contextmanager
def _app(kore: Recorder) -> Iterator[Any]:
    """The demo's campaigns, configured one by one, and requested one after the other."""
    with _emulated(emulator.demo_campaigns()) as app:
        kore.use(app)
        kore.set(requests_per_minute=0, workers=1)
        kore.write("campaign_ids.csv", "campaign_id", *app.campaign_ids())
        yield app


def _emulated(campaigns: list[dict[str, Any]], **options: Any) -> Any:
    return emulator.Emulator(campaigns=campaigns, requests_per_minute=None, **options)


def _views(connection: duckdb.DuckDBPyConnection) -> list[str]:
    found = connection.execute("select view_name from duckdb_views() where schema_name = 'kore'")
    return [name for (name,) in found.fetchall()]


def _schema_in_duckdb(kore: Recorder) -> None:
    with duckdb.connect(str(kore.database), read_only=True) as connection:
        columns = connection.execute(_COLUMNS).fetchall()
        comments = connection.execute(_COMMENTS_IN_DUCKDB).fetchall()
    kore.note("schema", _schema(columns, comments))


def _schema_in_postgres(kore: Recorder, address: str) -> None:
    with closing(psycopg2.connect(address)) as server, server.cursor() as cursor:
        cursor.execute(_COLUMNS)
        columns = cursor.fetchall()
        cursor.execute(_COMMENTS_IN_POSTGRES)
        kore.note("schema", _schema(columns, cursor.fetchall()))


def _schema(columns: list[Any], comments: list[Any]) -> dict[str, Any]:
    """Each table and view with its columns: type, whether one may be empty, whether described."""
    described = {tuple(row[:3]) for row in comments if row[3]}
    found: dict[str, Any] = {}
    for schema, table, column, data_type, is_nullable in sorted(columns):
        has_comment = (schema, table, None) in described
        of_table = found.setdefault(f"{schema}.{table}", {"described": has_comment, "columns": {}})
        of_table["columns"][column] = {
            "type": data_type,
            "nullable": is_nullable,
            "described": (schema, table, column) in described,
        }
    return found


SCENARIOS: Final[Mapping[str, Callable[[Recorder], None]]] = {
    each.__name__: each for each in (history, failures, connections, postgres, offline)
}


def main(names: list[str]) -> None:
    with TemporaryDirectory(prefix="kore-record-") as made:
        folder = Path(made)
        for each in ("commands", "server"):
            (folder / each).mkdir()
        with (
            Commands(folder / "commands") as commands,
            postgres_server(folder / "server") as new_database,
        ):
            for name in names or SCENARIOS:
                recorder = Recorder(folder / name, commands, new_database)
                SCENARIOS[name](recorder)
                text = pretty(recorder.steps) + "\n"
                (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
