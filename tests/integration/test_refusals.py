"""Runs that get nothing at all: one exit code for the reason, as few requests as show it."""

from __future__ import annotations

import pytest

from conftest import BOTH, Emulate
from kore_emulator import Emulator, Fault, sample_campaigns
from support.project import Project
from support.recorder import Ended
from support.stored_tables import failures, live_campaigns

pytestmark = pytest.mark.slow
DESTINATIONS = BOTH

OTHER_SECRET = "somebody else's secret, of thirty-two signs at least"
SUSPECTS = (
    "the client secret",
    "the client id `{client_id}`",
    "the stream id `{stream_id}`",
    "the scope `Campaign Management`",
    "app not published",
    "kore-campaigns check",
)


def assert_refused(ended: Ended, kore: Emulator, project: Project) -> None:
    """Exit 3 after two requests, everything that may be wrong named, and every id accounted for."""
    assert ended.code == 3
    assert kore.counters.requests == ended.json["requests"] == 2
    for suspect in SUSPECTS:
        assert suspect.format(client_id=kore.client_id, stream_id=kore.stream_id) in ended.err
    failed = failures(project, ended.json["run_id"])
    assert set(failed) == set(kore.campaign_ids())
    assert set(failed.values()) == {
        ("not_asked", None, "not requested: the credentials were refused")
    }


def test_a_wrong_secret_is_known_after_two_requests(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(12))
    project.use(kore, credentials__client_secret=OTHER_SECRET)

    ended = project.cli("run", "--json")

    assert_refused(ended, kore, project)
    assert "HTTP 401, `Invalid SDK credentials`" in ended.err
    assert kore.counters.rejected_tokens == 2


@pytest.mark.parametrize("setting", ["credentials__client_id", "stream_id", "account_id"])
def test_any_other_wrong_part_of_the_credentials_too(
    emulate: Emulate, project: Project, setting: str
) -> None:
    kore = emulate(sample_campaigns(3))
    project.use(kore, **{setting: "cs-of-another-app"})

    ended = project.cli("run", "--json")

    assert (ended.code, kore.counters.requests) == (3, 2)
    assert "Kore.ai refused the credentials" in ended.err


def test_a_missing_scope_is_a_refusal_of_the_account(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(12), scope_granted=False)
    project.use(kore)

    ended = project.cli("run", "--json")

    assert_refused(ended, kore, project)
    assert "`Permission denied. Scope is incorrect!`" in ended.err


def test_a_scope_revoked_in_the_middle_ends_the_run_and_keeps_what_was_read(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(30))
    for campaign_id in kore.campaign_ids()[10:]:
        kore.fault(Fault.SCOPE, campaign_id)
    project.use(kore, workers=1, error_budget=1, max_attempts=1)

    ended = project.cli("run", "--json")

    assert "2 times in a row, after it had accepted them in this run" in ended.err
    assert "client secret" not in ended.err
    failed = failures(project, ended.json["run_id"])
    assert not any("remove" in message for *_, message in failed.values())
    assert (ended.code, ended.json["new_versions"], ended.json["failed"]) == (3, 10, 20)
    assert len(live_campaigns(project)) == 10
    # three in a row show that it is not the campaigns: no line is blamed
    assert {code for code, *_ in failed.values()} == {"not_asked"}
    assert "another app" not in ended.err
    assert kore.counters.requests == 10 + 3 * 2


@pytest.mark.parametrize("fault", [Fault.UNAUTHORIZED, Fault.FORBIDDEN])
def test_a_refusal_that_passes_is_waited_out_with_a_fresh_token_each_time(
    emulate: Emulate, project: Project, fault: Fault
) -> None:
    kore = emulate(sample_campaigns(40), enforce_jti=True)
    kore.fault(fault, after=14, for_seconds=1)
    project.use(kore, credentials__send_jti="true")

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["new_versions"], ended.json["failed"]) == (0, 40, 0)
    assert kore.counters.by_status[403 if fault is Fault.FORBIDDEN else 401] > 0
    tokens = [request.jti for request in kore.requests]
    assert len(set(tokens)) == len(tokens)


def test_a_refusal_at_once_is_believed_at_once(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(5))
    kore.fault(Fault.UNAUTHORIZED, for_seconds=60)
    project.use(kore)

    ended = project.cli("run", "--json")

    assert (ended.code, kore.counters.requests) == (3, 2)


def test_nothing_is_marked_deleted_while_access_is_refused(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore)
    project.run()
    kore.scope_granted = False

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["vanished"]) == (3, 0)
    assert len(live_campaigns(project)) == 5


def test_a_login_page_for_every_campaign_breaks_the_contract(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(5))
    kore.fault(Fault.HTML)
    project.use(kore)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["failed"], ended.json["new_versions"]) == (5, 5, 0)
    assert project.sql("select exit_code, is_complete from kore_raw.extraction_runs") == [
        (5, False)
    ]


def test_a_server_that_is_down_means_try_later(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(5))
    project.use(kore, max_attempts=1)
    kore.stop()

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["failed"]) == (75, 5)
    assert "the connection was refused after 1 attempt." in ended.err
    assert "run again later; `kore-campaigns check` names the failing part" in ended.err
    kore.start()
    assert project.cli("run").code == 0


def test_errors_of_several_kinds_are_a_partial_run(emulate: Emulate, project: Project) -> None:
    kore = emulate(sample_campaigns(2))
    kore.fault(Fault.HTML, kore.campaign_ids()[0])
    kore.fault(Fault.RESET, kore.campaign_ids()[1])
    project.use(kore, max_attempts=1)

    assert project.cli("run").code == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_address_of_a_redirect_gets_no_request_at_all(
    emulate: Emulate, project: Project, status: int
) -> None:
    kore, other = emulate(sample_campaigns(2)), emulate(sample_campaigns(2))
    first = kore.campaign_ids()[0]
    location = f"{other.url}/campaign/api/v2/public/{kore.stream_id}/campaign/{first}?token=x"
    kore.fault(Fault.REDIRECT, location=location, status=status)
    project.use(kore)

    ended = project.cli("run", "--json")

    assert (ended.code, ended.json["requests"]) == (5, 2)
    assert f"redirects to `{other.url}/campaign" in ended.err
    assert "token=x" not in ended.err
    assert other.counters.requests == 0
    assert other.requests == []
