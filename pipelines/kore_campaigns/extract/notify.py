"""Notifications: one message after a run, with risky changes and findings that opened or closed.

A message is stored in one step with the end of the run, and sent then. Until it is accepted, each
run sends it again under the same id, and writes no other. So a kill loses nothing. If a connection
is cut, the receiver may have the message already: it can see that by the id.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import requests
from urllib3.exceptions import NewConnectionError

from kore_campaigns import schema
from kore_campaigns.api.responses import NO_RESPONSE, reason_of
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import counted, error_summary
from kore_campaigns.events import log_event
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.destination import Destination
from kore_campaigns.load.reader import Reader
from kore_campaigns.load.upsert import Upsert, write_upserts
from kore_campaigns.views import SEVERITIES

logger = logging.getLogger(__name__)

SQL: Final = schema.queries(__name__)
CONNECT_SECONDS: Final = 3.05
READ_SECONDS: Final = 5.0
ATTEMPT_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 30.0
ATTEMPTS: Final = 4
SHOWN: Final = 10
LONGEST_LINE: Final = 300

Row = dict[str, Any]


class Answer(NamedTuple):
    """What a receiver made of a message."""

    problem: str | None = None
    """Why it did not accept it; None if it did."""
    may_retry: bool = False
    """It has certainly not taken it, and may take it later."""
    retry_after: float | None = None


_THREAD: Final = "kore-campaigns post"
# urllib3 logs paths, at DEBUG all, at WARNING that of a response with odd headers: here a secret
for _name in ("urllib3.connection", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(lambda record: record.threadName != _THREAD)


def post(url: str, body: bytes, headers: Mapping[str, str], *, longest_seconds: float) -> Answer:
    """Post once and wait for at most `longest_seconds`; no redirect is followed.

    A problem names neither the address nor the body.
    """
    answers: list[Answer] = []
    # a thread, since a name look-up has no limit and cannot be stopped otherwise
    thread = threading.Thread(
        target=lambda: answers.append(_post(url, body, headers)), name=_THREAD, daemon=True
    )
    thread.start()
    thread.join(longest_seconds)
    return answers[0] if answers else Answer(f"no answer within {longest_seconds:g} s")


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    try:
        with requests.post(
            url,
            data=body,
            headers=dict(headers),
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,
            stream=True,  # the response is not read
            auth=lambda request: request,  # without an auth requests looks one up in ~/.netrc
        ) as response:
            status, after = response.status_code, response.headers.get("Retry-After", "")
            if 200 <= status < 300:
                return Answer()
            may_retry = status == requests.codes.too_many or status >= 500
            wait = float(after) if after.isdecimal() and len(after) < 6 else None
            return Answer(f"HTTP {status}", may_retry, wait)
    except NO_RESPONSE as failed:
        return Answer(reason_of(failed), _was_not_sent(failed))
    except (ValueError, UnicodeError):  # their texts may contain the path
        return Answer("the address cannot be used")


def _was_not_sent(failed: BaseException) -> bool:
    """Whether there was no connection: after a cut, the receiver may have the message."""
    cause = getattr(failed.args[0], "reason", None) if failed.args else None
    return isinstance(failed, requests.ConnectTimeout) or isinstance(cause, NewConnectionError)


def send(
    url: str,
    body: bytes,
    message_id: str,
    *,
    sleep: Callable[[float], object],
    now: Callable[[], float] = time.monotonic,
    longest_seconds: float = LONGEST_SECONDS,
) -> str | None:
    """Post a message, and again where this cannot double it; returns why it was not accepted.

    A `sleep` that returns a true value ends it.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": message_id}
    ends_at = now() + longest_seconds
    for attempt in range(1, ATTEMPTS + 1):
        seconds = min(ATTEMPT_SECONDS, ends_at - now())
        answer = post(url, body, headers, longest_seconds=seconds)
        wait = 2.0 ** (attempt - 1) if answer.retry_after is None else answer.retry_after
        is_over = attempt == ATTEMPTS or now() + wait >= ends_at
        if answer.problem is None or not answer.may_retry or is_over or sleep(wait):
            break
    return answer.problem


