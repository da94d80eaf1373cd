"""Pictures of a week as SVG: no script, no network, colours by the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from kore_campaigns.calling_hours import DAY_NAMES
from kore_campaigns.page_facts import Week

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
