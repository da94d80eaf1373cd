"""HTML page of `kore-campaigns report`: facts read from the views, rendered by `page.html.j2`.

The page is one file without scripts, image files or links, so a mail program shows all of it. Its
charts are SVG, drawn by `charts.svg.j2`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kore_campaigns.config.paths import local_path, replace_text
from kore_campaigns.errors import SettingInvalid
from kore_campaigns.load.destination import Destination
from kore_campaigns.reports.status import known_to
from kore_campaigns.schema import queries
from kore_campaigns.transform.calling_hours import MINUTES_A_DAY

SQL: Final = queries(__name__)
HOURS_A_WEEK: Final = 168
# a longer page would be too large for a mail; each list says how many rows it leaves out
MOST: Final = {"weeks": 1_000, "findings": 500, "changes": 300, "overlaps": 100}

Row = tuple[Any, ...]
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Week:
    """Spans of a campaign: start and end in minutes after Monday 00:00, its local time.

    `permitted` is what its policies permit, `inside` and `outside` of it are when it may dial.
    """

    name: str
    timezone: str | None
    permitted: Sequence[Span] = ()
    inside: Sequence[Span] = ()
    outside: Sequence[Span] = ()

    @property
    def spans(self) -> Sequence[Span]:
        return (*self.inside, *self.outside)

    @property
    def minutes_outside(self) -> int:
        return sum(closes - opens for opens, closes in self.outside)


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Contents of the page; it shows the first `MOST` rows of each list."""

    database: str
    made_at: datetime
    last_run_at: datetime | None
    last_run_state: str | None
    live: int
    stale: int
    weeks: Sequence[Week]
    utc_hours: Sequence[int]
    """Campaigns that may dial in each hour of the seven days from today, in UTC; Monday first."""
    findings: Sequence[Row]
    changes: Sequence[Row]
    dnc_lists: Sequence[Row]
    overlaps: Sequence[Row]

    @property
    def local_hours(self) -> Sequence[int]:
        """Campaigns that may dial in each hour of the week, local time."""
        return hours_open(week.spans for week in self.weeks)

    @property
    def high(self) -> int:
        return sum(severity == "high" for severity, *_ in self.findings)

    @property
    def failing(self) -> int:
        return sum(finding == "failing" for _, _, finding, *_ in self.findings)


def read_page_facts(destination: Destination, *, now: datetime | None = None) -> PageFacts:
    """Read everything that the page shows; raises `DestinationUnavailable`."""
    with destination.read() as reader:
        rows = {name: reader.rows(sql) for name, sql in known_to(reader, SQL).items()}
    ((live, stale),) = rows.pop("counts")
    last_run_at, last_run_state = next(iter(rows.pop("last_run")), (None, None))
    return PageFacts(
        destination.short_name,
        now or datetime.now(UTC),
        last_run_at,
        last_run_state,
        live,
        stale,
        weeks=_weeks(rows.pop("weeks")),
        utc_hours=_utc_hours(rows.pop("utc_windows")),
        **rows,
    )


def _weeks(rows: Sequence[Row]) -> list[Week]:
    weeks = []
    for (_, name, zone), of_it in groupby(rows, key=itemgetter(0, 1, 2)):
        spans: dict[str, list[Span]] = defaultdict(list)
        for *_, kind, opens, closes in of_it:
            spans[kind].append((opens, closes))
        weeks.append(
            Week(name, zone, *(spans[kind] for kind in ("permitted", "inside", "outside")))
        )
    return weeks


def _utc_hours(rows: Sequence[Row]) -> list[int]:
    spans: dict[str, list[Span]] = defaultdict(list)
    for campaign_id, opens, closes in rows:
        begin = opens.weekday() * MINUTES_A_DAY + opens.hour * 60 + opens.minute
        minutes = int((closes - opens).total_seconds()) // 60
        spans[campaign_id].append((begin, begin + minutes))
    return hours_open(spans.values())


def hours_open(weeks: Iterable[Sequence[Span]]) -> list[int]:
    """For each hour of the week, the number of campaigns that may dial in some minute of it."""
    counts = [0] * HOURS_A_WEEK
    for spans in weeks:
        hours = {
            hour % HOURS_A_WEEK
            for opens, closes in spans
            for hour in range(opens // 60, (closes + 59) // 60)
        }
        for hour in hours:
            counts[hour] += 1
    return counts


def html_page(facts: PageFacts) -> str:
    """The page as text; everything that campaigns contain is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=lambda value: "" if value is None else value,
    )
    return environment.get_template("page.html.j2").render(facts=facts, most=MOST)


def write_page(destination: Destination, file: str) -> int:
    """Write the page of a database; return its size in bytes.

    Raises `DestinationUnavailable` if there is none, `SettingInvalid` if the file cannot be
    written; an existing page stays then.
    """
    path = local_path(file, key="html")
    text = html_page(read_page_facts(destination))
    try:
        replace_text(path, text)
    except OSError as failed:
        expected = f"a file that can be written; {failed.strerror or failed}"
        raise SettingInvalid(key="html", value=file, expected=expected) from failed
    return len(text.encode())
