"""What is configured beside what the account listing shows: slips, and what nobody loads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from kore_campaigns.campaign_errors import CampaignFailed
from kore_campaigns.campaign_ids import EVERY
from kore_campaigns.errors import AccessRefused
from kore_campaigns.listing import Lister, Listing, calls_for

# a third of what a minute allows
MOST_CALLS: Final = 20
_SHOWN: Final = 10


def compare_listing(client: Lister, configured: Sequence[str]) -> str:
    """A sentence on the listing, voice and SMS; raises what refuses it.

    A listing that takes more than `MOST_CALLS` is not read to its end, nor compared.
    """
    seen: set[str] = set()
    counts = []
    is_whole = True
    for campaign_type in ("voice", "sms"):
        listing = _read(client, campaign_type)
        seen |= listing.ids
        counts.append(f"{listing.total} {campaign_type}")
        is_whole = is_whole and listing.is_complete
        if listing.is_too_long:
            calls = calls_for(listing.total or 0)
            return (
                f"{listing.total} {campaign_type} campaigns in this app; {calls} calls to compare "
                "them with the configured ids, which `kore-campaigns plan` does"
            )
    parts = [" and ".join(counts) + " campaigns in this app"]
    if EVERY not in configured:
        parts += _list("configured, but not listed", sorted(set(configured) - seen))
        parts += _list("listed, but not configured", sorted(seen - set(configured)))
    if not is_whole:
        parts.append("the listing does not fit together, so this may not be all of it")
    return "; ".join(parts)


def _read(client: Lister, campaign_type: str) -> Listing:
    listing = Listing(client, campaign_type, most_calls=MOST_CALLS)
    for _ in listing.rows():
        pass
    refused: AccessRefused | CampaignFailed | None = listing.refused
    if refused is not None:
        raise refused
    return listing


def _list(what: str, ids: Sequence[str]) -> Iterable[str]:
    if ids:
        more = len(ids) - _SHOWN
        rest = f" and {more} more" if more > 0 else ""
        yield f"{len(ids)} {what}: {', '.join(ids[:_SHOWN])}{rest}"
