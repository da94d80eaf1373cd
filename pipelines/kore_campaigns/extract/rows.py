"""Rows of a run: collect what a chunk brought, and turn it into the rows of one load package."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kore_campaigns import schema
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import CampaignFailed
from kore_campaigns.extract.connect import tool_version
from kore_campaigns.extract.listing import Listed
from kore_campaigns.extract.plan import Plan
from kore_campaigns.extract.report import ONLY, RunReport
from kore_campaigns.extract.state import last_recorded, read_raw
from kore_campaigns.load.reader import Reader
from kore_campaigns.load.upsert import CurrentRows, Upsert, stored_rows
from kore_campaigns.transform.campaign import Shaped, deletion_row, version_row
from kore_campaigns.transform.time_zones import offset_spans, tzdata_version, zone_facts

Row = dict[str, Any]


class PendingRows:
    """Rows of a run that are not loaded yet: they are added one by one, and leave with a chunk."""

    def __init__(
        self, settings: KoreSettings, report: RunReport, plan: Plan, reader: Reader | None
    ) -> None:
        self._settings, self._report, self._plan = settings, report, plan
        self._app = {"account_id": settings.account_id, "stream_id": settings.stream_id}
        self._versions: deque[tuple[str, datetime, Shaped | None]] = deque()
        self._stored_raw: dict[str, Row] = {}
        self._no_longer_listed = [
            {"stream_id": settings.stream_id, "campaign_id": each} for each in plan.no_longer_listed
        ]
        self.errors: list[Row] = []
        self.answers: list[Row] = []
        """Campaigns that a run with `--only` has fetched."""
        self.drift: list[Row] = []
        self.dnc_lists: list[Row] = []
        self.dnc_lists_in_use: dict[str, list[str]] = {}
        """Ids of the lists that the new versions of the run name, by campaign."""
        self.listings = [self._listing_row(*each) for each in plan.listing_rows]
        self.configured = configured_rows(
            reader, plan.campaign_ids(), **self._app, started_at=report.started_at
        )
        if plan.sweep == ONLY:  # the plan does not have all campaigns that are configured
            self.configured = [
                row
                for row in self.configured
                if row["removed_at"] is None and row["campaign_id"] not in plan.not_configured
            ]

    def __len__(self) -> int:
        return len(self._versions)

    @property
    def are_compared(self) -> bool:
        """True if a version is not the first of its campaign."""
        return any(campaign_id in self._plan.stored for campaign_id, *_ in self._versions)

    def _listing_row(self, listed: Listed, version: int | None) -> Row:
        return {
            **self._app,
            "campaign_id": listed.campaign_id,
            "version": version,
            "seen_at": self._report.started_at,
            "campaign_type": listed.campaign_type,
            "name": listed.name,
            "summary_hash": listed.summary_hash,
            "row_hash": listed.row_hash,
            "connection": listed.connection,
            "campaign_instance_updated_at": listed.campaign_instance_updated_at,
            "execution_type": listed.execution_type,
            "execution_type_since": listed.execution_type
            and (listed.execution_type_since or self._report.started_at),
            "total_messages_sent": listed.total_messages_sent,
        }

    def add_version(self, campaign_id: str, observed_at: datetime, found: Shaped | None) -> None:
        """Add a new version; a deletion, if nothing was found."""
        self._versions.append((campaign_id, observed_at, found))
        lists = [] if found is None else found.dnc_lists
        ids = [row["dnc_list_id"] for row in lists]
        self.dnc_lists_in_use[campaign_id] = [list_id for list_id in ids if list_id]
        stored = self._plan.stored.get(campaign_id)
        self._add_listing(campaign_id, found, version=1 if stored is None else stored.version + 1)

    def confirm(self, campaign_id: str, found: Shaped) -> None:
        """The campaign was read and is as stored."""
        self._add_listing(campaign_id, found, version=self._plan.stored[campaign_id].version)

    def _add_listing(
        self, campaign_id: str, found: Shaped | None, *, version: int | None = None
    ) -> None:
        """Add the row of the listing that goes with a request, and the version that it shows."""
        listed = self._plan.requested_rows.pop(campaign_id, None)
        if listed is None:
            return
        # the campaign has changed in between, unless the listing always shows it like this
        if (
            found is not None
            and not listed.agrees_with(found.columns)
            and campaign_id not in self._plan.rows_shown_before
        ):
            version = None
        self.listings.append(self._listing_row(listed, version))

    def add_answer(self, campaign_id: str, answered_at: datetime) -> None:
        """Note that the campaign is as it will be stored, if only some are requested."""
        if self._plan.sweep == ONLY:
            row = {"run_id": self._report.run_id, "stream_id": self._settings.stream_id}
            self.answers.append(row | {"campaign_id": campaign_id, "answered_at": answered_at})

    def add_error(self, error: CampaignFailed) -> None:
        """Add a campaign that failed, or was not reached: its row goes with no version."""
        self._add_listing(error.campaign_id, None)
        self.errors.append(
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

    def read_stored(self, reader: Reader | None) -> None:
        """Read the stored versions that the new ones are compared with; before a load."""
        known = self._plan.stored
        stored = {each: known[each] for each, *_ in self._versions if each in known}
        if stored and reader is not None:
            stream_id = self._settings.stream_id
            self._stored_raw = dict(read_raw(reader, stream_id=stream_id, stored=stored))

    def read_drift(self, reader: Reader | None) -> None:
        """Set the rows of unknown fields so far; reads since when each is known."""
        if self._report.drifts:
            self.drift = drift_rows(reader, self._report, stream_id=self._settings.stream_id)

    def version_rows(self) -> Iterator[Row]:
        """Rows of `campaign_versions`, each yielded once.

        A version is forgotten as its row is taken, so the chunk is not in memory twice.
        """
        while self._versions:
            campaign_id, observed_at, found = self._versions.popleft()
            stored = self._plan.stored.get(campaign_id)
            stored_raw = self._stored_raw.pop(campaign_id, None)
            where: Row = {**self._app, "campaign_id": campaign_id, "observed_at": observed_at}
            if found is not None:
                yield version_row(found, **where, stored=stored, stored_raw=stored_raw)
            elif stored is not None:
                yield deletion_row(stored_raw or {}, **where, stored=stored)

    def upserts(self, *, is_last: bool) -> list[Upsert]:
        """All rows except those of versions."""
        return [
            Upsert(schema.EXTRACTION_RUNS, [self.run_row(is_last=is_last)]),
            Upsert(schema.EXTRACTION_ERRORS, self.errors),
            Upsert(schema.EXTRACTION_DRIFT, self.drift),
            Upsert(schema.REQUESTED_CAMPAIGNS, self.answers),
            Upsert(schema.CAMPAIGN_LISTINGS, self.listings, self._no_longer_listed),
            Upsert(schema.CONFIGURED_CAMPAIGNS, self.configured),
            Upsert(schema.DNC_LIST_STATES, self.dnc_lists),
        ]

    def run_row(self, *, is_last: bool) -> Row:
        return run_row(self._settings, self._report, is_last=is_last)

    def clear(self) -> None:
        """Forget the rows that are durable."""
        self._versions.clear()
        self.errors, self.answers, self.listings, self.configured = [], [], [], []
        self.dnc_lists = []
        self._no_longer_listed = []


def number_run(reader: Reader | None, report: RunReport) -> None:
    """Give the run the number after that of the newest one; note a clock that went back."""
    number, last_moment = last_recorded(reader)
    report.run_number = number + 1
    if last_moment is not None:
        report.clock_went_back_seconds = (last_moment - report.started_at).total_seconds()


def run_row(settings: KoreSettings, report: RunReport, *, is_last: bool = False) -> Row:
    """The row of `extraction_runs`: the report so far, final if `is_last`."""
    facts = {
        "account_id": settings.account_id,
        "stream_id": settings.stream_id,
        "finished_at": max(datetime.now(UTC), report.started_at) if is_last else None,
        "unsettled": report.unsettled or None,
        "is_complete": is_last and report.is_complete,
        "exit_code": report.exit_code if is_last else None,
        "stale_after_seconds": round(2 * 3600 * settings.full_sweep_every_hours),
        "tool_version": tool_version(),
    }
    names = schema.EXTRACTION_RUNS.column_names()
    return {name: facts[name] if name in facts else getattr(report, name) for name in names}


_FIRST_RUN = "select min(started_at) from {extraction_runs} where stream_id = ?"


def app_row(
    reader: Reader | None, report: RunReport, settings: KoreSettings, app_name: str
) -> dict[str, Any]:
    """The row of `apps`: the name of the app, its first run and this one."""
    found = () if reader is None else reader.rows(_FIRST_RUN, [report.stream_id])
    first_run_at = next((first for (first,) in found), None)
    return {
        "account_id": settings.account_id,
        "stream_id": settings.stream_id,
        "app_name": app_name,
        "first_run_at": first_run_at or report.started_at,
        "last_run_at": report.started_at,
    }


_CONFIGURED = """
select stream_id, campaign_id, account_id, configured_at
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
    rows = [] if reader is None else reader.dicts(_CONFIGURED, [stream_id])
    before = {row["campaign_id"]: row for row in rows}
    now = dict.fromkeys(campaign_ids)
    since_now = {"account_id": account_id, "configured_at": started_at, "removed_at": None}
    added = [
        {"stream_id": stream_id, "campaign_id": campaign_id, **since_now}
        for campaign_id in now
        if campaign_id not in before
    ]
    removed = [
        {**row, "removed_at": started_at}
        for campaign_id, row in before.items()
        if campaign_id not in now
    ]
    return added + removed


