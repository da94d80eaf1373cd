"""What the page of `kore-campaigns report` shows, read from the views alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kore_campaigns.destinations import stored_in
from kore_campaigns.publish import Workspace
from kore_campaigns.stored import Connection
from kore_campaigns.warehouse import Warehouse

HOURS_A_WEEK: Final = 168
# more would make a page that no mail takes; each list says how many it leaves out
MOST_CAMPAIGNS, MOST_FINDINGS, MOST_CHANGES, MOST_OVERLAPS = 1_000, 500, 300, 100
DAYS_OF_CHANGES: Final = 30

Row = tuple[Any, ...]

_LAST_RUN = "select started_at, state from kore.runs order by started_at desc limit 1"
_NUMBERS = """
select
    (select count(*) from kore.campaigns),
    (select count(*) from kore.campaign_freshness where is_stale and is_configured)
"""
_WEEKS = """
select campaigns.campaign_id, campaigns.name, campaigns.timezone,
    spans.day_of_week, spans.start_minute, spans.end_minute
from kore.campaigns as campaigns
left join kore.open_hours as spans using (stream_id, campaign_id)
order by campaigns.name, campaigns.campaign_id, spans.day_of_week, spans.start_minute
"""
_UTC = """
select campaign_id, starts_at, ends_at
from kore.calling_windows_utc
where ends_at > current_date and starts_at < current_date + 7
"""
_FINDINGS = """
select severity, campaign_name, finding, sentence
from kore.findings
order by
    case severity when 'high' then 1 when 'medium' then 2 when 'low' then 3 else 4 end,
    campaign_name, finding, policy_name, day_of_week, sentence
"""
_CHANGES = f"""
select history.valid_from, history.name, history.change_summary,
    coalesce(risks.is_risky, false) as is_risky
from kore.campaign_history as history
left join (
    select stream_id, campaign_id, version, bool_or(is_risky) as is_risky
    from kore.campaign_changes group by stream_id, campaign_id, version
) as risks using (stream_id, campaign_id, version)
where history.version > 1 and history.observed_at > now() - interval '{DAYS_OF_CHANGES}' day
order by is_risky desc, history.valid_from desc, history.name
"""  # noqa: S608  # a constant of ours
_DNC = """
select lists.dnc_list_name, count(*)
from kore.campaigns as campaigns
left join kore.campaign_dnc_lists as lists using (stream_id, campaign_id)
group by lists.dnc_list_name order by 2 desc, 1
"""
_OVERLAPS = """
select shared, shared_name, campaign_name, other_campaign_name, overlap_minutes
from kore.campaign_overlaps
order by shared <> 'contact_list', overlap_minutes desc, shared_name, campaign_name,
    other_campaign_name
"""


@dataclass(frozen=True, slots=True)
class Week:
    """When one campaign may dial: from and until in minutes after Monday 00:00, its own clock."""

    name: str
    timezone: str | None
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Lists are cut to what a page can hold; `totals` has their lengths before that."""

    database: str
    made_at: datetime
    last_run_at: datetime | None
    last_run_state: str | None
    live: int
    high: int
    """Findings of high severity."""
    stale: int
    failing: int
    weeks: tuple[Week, ...]
    local_hours: tuple[int, ...]
    """Campaigns that may dial in each hour of the week, by their own clocks."""
    utc_hours: tuple[int, ...]
    """The same in UTC, in the seven days from today; Monday first."""
    findings: tuple[Row, ...]
    changes: tuple[Row, ...]
    dnc_lists: tuple[Row, ...]
    overlaps: tuple[Row, ...]
    totals: dict[str, int]


def read_page_facts(place: Workspace | Warehouse, *, now: datetime | None = None) -> PageFacts:
    """All that the page shows; raises `DestinationUnavailable`."""
    with stored_in(place) as connection:
        weeks = _weeks(connection)
        rows = {
            name: connection.execute(sql).fetchall()
            for name, sql in {
                "findings": _FINDINGS,
                "changes": _CHANGES,
                "dnc_lists": _DNC,
                "overlaps": _OVERLAPS,
            }.items()
        }
        last_run_at, last_run_state = connection.execute(_LAST_RUN).fetchone() or (None, None)
        live, stale = connection.execute(_NUMBERS).fetchall()[0]
        utc_hours = _utc_hours(connection.execute(_UTC).fetchall())
    return PageFacts(
        database=place.name if isinstance(place, Warehouse) else place.published.name,
        made_at=now or datetime.now(UTC),
        last_run_at=last_run_at,
        last_run_state=last_run_state,
        live=live,
        high=sum(severity == "high" for severity, *_ in rows["findings"]),
        stale=stale,
        failing=sum(finding == "failing" for _, _, finding, _ in rows["findings"]),
        weeks=tuple(weeks[:MOST_CAMPAIGNS]),
        local_hours=hours_open([week.spans for week in weeks]),
        utc_hours=utc_hours,
        findings=tuple(rows["findings"][:MOST_FINDINGS]),
        changes=tuple(rows["changes"][:MOST_CHANGES]),
        dnc_lists=tuple(rows["dnc_lists"]),
        overlaps=tuple(rows["overlaps"][:MOST_OVERLAPS]),
        totals={"weeks": len(weeks)} | {name: len(found) for name, found in rows.items()},
    )


def _weeks(connection: Connection) -> list[Week]:
    named: dict[str, tuple[str, str | None]] = {}
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for campaign_id, name, zone, day, start, end in connection.execute(_WEEKS).fetchall():
        named[campaign_id] = (name or campaign_id, zone)
        if day is not None:
            midnight = (day - 1) * 1440
            spans[campaign_id].append((midnight + start, midnight + end))
    return [Week(name, zone, tuple(spans[key])) for key, (name, zone) in named.items()]


def _utc_hours(rows: list[Row]) -> tuple[int, ...]:
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for campaign_id, opens, closes in rows:
        # 1 January 1970 was a Thursday
        begin = (_minute(opens) + 3 * 1440) % (7 * 1440)
        spans[campaign_id].append((begin, begin + _minute(closes) - _minute(opens)))
    return hours_open(list(spans.values()))


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // 60


def hours_open(weeks: list[Any]) -> tuple[int, ...]:
    """For each hour of the week, in how many of the weeks some minute of it is open."""
    counts: Counter[int] = Counter()
    for spans in weeks:
        counts.update(
            {
                hour % HOURS_A_WEEK
                for opens, closes in spans
                for hour in range(opens // 60, (closes + 59) // 60)
            }
        )
    return tuple(counts[hour] for hour in range(HOURS_A_WEEK))
