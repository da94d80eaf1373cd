"""The plan of a run as a person reads it: what it would ask for, and why."""

from __future__ import annotations

from kore_campaigns.preview import Preview
from kore_campaigns.problems import duration

NOT_CONFIGURED_SHOWN = 10


def plan_lines(preview: Preview) -> list[str]:
    """The kind of sweep and its cost first, then a line for each campaign to ask for."""
    plan = preview.plan
    lists = ", 1 for the contact lists" if preview.contact_list_calls else ""
    lines = [
        f"sweep      {plan.sweep}: {plan.reason}",
        f"calls      {preview.calls}: {preview.listing_calls} for the listing, {len(plan.ask)} for "
        f"campaigns{lists}; about {duration(preview.eta_seconds)} under the budget",
        f"campaigns  {len(plan)} configured: {len(plan.ask)} to ask for, {len(plan.settled)} as "
        "held, without a call",
    ]
    lines += [f"note       {note}" for note in preview.survey.notes]
    lines += _gone(preview)
    lines += _not_configured(preview)
    width = max((len(step.campaign_id) for step in plan.ask), default=0)
    for step in plan.ask:
        fields = f": {', '.join(step.fields)}" if step.fields else ""
        lines.append(f"ask        {step.campaign_id:<{width}}  {step.reason}{fields}")
    return lines


def _gone(preview: Preview) -> list[str]:
    gone, allowed = len(preview.maybe_gone), preview.vanished_allowed
    if not gone:
        return []
    if gone > allowed:
        return [
            f"gone       {gone} are not in the listing, and at most {allowed} are believed in one "
            "run (`max_vanished`): a run asks for a few and marks none, unless it is given "
            "--accept-vanished"
        ]
    return [f"gone       {gone} would be marked gone, if a call for each confirms it"]


def _not_configured(preview: Preview) -> list[str]:
    others = preview.survey.not_configured
    if not others:
        return []
    shown = ", ".join(others[:NOT_CONFIGURED_SHOWN])
    more = len(others) - NOT_CONFIGURED_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return [f"others     {len(others)} listed, and not configured: {shown}{rest}"]