@dataclass
class Notifier:
    """The messages of a run about one app; does nothing without the setting `notify_url`."""

    settings: KoreSettings
    report: RunReport
    app_name: str
    _has_written: bool = False

    def begin(self, reader: Reader) -> list[Upsert]:
        """Rows for the start of a run: before the first message, all that is stored is known."""
        app = [self.settings.stream_id]
        if self.settings.notify_url is None or reader.rows(SQL["known_versions"], app):
            return []
        return [self._known(dict(reader.rows(SQL["newest_versions"], app)))]

    def _known(self, versions: Mapping[str, int]) -> Upsert:
        app = {"stream_id": self.settings.stream_id}
        rows = [app | {"campaign_id": each, "version": versions[each]} for each in versions]
        return Upsert(schema.NOTIFIED_CAMPAIGNS, rows)

    def write(self, reader: Reader) -> list[Upsert]:
        """Rows of a new message and of its changes and findings; none while another waits.

        If they cannot be read, the next run writes it: a message never harms a run.
        """
        if self.settings.notify_url is None or self._has_written:
            return []
        try:
            return self._write(reader)
        except Exception as failed:
            self.report.notify_problem = error_summary(failed).message
            return []

    def _write(self, reader: Reader) -> list[Upsert]:
        settings, app = self.settings, [self.settings.stream_id]
        if reader.rows(SQL["unsent"], app):
            return []
        self._has_written = True
        known: dict[str, int] = dict(reader.rows(SQL["known_versions"], app))
        newest: dict[str, int] = dict(reader.rows(SQL["newest_versions"], app))
        moved = {each: version for each, version in newest.items() if known.get(each) != version}
        changes = reader.dicts(SQL["risky_changes"], app) if moved else []
        before = {row["finding_key"]: row for row in reader.dicts(SQL["known_findings"], app)}
        now = {row["finding_key"]: row for row in reader.dicts(SQL["findings"], app)}
        opened = [row for key, row in now.items() if key not in before]
        closed = [row for key, row in before.items() if key not in now]
        severities = SEVERITIES[: SEVERITIES.index(settings.notify_severity) + 1]

        def wanted(rows: Iterable[Row]) -> list[Row]:
            found = [
                row
                for row in rows
                if row["severity"] in severities and self._is_wanted(row["finding"])
            ]
            return sorted(found, key=lambda row: SEVERITIES.index(row["severity"]))

        versions = {
            (row["campaign_id"], row["version"]): row
            for row in changes
            if self._is_wanted(row["kind"])
        }
        parts = {
            "risky_changes": [*versions.values()],
            "opened": wanted(opened),
            "closed": wanted(closed),
        }
        upserts = [Upsert(schema.NOTIFIED_FINDINGS, opened, closed), self._known(moved)]
        if any(parts.values()):
            is_first = reader.rows(SQL["messages"], app) == [(0,)]
            message = {
                "message_id": self.report.run_id,
                "account_id": settings.account_id,
                "stream_id": settings.stream_id,
                "written_at": datetime.now(UTC),
                "sent_at": None,
                "content": {"app_name": self.app_name, "is_first": is_first}
                | {name: _shortened(rows) for name, rows in parts.items()},
            }
            upserts.append(Upsert(schema.NOTIFICATIONS, [message]))
        return upserts

    def _is_wanted(self, kind: str) -> bool:
        kinds = self.settings.kinds_to_tell
        return not kinds or kind in kinds

    def send(self, destination: Destination, stop: threading.Event) -> None:
        """Send what waits, the oldest first.

        Whatever fails is noted in the report, and left to the next run.
        """
        if self.settings.notify_url is None:
            return
        try:
            while message := self._unsent(destination):
                message_id, content = message
                is_repeated = message_id != self.report.run_id
                body = message_body(
                    self.settings.notify_format, message_id, content, is_repeated=is_repeated
                )
                problem = send(self.settings.notify_url, body, message_id, sleep=stop.wait)
                if problem is not None:
                    self.report.notify_problem = problem
                    return
                self._mark_sent(destination, message_id)
                log_event(logger, "notified", message_id=message_id)
        except Exception as failed:
            self.report.notify_problem = error_summary(failed).message

    def _unsent(self, destination: Destination) -> tuple[str, Row] | None:
        with destination.loaded() as reader:
            for message_id, content in reader.rows(SQL["unsent"], [self.settings.stream_id]):
                return message_id, json.loads(content)
        return None

    def _mark_sent(self, destination: Destination, message_id: str) -> None:
        with destination.step(0), destination.loaded() as reader:
            with reader.transaction():
                sql = "update {notifications} set sent_at = ? where message_id = ?"
                reader.execute(sql, [datetime.now(UTC), message_id])
            if news := self.write(reader):
                write_upserts(reader, news, run_id=self.report.run_id)


