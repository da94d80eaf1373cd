"""`status` as one screen: is it well, since when, what is stale, what failed and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from kore_campaigns.facts import App, DriftSeen, Failure, Stale, Status
from kore_campaigns.file_errors import in_bytes
from kore_campaigns.problems import duration
from kore_campaigns.texts import NOT_REACHED

IDS_SHOWN: Final = 3
DRIFT_SHOWN: Final = 5


def status_summary(status: Status, *, now: datetime | None = None) -> list[str]:
    """The screen, the state in its first line, the next command in its last."""
    return _Screen(status, now or datetime.now(UTC)).lines()


@dataclass(frozen=True, slots=True)
class _Screen:
    status: Status
    now: datetime

    def lines(self) -> list[str]:
        status = self.status
        size = f", {in_bytes(status.database_bytes)}" if status.database_bytes else ""
        lines = [f"state      {self._state()}", f"database   {status.database}{size}"]
        for app in status.apps:
            if len(status.apps) > 1:
                lines.append(f"app        {app.stream_id}")
            lines += self._app(app)
        lines += self._stale()
        lines += _failures(status.failures)
        lines += _drift(status.drift)
        lines += _ids("configured, but not in the account listing", status.not_listed)
        lines += _ids("in the account listing, but not configured", status.listed_only)
        return [*lines, f"next       {status.advice}"]

    def _state(self) -> str:
        status, apps = self.status, self.status.apps
        worst = next((app for app in apps if app.state == status.state), App(""))
        last = worst.last_run
        planned, failed = (last.planned, last.failed) if last else (0, 0)
        exit_code = last.exit_code if last else None
        configured = sum(app.configured for app in apps)
        return {
            "none": "no run yet",
            "ok": "ok: the last run confirmed every configured campaign",
            "stale": f"STALE: {status.stale:,} of {configured:,} configured campaigns were last "
            "confirmed too long ago",
            "partial": f"NOT complete: {failed:,} of {planned:,} campaigns failed",
            "failed": f"FAILED: no campaign was answered, exit code {exit_code}",
            "interrupted": "INTERRUPTED: the last run was asked to stop",
            "killed": "KILLED: the last run ended without a word (kill -9, a crash, no power)",
            "running": f"running: process {status.running_pid}, since {status.running_since}",
            "older": "unknown: the last run was of an older version, whose views say less. The "
            "next run makes them",
        }[status.state]

    def _app(self, app: App) -> list[str]:
        last = app.last_run
        if last is None:
            return ["last run   none has ended yet"]
        took = "" if last.duration_seconds is None else f", in {duration(last.duration_seconds)}"
        code = "" if last.exit_code is None else f", exit code {last.exit_code}"
        outcome = "complete" if last.is_complete else f"NOT complete{code}"
        lines = [
            f"last run   {self._when(last.started_at)}, {last.sweep} sweep{took}, {outcome}",
            f"           {last.planned} planned: {last.new_versions} new versions, "
            f"{last.unchanged} unchanged, {last.vanished} vanished, {last.failed} failed",
        ]
        if self.status.is_older:
            return lines
        lines += [
            f"complete   {self._when(app.last_complete_at)}",
            f"full sweep {self._when(app.last_full_sweep_at)}",
            f"campaigns  {app.configured} configured, {app.live} live, {app.deleted} deleted",
        ]
        if app.not_configured:
            lines.append(
                f"           {app.not_configured} of the live are not configured: nobody asks for "
                "them any more"
            )
        return lines

    def _when(self, moment: datetime | None) -> str:
        if moment is None:
            return "never yet"
        return f"{moment:%Y-%m-%d %H:%M} UTC ({self._ago(moment)})"

    def _ago(self, moment: datetime) -> str:
        return f"{duration((self.now - moment).total_seconds())} ago"

    def _stale(self) -> list[str]:
        status = self.status
        if not status.stale:
            return []
        lines = [f"stale      {status.stale:,} configured campaigns, the longest first:"]
        lines += [f"           {self._stale_campaign(one)}" for one in status.stale_campaigns]
        if status.stale > len(status.stale_campaigns):
            more = status.stale - len(status.stale_campaigns)
            lines.append(f"           and {more:,} more: kore.campaign_freshness, is_stale")
        return lines

    def _stale_campaign(self, one: Stale) -> str:
        name = "" if one.campaign_name is None else f" ({one.campaign_name})"
        at = one.last_confirmed_at
        confirmed = "never confirmed" if at is None else f"confirmed {self._ago(at)}"
        error = "" if one.last_error_code is None else f", last error {one.last_error_code}"
        return f"{one.campaign_id}{name}: {confirmed}{error}"


def _failures(failures: Sequence[Failure]) -> list[str]:
    """Campaigns that failed by reason, those that were not reached by number and reason."""
    by_code: dict[str, list[Failure]] = {}
    for failure in failures:
        if failure.error_code not in NOT_REACHED:
            by_code.setdefault(failure.error_code, []).append(failure)
    shown = []
    for code, alike in sorted(by_code.items(), key=lambda found: -len(found[1])):
        ids = ", ".join(failure.campaign_id for failure in alike[:IDS_SHOWN])
        if len(alike) == 1:
            shown.append(f"failed     {ids}: {alike[0].message}")
            continue
        more = len(alike) - IDS_SHOWN
        and_more = f" and {more:,} more" if more > 0 else ""
        shown.append(f"failed     {len(alike):,} {code}: {ids}{and_more}")
        shown.append(f"           {alike[0].message}")
    unreached = Counter(each.message for each in failures if each.error_code in NOT_REACHED)
    for message, count in unreached.items():
        were = "1 campaign was" if count == 1 else f"{count:,} campaigns were"
        shown.append(f"failed     {were} {message}")
    return shown


def _ids(what: str, ids: Sequence[str]) -> list[str]:
    if not ids:
        return []
    more = len(ids) - IDS_SHOWN
    and_more = f" and {more:,} more" if more > 0 else ""
    return [f"listing    {len(ids):,} {what}: {', '.join(ids[:IDS_SHOWN])}{and_more}"]


def _drift(drift: Sequence[DriftSeen]) -> list[str]:
    if not drift:
        return []
    lines = [
        f"{one.path} ({one.example_type}): {one.campaign_count:,} campaigns, "
        f"since {one.first_seen_at:%Y-%m-%d}"
        for one in drift[:DRIFT_SHOWN]
    ]
    if len(drift) > DRIFT_SHOWN:
        lines.append(f"and {len(drift) - DRIFT_SHOWN} more: kore_raw.extraction_drift")
    lines.append(
        "nothing broke: column `raw` has it. Next: once a later version knows it, "
        "kore-campaigns rebuild"
    )
    return [f"drift      {lines[0]}", *(f"           {line}" for line in lines[1:])]
