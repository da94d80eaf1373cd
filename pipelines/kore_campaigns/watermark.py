"""How far a full sweep is, in one id, so that a killed one goes on where it was."""

from __future__ import annotations

from kore_campaigns.plan import Plan, Reason


class Watermark:
    """Known campaigns are asked for by id; answers come in another order.

    Up to the mark every one was asked, and all but the unsettled have ended.
    """

    def __init__(self, plan: Plan) -> None:
        self._is_full = plan.sweep == "full"
        known = [step.campaign_id for step in plan.ask if step.reason is Reason.FULL_SWEEP]
        self._ids = known if self._is_full else []
        self._place = 0
        self._through = plan.through
        self._ended: set[str] = set()
        self._passed: set[str] = set()
        self._new = {step.campaign_id for step in plan.ask if step.reason is not Reason.FULL_SWEEP}
        self._is_stopped = False

    def end(self, campaign_id: str) -> None:
        """The campaign has come to its end in this run, a failure included."""
        if not self._is_stopped:
            self._ended.add(campaign_id)
            self._new.discard(campaign_id)

    def pass_by(self, campaign_id: str) -> None:
        """The campaign answered, and is to be asked again before it counts."""
        self._passed.add(campaign_id)

    def stop(self) -> None:
        """What ends from here on was not asked for."""
        self._is_stopped = True

    def read(self) -> tuple[str | None, list[str]]:
        """The mark, None once the sweep is through, and what of it is not settled."""
        while self._place < len(self._ids) and self._is_behind(self._ids[self._place]):
            self._through = max(self._through, self._ids[self._place])
            self._place += 1
        unsettled = [key for key in self._ids if key <= self._through and key not in self._ended]
        is_through = self._place == len(self._ids) and not unsettled and not self._new
        return (None if is_through or not self._is_full else self._through), unsettled

    def _is_behind(self, campaign_id: str) -> bool:
        return campaign_id in self._ended or campaign_id in self._passed
