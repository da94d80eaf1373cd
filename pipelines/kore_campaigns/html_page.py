"""The page of `kore-campaigns report`: one file that opens without a network. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, Final

from kore_campaigns.html_pictures import bars, heat_map, strips
from kore_campaigns.page_facts import DAYS_OF_CHANGES, PageFacts

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
