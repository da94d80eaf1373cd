"""Messages about what is new: each change and each finding once, whatever the receiver does."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import BOTH, Emulate
from kore_campaigns.config.settings import resolve
from kore_campaigns.extract.notify import LONGEST_LINE, SHOWN, message_body, send
from kore_emulator import Emulator, sample_campaigns
from support.project import Project
from support.receiver import SECRET_PATH, Receiver, receiver

DESTINATIONS = BOTH


@pytest.fixture
def webhook() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def told(webhook: Receiver) -> list[Any]:
    """The messages so far: names of campaigns with a risky change, and counts of findings."""
    found = []
    for message in webhook.accepted:
        body = message.body
        changed = [row["campaign_name"] for row in body["risky_changes"]["rows"]]
        found.append([changed, body["opened"]["count"], body["closed"]["count"]])
    webhook.accepted.clear()
    return found


def started(emulate: Emulate, project: Project, webhook: Receiver, **settings: Any) -> Emulator:
    """A project whose first run has sent its message."""
    kore = emulate(sample_campaigns(12))
    project.use(kore, sweep="auto", notify_url=webhook.url, **settings)
    assert project.run().exit_code == 0
    return kore


def make_risky(kore: Emulator, campaign_id: str) -> str:
    """Take the DNC lists of a campaign away; its name."""
    kore.edit(campaign_id, {"dncLists": []})
    return str(kore.campaign(campaign_id)["name"])


def with_dnc(kore: Emulator) -> list[str]:
    return [each for each in sorted(kore.campaign_ids()) if kore.campaign(each).get("dncLists")]


def test_the_first_message_counts_findings_and_the_next_ones_tell_what_is_new(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = started(emulate, project, webhook)
    (open_now,) = project.sql(
        "select count(*) from kore.findings where severity in ('high', 'medium')"
    )
    (first,) = webhook.accepted
    assert first.body["is_first"]
    assert first.body["text"].startswith(f"kore-campaigns, {kore.stream_id} (first message): ")
    campaigns_and_kinds = project.sql(
        "select distinct campaign_id, finding from kore.findings"
        " where severity in ('high', 'medium')"
    )
    assert len(first.body["opened"]["rows"]) == min(SHOWN, len(campaigns_and_kinds))
    assert told(webhook) == [[[], open_now[0], 0]]
    assert project.run().exit_code == 0
    assert told(webhook) == []  # nothing is new

    (one, *_) = with_dnc(kore)
    before = kore.campaign(one)["dncLists"]
    name = make_risky(kore, one)
    project.run()
    assert told(webhook) == [[[name], 1, 0]]
    kore.edit(one, {"dncLists": before})
    project.run()
    assert told(webhook) == [[[], 0, 1]]
    project.run()
    assert told(webhook) == []
    sent = project.sql("select count(*), count(sent_at) from kore_raw.notifications")
    assert sent == [(3, 3)]


def test_a_history_that_was_there_before_is_not_told_and_a_change_of_this_run_is(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = emulate(sample_campaigns(12))
    project.use(kore)
    project.run()
    first, second, *_ = with_dnc(kore)
    make_risky(kore, first)
    project.run()
    name = make_risky(kore, second)
    project.set("notify_url", webhook.url)

    project.run()

    assert [changed for changed, *_ in told(webhook)] == [[name]]


def test_severity_and_kinds_filter_it(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = started(emulate, project, webhook, notify_severity="high", notify_kinds="caller_id")
    assert told(webhook) == []
    make_risky(kore, with_dnc(kore)[0])
    project.run()
    assert told(webhook) == []
    project.set("notify_kinds", "dnc, no_dnc_list")
    name = make_risky(kore, with_dnc(kore)[0])
    project.run()
    assert told(webhook) == [[[name], 1, 0]]  # what was filtered stays untold


@pytest.mark.parametrize(
    ("answers", "tries"),
    [
        ((500, 503, 200), 3),
        ((429, 200), 2),
        ((500, 500, 500, 500), 4),
        ((404,), 1),
        ((400,), 1),
        (("elsewhere",), 1),
        (("cut",), 1),
    ],
)
def test_a_receiver_that_fails_gets_it_again_and_the_run_is_as_ever(
    emulate: Emulate,
    project: Project,
    webhook: Receiver,
    answers: tuple[str | int, ...],
    tries: int,
) -> None:
    kore = started(emulate, project, webhook)
    told(webhook)
    name = make_risky(kore, with_dnc(kore)[0])
    webhook.will(*answers)
    webhook.retry_after = "0"

    ended = project.cli("run", "--json")

    is_told = answers[-1] == 200
    assert (ended.code, ended.json["new_versions"]) == (0, 1)
    assert len(webhook.refused) + len(webhook.accepted) == tries
    assert ("was not sent" in ended.err) is not is_told
    assert SECRET_PATH not in ended.err + ended.out
    keys = {message.key for message in (*webhook.refused, *webhook.accepted)}
    assert keys == {ended.json["run_id"]}
    assert told(webhook) == ([[[name], 1, 0]] if is_told else [])
    webhook.will()
    other = make_risky(kore, with_dnc(kore)[0])
    project.run()
    # the one that waited, under its id, then what is new
    assert told(webhook) == ([] if is_told else [[[name], 1, 0]]) + [[[other], 1, 0]]
    project.run()
    assert told(webhook) == []


def test_one_that_was_accepted_and_not_answered_comes_again_under_its_id(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = started(emulate, project, webhook)
    told(webhook)
    make_risky(kore, with_dnc(kore)[0])
    webhook.will("cut after")

    assert project.run().exit_code == 0
    project.run()

    first, second = webhook.accepted
    assert (first.key, first.body["is_repeated"]) == (second.key, False)
    assert second.body["is_repeated"]
    assert "it may have been sent before" in second.body["text"]
    assert first.body["risky_changes"] == second.body["risky_changes"]


def test_no_receiver_and_no_database_for_the_mark_harm_no_run(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = started(emulate, project, webhook)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    project.set("notify_url", f"http://127.0.0.1:{port}{SECRET_PATH}")
    make_risky(kore, with_dnc(kore)[0])

    ended = project.cli("run", "--deadline", "1s")

    assert ended.code == 0
    assert "the message to `notify_url` was not sent: the connection was refused" in ended.err
    assert SECRET_PATH not in ended.err


def test_a_message_that_cannot_be_made_harms_no_run(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    kore = started(emulate, project, webhook)
    told(webhook)
    project.alter("update notifications set sent_at = null, content = '{}'")
    name = make_risky(kore, with_dnc(kore)[0])

    ended = project.cli("run")

    assert (ended.code, told(webhook)) == (0, [])
    assert "the message to `notify_url` was not sent" in ended.err
    project.alter("delete from notifications")
    project.run()
    assert told(webhook) == [[[name], 1, 0]]


def test_an_address_that_is_not_safe_is_refused_before_the_first_request(
    emulate: Emulate, project: Project
) -> None:
    kore = emulate(sample_campaigns(2))
    project.use(kore)
    for wrong in ("http://example.org/secret", "secret", "https://x y/secret", "ftp://x/secret"):
        project.set("notify_url", wrong)
        for command in ("run", "check"):
            ended = project.cli(command)
            assert ended.code == 2
            assert "notify_url" in ended.err + ended.out
            assert "secret" not in (ended.err + ended.out).replace("secrets.toml", "")
    project.set("notify_url", "https://example.org/x")
    project.set("notify_kinds", "dnc, nonsense")
    assert "kinds of changes" in project.cli("run").err
    assert kore.counters.requests == 0


def test_the_address_is_in_no_log_and_no_file(
    emulate: Emulate, project: Project, webhook: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)  # of all libraries
    webhook.will("odd headers")
    kore = started(emulate, project, webhook)
    make_risky(kore, with_dnc(kore)[0])
    webhook.will("cut", 500, 500, 500, 404, "elsewhere", "hang")
    webhook.retry_after = "0"

    said = [
        project.cli("run", "--verbose", "--debug"),
        project.cli("run", "--log-format", "json", "--json"),
        project.cli("status", "--json"),
        project.cli("run", "--debug", "--metrics-file", "kore.prom"),
    ]

    words = SECRET_PATH.rpartition("/")[2]
    assert words not in "".join(each.out + each.err for each in said)
    assert "urllib3" in caplog.text
    assert words not in caplog.text
    assert words not in repr(resolve())
    for path in project.folder.rglob("*"):
        assert not path.is_file() or words.encode() not in path.read_bytes(), path
    if project.address:
        assert words not in str(project.sql("select * from kore_raw.notifications"))


def test_check_names_the_form_and_sends_nothing(
    emulate: Emulate, project: Project, webhook: Receiver
) -> None:
    project.use(emulate(sample_campaigns(2)), notify_url=webhook.url, notify_format="teams")

    ended = project.cli("check")

    assert ended.code == 0
    assert "`notify_url` is an address, for `teams`: nothing is sent" in ended.out
    assert (webhook.accepted, SECRET_PATH in ended.out + ended.err) == ([], False)


def test_the_address_belongs_into_the_file_of_secrets(emulate: Emulate, project: Project) -> None:
    project.use(emulate(sample_campaigns(2)))
    folder = project.folder / ".dlt"
    folder.mkdir(exist_ok=True)
    text = '[sources.kore_campaigns]\nnotify_url = "https://example.org/hidden"\n'
    (folder / "config.toml").write_text(text, encoding="utf-8")

    ended = project.new_process("run")

    assert ended.code == 2
    assert "to be in secrets.toml" in ended.err
    assert "hidden" not in ended.err


# a campaign of this name mentions nobody and hides no address
EVIL = "<!channel> [pay](https://example.org) & `x`"
CONTENT: dict[str, Any] = {
    "app_name": "emea",
    "is_first": False,
    "risky_changes": {
        "count": 12,
        "by_severity": {},
        "rows": [
            {"campaign_id": "cd-1", "campaign_name": EVIL, "change_summary": "x" * 900, "count": 1}
        ],
    },
    "opened": {
        "count": 3,
        "by_severity": {"high": 3},
        "rows": [
            {
                "campaign_id": "cd-2",
                "campaign_name": None,
                "severity": "high",
                "finding": "no_dnc_list",
                "sentence": "uses no DNC list",
                "count": 3,
            }
        ],
    },
    "closed": {"count": 0, "by_severity": {}, "rows": []},
}


@pytest.mark.duckdb_only
def test_the_text_is_short_and_names_what_it_is_about() -> None:
    body = json.loads(message_body("generic", "run-1", CONTENT, is_repeated=False))

    heading, _, change, more, opened, finding, last = body["text"].splitlines()
    assert heading == "kore-campaigns, emea: 12 risky changes, 3 findings opened"
    assert change.startswith(f"- {EVIL}: xxx")
    assert len(change) == len("- ") + LONGEST_LINE
    assert more == "- and 11 more: kore-campaigns changes --risky"
    assert opened == "Findings that opened (3 high):"
    assert finding == "- high: cd-2 uses no DNC list (and 2 alike)"
    assert last == "Message run-1"
    assert body["opened"] == CONTENT["opened"]


@pytest.mark.duckdb_only
def test_slack_and_teams_take_it_as_plain_text() -> None:
    slack = json.loads(message_body("slack", "run-1", CONTENT, is_repeated=True))
    assert slack.keys() == {"text"}
    assert "&lt;!channel&gt;" in slack["text"]
    assert "<" not in slack["text"]

    teams = json.loads(message_body("teams", "run-1", CONTENT, is_repeated=True))
    (card,) = teams["attachments"]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = card["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    assert any(EVIL in block["inlines"][0]["text"] for block in blocks)


@pytest.mark.duckdb_only
def test_it_waits_as_long_as_it_is_told_to_and_not_beyond_its_deadline(webhook: Receiver) -> None:
    waits: list[float] = []
    webhook.will(500, 429, 503)
    assert send(webhook.url, b"{}", "m", sleep=waits.append) is None
    assert waits == [1, 2, 4]
    webhook.will(429, 200)
    webhook.retry_after = "3600"
    assert send(webhook.url, b"{}", "m", sleep=waits.append) == "HTTP 429"
    assert waits == [1, 2, 4]
    webhook.retry_after = "7"
    webhook.will(429, 200)
    assert send(webhook.url, b"{}", "m", sleep=waits.append) is None
    assert waits == [1, 2, 4, 7]
    webhook.will(500, 200)
    webhook.retry_after = None
    assert send(webhook.url, b"{}", "m", sleep=lambda _: True) == "HTTP 500"  # a stop


@pytest.mark.duckdb_only
@pytest.mark.parametrize("what", ["hang", "drip"])
def test_one_that_does_not_answer_is_not_waited_for_and_not_asked_twice(
    webhook: Receiver, what: str
) -> None:
    webhook.will(what)

    problem = send(webhook.url, b"{}", "m", sleep=lambda _: None, longest_seconds=0.3)

    assert problem is not None
    assert problem.startswith("no answer within 0.")
    assert len(webhook.refused) == 1
