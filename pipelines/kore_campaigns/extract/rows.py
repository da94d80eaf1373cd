"""Gather what a chunk brought, and turn it into the rows of one load package."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict

from kore_campaigns import schema
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import CampaignFailed
from kore_campaigns.extract.connect import tool_version
from kore_campaigns.extract.planner import PlannedRun
from kore_campaigns.extract.report import RunReport
from kore_campaigns.extract.state import read_raw
from kore_campaigns.load.reader import Reader
from kore_campaigns.load.upsert import Records, Reference, held_rows
from kore_campaigns.transform.campaign import Shaped, deletion_row, version_row
from kore_campaigns.transform.time_zones import offset_spans, tzdata_version, zone_facts

_CONFIGURED = """
select campaign_id, account_id, configured_at
from {configured_campaigns} where stream_id = ? and removed_at is null
"""


def configured_rows(
    reader: Reader | None,
    campaign_ids: Iterable[str],
    *,
    account_id: str,
    stream_id: str,
    started_at: datetime,
) -> list[dict[str, Any]]:
    """Rows of `configured_campaigns` for ids that are new, back again, or no longer there.

    Only this app is compared: others in the same database have files of their own.
    """
    rows = [] if reader is None else reader.rows_if_loaded(_CONFIGURED, [stream_id])
    before = {
        campaign_id: {"account_id": account, "configured_at": since}
        for campaign_id, account, since in rows
    }
    now = dict.fromkeys(campaign_ids)
    since_now = {"account_id": account_id, "configured_at": started_at, "removed_at": None}
    added = {campaign_id: since_now for campaign_id in now if campaign_id not in before}
    removed = {
        campaign_id: {**known, "removed_at": started_at}
        for campaign_id, known in before.items()
        if campaign_id not in now
    }
    return [
        {"stream_id": stream_id, "campaign_id": campaign_id, **facts}
        for campaign_id, facts in (added | removed).items()
    ]


_FIRST_SEEN = """
select path, example_type, min(first_seen_at)
from {extraction_drift} where stream_id = ?
group by path, example_type
"""


def drift_rows(reader: Reader | None, report: RunReport, *, stream_id: str) -> list[dict[str, Any]]:
    """Rows of `extraction_drift`: the numbers so far."""
    rows = [] if reader is None else reader.rows_if_loaded(_FIRST_SEEN, [stream_id])
    first_seen = {(path, kind): at for path, kind, at in rows}
    return [
        {
            "run_id": report.run_id,
            "stream_id": stream_id,
            "path": found.path,
            "example_type": found.example_type,
            "campaign_count": found.count,
            "first_seen_at": first_seen.get(unknown, report.started_at),
        }
        for unknown, found in sorted(report.drifts.items())
    ]


FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
YEARS_AHEAD: Final = 3
# the offsets are made anew in time for whoever asks about the coming year
_ENOUGH: Final = timedelta(days=550)

_IN_USE = """
select distinct timezone from {campaign_versions} where timezone is not null and timezone <> ''
"""


def zone_references(reader: Reader, *, now: datetime) -> Sequence[Reference]:
    """Both tables as they should be; none if what is held is still good.

    They are made anew for a new zone, for new rules, and before the offsets end.
    """
    names = sorted(name for (name,) in reader.rows(_IN_USE))
    held = {row["timezone"]: row for row in held_rows(reader, schema.TIME_ZONES, {})}
    if names == sorted(held) and all(_is_good(row, now) for row in held.values()):
        return ()
    until = datetime(now.year + YEARS_AHEAD, 1, 1, tzinfo=UTC)
    offsets = [row for name in names for row in _offset_rows(name, until)]
    return (
        Reference(schema.TIME_ZONES, [_zone_row(name, until) for name in names]),
        Reference(schema.ZONE_OFFSETS, offsets),
    )


def _is_good(row: Mapping[str, Any], now: datetime) -> bool:
    return bool(row["tzdata_version"] == tzdata_version() and row["covered_until"] >= now + _ENOUGH)


def _zone_row(name: str, until: datetime) -> dict[str, Any]:
    facts = zone_facts(name)
    return {
        "timezone": name,
        "is_iana": facts.is_iana,
        "is_legacy": facts.is_legacy,
        "canonical_timezone": facts.canonical_name,
        "country_code": facts.country_code,
        "tzdata_version": tzdata_version(),
        "covered_until": until,
    }


def _offset_rows(name: str, until: datetime) -> list[dict[str, Any]]:
    if not zone_facts(name).is_iana:
        return []
    return [
        {
            "timezone": name,
            "starts_at": span.starts_at,
            "ends_at": span.ends_at,
            "utc_offset_minutes": span.utc_offset_minutes,
        }
        for span in offset_spans(name, FROM, until)
    ]


class _Where(TypedDict):
    account_id: str
    stream_id: str
    campaign_id: str
    observed_at: datetime


class PendingRows:
    """Rows of a run that are not loaded yet: they are added one by one, and leave with a chunk."""

    def __init__(
        self,
        settings: KoreSettings,
        report: RunReport,
        planned: PlannedRun,
        reader: Reader | None,
    ) -> None:
        self._settings = settings
        self._report = report
        self._held = planned.stored
        self._no_longer_listed = planned.no_longer_listed
        self._listed = list(planned.listing_rows)
        self._requested_rows = planned.requested_rows
        self._stored_raw: dict[str, dict[str, Any]] = {}
        self._drift: list[dict[str, Any]] = []
        self._configured = configured_rows(
            reader,
            planned.plan.campaign_ids(),
            account_id=settings.account_id,
            stream_id=settings.stream_id,
            started_at=report.started_at,
        )
        self._versions: deque[tuple[str, datetime, Shaped | None]] = deque()
        self._errors: list[dict[str, Any]] = []

    def __len__(self) -> int:
        return len(self._versions)

    def add_version(self, campaign_id: str, observed_at: datetime, found: Shaped | None) -> None:
        """A new version; a deletion, if nothing was found."""
        self._versions.append((campaign_id, observed_at, found))
        held = self._held.get(campaign_id)
        self._record_row(campaign_id, version=1 if held is None else held.version + 1)

    def confirm(self, campaign_id: str) -> None:
        """The campaign was read and is as it is held."""
        self._record_row(campaign_id, version=self._held[campaign_id].version)

    def _record_row(self, campaign_id: str, *, version: int) -> None:
        listed = self._requested_rows.pop(campaign_id, None)
        if listed is not None:
            self._listed.append((listed, version))

    def add_error(self, error: CampaignFailed) -> None:
        self._errors.append(
            {
                "run_id": self._report.run_id,
                "stream_id": self._settings.stream_id,
                "campaign_id": error.campaign_id,
                "error_code": error.code,
                "http_status": error.http_status,
                "message": error.message,
                "occurred_at": datetime.now(UTC),
            }
        )

    def complete(self, reader: Reader | None) -> None:
        """Read what is stored of the campaigns and fields found; before rows are handed out."""
        if self._report.drifts:
            self._drift = drift_rows(reader, self._report, stream_id=self._settings.stream_id)
        known = {key: self._held[key] for key, *_ in self._versions if key in self._held}
        if known and reader is not None:
            self._stored_raw = dict(
                read_raw(reader, stream_id=self._settings.stream_id, held=known)
            )

    def clear(self) -> None:
        """Forget what has been handed out and is durable."""
        self._versions.clear()
        self._errors = []
        self._listed = []
        self._no_longer_listed = []
        self._configured = []

    def records(self, *, is_last: bool) -> Records:
        """All rows but those of versions."""
        gone = [self._listing_key(campaign_id) for campaign_id in self._no_longer_listed]
        return Records(
            put=[
                (schema.EXTRACTION_RUNS, [self.run_row(is_last=is_last)]),
                (schema.EXTRACTION_ERRORS, self.error_rows()),
                (schema.EXTRACTION_DRIFT, self.drift_rows()),
                (schema.CAMPAIGN_LISTINGS, self.listing_rows()),
                (schema.CONFIGURED_CAMPAIGNS, self.configured_rows()),
            ],
            remove=[(schema.CAMPAIGN_LISTINGS, gone)],
        )

    def listing_rows(self) -> list[dict[str, Any]]:
        """Rows of `campaign_listings` that are new."""
        return [
            {
                "account_id": self._settings.account_id,
                **self._listing_key(listed.campaign_id),
                "version": version,
                "seen_at": self._report.started_at,
                "campaign_type": listed.campaign_type,
                "name": listed.name,
                "summary_hash": listed.summary_hash,
                "row_hash": listed.row_hash,
                "connection": listed.connection,
                "campaign_instance_updated_at": listed.campaign_instance_updated_at,
            }
            for listed, version in self._listed
        ]

    def _listing_key(self, campaign_id: str) -> dict[str, str]:
        return {"stream_id": self._settings.stream_id, "campaign_id": campaign_id}

    def error_rows(self) -> list[dict[str, Any]]:
        """Rows of `extraction_errors`."""
        return self._errors

    def drift_rows(self) -> list[dict[str, Any]]:
        """Rows of `extraction_drift`."""
        return self._drift

    def configured_rows(self) -> list[dict[str, Any]]:
        """Rows of `configured_campaigns` that are new."""
        return self._configured

    def version_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of `campaign_versions`, each handed out once.

        A version is forgotten as its row is taken: while the loader works, no chunk is in memory.
        """
        while self._versions:
            campaign_id, observed_at, found = self._versions.popleft()
            stored = self._held.get(campaign_id)
            stored_raw = self._stored_raw.pop(campaign_id, None)
            where: _Where = {
                "account_id": self._settings.account_id,
                "stream_id": self._settings.stream_id,
                "campaign_id": campaign_id,
                "observed_at": observed_at,
            }
            if found is not None:
                yield version_row(found, **where, stored=stored, stored_raw=stored_raw)
            elif stored is not None:
                yield deletion_row(stored_raw or {}, **where, stored=stored)

    def run_row(self, *, is_last: bool) -> dict[str, Any]:
        """The row of `extraction_runs`: the report so far, final if `is_last`."""
        report, settings = self._report, self._settings
        facts = {
            "account_id": settings.account_id,
            "stream_id": settings.stream_id,
            "finished_at": datetime.now(UTC) if is_last else None,
            "unsettled": report.unsettled or None,
            "is_complete": is_last and report.is_complete,
            "exit_code": report.exit_code if is_last else None,
            "stale_after_seconds": round(2 * 3600 * settings.full_sweep_every_hours),
            "tool_version": tool_version(),
        }
        names = schema.EXTRACTION_RUNS.column_names()
        return {name: facts[name] if name in facts else getattr(report, name) for name in names}
