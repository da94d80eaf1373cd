"""Review: the changes since a moment, and the findings, for a person or a script."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from kore_campaigns.errors import DestinationUnavailable, KoreCampaignsError
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.destination import Destination
from kore_campaigns.schema import VIEW_SCHEMA, queries
from kore_campaigns.views import SEVERITIES

SQL: Final = queries(__name__)

Row = dict[str, Any]


def changes_since(
    destination: Destination,
    since: datetime | int,
    *,
    campaign: str | None = None,
    risky: bool = False,
) -> list[Row]:
    """Versions that runs have seen since then, the newest first; a new campaign is one, too.

    `since` is a moment, or a version of each campaign, which is left out itself. `campaign` is a
    pattern of ids or names with `*` and `?`. Raises `DestinationUnavailable`.
    """
    with destination.read() as reader:
        moment, version = (None, since) if isinstance(since, int) else (since, 0)
        rows = reader.dicts(SQL["changes"], [moment, version])
    return [row for row in _of(campaign, rows) if row["is_risky"] or not risky]


def changes_of(destination: Destination, runs: Sequence[RunReport]) -> list[Row]:
    """What these runs have stored, as `changes_since`; nothing if it cannot be read."""
    try:
        rows = changes_since(destination, min(run.started_at for run in runs))
    except KoreCampaignsError:  # the runs have stored everything, and their reports say so
        return []
    apps, now = {run.stream_id for run in runs}, datetime.now(UTC)
    # an earlier run, by a clock that was ahead, has stored its versions in the future
    return [row for row in rows if row["stream_id"] in apps and row["observed_at"] <= now]


def current_findings(
    destination: Destination, *, campaign: str | None, severities: Sequence[str], new: bool
) -> list[Row]:
    """Rows of `kore.findings`, the most severe first; of all severities if none is named.

    With `new`, those that opened in the newest run. Raises `DestinationUnavailable`.
    """
    with destination.read() as reader:
        if new and "open_since" not in reader.columns_of("findings", VIEW_SCHEMA):
            reason = "its views are of an earlier version, and do not say since when a finding is"
            next_step = f"`kore-campaigns run{destination.flags}`, which updates them"
            raise DestinationUnavailable(destination.name, reason, next_step=next_step)
        rows = reader.dicts(SQL["new_findings" if new else "findings"])
    wanted = severities or SEVERITIES
    found = [row for row in _of(campaign, rows) if row["severity"] in wanted]
    return sorted(found, key=lambda row: SEVERITIES.index(row["severity"]))


def _of(pattern: str | None, rows: Sequence[Row]) -> list[Row]:
    """The rows of campaigns whose id or name matches, whatever the case."""
    wanted = (pattern or "*").casefold()
    return [
        row
        for row in rows
        if any(
            fnmatchcase(str(row[name] or "").casefold(), wanted)
            for name in ("campaign_id", "campaign_name")
        )
    ]
