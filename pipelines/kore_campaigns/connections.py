"""Which connections a command is about: those named, those of the csv, or all that are configured.

None is the connection without a name: the settings in `[sources.kore_campaigns]` itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import dlt

from kore_campaigns.campaign_ids import read_campaign_ids
from kore_campaigns.errors import CampaignIdsInvalid
from kore_campaigns.lookup import configured_connections
from kore_campaigns.settings import SECTION, KoreSettings

# lines; comments and blank ones may come before the header
HEADER_WITHIN = 50


def chosen_connections(
    named: Sequence[str] | None,
    folder: Path,
    *,
    campaign_ids: str | None = None,
    despite_file: bool = False,
) -> list[str | None]:
    """At least one. Raises `CampaignIdsInvalid` for a csv that cannot be read, unless the command
    is to go on `despite_file` and says itself what is wrong with it.
    """
    if named:
        return list(dict.fromkeys(named))
    of_section = dlt.config.get(f"sources.{SECTION}.campaign_ids", str)
    path = folder / (campaign_ids or of_section or KoreSettings.campaign_ids)
    in_file: list[str] = []
    with contextlib.suppress(*[CampaignIdsInvalid] if despite_file else []):
        # each connection may have a file of its own; one that none has is found missing by the run
        in_file += [each.connection for each in read_campaign_ids(path)] if _has_names(path) else []
    if names := list(dict.fromkeys(filter(None, in_file))):
        return [*names]
    has_own_app = dlt.config.get(f"sources.{SECTION}.stream_id", str) is not None
    return [None] if has_own_app else [*configured_connections()] or [None]


def _has_names(path: Path) -> bool:
    """Whether its header may have the column: most files have none, and need not be read twice."""
    if not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return any("connection" in line.lower() for line in islice(file, HEADER_WITHIN))
    except OSError:
        return True  # who reads it says what is wrong
