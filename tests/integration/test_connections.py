"""Several connections in one installation: each is a part of one run, and none stops another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.settings import chosen_connections
from kore_emulator import Emulator, Fault, sample_campaigns
from support.metrics_file import of, parsed
from support.monitor import monitor
from support.project import Project, app_of

DESTINATIONS = BOTH

LIVE = "select stream_id, count(*) from kore.campaigns group by stream_id order by stream_id"


class Two:
    """Two apps of two accounts that have campaigns of the same ids, as connections `uk`, `us`."""

    def __init__(self, emulate: Emulate, project: Project) -> None:
        self.project = project
        self.uk = emulate(sample_campaigns(3), stream_id="st-uk", account_id="acc-uk")
        self.us = emulate(sample_campaigns(5), stream_id="st-us", account_id="acc-us")
        for name, kore in (("uk", self.uk), ("us", self.us)):
            self.connect(name, kore)
        project.set("requests_per_minute", 0)
        project.set("contact_lists", "false")
        project.set("dnc_lists_every_hours", 0)
        self.configure([("uk", each) for each in self.uk.campaign_ids()])

    def connect(self, name: str, kore: Emulator) -> None:
        for key, value in app_of(kore).items():
            self.project.set(f"connections__{name}__{key}", value)

    def configure(self, more: list[tuple[str, str]]) -> None:
        lines = [f"{campaign_id},{name}" for name, campaign_id in more]
        lines += [f"{campaign_id},us" for campaign_id in self.us.campaign_ids()]
        text = "\n".join(["campaign_id,connection", *lines])
        (self.project.folder / "campaign_ids.csv").write_text(text, encoding="utf-8")

    def json(self, *arguments: str) -> dict[str, Any]:
        ended = self.project.cli(*arguments, "--json")
        found: dict[str, Any] = json.loads(ended.out)
        return found


@pytest.fixture
def two(emulate: Emulate, project: Project) -> Two:
    return Two(emulate, project)


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {part["connection"]: part for part in found["connections"]}


def test_the_same_ids_under_two_apps_are_campaigns_of_their_own(two: Two) -> None:
    ended = two.project.cli("run")

    assert (ended.code, ended.err) == (0, "")
    assert two.project.sql(LIVE) == [("st-uk", 3), ("st-us", 5)]
    accounts = "select distinct account_id from kore.campaigns order by 1"
    assert two.project.sql(accounts) == [("acc-uk",), ("acc-us",)]
    assert ended.out.count("connection ") == 2
    assert ended.out.index("connection uk") < ended.out.index("connection us")


def test_the_name_of_a_connection_is_in_every_view_about_its_app(two: Two) -> None:
    two.project.run(connection="uk")
    two.project.cli("run")

    names = "select distinct stream_id, app_name from kore.{} order by 1"
    expected = [("st-uk", "uk"), ("st-us", "us")]
    for view in ("campaigns", "campaign_history", "open_hours", "runs", "campaign_freshness"):
        assert two.project.sql(names.format(view)) == expected, view
    apps = "select account_id, app_name, first_run_at, last_run_at from kore.apps order by 2"
    runs = (
        "select account_id, app_name, min(started_at), max(started_at) from kore.runs "
        "group by 1, 2 order by 2"
    )
    assert two.project.sql(apps) == two.project.sql(runs)
    assert two.project.sql("select count(distinct started_at) from kore.runs") == [(3,)]


def test_one_object_sums_up_and_has_a_part_for_each(two: Two) -> None:
    found = two.json("run")

    parts = by_name(found)
    assert list(parts) == ["uk", "us"]
    assert (found["planned"], parts["uk"]["planned"], parts["us"]["planned"]) == (8, 3, 5)
    # each reads a page of the listing, too
    assert (found["requests"], found["is_complete"], found["sweep"]) == (8 + 2, True, "full")
    assert all(part["exit_code"] == 0 and part["run_id"] for part in parts.values())
    again = two.json("run")
    assert (again["new_versions"], again["unchanged"]) == (0, 8)


def test_a_refused_secret_of_one_does_not_stop_the_other(two: Two) -> None:
    two.project.set("connections__uk__credentials__client_secret", "revoked")

    ended = two.project.cli("run")

    assert ended.code == 4
    assert two.project.sql(LIVE) == [("st-us", 5)]
    assert "kore-campaigns: uk: " in ended.err
    assert "us: " not in ended.err
    parts = by_name(two.json("run"))
    assert (parts["uk"]["exit_code"], parts["us"]["exit_code"]) == (3, 0)


def test_a_setting_of_one_that_is_wrong_does_not_stop_the_other(two: Two) -> None:
    two.project.set("connections__uk__max_attempts", 0)

    ended = two.project.cli("run")

    assert ended.code == 4
    assert two.project.sql(LIVE) == [("st-us", 5)]
    assert "kore-campaigns: uk: setting `max_attempts` is `0`" in ended.err
    assert "NOT run: exit code 2" in ended.out
    assert two.uk.counters.requests == 0


def test_what_both_end_with_is_what_the_command_ends_with(two: Two) -> None:
    for kore in (two.uk, two.us):
        kore.fault(Fault.FORBIDDEN, times=100)

    assert two.project.cli("run").code == 3


@pytest.mark.slow
def test_flags_choose_and_may_be_repeated(two: Two) -> None:
    assert two.project.cli("run", "--connection", "us").code == 0
    assert two.project.sql(LIVE) == [("st-us", 5)]
    assert "connections" not in two.json("run", "--connection", "us")

    found = two.json("run", "--connection", "us", "--connection", "uk", "--connection", "us")

    assert set(by_name(found)) == {"uk", "us"}
    assert two.project.sql(LIVE) == [("st-uk", 3), ("st-us", 5)]


def test_an_unknown_name_is_a_part_that_says_so(two: Two) -> None:
    ended = two.project.cli("run", "--connection", "us", "--connection", "de")

    assert ended.code == 4
    assert "de: setting `connection` is `de`" in ended.err


@pytest.mark.slow
def test_who_did_not_get_a_turn_before_the_deadline_is_first_in_the_next_run(two: Two) -> None:
    two.project.cli("run")
    two.project.set("sweep", "full")
    # both wait for the rest of a minute, which no run has
    two.project.set("requests_per_minute", 2)

    first = two.json("run", "--deadline", "1s")
    second = two.json("run", "--deadline", "1s")

    assert [part["connection"] for part in first["connections"]] == ["uk", "us"]
    assert first["connections"][0]["run_id"]
    assert [part["connection"] for part in second["connections"]] == ["us", "uk"]


@pytest.mark.slow
@pytest.mark.duckdb_only
def test_what_a_command_replaces_is_kept_once(two: Two) -> None:
    two.project.cli("run")
    before = two.json("restore")
    two.uk.edit(two.uk.campaign_ids()[0], {"description": "changed"})
    two.us.edit(two.us.campaign_ids()[0], {"description": "changed"})

    two.project.cli("run")

    after = two.json("restore")
    assert len(after["generations"]) == len(before["generations"]) + 1


def test_monitors_are_told_of_each(two: Two) -> None:
    two.project.set("connections__uk__credentials__client_secret", "revoked")

    with monitor() as watcher:
        two.project.cli("run", "--metrics-file", "kore.prom", "--ping-url", watcher.url)
        told = watcher.told

    assert [path for path, _ in told] == ["/start", "/fail"]
    assert "uk: run " in told[1][1]
    assert "us: run " in told[1][1]
    series = parsed((two.project.folder / "kore.prom").read_text(encoding="utf-8"))
    assert of(series, "st-uk")["last_run_exit_code"] == 3
    assert of(series, "st-us")["last_run_exit_code"] == 0


def test_each_event_names_its_connection(two: Two) -> None:
    two.project.set("connections__uk__stream_id", "")

    ended = two.project.cli("run", "--log-format", "json")

    events = [json.loads(line) for line in ended.err.splitlines()]
    assert [each["event"] for each in events if each["connection"] == "uk"] == ["run_failed"]
    assert "run_finished" in {each["event"] for each in events if each["connection"] == "us"}


@pytest.mark.parametrize("command", ["plan", "verify", "check"])
def test_other_commands_have_a_part_for_each_too(two: Two, command: str) -> None:
    two.project.cli("run")
    two.project.set("connections__uk__credentials__client_secret", "revoked")

    found = two.json(command)
    ended = two.project.cli(command)

    assert list(by_name(found)) == ["uk", "us"]
    assert ended.out.count("connection u") == 2
    assert ended.code == (0 if command == "plan" else 4)


@pytest.mark.parametrize("is_named", [True, False])
def test_check_names_a_csv_that_cannot_be_read_as_the_failing_leg(
    two: Two, emulate: Emulate, is_named: bool
) -> None:
    if not is_named:
        two.project.use(emulate(sample_campaigns(1)))
    (two.project.folder / "campaign_ids.csv").write_text("campaign_id\nnot one\n", encoding="utf-8")

    ended = two.project.cli("check", "--json")

    legs = ended.json["connections"][0]["legs"] if is_named else ended.json["legs"]
    assert ended.code == 2
    assert (legs[0]["name"], legs[0]["state"]) == ("settings", "failed")
    assert "line 2: found `not one`" in legs[0]["message"]


@pytest.mark.slow
def test_without_names_in_the_file_all_that_are_configured_run(two: Two) -> None:
    (two.project.folder / "campaign_ids.csv").write_text("campaign_id\n*\n", encoding="utf-8")

    assert two.project.cli("run").code == 0
    assert two.project.sql(LIVE) == [("st-uk", 3), ("st-us", 5)]


def test_an_app_of_the_section_itself_stands_for_a_file_without_names(
    two: Two, emulate: Emulate
) -> None:
    one = emulate(sample_campaigns(2), stream_id="st-own")
    two.project.use(one)

    assert chosen_connections(two.project.folder) == [None]
    assert two.project.cli("run").code == 0
    assert two.project.sql(LIVE) == [("st-own", 2)]


def test_connections_are_found_in_files_and_environment(two: Two) -> None:
    (two.project.folder / "campaign_ids.csv").write_text("campaign_id\n*\n", encoding="utf-8")
    write_toml(two.project.folder, "config.toml", 'fr.stream_id = "st-fr"\nde.stream_id = "st-de"')
    write_toml(two.project.folder, "secrets.toml", 'es.credentials.client_secret = "x"')

    # dlt reads the files once in a process
    ended = two.project.command("run", "--json")

    parts = by_name(ended.json)
    assert sorted(parts) == ["de", "es", "fr", "uk", "us"]
    assert parts["uk"]["exit_code"] == parts["us"]["exit_code"] == 0
    assert {parts[name]["error_code"] for name in ("de", "es", "fr")} == {"setting_missing"}


def test_a_csv_that_cannot_be_read_is_named(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(1)))
    csv = project.folder / "campaign_ids.csv"
    csv.unlink()
    csv.symlink_to("/proc/self/mem")  # opened, and then not read, whoever tries

    ended = project.cli("run")

    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert str(csv) in ended.err


def write_toml(folder: Path, name: str, text: str) -> None:
    path = folder / ".dlt" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"[sources.kore_campaigns.connections]\n{text}\n", encoding="utf-8")


def test_the_history_of_an_app_is_not_continued_with_that_of_another_host(
    two: Two, emulate: Emulate
) -> None:
    staging = emulate(sample_campaigns(5), stream_id="st-uk", account_id="acc-uk")
    two.json("run", "--connection", "uk")
    before = two.project.sql("select count(*) from kore.campaign_history")
    two.connect("us", staging)

    ended = two.project.cli("run", "--connection", "us")
    both = by_name(two.json("run"))

    assert (ended.code, staging.counters.requests) == (2, 0)
    assert "setting `stream_id` is `st-uk`; expected another one than that of `uk`" in ended.err
    assert "give each a `--database` of its own" in ended.err
    assert (both["us"]["error_code"], both["uk"]["exit_code"]) == ("setting_invalid", 0)
    assert two.project.sql("select count(*) from kore.campaign_history") == before
    elsewhere = str(two.project.folder / "staging.duckdb")
    if two.project.destination == "duckdb":
        assert two.project.cli("run", "--connection", "us", "--database", elsewhere).code == 0
    # the same app under a second name; two of the five ids are not there
    two.connect("us", two.uk)
    assert two.project.cli("run", "--connection", "us").code == 4
