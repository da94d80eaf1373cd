"""`run` with its monitors: the metrics file and the pings; neither of them harms a run."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Emulate
from kore_campaigns.config.settings import resolve
from kore_campaigns.load.duckdb_file import DuckDBFile
from kore_emulator import Emulator, Fault, sample_campaigns
from support.metrics_file import of, parsed
from support.monitor import SECRET_PATH, Monitor, monitor
from support.project import Project
from support.secret_search import traces_of


@pytest.fixture
def kore(emulate: Emulate, project: Project) -> Emulator:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    return kore


@pytest.fixture
def watcher() -> Iterator[Monitor]:
    with monitor() as found:
        yield found


def metrics(file: Path, stream_id: str) -> dict[str, float]:
    return of(parsed(file.read_text(encoding="utf-8")), stream_id)


def test_a_good_run_is_told_to_all(kore: Emulator, project: Project, watcher: Monitor) -> None:
    ended = project.cli("run", "--metrics-file", "kore.prom", "--ping-url", watcher.url)

    found = metrics(project.folder / "kore.prom", kore.stream_id)
    assert (ended.code, ended.err) == (0, "")
    assert (found["last_run_success"], found["last_run_exit_code"]) == (1, 0)
    assert (found["last_run_planned"], found["live"], found["stale"]) == (5, 5, 0)
    assert found["last_run_requests"] == kore.counters.requests == 5
    assert found["database_bytes"] == project.database.stat().st_size
    ((start, nothing), (success, summary)) = watcher.told
    assert (start, nothing, success) == ("/start", "", "")
    assert summary.startswith("run ")
    assert "5 planned: 5 new versions, 0 unchanged, 0 vanished, 0 failed" in summary


def test_a_partial_run_is_a_fail_with_its_reason(
    kore: Emulator, project: Project, watcher: Monitor
) -> None:
    bad = kore.campaign_ids()[0]
    kore.fault(Fault.HTML, bad)

    ended = project.cli("run", "--metrics-file", "kore.prom", "--ping-url", watcher.url)

    found = metrics(project.folder / "kore.prom", kore.stream_id)
    assert ended.code == found["last_run_exit_code"] == 4
    assert (found["last_run_success"], found["last_run_failed"], found["stale"]) == (0, 1, 1)
    path, body = watcher.told[1]
    assert path == "/fail"
    assert "NOT complete, exit code 4" in body
    assert f"campaign `{bad}`: HTTP 200, but " in body


def test_a_run_that_could_not_begin_is_a_fail_too(
    kore: Emulator, project: Project, watcher: Monitor
) -> None:
    project.run()
    flags = ("--metrics-file", "kore.prom", "--ping-url", watcher.url)
    missing = project.cli("run", "--campaign-ids", "no.csv", *flags)
    found = metrics(project.folder / "kore.prom", kore.stream_id)

    assert missing.code == found["last_run_exit_code"] == 2
    assert (found["last_run_success"], found["live"]) == (0, 5)
    assert "last_run_planned" not in found
    assert [path for path, _ in watcher.told] == ["/start", "/fail"]
    assert watcher.told[1][1].startswith("exit code 2: ")
    assert "no.csv" in watcher.told[1][1]


def test_a_run_that_finds_another_one_at_work_alarms_nobody(
    kore: Emulator, project: Project, watcher: Monitor
) -> None:
    flags = ("--quiet", "--metrics-file", "kore.prom", "--ping-url", watcher.url)
    assert project.cli("run", *flags).code == 0
    before = (project.folder / "kore.prom").read_bytes()
    with DuckDBFile(project.database).locked():
        ended = project.cli("run", *flags)

    assert (ended.code, "another run holds it" in ended.err) == (6, True)
    assert [path for path, _ in watcher.told] == ["/start", ""]
    assert (project.folder / "kore.prom").read_bytes() == before


def test_settings_that_are_wrong_leave_a_series_without_a_name(project: Project) -> None:
    ended = project.cli("run", "--metrics-file", "kore.prom")

    found = metrics(project.folder / "kore.prom", "")
    assert ended.code == found["last_run_exit_code"] == 2


def test_each_run_writes_its_own_app(kore: Emulator, project: Project, emulate: Emulate) -> None:
    project.run()
    other = emulate(sample_campaigns(2), stream_id="st-other")
    project.use(other, stream_id="st-other")

    project.cli("run", "--metrics-file", "kore.prom")
    project.cli("status", "--metrics-file", "all.prom")

    one, both = (
        parsed((project.folder / name).read_text(encoding="utf-8"))["kore_campaigns_live"]
        for name in ("kore.prom", "all.prom")
    )
    assert one == {"st-other": 2}
    assert both == {"st-other": 2, kore.stream_id: 5}


def test_monitors_that_do_not_work_are_warnings_and_change_no_exit_code(
    kore: Emulator, project: Project
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        nobody = f"http://127.0.0.1:{unused.getsockname()[1]}{SECRET_PATH}"

    good = project.cli("run", "--metrics-file", "no/kore.prom", "--ping-url", nobody)
    status = project.cli("status", "--metrics-file", "no/kore.prom")
    kore.fault(Fault.HTML)
    bad = project.cli("run", "--quiet", "--metrics-file", "no/kore.prom", "--ping-url", nobody)

    assert (good.code, status.code, bad.code) == (0, 0, 5)
    said = good.err.splitlines()
    assert [line.partition("failed: ")[2][:26] for line in said if "ping" in line] == [
        *["the connection was refused"] * 2
    ]
    assert said[1].startswith("kore-campaigns: the metrics file `")
    assert "no/kore.prom` could not be written: No such file or directory." in said[1]
    assert SECRET_PATH not in good.err + bad.err
    assert status.err.count("\n") == 1


def test_an_address_that_cannot_be_pinged_is_said_before_anything_is_asked(
    kore: Emulator, project: Project
) -> None:
    ended = project.cli("run", "--ping-url", f"http://hc-ping.com{SECRET_PATH}")

    assert (ended.code, ended.out, kore.counters.requests) == (2, "", 0)
    assert ended.err.startswith("kore-campaigns: flag `--ping-url` is `(not shown)`")
    assert SECRET_PATH not in ended.err


def test_quiet_a_run_says_nothing_of_drift_and_otherwise_it_does(
    kore: Emulator, project: Project
) -> None:
    kore.edit(kore.campaign_ids()[1], {"pacingRatio": 2})

    assert project.cli("run", "--quiet").err == ""
    assert "drift: `pacingRatio` (number)" in project.cli("run", "--sweep", "full").err


def test_no_monitor_is_told_a_secret(emulate: Emulate, project: Project, watcher: Monitor) -> None:
    kore = emulate(sample_campaigns(4))
    project.use(kore, max_attempts=1)
    kore.fault(Fault.UNAUTHORIZED, kore.campaign_ids()[1])
    kore.fault(Fault.REDIRECT, kore.campaign_ids()[2])
    secret = resolve().credentials.signing_key()
    flags = ("--log-format", "json", "--metrics-file", "m.prom", "--ping-url", watcher.url)

    ended = project.command("run", *flags)

    written = (project.folder / "m.prom").read_text(encoding="utf-8")
    for text in (ended.err, ended.out, written, str(watcher.told), str(watcher.headers)):
        assert traces_of(secret, text) == []
        assert SECRET_PATH not in text or text.startswith("[{")
    assert len(watcher.told) == 2
