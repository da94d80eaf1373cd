"""The account listing beside what is held: which campaigns it settles without a call. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kore_campaigns.plan import Planned, Reason
from kore_campaigns.shape import Held
from kore_campaigns.summary import HeldRow, Listed, differing, without_summary

_TWICE: Final = "(shown twice, differently)"


@dataclass(slots=True)
class Comparison:
    """Takes the rows of the listing in, one by one, and sorts the campaigns they are of."""

    wanted: Collection[str] | None
    """The configured campaigns; None for every campaign of the listing."""
    held: Mapping[str, Held]
    rows: Mapping[str, HeldRow]
    failed: Collection[str]
    read_raw: Callable[[Mapping[str, Held]], Iterable[tuple[str, Mapping[str, Any]]]]
    """The objects last received of some campaigns, by id."""
    ask: dict[str, Planned] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    to_record: dict[str, tuple[Listed, int | None]] = field(default_factory=dict)
    """Rows that are new, with the version that they agree with."""
    asked_rows: dict[str, Listed] = field(default_factory=dict)
    """Rows of campaigns to ask for, to be recorded with the version that is found."""
    seen: dict[str, str] = field(default_factory=dict)
    """Summary hash by campaign."""
    _unclear: dict[str, Listed] = field(default_factory=dict)

    def add_all(self, rows: Iterable[Listed]) -> None:
        for listed in rows:
            self.add(listed)
        self._look_closer()

    def add(self, listed: Listed) -> None:
        campaign_id = listed.campaign_id
        if campaign_id in self.seen:
            if self.seen[campaign_id] != listed.summary_hash and self._is_wanted(campaign_id):
                self._ask(listed, Reason.DIFFERENT, _TWICE)
            return
        self.seen[campaign_id] = listed.summary_hash
        held = self.held.get(campaign_id)
        if not self._is_wanted(campaign_id):
            self._record(listed, self._agreed_before(listed))
        elif campaign_id in self.failed:
            self._ask(listed, Reason.FAILED_LAST_TIME)
        elif held is None:
            self._ask(listed, Reason.UNKNOWN)
        elif held.is_deleted:
            self._ask(listed, Reason.LISTED_AGAIN)
        else:
            self._compare(listed, held)

    def _agreed_before(self, listed: Listed) -> int | None:
        """The version that this very row went with; nobody compares what is not configured."""
        row = self.rows.get(listed.campaign_id)
        return row.version if row and row.summary_hash == listed.summary_hash else None

    def _is_wanted(self, campaign_id: str) -> bool:
        return self.wanted is None or campaign_id in self.wanted

    def _compare(self, listed: Listed, held: Held) -> None:
        row = self.rows.get(listed.campaign_id)
        if row and row.version == held.version and row.summary_hash == listed.summary_hash:
            self._settle(listed, held)
            return
        self._unclear[listed.campaign_id] = listed

    def _look_closer(self) -> None:
        """Field by field, where the row is not the one that went with our newest version."""
        unclear, self._unclear = self._unclear, {}
        held = {campaign_id: self.held[campaign_id] for campaign_id in unclear}
        for campaign_id, raw in self.read_raw(held) if held else ():
            listed = unclear.pop(campaign_id)
            fields = differing(listed, raw)
            if fields:
                self._ask(listed, Reason.DIFFERENT, *fields)
            else:
                self._settle(listed, held[campaign_id])
        for listed in unclear.values():  # no `raw` to compare with
            self._ask(listed, Reason.DIFFERENT)

    def _settle(self, listed: Listed, held: Held) -> None:
        if listed.campaign_id not in self.ask:
            self.settled.add(listed.campaign_id)
            self._record(listed, held.version)

    def _ask(self, listed: Listed, reason: Reason, *fields: str) -> None:
        campaign_id = listed.campaign_id
        self.settled.discard(campaign_id)
        self.to_record.pop(campaign_id, None)
        self._unclear.pop(campaign_id, None)
        self.ask[campaign_id] = Planned(campaign_id, reason, fields)
        self.asked_rows[campaign_id] = without_summary(listed)

    def _record(self, listed: Listed, version: int | None) -> None:
        row = self.rows.get(listed.campaign_id)
        if row is None or row.row_hash != listed.row_hash or row.version != version:
            self.to_record[listed.campaign_id] = without_summary(listed), version
