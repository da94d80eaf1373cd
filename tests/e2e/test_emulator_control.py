"""The emulator can be run as a program and steered over HTTP from another process."""

from __future__ import annotations

import contextlib
import csv
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kore_emulator import Emulator, demo_campaigns, sample_campaigns
from support.emulator_client import TIMEOUT, Caller

COMMAND = [sys.executable, "-W", "error", "-m", "kore_emulator", "--port", "0"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "pipelines")}


def steer(kore: Emulator, method: str, name: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{kore.url}/_emulator/{name}", json=body, timeout=TIMEOUT)


def test_faults_are_switched_on_and_off() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        fault = {"fault": "server_error", "campaign_id": campaign_id, "times": 9, "status": 503}
        assert steer(kore, "POST", "faults", fault).json() == {"status": "success"}
        assert caller.status(campaign_id) == 503
        assert steer(kore, "DELETE", "faults").status_code == 200
        assert caller.status(campaign_id) == 200


def test_campaigns_are_edited_deleted_and_restored() -> None:
    with Emulator(campaigns=sample_campaigns(1)) as kore:
        caller, (campaign_id,) = Caller(kore), kore.campaign_ids()
        before = kore.campaign(campaign_id)
        change = {"changes": {"schedule.note": "moved"}, "remove": ["lname"], "silent": True}
        steer(kore, "POST", "edit", {"campaign_id": campaign_id, **change})
        after = kore.campaign(campaign_id)
        assert after["schedule"].pop("note") == "moved"
        assert {**after, "lname": before["lname"]} == before
        steer(kore, "POST", "delete", {"campaign_id": campaign_id})
        assert caller.status(campaign_id) == 404
        steer(kore, "POST", "restore", {"campaign_id": campaign_id})
        assert caller.status(campaign_id) == 200


def test_counters_do_not_count_the_asking() -> None:
    with Emulator(campaigns=sample_campaigns(1), requests_per_minute=1) as kore:
        (campaign_id,) = kore.campaign_ids()
        Caller(kore).detail(campaign_id)
        answers = [steer(kore, "GET", "counters").json() for _ in range(3)]
    assert answers[0] == answers[2]
    assert answers[0] == {
        "requests": 1,
        "by_campaign": {campaign_id: 1},
        "by_status": {"200": 1},
        "by_endpoint": {"detail": 1},
        "rate_limited": 0,
        "listing_requests": 0,
        "detail_requests": 1,
        "rejected_tokens": 0,
        "writes": 0,
    }


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("POST", "faults", {"fault": "typo"}, 400),
        ("POST", "faults", {"fault": "slow", "second": 1}, 400),
        ("POST", "faults", {"fault": "slow", "endpoint": "typo"}, 400),
        ("POST", "faults", {}, 400),
        ("POST", "faults", ["slow"], 400),
        ("POST", "edit", {"campaign_id": "cd-none"}, 400),
        ("GET", "faults", None, 405),
        ("GET", "typo", None, 404),
    ],
)
def test_a_wrong_call_says_what_is_wrong(method: str, name: str, body: Any, status: int) -> None:
    with Emulator() as kore:
        response = steer(kore, method, name, body)
    assert response.status_code == status
    assert response.json()["errors"][0]["msg"]


@contextlib.contextmanager
def program(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The running program and the settings it printed."""
    with subprocess.Popen(
        [*COMMAND, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        settings = (line.removeprefix("export ").strip().split("=", 1) for line in lines)
        try:
            yield process, {name: value.strip("'") for name, value in settings}
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_serves_until_it_is_told_to_end(number: signal.Signals, tmp_path: Path) -> None:
    ids_file = tmp_path / "campaign_ids.csv"
    with program("--campaigns", "3", "--ids-file", str(ids_file)) as (process, settings):
        assert list(settings) == [
            f"SOURCES__KORE_CAMPAIGNS__{name}"
            for name in (
                "HOST",
                "STREAM_ID",
                "ACCOUNT_ID",
                "CREDENTIALS__CLIENT_ID",
                "CREDENTIALS__CLIENT_SECRET",
            )
        ]
        host = settings["SOURCES__KORE_CAMPAIGNS__HOST"]
        assert requests.get(f"{host}/_emulator/counters", timeout=TIMEOUT).status_code == 200
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
    with ids_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"campaign_id": one["_id"], "note": one["name"]} for one in sample_campaigns(3)]


def test_the_program_starts_with_faults_and_the_demos_campaigns() -> None:
    (campaign_id, *_), wanted = (one["_id"] for one in demo_campaigns()), "server_error::1"
    with program("--fault", wanted, "--requests-per-minute", "0") as (_, settings):
        host = settings["SOURCES__KORE_CAMPAIGNS__HOST"]
        caller = Caller(Emulator(port=int(host.rpartition(":")[2])))
        assert [caller.status(campaign_id) for _ in range(2)] == [500, 200]


def test_the_program_refuses_an_unknown_fault() -> None:
    outcome = subprocess.run(
        [*COMMAND, "--fault", "typo"], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert outcome.returncode == 2
    assert "no fault `typo`; there are rate_limit, " in outcome.stderr


def test_the_program_says_that_its_port_is_taken() -> None:
    with Emulator() as kore:
        outcome = subprocess.run(
            [*COMMAND, "--port", str(kore.port)], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
        )
    assert outcome.returncode == 2
    assert "address already in use" in outcome.stderr


def test_the_demo_has_twelve_campaigns_worth_looking_at() -> None:
    campaigns = demo_campaigns()
    zones = {one["dialingStrategy"]["callingHours"]["timezone"] for one in campaigns}
    assert len({one["_id"] for one in campaigns}) == len({one["name"] for one in campaigns}) == 12
    assert len(zones) >= 6
    assert sum("dialingMode" not in one for one in campaigns) == 2
    assert [one["name"] for one in campaigns if "dncLists" not in one] == [
        "Delivery Feedback Australia"
    ]
