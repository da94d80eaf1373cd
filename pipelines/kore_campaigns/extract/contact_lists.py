"""The app's contact lists: one call of a run, whose failure does not fail the run.

Only a few named fields of each list are stored: the settings of its source may contain addresses
and passwords of other systems, its columns and files describe contacts.
"""

from __future__ import annotations

import threading
from typing import Any, Final

from kore_campaigns import schema
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.responses import one_line
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import AccessRefused, CampaignFailed, reason_of, shorten
from kore_campaigns.extract.report import RunReport
from kore_campaigns.load.upsert import CurrentRows
from kore_campaigns.transform import values
from kore_campaigns.transform.values import settled

Row = dict[str, Any]

SWITCH_OFF: Final = "set `contact_lists` = false to skip the call"


def are_due(settings: KoreSettings, sweep: str) -> bool:
    """Whether a run reads the lists: a peek does not, nor a run for a few campaigns."""
    return settings.contact_lists and sweep not in ("peek", "only")


def read_contact_lists(
    client: KoreClient, settings: KoreSettings, report: RunReport, stop: threading.Event
) -> list[CurrentRows]:
    """Read the lists once all campaigns were requested; nothing where the stored ones stay.

    The report says why they were not read.  A run that was refused does not request them.
    """
    if not are_due(settings, report.sweep) or report.access_refused is not None:
        return []
    not_read = "the contact lists were not read: {}. The stored ones stay. Next: {}"
    if stop.is_set():
        reason = "the run stopped before it was their turn"
        report.list_notes.append(not_read.format(reason, "nothing, a later run reads them"))
        return []
    try:
        lists, campaigns, without_id = contact_list_rows(client, settings, report)
    except (AccessRefused, CampaignFailed) as failed:
        next_step = f"nothing, if it happens once; otherwise grant the scope, or {SWITCH_OFF}"
        report.list_notes.append(not_read.format(reason_of(failed), next_step))
        return []
    finally:
        report.count_requests(client.counters)
    if without_id:
        named = shorten([f"`{name}`" for name in without_id], 5)
        report.list_notes.append(
            f"{len(without_id)} contact lists came without an id and are not in "
            f"`kore.contact_lists`: {named}. Next: look them up in Kore.ai; report it to Kore.ai "
            f"support if it stays, or {SWITCH_OFF}"
        )
    where = {"stream_id": settings.stream_id}
    return [
        CurrentRows(schema.LISTS, lists, where, ignored=("seen_at",)),
        CurrentRows(schema.LIST_CAMPAIGNS, campaigns, where, ignored=("seen_at",)),
    ]


def contact_list_rows(
    client: KoreClient, settings: KoreSettings, report: RunReport
) -> tuple[list[Row], list[Row], list[str]]:
    """Rows of lists, rows of their campaigns, and names of lists without an id, by one call.

    What cannot be read is empty, whatever Kore sent. Raises as `KoreClient.contact_lists` does.
    """
    received = client.contact_lists()
    app: Row = {"account_id": settings.account_id, "stream_id": settings.stream_id}
    app["seen_at"] = report.started_at
    lists: dict[str, Row] = {}
    campaigns: dict[tuple[str, str], Row] = {}
    without_id = []
    for one in received:
        list_id = _id(one)
        if list_id is None:
            without_id.append(one_line((_text(one, "name") or "(no name)"), 60))
            continue
        key = app | {"contact_list_id": list_id}
        lists[list_id] = key | {
            "contact_list_name": _text(one, "name"),
            "list_type": _text(one, "listType"),
            "record_count": values.integer(_value(one, "totalRecordCount")),
            "status": _text(one, "status"),
            "source": _text(one, "source"),
            "list_timezone": _text(_value(one, "mapping"), "timeZone"),
            "updated_at": values.timestamp(_value(one, "updatedAt")),
        }
        in_use = _value(one, "campaignInUse")
        for campaign in in_use if isinstance(in_use, list) else [in_use]:
            campaign_id, name = _id(campaign), _text(campaign, "name")
            if campaign_id is not None:
                row = {"campaign_id": campaign_id, "campaign_name": name}
                campaigns[list_id, campaign_id] = key | row
    return [*lists.values()], [*campaigns.values()], without_id


def _id(one: Any) -> str | None:
    return _text(one, "_id") or _text(one, "id")


def _text(one: Any, name: str) -> str | None:
    """The field as a text; None if it is blank, a list or an object."""
    value = _value(one, name)
    if isinstance(value, dict | list):
        return None
    return values.text(settled(value)[0]) or None


def _value(one: Any, name: str) -> Any:
    return one.get(name) if isinstance(one, dict) else None
