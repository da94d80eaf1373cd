"""HTML page of `kore-campaigns report`: facts read from the views, rendered by `page.html.j2`.

The page is one file without scripts, image files or links, so a mail program shows all of it. Its
charts are SVG.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kore_campaigns.errors import SettingInvalid, in_bytes
from kore_campaigns.load.destination import Destination
from kore_campaigns.load.disk import replace_text
from kore_campaigns.reports import queries
from kore_campaigns.transform.calling_hours import DAY_NAMES, MINUTES_A_DAY, MINUTES_A_WEEK

SQL: Final = queries("html")
HOURS_A_WEEK: Final = 168
# a longer page would be too large for a mail; each list says how many rows it leaves out
MOST_CAMPAIGNS, MOST_FINDINGS, MOST_CHANGES, MOST_OVERLAPS = 1_000, 500, 300, 100

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Week:
    """When a campaign may dial: start and end in minutes after Monday 00:00, its local time."""

    name: str
    timezone: str | None
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Contents of the page; lists are cut, and `totals` has their lengths before that."""

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
    """Campaigns that may dial in each hour of the week, local time."""
    utc_hours: tuple[int, ...]
    """The same in UTC, in the seven days from today; Monday first."""
    findings: tuple[Row, ...]
    changes: tuple[Row, ...]
    dnc_lists: tuple[Row, ...]
    overlaps: tuple[Row, ...]
    totals: dict[str, int]


def read_page_facts(destination: Destination, *, now: datetime | None = None) -> PageFacts:
    """Read everything that the page shows; raises `DestinationUnavailable`."""
    with destination.read() as reader:
        weeks = _weeks(reader.rows(SQL["weeks"]))
        utc_hours = _utc_hours(reader.rows(SQL["utc_windows"]))
        findings = reader.rows(SQL["findings"])
        changes = reader.rows(SQL["changes"])
        dnc_lists = reader.rows(SQL["dnc_lists"])
        overlaps = reader.rows(SQL["overlaps"])
        last_run_at, last_run_state = next(iter(reader.rows(SQL["last_run"])), (None, None))
        live, stale = reader.rows(SQL["counts"])[0]
    return PageFacts(
        database=destination.short_name,
        made_at=now or datetime.now(UTC),
        last_run_at=last_run_at,
        last_run_state=last_run_state,
        live=live,
        high=sum(severity == "high" for severity, *_ in findings),
        stale=stale,
        failing=sum(finding == "failing" for _, _, finding, _ in findings),
        weeks=tuple(weeks[:MOST_CAMPAIGNS]),
        local_hours=hours_open([week.spans for week in weeks]),
        utc_hours=utc_hours,
        findings=tuple(findings[:MOST_FINDINGS]),
        changes=tuple(changes[:MOST_CHANGES]),
        dnc_lists=tuple(dnc_lists),
        overlaps=tuple(overlaps[:MOST_OVERLAPS]),
        totals={
            "weeks": len(weeks),
            "findings": len(findings),
            "changes": len(changes),
            "dnc_lists": len(dnc_lists),
            "overlaps": len(overlaps),
        },
    )


def _weeks(rows: Sequence[Row]) -> list[Week]:
    campaigns: dict[str, tuple[str, str | None]] = {}
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for campaign_id, name, zone, day, start, end in rows:
        campaigns[campaign_id] = (name or campaign_id, zone)
        if day is not None:
            midnight = (day - 1) * MINUTES_A_DAY
            spans[campaign_id].append((midnight + start, midnight + end))
    return [Week(name, zone, tuple(spans[key])) for key, (name, zone) in campaigns.items()]


def _utc_hours(rows: Sequence[Row]) -> tuple[int, ...]:
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for campaign_id, opens, closes in rows:
        begin = opens.weekday() * MINUTES_A_DAY + opens.hour * 60 + opens.minute
        minutes = int((closes - opens).total_seconds()) // 60
        spans[campaign_id].append((begin, begin + minutes))
    return hours_open(list(spans.values()))


def hours_open(weeks: list[Any]) -> tuple[int, ...]:
    """For each hour of the week, the number of campaigns that may dial in some minute of it."""
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
NO_LIST: Final = "(none of its own)"


def heat_map(hours: Sequence[int], *, label: str) -> Markup:
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
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  # texts are escaped above


def strips(weeks: Sequence[Week]) -> Markup:
    """A row per campaign, its week from left to right, to the minute."""
    height = _TOP + len(weeks) * _STRIP + 4
    parts = [_opening(_NAMES + _WIDTH, height, "Calling hours of each campaign")]
    for day, name in enumerate(DAY_NAMES):
        x = _x(day * MINUTES_A_DAY)
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
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  # texts are escaped above


def bars(rows: Sequence[Row], *, label: str) -> Markup:
    """A bar per (name or None, count), as long as its count."""
    most = max((count for _, count in rows), default=1)
    parts = [_opening(_NAMES + _WIDTH, len(rows) * 22 + 4, label)]
    for place, (name, count) in enumerate(rows):
        y, length = place * 22, max(2, round(count / most * (_WIDTH - 60)))
        parts.append(f'<text x="0" y="{y + 15}">{escape(_short(name or NO_LIST))}</text>')
        parts.append(f'<rect class="bar" x="{_NAMES}" y="{y + 3}" width="{length}" height="16"/>')
        parts.append(f'<text x="{_NAMES + length + 6}" y="{y + 15}">{count}</text>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704  # texts are escaped above


def _opening(width: int, height: int, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">'
    )


def _x(minute: int) -> float:
    return round(_NAMES + minute / MINUTES_A_WEEK * _WIDTH, 1)


def _step(count: int, most: int) -> int:
    """0 for none, else 1 to `_STEPS` by share of the most."""
    return 0 if count == 0 else 1 + min(_STEPS - 1, count * _STEPS // (most + 1))


def _short(name: str) -> str:
    return name if len(name) <= 38 else f"{name[:37]}…"


def html_page(facts: PageFacts) -> str:
    """The page as text; everything that campaigns contain is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    template = environment.get_template("page.html.j2")
    return template.render(
        facts=facts,
        utc=lambda at: "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC",
        text=lambda value: "" if value is None else str(value),
        heat_map=heat_map,
        strips=strips,
        bars=bars,
    )


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


def write_page(destination: Destination, file: str) -> WrittenPage:
    """Write the page of a database.

    Raises `DestinationUnavailable` if there is none, `SettingInvalid` if the file cannot be
    written; an existing page stays then.
    """
    text = html_page(read_page_facts(destination))
    target = Path(file)
    try:
        replace_text(target, text)
    except OSError as failed:
        expected = f"a file that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="html", value=file, expected=expected) from failed
    return WrittenPage(str(target), len(text.encode()))
