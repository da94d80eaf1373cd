"""How far a full sweep is, in one id, so that a killed one goes on where it was."""

from __future__ import annotations

from kore_campaigns.plan import Plan, Reason


class Watermark:
    """Known campaigns are asked for by id; answers come in another order.

    Up to the mark all but the unsettled have ended.  The mark is the farthest that answered: one
    that is tried again and again must not hold back what came after it.
    """

    def __init__(self, plan: Plan) -> None:
        self._is_full = plan.sweep == "full"
        known = [step.campaign_id for step in plan.ask if step.reason is Reason.FULL_SWEEP]
        self._open = set(known if self._is_full else [])
        self._known = frozenset(self._open)
        self._through = plan.through
        self._new = {step.campaign_id for step in plan.ask if step.reason is not Reason.FULL_SWEEP}
        self._is_stopped = False

    def end(self, campaign_id: str) -> None:
        """The campaign has come to its end in this run, a failure included."""
        if not self._is_stopped:
            self._open.discard(campaign_id)
            self._new.discard(campaign_id)
            self.pass_by(campaign_id)

    def pass_by(self, campaign_id: str) -> None:
        """The campaign answered; unless it has ended, it is to be asked again before it counts."""
        if campaign_id in self._known:
            self._through = max(self._through, campaign_id)

    def stop(self) -> None:
        """What ends from here on was not asked for."""
        self._is_stopped = True

    def read(self) -> tuple[str | None, list[str]]:
        """The mark, None once the sweep is through, and what of it is not settled."""
        is_through = not self._open and not self._new
        unsettled = sorted(key for key in self._open if key <= self._through)
        return (None if is_through or not self._is_full else self._through), unsettled