_OF_A_ROW: Final = ("campaign_id", "campaign_name", "version", "kind", "change_summary")
_OF_A_FINDING: Final = ("finding", "severity", "sentence")


def _shortened(rows: Sequence[Row]) -> Row:
    """The first rows, and how many there are; a finding of five weekdays is one row."""
    severities = Counter(row["severity"] for row in rows if "severity" in row)
    alike: dict[Any, list[Row]] = {}
    for row in rows:
        alike.setdefault((row["campaign_id"], row.get("finding", row.get("version"))), []).append(
            row
        )
    names = (*_OF_A_ROW, *_OF_A_FINDING)
    shown = [
        {name: first[name] for name in names if name in first} | {"count": 1 + len(others)}
        for first, *others in [*alike.values()][:SHOWN]
    ]
    return {"count": len(rows), "by_severity": dict(severities), "rows": shown}


def message_lines(content: Row) -> Iterator[str]:
    """The message as text, the first line its heading."""
    changes, opened, closed = (content[name] for name in ("risky_changes", "opened", "closed"))
    counts = [
        counted(changes["count"], "risky change") if changes["count"] else "",
        f"{counted(opened['count'], 'finding')} opened" if opened["count"] else "",
        f"{counted(closed['count'], 'finding')} closed" if closed["count"] else "",
    ]
    first = " (first message)" if content["is_first"] else ""
    yield f"kore-campaigns, {content['app_name']}{first}: {', '.join(filter(None, counts))}"
    for part, heading, command in (
        (changes, "Risky changes", "kore-campaigns changes --risky"),
        (opened, "Findings that opened", "kore-campaigns findings"),
        (closed, "Findings that closed", ""),
    ):
        if not part["count"]:
            continue
        severities = ", ".join(f"{count} {each}" for each, count in part["by_severity"].items())
        yield f"{heading}{f' ({severities})' if severities else ''}:"
        yield from (f"- {_line(row)}" for row in part["rows"])
        if more := part["count"] - sum(row["count"] for row in part["rows"]):
            yield f"- and {more:,} more{f': {command}' if command else ''}"


def _line(row: Row) -> str:
    name, alike = row["campaign_name"] or row["campaign_id"], row["count"] - 1
    if "sentence" in row:
        text = f"{row['severity']}: {name} {row['sentence']}"
    else:
        text = f"{name}: {row['change_summary']}"
    # a name with a line break makes no line of its own
    return " ".join(text.split())[:LONGEST_LINE] + (f" (and {alike} alike)" if alike else "")


def message_body(format_name: str, message_id: str, content: Row, *, is_repeated: bool) -> bytes:
    """The message in the form that the receiver takes."""
    repeated = ", from an earlier run; it may have been sent before" if is_repeated else ""
    lines = [*message_lines(content), f"Message {message_id}{repeated}"]
    text = "\n".join(lines)
    body: Row = {"message_id": message_id, "is_repeated": is_repeated, "text": text, **content}
    if format_name == "slack":
        # a name must not mention everyone, and not hide an address behind a word
        for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
            text = text.replace(sign, escaped)
        body = {"text": text}
    elif format_name == "teams":
        # plain runs of text: a text block would read a name as Markdown
        blocks = [
            {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": line}]}
            for line in lines
        ]
        card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
        card["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json"
        kind = "application/vnd.microsoft.card.adaptive"
        attachments = [{"contentType": kind, "content": card}]
        body = {"type": "message", "attachments": attachments}
    return json.dumps(body, ensure_ascii=False).encode()