_FIRST_SEEN = """
select path, example_type, min(first_seen_at)
from {extraction_drift} where stream_id = ?
group by path, example_type
"""


def drift_rows(reader: Reader | None, report: RunReport, *, stream_id: str) -> list[dict[str, Any]]:
    """Rows of `extraction_drift`: the numbers so far."""
    rows = [] if reader is None else reader.rows(_FIRST_SEEN, [stream_id])
    first_seen = {(path, kind): at for path, kind, at in rows}
    return [
        {
            "run_id": report.run_id,
            "stream_id": stream_id,
            "path": path,
            "example_type": kind,
            "campaign_count": count,
            "first_seen_at": first_seen.get((path, kind), report.started_at),
        }
        for (path, kind), count in sorted(report.drifts.items())
    ]


def policy_periods(reader: Reader, policies: Sequence[Row], report: RunReport) -> Upsert:
    """Rows of `policy_history` to write: a limit that is new begins now, another that is gone ends.

    The limits that an earlier program stored count from the first run of the app.
    """
    table, app = schema.POLICY_HISTORY, {"stream_id": report.stream_id}
    stored = stored_rows(reader, table, app)
    adopted = []
    if not stored:
        ((first_run_at,),) = reader.rows(_FIRST_RUN, [report.stream_id])
        before = stored_rows(reader, schema.POLICIES, app)
        adopted = [row | {"valid_from": first_run_at, "valid_to": None} for row in before]
    # a clock may have gone back
    now = max([report.started_at, *(row["valid_from"] for row in stored)])
    names = schema.POLICIES.column_names()

    def limit(row: Row) -> tuple[Any, ...]:
        return tuple(row.get(name) for name in names)

    wanted = {limit(row): row for row in policies}
    in_force = {limit(row): row for row in (*stored, *adopted) if row["valid_to"] is None}
    begun = [row | {"valid_from": now} for key, row in wanted.items() if key not in in_force]
    gone = [row for key, row in in_force.items() if key not in wanted]
    ended = [row | {"valid_to": now} for row in gone if row["valid_from"] < now]
    kept = [row for row in adopted if limit(row) in wanted]
    return Upsert(table, [*kept, *ended, *begun], deleted=gone)


