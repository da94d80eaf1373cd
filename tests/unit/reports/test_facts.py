"""State of a database in one word, and the next command."""

from __future__ import annotations

from typing import Any

import pytest

from support.status_facts import COMPLETE, app, last_run, status


@pytest.mark.parametrize(
    ("facts", "stale", "state", "advice"),
    [
        (COMPLETE, 0, "ok", "nothing to do"),
        (COMPLETE, 1, "stale", "kore-campaigns run; and see why it is no longer scheduled"),
        ({"exit_code": 4}, 1, "partial", "fix the failures, then kore-campaigns run"),
        ({"exit_code": 5, "state": "failed"}, 0, "failed", "fix the failures, then"),
        ({"exit_code": 3, "state": "failed"}, 0, "failed", "kore-campaigns check"),
        ({"exit_code": 75, "state": "failed"}, 0, "failed", "kore-campaigns run"),
        ({"exit_code": 75, "state": "interrupted"}, 0, "interrupted", "kore-campaigns run"),
        ({"exit_code": None, "state": "killed"}, 0, "killed", "kore-campaigns run"),
    ],
)
def test_the_state_is_one_word_and_the_advice_the_next_command(
    facts: dict[str, Any], stale: int, state: str, advice: str
) -> None:
    found = status(app(last_run(**facts), stale=stale))

    assert found.state == state
    assert found.advice.startswith(advice)
    assert found.advice == advice or state == "failed"


def test_before_the_first_run_the_advice_is_to_run() -> None:
    assert (status().state, status().advice) == ("none", "kore-campaigns run")
    assert (status(app()).state, status(app()).advice) == ("none", "kore-campaigns run")


def test_an_active_run_outweighs_all() -> None:
    found = status(app(last_run()), running_pid=7)

    assert (found.state, found.advice) == ("running", "wait for the active run")


def test_of_several_apps_the_worst_is_the_state() -> None:
    good, killed, bad = (
        app(last_run(**COMPLETE)),
        app(last_run(state="killed", exit_code=None)),
        app(last_run(state="failed", exit_code=3)),
    )

    assert status(good, killed).state == "killed"
    assert status(good, killed, bad).state == "failed"
    assert status(good, killed, bad).advice == "kore-campaigns check"
    assert status(app(last_run(**COMPLETE), stale=2), good).stale == 2


def test_the_object_adds_the_apps_up() -> None:
    first = app(last_run(**COMPLETE), configured=3, live=2, deleted=1, stale=1)
    second = app(None, configured=4, live=4, not_configured=2)

    written = status(first, second).as_json()

    assert [written[key] for key in ("configured", "live", "deleted", "not_configured")] == [
        *(7, 6, 1, 2)
    ]
    assert (written["state"], written["last_run"]["run_id"]) == ("stale", "r1")
    assert [each["state"] for each in written["apps"]] == ["stale", "none"]
