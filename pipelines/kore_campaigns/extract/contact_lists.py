"""The app's contact lists and the state of its DNC lists: calls whose failure does not fail a run.

Only a few named fields of each list are stored: the settings of its source may contain addresses
and passwords of other systems, its columns and files describe contacts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from kore_campaigns import schema
from kore_campaigns.api.client import KoreClient
from kore_campaigns.api.responses import one_line
from kore_campaigns.config.settings import KoreSettings
from kore_campaigns.errors import (
    AccessRefused,
    CampaignFailed,
    Interrupted,
    RateLimited,
    ServerUnavailable,
    TryLater,
    counted,
    reason_of,
    shorten,
)
from kore_campaigns.extract.report import ONLY, RunReport
from kore_campaigns.extract.state import SQL
from kore_campaigns.load.reader import Reader
from kore_campaigns.load.upsert import CurrentRows, stored_rows
from kore_campaigns.transform import values
from kore_campaigns.transform.values import settled

Row = dict[str, Any]

# it may be well again soon, or fail on this call for ever
UNWELL_HOURS: Final = 1.0
SWITCH_OFF: Final = "set `contact_lists` = false to skip the call"


def are_due(settings: KoreSettings, sweep: str) -> bool:
    """Whether a run reads the lists: a peek does not, nor a run for a few campaigns."""
    return settings.contact_lists and sweep not in ("peek", ONLY)


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
        cure = "grant the scope, or " if isinstance(failed, AccessRefused) else ""
        next_step = f"nothing, if it happens once; otherwise {cure}{SWITCH_OFF}"
        if isinstance(failed, Interrupted):
            next_step = "nothing, a later run reads them"
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


class DncLists:
    """State of the do-not-call lists that live campaigns name, as stored before the run."""

    def __init__(self, settings: KoreSettings, sweep: str, reader: Reader | None) -> None:
        self._app = {"account_id": settings.account_id, "stream_id": settings.stream_id}
        self._every_hours = 0.0 if sweep == ONLY else settings.dnc_lists_every_hours
        self._in_use: dict[str, list[str]] = {}
        self._newest: dict[str, Row] = {}
        if reader is None or not self._every_hours:
            return
        stream = settings.stream_id
        for campaign_id, list_id in reader.rows_if_loaded(SQL["dnc_lists_in_use"], [stream] * 2):
            self._in_use.setdefault(campaign_id, []).append(list_id)
        if reader.columns_of(schema.DNC_LIST_STATES.name):
            states = stored_rows(reader, schema.DNC_LIST_STATES, {"stream_id": stream})
            for row in sorted(states, key=lambda row: row["state_number"]):
                self._newest[row["dnc_list_id"]] = row

    def due(self, now: datetime, in_use: Mapping[str, list[str]] | None = None) -> list[str]:
        """Lists that no run has requested within `dnc_lists_every_hours`; within an hour if the
        service was unwell then.

        `in_use` are the lists of campaigns whose new version is not stored yet.
        """
        if not self._every_hours:
            return []
        named = {each for ids in {**self._in_use, **(in_use or {})}.values() for each in ids}
        return sorted(each for each in named if not self._is_recent(each, now))

    def _is_recent(self, list_id: str, now: datetime) -> bool:
        newest = self._newest.get(list_id)
        if newest is None:
            return False
        hours: float = (now - newest["checked_at"]).total_seconds() / 3600
        longest = self._every_hours
        if newest["error_code"] == ServerUnavailable.code:
            longest = min(longest, UNWELL_HOURS)
        return 0 <= hours < longest  # by a clock that was wrong, it is in the future

    def read(
        self,
        list_ids: Iterable[str],
        client: KoreClient,
        report: RunReport,
        stop: threading.Event,
    ) -> Iterator[Row]:
        """Request the lists; the newest state of each, also if Kore does not show it.

        The report names the lists that Kore does not show, unless it did not show them before. A
        later run requests those that this one does not reach.
        """
        refusals: list[str] = []
        for list_id in list_ids:
            if stop.is_set() or report.access_refused is not None:
                break
            before = self._newest.get(list_id, {})
            failed: AccessRefused | CampaignFailed | None = None
            try:
                found = _dnc_list_facts(client.contact_list(list_id))
            except (Interrupted, RateLimited):
                break
            except (AccessRefused, CampaignFailed) as error:
                failed = error
                code = "not_found" if error.http_status == 404 else error.code
                found = {name: before.get(name) for name in _dnc_list_facts({})}
                found["error_code"] = code
            finally:
                report.count_requests(client.counters)
            if failed is not None and found["error_code"] != before.get("error_code"):
                refusals.append(f"`{list_id}` ({reason_of(failed)})")
            yield self._row(list_id, found, before, report.started_at)
            if isinstance(failed, TryLater):  # each would take all retries
                break
        if refusals:
            report.dnc_list_notes.append(
                f"the state of {counted(len(refusals), 'DNC list')} could not be read: "
                f"{shorten(refusals, 3)}. What is stored stays. Next: nothing, a later run "
                "requests it again; set `dnc_lists_every_hours` = 0 to skip the calls"
            )

    def _row(self, list_id: str, found: Row, before: Row, now: datetime) -> Row:
        """The row of the newest state: the stored one, seen again, or one more."""
        if before and all(before[name] == value for name, value in found.items()):
            return before | {"checked_at": now}
        number = before.get("state_number", 0) + 1
        key = self._app | {"dnc_list_id": list_id, "state_number": number}
        return key | found | {"seen_at": now, "checked_at": now}


def _dnc_list_facts(received: Row) -> Row:
    return {
        "dnc_list_name": _text(received, "name"),
        "record_count": values.integer(_value(received, "totalRecordCount")),
        "status": _text(received, "status"),
        "is_global": values.boolean(_value(received, "isGlobalDNC")),
        "updated_at": values.timestamp(_value(received, "updatedAt")),
        "updated_by": _text(received, "updatedBy"),
        "error_code": None,
    }


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
