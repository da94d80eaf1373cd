"""The app's contact lists: one call of a run, which may fail without harm to the run.

Of each list a few named fields are taken and nothing else: the settings of its source may hold
addresses and passwords of other systems, its columns and files tell of contacts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

from kore_campaigns.api.responses import one_line
from kore_campaigns.errors import AccessRefused, CampaignFailed
from kore_campaigns.extract.listing import reason_of
from kore_campaigns.extract.report import RunReport
from kore_campaigns.transform import values
from kore_campaigns.transform.values import settled

Row = dict[str, Any]

NAMED: Final = 5
SWITCH_OFF: Final = "set `contact_lists` = false to spare the call"


class ListsClient(Protocol):
    """What is needed of `KoreClient`."""

    @property
    def answered(self) -> threading.Event: ...

    def contact_lists(self) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class ContactLists:
    """Rows of `contact_lists` and `contact_list_campaigns`, and what had no id to be kept by."""

    lists: list[Row]
    campaigns: list[Row]
    without_id: list[str]


@dataclass(slots=True)
class ListReading:
    """`ask()` once, when all else of the run was asked."""

    client: ListsClient
    report: RunReport
    stop: threading.Event
    app: dict[str, str]
    """`account_id` and `stream_id`."""
    is_wanted: bool = True
    found: ContactLists | None = field(default=None, init=False)
    """None where they were not read: what is held of them stays."""

    def ask(self) -> None:
        """Read the lists, or say in the report why not; a run that was refused does not ask."""
        refused = self.report.access_refused is not None or not self.client.answered.is_set()
        if not self.is_wanted or refused:
            return
        if self.stop.is_set():
            self._leave(
                "the run stopped asking before it was their turn", "nothing, the next run asks"
            )
            return
        try:
            received = self.client.contact_lists()
        except (AccessRefused, CampaignFailed) as failed:
            again = "nothing, if it does not happen every time; else grant the scope, or"
            self._leave(reason_of(failed), f"{again} {SWITCH_OFF}")
            return
        self.found = shape_lists(received, app=self.app, seen_at=self.report.started_at)
        if self.found.without_id:
            named = ", ".join(f"`{name}`" for name in self.found.without_id[:NAMED])
            self.report.list_notes.append(
                f"{len(self.found.without_id)} contact lists came without an id and are not in "
                f"`kore.contact_lists`: {named}. Next: look them up in Kore.ai; tell Kore.ai "
                f"support if it stays, or {SWITCH_OFF}"
            )

    def _leave(self, reason: str, next_step: str) -> None:
        self.report.list_notes.append(
            f"the contact lists were not read: {reason}. Those held stay, and nothing else is "
            f"concerned. Next: {next_step}"
        )


def shape_lists(received: list[Any], *, app: dict[str, str], seen_at: datetime) -> ContactLists:
    """The lists as rows, whatever Kore sent: what cannot be read is empty."""
    lists: dict[str, Row] = {}
    campaigns: dict[tuple[str, str], Row] = {}
    without_id = []
    for one in received:
        list_id = _id(one)
        if list_id is None:
            without_id.append(one_line((_text(one, "name") or "(no name)"), 60))
            continue
        key = app | {"contact_list_id": list_id}
        lists[list_id] = key | _list_columns(one) | {"seen_at": seen_at}
        for campaign_id, name in _campaigns(one):
            row = {"campaign_id": campaign_id, "campaign_name": name, "seen_at": seen_at}
            campaigns[list_id, campaign_id] = key | row
    return ContactLists([*lists.values()], [*campaigns.values()], without_id)


def _list_columns(one: Any) -> Row:
    return {
        "contact_list_name": _text(one, "name"),
        "list_type": _text(one, "listType"),
        "record_count": values.integer(_value(one, "totalRecordCount")),
        "status": _text(one, "status"),
        "source": _text(one, "source"),
        "list_timezone": _text(_value(one, "mapping"), "timeZone"),
        "updated_at": values.timestamp(_value(one, "updatedAt")),
    }


def _campaigns(one: Any) -> Iterator[tuple[str, str | None]]:
    in_use = _value(one, "campaignInUse")
    for campaign in in_use if isinstance(in_use, list) else [in_use]:
        campaign_id = _id(campaign)
        if campaign_id is not None:
            yield campaign_id, _text(campaign, "name")


def _id(one: Any) -> str | None:
    return _text(one, "_id") or _text(one, "id")


def _text(one: Any, name: str) -> str | None:
    """The field as a text; None where it is blank, or of a kind that could hold anything."""
    value = _value(one, name)
    if isinstance(value, dict | list):
        return None
    return values.text(settled(value)[0]) or None


def _value(one: Any, name: str) -> Any:
    return one.get(name) if isinstance(one, dict) else None
