"""`kore-campaigns report`: the page, written whole or not at all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from kore_campaigns.errors import SettingInvalid, in_bytes
from kore_campaigns.load.destination import stored_in
from kore_campaigns.load.disk import replace_text
from kore_campaigns.load.duckdb_file import Workspace
from kore_campaigns.load.postgres import Warehouse
from kore_campaigns.load.reader import Connection
from kore_campaigns.transform.calling_hours import DAY_NAMES

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


_CELL, _LEFT, _TOP = 30, 44, 22
_STRIP, _NAMES, _WIDTH = 16, 260, 700
# steps of the colour scale, as classes of the style sheet
_STEPS: Final = 5


def heat_map(hours: Sequence[int], *, label: str) -> str:
    """Seven rows of twenty-four cells: how many campaigns may dial in each hour."""
    most = max(hours, default=0)
    width, height = _LEFT + 24 * _CELL, _TOP + 7 * _CELL
    parts = [_opening(width, height, label)]
    parts += [
        f'<text x="{_LEFT + hour * _CELL}" y="14">{hour:02}</text>' for hour in range(0, 24, 3)
    ]
    for day, name in enumerate(DAY_NAMES):
        y = _TOP + day * _CELL
        parts.append(f'<text x="0" y="{y + 19}">{name}</text>')
        for hour in range(24):
            count = hours[day * 24 + hour]
            x = _LEFT + hour * _CELL
            parts.append(
                f'<rect class="h{_step(count, most)}" x="{x}" y="{y}" width="28" height="28">'
                f"<title>{name} {hour:02}:00-{hour + 1:02}:00: {count}</title></rect>"
            )
            if count:
                shade = "on" if _step(count, most) > 2 else "off"
                parts.append(f'<text class="n {shade}" x="{x + 14}" y="{y + 18}">{count}</text>')
    return "".join([*parts, "</svg>"])


def strips(weeks: Sequence[Week]) -> str:
    """A row per campaign, its week from left to right, to the minute."""
    height = _TOP + len(weeks) * _STRIP + 4
    parts = [_opening(_NAMES + _WIDTH, height, "Calling hours of each campaign")]
    for day, name in enumerate(DAY_NAMES):
        x = _x(day * 1440)
        parts.append(f'<text x="{x + 4}" y="14">{name}</text>')
        parts.append(f'<line x1="{x}" y1="0" x2="{x}" y2="{height}"/>')
    for place, week in enumerate(weeks):
        y = _TOP + place * _STRIP
        parts.append(f'<text x="0" y="{y + 11}">{escape(_short(week.name))}</text>')
        if not week.spans:
            parts.append(f'<text class="none" x="{_NAMES + 4}" y="{y + 11}">no hours read</text>')
        path = "".join(
            f"M{_x(begin)} {y + 2}H{_x(end)}V{y + 12}H{_x(begin)}Z" for begin, end in week.spans
        )
        title = escape(f"{week.name}, {week.timezone or 'no zone'}")
        parts.append(f'<path d="{path}"><title>{title}</title></path>')
    return "".join([*parts, "</svg>"])


def bars(rows: Sequence[tuple[str, int]], *, label: str) -> str:
    """A bar per row, as long as its number."""
    most = max((count for _, count in rows), default=1)
    parts = [_opening(_NAMES + _WIDTH, len(rows) * 22 + 4, label)]
    for place, (name, count) in enumerate(rows):
        y, length = place * 22, max(2, round(count / most * (_WIDTH - 60)))
        parts.append(f'<text x="0" y="{y + 15}">{escape(_short(name))}</text>')
        parts.append(f'<rect class="bar" x="{_NAMES}" y="{y + 3}" width="{length}" height="16"/>')
        parts.append(f'<text x="{_NAMES + length + 6}" y="{y + 15}">{count}</text>')
    return "".join([*parts, "</svg>"])


def _opening(width: int, height: int, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">'
    )


def _x(minute: int) -> float:
    return round(_NAMES + minute / 10080 * _WIDTH, 1)


def _step(count: int, most: int) -> int:
    """0 for none, else 1 to `_STEPS` by share of the most."""
    return 0 if count == 0 else 1 + min(_STEPS - 1, count * _STEPS // (most + 1))


def _short(name: str) -> str:
    return name if len(name) <= 38 else f"{name[:37]}…"


_STYLE: Final = """
:root{--ink:#1c2330;--faint:#667085;--paper:#fff;--line:#dfe3ea;--open:#2f6fde;--h1:#dbe7fb;
--h2:#b3cdf5;--h3:#7ea8ec;--h4:#4b82df;--h5:#2557b3;--high:#b42318;--medium:#b54708;--ok:#067647}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--faint:#98a2b3;--paper:#12161d;
--line:#2b3340;--open:#6ea0ff;--h1:#1b2a44;--h2:#24407a;--h3:#4f80d6;--h4:#6f9ff0;--h5:#a9c8ff;
--high:#ff8a80;--medium:#ffb86b;--ok:#6ce9a6}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:2em auto;
max-width:1000px;padding:0 1em}
h1{font-size:1.5em;margin:0}h2{font-size:1.15em;margin:2.2em 0 .4em}
p{margin:.3em 0}.faint{color:var(--faint)}
.facts{display:flex;gap:2.5em;margin:1em 0;flex-wrap:wrap}.facts b{display:block;font-size:1.7em}
.banner{border-left:4px solid var(--high);padding:.4em .8em;margin:1em 0}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25em .6em .25em 0;
border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--faint);font-weight:normal}
.high,.risky{color:var(--high)}.medium{color:var(--medium)}.fine{color:var(--ok)}
svg{max-width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--ink)}
svg .none{fill:var(--high)}svg path,.bar{fill:var(--open)}svg line{stroke:var(--line)}
.h0{fill:none;stroke:var(--line)}.h1{fill:var(--h1)}.h2{fill:var(--h2)}.h3{fill:var(--h3)}
.h4{fill:var(--h4)}.h5{fill:var(--h5)}svg .n{text-anchor:middle;font-size:10px}
svg .on{fill:var(--paper)}
"""
NO_LIST: Final = "(none of its own)"


def html_page(facts: PageFacts) -> str:
    """The whole page as text."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8"><title>Kore.ai campaigns</title>',
            '<meta name="viewport" content="width=device-width"><style>' + _STYLE + "</style>",
            "</head><body>",
            *_head(facts),
            *_hours(facts),
            *_findings(facts),
            *_changes(facts),
            *_dnc(facts),
            *_overlaps(facts),
            "</body></html>\n",
        ]
    )


