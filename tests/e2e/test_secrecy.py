"""The client secret and its tokens are nowhere: not printed, not logged, not stored, not traced."""

from __future__ import annotations

import gzip
import logging
import pickle
import sqlite3
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from conftest import Emulate
from kore_campaigns.api.client import KoreClient
from kore_campaigns.config.settings import resolve
from kore_campaigns.errors import KoreCampaignsError
from kore_campaigns.extract.connect import connected
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.secret_search import texts_of, traces_in_files, traces_of

pytestmark = pytest.mark.slow

PLANTED = "a planted secret of forty-two signs or more"
BAD_DAY = (
    Fault.SERVER_ERROR,
    Fault.HTML,
    Fault.WRONG_ID,
    Fault.RESET,
    Fault.REDIRECT,
    Fault.UNAUTHORIZED,
    Fault.TRUNCATED_JSON,
)


def good_day(kore: Emulator, project: Project) -> None:
    project.use(kore, requests_per_minute=6000)


def bad_day(kore: Emulator, project: Project) -> None:
    project.use(kore, max_attempts=2, error_budget=1, requests_per_minute=6000)
    for campaign_id, fault in zip(kore.campaign_ids()[1:], BAD_DAY, strict=False):
        kore.fault(fault, campaign_id)


def wrong_secret(kore: Emulator, project: Project) -> None:
    project.use(kore, credentials__client_secret=PLANTED)


def server_down(kore: Emulator, project: Project) -> None:
    project.use(kore, max_attempts=1)
    kore.stop()


def crash(kore: Emulator, project: Project) -> None:
    """A database in which somebody has emptied what the program relies on."""
    project.use(kore)
    project.run()
    with duckdb.connect(str(project.database)) as connection:
        connection.execute("update kore_raw.campaign_versions set raw = null, content_hash = 'x'")


Day = Callable[[Emulator, Project], None]
DAYS: list[tuple[Day, int]] = [
    (good_day, 0),
    (bad_day, 4),
    (wrong_secret, 3),
    (server_down, 75),
    (crash, 1),
]


@pytest.mark.parametrize(("day", "code"), DAYS)
def test_a_run_in_a_process_with_everything_logged_shows_and_leaves_no_secret(
    emulate: Emulate,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    day: Day,
    code: int,
) -> None:
    kore = emulate(sample_campaigns(10))
    day(kore, project)
    secret = resolve().credentials.signing_key()
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")

    ended = project.new_process("run", "--json", "--debug")

    assert ended.code == code, ended.err
    assert "Traceback" in ended.err or code != 1
    assert traces_of(secret, ended.out) == []
    assert traces_of(secret, ended.err) == []
    assert traces_in_files(secret, project.folder, tmp_path / "state") == []


@pytest.mark.parametrize(("day", "code"), DAYS)
def test_no_logger_of_any_library_is_told_a_secret(
    emulate: Emulate, project: Project, caplog: pytest.LogCaptureFixture, day: Day, code: int
) -> None:
    kore = emulate(sample_campaigns(10))
    day(kore, project)
    secret = resolve().credentials.signing_key()
    project.set("credentials__send_jti", True)

    with caplog.at_level(logging.DEBUG):
        ended = project.cli("run", "--json")

    assert ended.code == code, ended.err
    assert "urllib3" in {record.name.partition(".")[0] for record in caplog.records} or code == 1
    assert traces_of(secret, caplog.text) == []
    assert traces_of(secret, ended.err + ended.out) == []


@pytest.mark.parametrize("command", ["check", "status"])
def test_the_other_commands_show_none_either(
    emulate: Emulate, project: Project, command: str
) -> None:
    kore = emulate(sample_campaigns(2))
    wrong_secret(kore, project)

    ended = project.new_process(command, "--json", "--debug")

    assert traces_of(PLANTED, ended.out + ended.err) == []


def test_a_secret_that_cannot_be_used_is_not_repeated(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore, credentials__algorithm="RS256", credentials__private_key=PLANTED)

    ended = project.cli("run")

    assert ended.code == 2
    assert traces_of(PLANTED, ended.err + ended.out) == []


def test_a_traceback_with_all_its_variables_shows_none(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(8))
    bad_day(kore, project)
    settings = resolve()

    with connected(settings, stop=threading.Event()) as client:
        told = [told_by(client, campaign_id) for campaign_id in kore.campaign_ids()]
        shown = [repr(settings), repr(settings.credentials), str(settings.credentials)]
        shown += [repr(client), str(vars(client)), *told]

    assert sum("campaign_id = " in text for text in told) == len(BAD_DAY)
    assert [trace for text in shown for trace in traces_of(kore.client_secret, text)] == []


def told_by(client: KoreClient, campaign_id: str) -> str:
    """The traceback of the error with the variables of each frame, as error trackers send it,
    and the headers of what is among them.
    """
    try:
        client.campaign(campaign_id)
    except KoreCampaignsError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        kept = [
            str(getattr(variable, "headers", ""))
            for frame, _ in traceback.walk_tb(error.__traceback__)
            for variable in frame.f_locals.values()
        ]
        return "".join([*told.format(), *kept])
    return ""


def parquet(path: Path) -> None:
    duckdb.execute(f"copy (select '{PLANTED}' as raw) to '{path}' (format parquet)")


def zipped(path: Path) -> None:
    path.write_bytes(gzip.compress(PLANTED.encode()))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps({"credentials": PLANTED}))


def database(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table trace as select ? as told", [PLANTED])


def calls(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table calls (told text)")
        connection.execute("insert into calls values (?)", [PLANTED])
    connection.close()


@pytest.mark.parametrize("plant", [parquet, zipped, pickled, database, calls])
def test_the_search_finds_what_is_planted_in_any_kind_of_file(
    tmp_path: Path, plant: Callable[[Path], Any]
) -> None:
    plant(tmp_path / "left behind")

    assert traces_in_files(PLANTED, tmp_path)


def test_the_search_finds_a_secret_in_base64_half_of_one_and_any_token() -> None:
    assert traces_of(PLANTED, f"key={PLANTED[:25]}")
    assert traces_of("abc" * 12, "Basic " + "YWJj" * 12)
    assert traces_of(PLANTED, "auth: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")
    assert traces_of(PLANTED, "nothing of the kind") == []


def test_the_search_reads_what_a_run_really_writes(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, requests_per_minute=6000)
    project.run()
    description = kore.campaign(kore.campaign_ids()[0])["description"]

    found = {
        path.name
        for path in project.folder.rglob("*")
        if path.is_file() and any(description in text for text in texts_of(path))
    }

    assert found == {"kore_campaigns.duckdb"}