OFFSETS_FROM: Final = datetime(2020, 1, 1, tzinfo=UTC)
YEARS_AHEAD: Final = 3
# the offsets are written again in time for questions about the coming year
_ENOUGH: Final = timedelta(days=550)
_IN_USE = """
select distinct timezone from {campaign_versions} where timezone is not null and timezone <> ''
"""


def current_zones(reader: Reader, *, now: datetime) -> Sequence[CurrentRows]:
    """The tables `time_zones` and `zone_offsets` as they should be; none if they are.

    They are written again for a new zone, for new rules, and before the offsets end.
    """
    names = sorted(name for (name,) in reader.rows(_IN_USE))
    stored = {row["timezone"]: row for row in stored_rows(reader, schema.TIME_ZONES)}
    rules = tzdata_version()
    if names == sorted(stored) and all(
        row["tzdata_version"] == rules and row["covered_until"] >= now + _ENOUGH
        for row in stored.values()
    ):
        return ()
    until = datetime(now.year + YEARS_AHEAD, 1, 1, tzinfo=UTC)
    zones, offsets = [], []
    for name in names:
        facts = zone_facts(name)
        covered = {"tzdata_version": rules, "covered_until": until}
        zones.append({"timezone": name, **asdict(facts), **covered})
        if facts.is_iana:
            spans = offset_spans(name, OFFSETS_FROM, until)
            offsets += [{"timezone": name, **asdict(span)} for span in spans]
    return (CurrentRows(schema.TIME_ZONES, zones), CurrentRows(schema.ZONE_OFFSETS, offsets))