def _head(facts: PageFacts) -> Iterator[str]:
    yield "<h1>Kore.ai campaigns</h1>"
    when = "never" if facts.last_run_at is None else f"{facts.last_run_at:%Y-%m-%d %H:%M} UTC"
    yield (
        f'<p class="faint">{escape(facts.database)}, last run {when} '
        f"({escape(facts.last_run_state or 'none')}); page made "
        f"{facts.made_at:%Y-%m-%d %H:%M} UTC</p>"
    )
    yield '<div class="facts">'
    for number, what in (
        (facts.live, "live campaigns"),
        (facts.high, "findings of high severity"),
        (facts.stale, "not confirmed of late"),
        (facts.failing, "failing"),
    ):
        yield f"<div><b>{number:,}</b>{what}</div>"
    yield "</div>"
    if facts.live == 0:
        yield (
            '<p class="banner">No live campaign is in this database. Next: '
            "<code>kore-campaigns run</code>, then <code>kore-campaigns status</code>.</p>"
        )
    elif facts.stale:
        yield (
            f'<p class="banner">What is shown of {facts.stale:,} campaigns may be out of date. '
            "Next: <code>kore-campaigns status</code>.</p>"
        )


def _hours(facts: PageFacts) -> Iterator[str]:
    yield "<h2>When may campaigns dial, by their own clocks?</h2>"
    yield '<p class="faint">Campaigns that may dial in some minute of the hour.</p>'
    yield heat_map(facts.local_hours, label="Campaigns by weekday and hour, local time")
    yield "<h2>And when is that in UTC, in the seven days from today?</h2>"
    yield heat_map(facts.utc_hours, label="Campaigns by weekday and hour, UTC")
    yield "<h2>Which campaign may dial when?</h2>"
    yield strips(facts.weeks)
    yield from _left_out(facts, "weeks", len(facts.weeks), "kore.open_hours")


def _findings(facts: PageFacts) -> Iterator[str]:
    yield "<h2>What should somebody look at?</h2>"
    rows = [
        [f'<span class="{escape(severity)}">{escape(severity)}</span>', *map(_text, others)]
        for severity, *others in facts.findings
    ]
    yield from _table(("severity", "campaign", "finding", "what was found"), rows)
    yield from _left_out(facts, "findings", len(rows), "kore.findings")


def _changes(facts: PageFacts) -> Iterator[str]:
    yield f"<h2>What changed in the last {DAYS_OF_CHANGES} days, the risky first?</h2>"
    rows = [
        [
            f"{at:%Y-%m-%d %H:%M}",
            _text(name),
            '<span class="risky">risky</span>' if is_risky else "",
            _text(summary),
        ]
        for at, name, summary, is_risky in facts.changes
    ]
    yield from _table(("counts from (UTC)", "campaign", "", "change"), rows)
    yield from _left_out(facts, "changes", len(rows), "kore.campaign_history")


def _dnc(facts: PageFacts) -> Iterator[str]:
    yield "<h2>Which do-not-call list covers how many campaigns?</h2>"
    yield (
        '<p class="faint">The account\'s global list, which Kore applies to voice campaigns, '
        "is not shown by its API.</p>"
    )
    rows = [(NO_LIST if name is None else str(name), int(count)) for name, count in facts.dnc_lists]
    yield bars(rows, label="Campaigns by do-not-call list") if rows else _nothing()


def _overlaps(facts: PageFacts) -> Iterator[str]:
    yield "<h2>Which campaigns compete for the same list, caller id or queue this week?</h2>"
    rows = [
        [_text(shared).replace("_", " "), *map(_text, names), f"{minutes / 60:.1f}"]
        for shared, *names, minutes in facts.overlaps
    ]
    yield from _table(("they share", "its name", "campaign", "and", "hours at once"), rows)
    yield from _left_out(facts, "overlaps", len(rows), "kore.campaign_overlaps")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = ["<tr><td>" + "</td><td>".join(row) + "</td></tr>" for row in rows]
    if not lines:
        yield _nothing()
        return
    yield "<table><tr><th>" + "</th><th>".join(map(escape, head)) + "</th></tr>"
    yield from lines
    yield "</table>"


def _nothing() -> str:
    return '<p class="fine">Nothing.</p>'


def _left_out(facts: PageFacts, name: str, shown: int, view: str) -> Iterator[str]:
    total = facts.totals[name]
    if total > shown:
        yield f'<p class="faint">{shown:,} of {total:,} are shown; all are in {view}.</p>'


def _text(value: Any) -> str:
    return "" if value is None else escape(str(value))


@dataclass(frozen=True, slots=True)
class WrittenPage:
    file: str
    bytes_written: int

    @property
    def size(self) -> str:
        return in_bytes(self.bytes_written)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return asdict(self)


def write_page(place: Workspace | Warehouse, file: str) -> WrittenPage:
    """Write the page of what readers see there.

    Raises `DestinationUnavailable` if there is none, `SettingInvalid` if the file cannot be
    written; a page that is there stays then.
    """
    text = html_page(read_page_facts(place))
    target = Path(file)
    try:
        replace_text(target, text)
    except OSError as failed:
        expected = f"a file that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="html", value=file, expected=expected) from failed
    return WrittenPage(str(target), len(text.encode()))
